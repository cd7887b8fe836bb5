//! `cargo xtask build`: the program as it is released: optimised, and static, so that it runs in an empty image and on
//! distributions older than the one it was built on.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// The project's root folder.
pub(crate) fn root() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no folder above it")
}

/// What the released files are called by.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Builds with at most `jobs` compilers at a time; tells where the program is.
pub(crate) fn run(jobs: Option<u32>) -> Result<PathBuf> {
    let triple = host()?;
    let mut cargo = Command::new(cargo());
    cargo.current_dir(root()?);
    cargo.args(["rustc", "--release", "--locked", "--package", "harbor", "--bin", "harbor"]);
    cargo.args(["--target", &triple]);
    // Only together with `--target`: otherwise it would also hold for build scripts and macros, which are not static.
    let flags = format!("CARGO_TARGET_{}_RUSTFLAGS", triple.to_uppercase().replace('-', "_"));
    cargo.env(flags, "-C target-feature=+crt-static");
    if let Some(jobs) = jobs {
        cargo.args(["--jobs", &jobs.to_string()]);
    }
    if triple == "x86_64-unknown-linux-gnu" {
        // Rust links with LLD there, which folds functions that came out the same: an eighth of the program.
        cargo.args(["--", "-C", "link-arg=-Wl,--icf=all"]);
        if unpacks_relocations() {
            // Two megabytes less of addresses that are moved at the start.
            cargo.args(["-C", "link-arg=-Wl,-z,pack-relative-relocs"]);
        }
    }
    succeed(&mut cargo, "the compiler's message is above")?;
    let program = target().join(&triple).join("release/harbor");
    ensure!(program.is_file(), "the build left no {}", program.display());
    Ok(program)
}

/// Whether the C library that becomes part of the program knows packed relocations: glibc 2.36 and newer.
fn unpacks_relocations() -> bool {
    let told = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let told = told.map(|told| String::from_utf8_lossy(&told.stdout).into_owned());
    let version = told.unwrap_or_default();
    let version = version.trim().strip_prefix("glibc ").and_then(|version| version.split_once('.'));
    version.is_some_and(|(major, minor)| {
        matches!((major.parse::<u32>(), minor.parse::<u32>()), (Ok(major), Ok(minor)) if (major, minor) >= (2, 36))
    })
}

/// Cargo tells the commands it runs where it is; the same toolchain builds what it was asked by.
fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}

/// Where cargo and we build.
pub(crate) fn target() -> PathBuf {
    let asked = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    asked.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"))
}

fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let output = Command::new(rustc).arg("-vV").output().context("cannot run rustc")?;
    let text = String::from_utf8(output.stdout).context("rustc speaks no UTF-8")?;
    let triple = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(triple.context("rustc does not tell its host")?.to_owned())
}

/// Runs `command`; its failure is told with what may help.
pub(crate) fn succeed(command: &mut Command, remedy: &str) -> Result<()> {
    let line = format!("{command:?}");
    let status = command.status().with_context(|| format!("cannot run {line}"))?;
    if !status.success() {
        bail!("{line} failed ({status}): {remedy}");
    }
    Ok(())
}
