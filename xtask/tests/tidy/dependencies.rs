//! Foreign crates: each framework stays in the crates that are about it, and there is one of each kind.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use cargo_metadata::{Metadata, MetadataCommand};

use crate::{report, root};

/// A foreign crate with those of ours that may name it in their `Cargo.toml`.
const CONFINED: &[(&str, &[&str])] = &[
    ("sqlx", &["domain"]),
    ("actix-web", &["portal", "registry", "token", "web"]),
    ("askama", &["portal"]),
    ("anyhow", &["benches", "disk", "harbor", "jobs", "testkit", "xtask"]),
    ("object_store", &["blobs"]),
    ("reqwest", &["benches", "blobs", "testkit", "web"]),
];

/// Replaced by the language or the standard library. They remain in the lock file behind others' backs.
const BANNED: &[(&str, &str)] = &[
    ("lazy_static", "std::sync::LazyLock"),
    ("once_cell", "std::sync::{LazyLock, OnceLock}"),
    ("async-trait", "`async fn` in traits, or an enum"),
];

/// A second TLS stack or provider, and crates of which two versions mean two stacks.
const FORBIDDEN: [&str; 4] = ["openssl", "openssl-sys", "native-tls", "ring"];
const SINGLE: [&str; 7] =
    ["aws-lc-rs", "hyper", "jsonwebtoken", "reqwest", "rustls", "sqlx-core", "tokio"];

/// The members of the workspace with what their `Cargo.toml` asks for.
pub(crate) fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("every Cargo.toml can be read")
}

#[test]
fn frameworks_stay_where_they_belong() {
    let mut complaints = Vec::new();
    for package in metadata().workspace_packages() {
        let names = package.dependencies.iter().map(|dependency| dependency.name.as_str());
        for dependency in names.collect::<BTreeSet<_>>() {
            let confined = CONFINED.iter().find(|(krate, _)| *krate == dependency);
            if let Some((_, homes)) = confined
                && !homes.contains(&package.name.as_str())
            {
                complaints.push(format!(
                    "{}: `{dependency}` belongs to {homes:?} only; call one of them instead",
                    package.manifest_path
                ));
            }
            if let Some((_, instead)) = BANNED.iter().find(|(krate, _)| *krate == dependency) {
                complaints.push(format!(
                    "{}: `{dependency}` is not used here; use {instead}",
                    package.manifest_path
                ));
            }
        }
    }
    report(&complaints);
}

#[test]
fn there_is_one_stack_of_each_kind() {
    let versions = compiled();
    let mut complaints = Vec::new();
    for name in FORBIDDEN.iter().filter(|name| versions.contains_key(**name)) {
        complaints.push(format!(
            "`{name}` is compiled in; find whose feature pulls it with `cargo tree --invert {name}` and turn it off"
        ));
    }
    for name in SINGLE {
        if let Some(found) = versions.get(name).filter(|found| found.len() > 1) {
            complaints.push(format!(
                "`{name}` is compiled in versions {found:?}; agree on one (`cargo tree --duplicates` tells who asks)"
            ));
        }
    }
    report(&complaints);
}

/// Name and versions of every package that a build of the workspace compiles.
///
/// `cargo tree`, because the lock file and `cargo metadata` also list what weak features would need.
fn compiled() -> BTreeMap<String, BTreeSet<String>> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--locked", "--offline", "--prefix=none", "--format={p}"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "cargo tree: {}", String::from_utf8_lossy(&tree.stderr));
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&tree.stdout).lines() {
        // `tokio v1.54.0`, and a remark in brackets after some.
        let mut words = line.split_whitespace();
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            versions.entry(name.to_owned()).or_default().insert(version.to_owned());
        }
    }
    versions
}
