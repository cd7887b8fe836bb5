//! `cargo xtask images`: the two container images, made by the Docker daemon that `docker` talks to.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::build::{self, VERSION, root, succeed, target};

/// Where distributions keep the certificates of public authorities, in one file.
const BUNDLES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
];

/// `harbor:VERSION` and `harbor-db:VERSION`.
pub(crate) fn names() -> [String; 2] {
    [format!("harbor:{VERSION}"), format!("harbor-db:{VERSION}")]
}

pub(crate) fn run(jobs: Option<u32>) -> Result<()> {
    let program = build::run(jobs)?;
    let context = target().join("image");
    assemble(&program, &context)?;
    let [harbor, db] = names();
    docker_build(&context, &harbor)?;
    docker_build(&root()?.join("deploy/images/db"), &db)
}

/// The folder that becomes the image of our services.
fn assemble(program: &Path, context: &Path) -> Result<()> {
    if context.exists() {
        fs::remove_dir_all(context)
            .with_context(|| format!("cannot remove {}", context.display()))?;
    }
    let rootfs = context.join("rootfs");
    let certificates = rootfs.join("etc/ssl/certs");
    fs::create_dir_all(&certificates).context("cannot make the image's folder")?;
    fs::copy(root()?.join("deploy/images/harbor/Dockerfile"), context.join("Dockerfile"))?;
    // Symbols are a quarter of the program, and nobody looks for them in an image.
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(rootfs.join("harbor")).arg(program);
    succeed(&mut strip, "it belongs to the C compiler: apt-get install binutils")?;
    fs::write(rootfs.join("etc/passwd"), "root:x:0:0::/:\nharbor:x:10000:10000:Harbor:/:\n")?;
    fs::write(rootfs.join("etc/group"), "root:x:0:\nharbor:x:10000:\n")?;
    fs::copy(bundle()?, certificates.join("ca-certificates.crt"))?;
    let scratch = rootfs.join("tmp");
    fs::create_dir(&scratch)?;
    // As the image of distribution has it: `docker exec .. registry garbage-collect ..`.
    let programs = rootfs.join("bin");
    fs::create_dir(&programs)?;
    symlink("/harbor", programs.join("registry"))?;
    // Whatever the umask of whoever builds: it is run by somebody else.
    let folders = [&rootfs, &rootfs.join("etc"), &rootfs.join("etc/ssl"), &certificates, &programs];
    for folder in folders {
        fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    }
    for file in ["etc/passwd", "etc/group", "etc/ssl/certs/ca-certificates.crt"] {
        fs::set_permissions(rootfs.join(file), Permissions::from_mode(0o644))?;
    }
    fs::set_permissions(rootfs.join("harbor"), Permissions::from_mode(0o755))?;
    fs::set_permissions(&scratch, Permissions::from_mode(0o1777))?;
    Ok(())
}

fn bundle() -> Result<&'static str> {
    match BUNDLES.into_iter().find(|path| Path::new(path).is_file()) {
        Some(path) => Ok(path),
        None => bail!("no bundle of certificates in {BUNDLES:?}: apt-get install ca-certificates"),
    }
}

fn docker_build(context: &Path, name: &str) -> Result<()> {
    let mut docker = Command::new("docker");
    // Package servers are reached as this host reaches them.
    docker.args(["build", "--quiet", "--network", "host", "--tag", name]).arg(context);
    succeed(&mut docker, "is Docker running, and may you use it (`docker info`)?")
}
