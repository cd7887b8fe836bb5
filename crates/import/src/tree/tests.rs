//! Keys of a tree, and what they are taken for.

use super::{Folder, Part, blob, split};

#[track_caller]
fn check(path: &str, expected: Option<(&str, Part<'_>)>) {
    assert_eq!(split(&format!("docker/registry/v2/{path}")), expected, "{path}");
}

#[test]
fn a_revision_belongs_to_the_repository_before_it() {
    let part = Part::Revision("sha256", "ab");
    check("repositories/a/b/_manifests/revisions/sha256/ab/link", Some(("a/b", part)));
}

#[test]
fn the_current_link_of_a_tag_is_the_tag() {
    check("repositories/a/_manifests/tags/v1/current/link", Some(("a", Part::Tag("v1"))));
}

#[test]
fn former_values_of_a_tag_are_passed_over() {
    check("repositories/a/_manifests/tags/v1/index/sha256/ab/link", Some(("a", Part::Other)));
}

#[test]
fn a_tag_may_have_the_name_of_a_folder() {
    check("repositories/a/_manifests/tags/current/current/link", Some(("a", Part::Tag("current"))));
    check("repositories/a/_manifests/tags/index/index/sha256/ab/link", Some(("a", Part::Other)));
}

#[test]
fn signatures_of_schema_1_are_no_revisions() {
    let path = "repositories/a/_manifests/revisions/sha256/ab/signatures/sha256/cd/link";
    check(path, Some(("a", Part::Other)));
}

#[test]
fn a_layer_is_told_from_a_manifest() {
    check("repositories/a/_layers/sha256/ab/link", Some(("a", Part::Layer("sha256", "ab"))));
}

#[test]
fn an_upload_is_counted_once() {
    check("repositories/a/_uploads/1234/startedat", Some(("a", Part::Upload)));
    check("repositories/a/_uploads/1234/data", Some(("a", Part::Other)));
    check("repositories/a/_uploads/1234/hashstates/sha256/0", Some(("a", Part::Other)));
}

#[test]
fn bytes_and_foreign_files_are_in_no_repository() {
    check("blobs/sha256/ab/abcd/data", None);
    check("repositories/README", None);
}

#[test]
fn the_folders_are_those_of_distribution() {
    let digest = oci::Digest::of(b"");
    let hex = digest.hex();
    let key = |key: Option<blobs::Key>| key.map(|key| key.to_string()).unwrap_or_default();
    assert_eq!(key(blob(&digest)), format!("docker/registry/v2/blobs/sha256/e3/{hex}/data"));
    let folder = Folder::of(&"a/b".parse().unwrap()).unwrap();
    let repository = "docker/registry/v2/repositories/a/b";
    let revision = format!("{repository}/_manifests/revisions/sha256/{hex}/link");
    assert_eq!(key(folder.revision(&digest)), revision);
    let layer = format!("{repository}/_layers/sha256/{hex}/link");
    assert_eq!(key(folder.layer(&digest)), layer);
    let tag = format!("{repository}/_manifests/tags/v1/current/link");
    assert_eq!(key(folder.tag(&"v1".parse().unwrap())), tag);
}
