//! Who may import whom: the diagram of `ARCHITECTURE.md` as an array, compared with what `cargo metadata` reports.
//!
//! ```text
//! harbor  testkit                                composition: may see everything
//! registry  token  portal  jobs  import          services: never import each other
//! logs  proxy
//! cache                                          of another registry, for whoever serves it
//! web                   identity                 kits
//! domain (rows)         blobs (bytes)            stores: never import each other
//! auth ──► oci                                   vocabulary: pure, no async, no IO
//! ```
//!
//! Development dependencies count: a test that needs a crate from above belongs above.

use std::collections::BTreeSet;

use crate::dependencies::metadata;
use crate::report;

/// Each crate with those of ours that it may import. Imports point down.
const ALLOWED: &[(&str, &[&str])] = &[
    ("oci", &[]),
    ("auth", &["oci"]),
    ("blobs", &["oci"]),
    ("domain", &["auth", "oci"]),
    ("web", &["auth", "oci"]),
    ("identity", &["auth", "domain", "oci"]),
    ("cache", &["blobs", "domain", "oci", "web"]),
    ("registry", &["auth", "blobs", "cache", "domain", "identity", "oci", "web"]),
    ("token", &["auth", "domain", "identity", "oci", "web"]),
    ("portal", &["auth", "blobs", "domain", "identity", "oci", "web"]),
    ("jobs", &["auth", "blobs", "domain", "oci", "web"]),
    ("import", &["auth", "blobs", "domain", "oci", "web"]),
    ("logs", &["web"]),
    ("proxy", &["web"]),
    (
        "harbor",
        &[
            "auth", "blobs", "cache", "domain", "identity", "import", "jobs", "logs", "oci",
            "portal", "proxy", "registry", "token", "web",
        ],
    ),
    (
        "testkit",
        &[
            "auth", "blobs", "domain", "harbor", "identity", "import", "jobs", "logs", "oci",
            "portal", "proxy", "registry", "token", "web",
        ],
    ),
    ("benches", &[]),
    // Parsers, wherever they are.
    ("fuzz", &["auth", "blobs", "harbor", "oci", "proxy", "registry"]),
    ("disk", &[]),
    ("xtask", &[]),
];

#[test]
fn imports_point_down() {
    let metadata = metadata();
    let members = metadata.workspace_packages();
    let ours: BTreeSet<&str> = members.iter().map(|package| package.name.as_str()).collect();
    let mut complaints = Vec::new();
    for package in &members {
        let name = package.name.as_str();
        let Some((_, allowed)) = ALLOWED.iter().find(|(krate, _)| *krate == name) else {
            complaints.push(format!(
                "crate `{name}` has no place in the diagram: give it a line in xtask/tests/tidy/edges.rs"
            ));
            continue;
        };
        for dependency in package.dependencies.iter().map(|dependency| dependency.name.as_str()) {
            if ours.contains(dependency) && !allowed.contains(&dependency) {
                complaints.push(format!(
                    "crates/{name}/Cargo.toml: `{name}` may not import `{dependency}`; move the code to a layer that \
                     may, or add the edge to xtask/tests/tidy/edges.rs and to the diagram with a reason"
                ));
            }
        }
    }
    for (name, _) in ALLOWED.iter().filter(|(name, _)| !ours.contains(name)) {
        complaints.push(format!(
            "xtask/tests/tidy/edges.rs: there is no crate `{name}`; remove its line"
        ));
    }
    report(&complaints);
}
