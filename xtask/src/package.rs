//! `cargo xtask package`: what operators download: `harbor-offline-installer-<version>.tgz` with the images in it, and
//! `harbor-online-installer-<version>.tgz`, which pulls them.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::build::{VERSION, root, succeed, target};
use crate::images;

/// Of the tree, what an operator needs.
const FILES: [&str; 12] = [
    "install.sh",
    "prepare",
    "docker-compose.yml",
    "harbor.cfg.example",
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
    "deploy/compose",
    "deploy/lib",
    "deploy/templates",
    "docs",
    "ARCHITECTURE.md",
];

/// Writes both installers into `output`. `registry`: where the online one pulls from, `registry.example.com/harbor`.
pub(crate) fn run(output: Option<PathBuf>, registry: &str, jobs: Option<u32>) -> Result<()> {
    images::run(jobs)?;
    let output = output.unwrap_or_else(|| target().join("package"));
    fs::create_dir_all(&output).with_context(|| format!("cannot make {}", output.display()))?;
    let staging = output.join("staging");
    stage(&staging.join("harbor"))?;
    let online = archive(&staging, &output, "online", registry)?;
    save_images(&staging.join(format!("harbor/harbor.{VERSION}.tar.gz")))?;
    let offline = archive(&staging, &output, "offline", "")?;
    fs::remove_dir_all(&staging).context("cannot remove the staging folder")?;
    let mut stdout = std::io::stdout();
    for path in [online, offline] {
        let size = fs::metadata(&path)?.len();
        writeln!(stdout, "{} ({} MiB)", path.display(), size.div_ceil(1024 * 1024))?;
    }
    Ok(())
}

/// Copies the files by `cp`, which keeps their modes.
fn stage(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).context("cannot empty the staging folder")?;
    }
    fs::create_dir_all(folder).context("cannot make the staging folder")?;
    let mut copy = Command::new("cp");
    copy.current_dir(root()?).args(["--recursive", "--parents", "--preserve=mode"]).args(FILES);
    succeed(copy.arg(folder.canonicalize()?), "is the checkout complete?")
}

/// `images` tells install.sh and prepare where the images come from; empty: they are loaded.
fn archive(staging: &Path, output: &Path, kind: &str, registry: &str) -> Result<PathBuf> {
    let origin = if registry.is_empty() { String::new() } else { format!("{registry}/") };
    fs::write(
        staging.join("harbor/deploy/release"),
        format!("version={VERSION}\nimages={origin}\n"),
    )?;
    let path = output.join(format!("harbor-{kind}-installer-{VERSION}.tgz"));
    let mut tar = Command::new("tar");
    tar.args(["--create", "--gzip", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"]);
    tar.arg("--file").arg(&path).arg("--directory").arg(staging).arg("harbor");
    succeed(&mut tar, "is there space left?")?;
    Ok(path)
}

/// `docker save | gzip`, without the images ever being whole in memory.
fn save_images(path: &Path) -> Result<()> {
    let file = File::create(path).with_context(|| format!("cannot make {}", path.display()))?;
    let mut docker = Command::new("docker")
        .arg("save")
        .args(images::names())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run docker save")?;
    let saved = docker.stdout.take().context("docker save has no output")?;
    let packed = Command::new("gzip").arg("-6").stdin(saved).stdout(file).status();
    let packed = packed.context("cannot run gzip")?;
    let saved = docker.wait().context("docker save was lost")?;
    ensure!(
        saved.success() && packed.success(),
        "the images could not be saved: {saved}, {packed}"
    );
    Ok(())
}
