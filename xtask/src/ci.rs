//! `cargo xtask ci`: the stages in the order in which they fail fastest, each with the time it took.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// A command line, and what to do when it fails.
struct Stage {
    cargo: &'static [&'static str],
    remedy: &'static str,
    env: &'static [(&'static str, &'static str)],
}

const STAGES: &[Stage] = &[
    Stage { cargo: &["fmt", "--all", "--", "--check"], remedy: "run `cargo fmt --all`", env: &[] },
    Stage {
        cargo: &["deny", "check", "licenses", "bans", "sources"],
        remedy: "`cargo install --locked cargo-deny` if it is absent; otherwise see deny.toml",
        env: &[],
    },
    Stage {
        cargo: &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
        remedy: "mend the lint, or state the reason in `#[expect(lint, reason = \"..\")]`",
        env: &[],
    },
    Stage {
        cargo: &["test", "--workspace", "--locked"],
        remedy: "the failing test's message says what it expected",
        env: &[],
    },
    Stage {
        cargo: &["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"],
        remedy: "mend the link or the markup that rustdoc names",
        env: &[("RUSTDOCFLAGS", "-D warnings")],
    },
];

pub(crate) fn run() -> Result<()> {
    // Cargo tells the commands it runs where it is; the same toolchain checks what it built.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut stdout = io::stdout();
    for stage in STAGES {
        let line = format!("cargo {}", stage.cargo.join(" "));
        writeln!(stdout, "==> {line}")?;
        let started = Instant::now();
        let status = Command::new(&cargo)
            .args(stage.cargo)
            .envs(stage.env.iter().copied())
            .status()
            .with_context(|| format!("cannot run `{line}`"))?;
        if !status.success() {
            bail!("`{line}` failed ({status}): {}", stage.remedy);
        }
        writeln!(stdout, "<== {line}: {:.0} s", started.elapsed().as_secs_f64())?;
    }
    Ok(())
}
