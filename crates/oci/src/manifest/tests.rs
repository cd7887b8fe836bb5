//! Which manifests are understood, and what is refused for which reason.

use super::*;
use crate::Digest;

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

fn entry(media_type: &str, size: i64, more: &str) -> String {
    let digest = Digest::of(media_type.as_bytes());
    format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}{more}}}"#)
}

/// An image manifest with `more` fields, led by a comma.
fn image(layer: &str, more: &str) -> String {
    let config = entry("application/vnd.oci.image.config.v1+json", 2, "");
    format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layer}]{more}}}"#)
}

fn index(child: &str, more: &str) -> String {
    format!(r#"{{"schemaVersion":2,"manifests":[{child}]{more}}}"#)
}

fn typed(media_type: &str) -> String {
    format!(r#","mediaType":"{media_type}""#)
}

fn parse(content_type: &str, json: &str) -> Manifest {
    Manifest::parse(Some(content_type), json.as_bytes()).unwrap()
}

#[track_caller]
fn accepted(content_type: Option<&str>, json: &str, expected: MediaType) {
    let manifest = Manifest::parse(content_type, json.as_bytes());
    assert_eq!(manifest.map(|m| m.media_type).map_err(|e| e.to_string()), Ok(expected), "{json}");
}

#[track_caller]
fn refused(content_type: Option<&str>, json: &str, complaint: &str) {
    let error = Manifest::parse(content_type, json.as_bytes()).unwrap_err();
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    let text = format!("{error}: {cause}");
    assert!(text.contains(complaint), "{json}: {text}");
    assert_eq!(error.code(), ErrorCode::ManifestInvalid);
}

#[test]
fn an_oci_image_is_accepted_with_or_without_its_type_in_the_body() {
    accepted(Some(OCI), &image("", ""), MediaType::OciManifest);
    accepted(Some(OCI), &image("", &typed(OCI)), MediaType::OciManifest);
}

#[test]
fn parameters_of_the_content_type_are_ignored() {
    accepted(Some(&format!("{OCI}; charset=utf-8")), &image("", ""), MediaType::OciManifest);
}

#[test]
fn an_oci_index_is_accepted() {
    accepted(Some(INDEX), &index(&entry(OCI, 5, ""), ""), MediaType::OciIndex);
}

#[test]
fn docker_manifests_and_lists_are_accepted() {
    accepted(Some(DOCKER), &image("", &typed(DOCKER)), MediaType::DockerManifest);
    accepted(Some(LIST), &index("", &typed(LIST)), MediaType::DockerList);
}

#[test]
fn a_missing_content_type_is_read_from_the_body() {
    accepted(None, &image("", &typed(DOCKER)), MediaType::DockerManifest);
    accepted(None, &image("", ""), MediaType::OciManifest);
    accepted(None, &index("", ""), MediaType::OciIndex);
}

#[test]
fn a_docker_manifest_must_name_its_type() {
    refused(Some(DOCKER), &image("", ""), "must have mediaType");
}

#[test]
fn header_and_body_must_agree() {
    refused(Some(OCI), &image("", &typed(DOCKER)), "but mediaType is");
    refused(Some(INDEX), &image("", &typed(OCI)), "but mediaType is");
}

#[test]
fn a_manifest_is_not_an_index_too() {
    refused(Some(OCI), &image("", r#","manifests":[]"#), "must not have manifests");
    refused(Some(INDEX), &index("", r#","layers":[]"#), "must not have config or layers");
    refused(Some(INDEX), &image("", ""), "must have manifests");
    refused(Some(OCI), &index("", ""), "must have config and layers");
    refused(None, &image("", r#","manifests":[]"#), "must not have");
}

#[test]
fn an_image_needs_a_config() {
    refused(Some(OCI), r#"{"schemaVersion":2,"layers":[]}"#, "must have config");
}

#[test]
fn other_content_types_are_refused_by_name() {
    refused(Some("application/json"), &image("", ""), "application/json");
}

#[test]
fn schema_1_is_refused_with_a_remedy() {
    let v1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    refused(Some(v1), "{}", "skopeo copy --format v2s2");
    refused(None, r#"{"schemaVersion":1,"fsLayers":[]}"#, "schema 1 is not supported");
    refused(Some(OCI), r#"{"schemaVersion":1}"#, "schema 1 is not supported");
}

#[test]
fn the_schema_version_is_2() {
    refused(Some(OCI), &image("", "").replace(":2,", ":3,"), "schemaVersion must be 2");
    refused(Some(OCI), &image("", "").replacen("\"schemaVersion\":2,", "", 1), "schemaVersion");
}

#[test]
fn duplicate_keys_are_refused() {
    refused(Some(OCI), &image("", r#","layers":[]"#), "duplicate key \"layers\"");
}

#[test]
fn a_size_is_not_negative_fractional_or_huge() {
    refused(Some(OCI), &image(&entry(LAYER, -1, ""), ""), "does not follow its format");
    let layer = entry(LAYER, 1, "").replace(":1}", ":1.5}");
    refused(Some(OCI), &image(&layer, ""), "does not follow its format");
    let layer = entry(LAYER, 1, "").replace(":1}", ":9223372036854775808}");
    refused(Some(OCI), &image(&layer, ""), "size is too large");
}

#[test]
fn a_digest_in_a_descriptor_must_be_one() {
    let layer = entry(LAYER, 1, "").replace("sha256:", "sha256:zz");
    refused(Some(OCI), &image(&layer, ""), "lower case hex");
}

#[test]
fn the_type_in_a_descriptor_must_be_one() {
    refused(Some(OCI), &image(&entry("", 1, ""), ""), "not a media type");
    refused(Some(OCI), &image(&entry("a/b\\n", 1, ""), ""), "not a media type");
}

#[test]
fn only_non_distributable_layers_have_urls() {
    let urls = r#","urls":["https://example.com/layer"]"#;
    refused(Some(OCI), &image(&entry(LAYER, 1, urls), ""), "only non-distributable");
    accepted(Some(OCI), &image(&entry(FOREIGN, 1, urls), ""), MediaType::OciManifest);
    refused(Some(OCI), &image(&entry(FOREIGN, 1, r#","urls":["file:///etc/passwd"]"#), ""), "http");
}

#[test]
fn more_than_4_mib_are_refused_unread() {
    let error = Manifest::parse(Some(OCI), &vec![b'['; Manifest::MAX_SIZE + 1]).unwrap_err();
    assert_eq!(error.code().status(), 413);
}

#[test]
fn what_is_not_json_is_refused() {
    refused(Some(OCI), "", "not unambiguous JSON");
    refused(Some(OCI), "[]", "does not follow its format");
    refused(Some(OCI), &"[".repeat(200_000), "too deeply nested");
}

#[test]
fn the_blobs_of_an_image_are_its_config_and_distributable_layers() {
    let layers = [entry(LAYER, 10, ""), entry(FOREIGN, 1000, "")].join(",");
    let manifest = parse(OCI, &image(&layers, ""));
    let sizes: Vec<u64> = manifest.blobs().map(|blob| blob.size).collect();
    assert_eq!(sizes, [2, 10]);
    assert_eq!(manifest.size(), 12);
    assert_eq!(manifest.layers().len(), 2);
    assert_eq!(manifest.children().count(), 0);
}

#[test]
fn the_children_of_an_index_are_manifests_with_platforms() {
    let platform = r#","platform":{"architecture":"arm64","os":"linux","variant":"v8"}"#;
    let manifest = parse(INDEX, &index(&entry(OCI, 5, platform), ""));
    let child = manifest.children().next().unwrap();
    assert_eq!(child.platform.as_ref().unwrap().to_string(), "linux/arm64/v8");
    assert_eq!(manifest.blobs().count(), 0);
}

#[test]
fn a_build_cache_lists_blobs_in_an_index() {
    let manifest = parse(INDEX, &index(&entry(LAYER, 7, ""), ""));
    assert_eq!((manifest.children().count(), manifest.blobs().count()), (0, 1));
}

#[test]
fn a_manifest_kept_as_a_layer_is_a_blob() {
    let manifest = parse(OCI, &image(&entry(INDEX, 7, ""), ""));
    assert_eq!((manifest.children().count(), manifest.blobs().count()), (0, 2));
}

#[test]
fn the_artifact_type_is_that_of_the_config_unless_written() {
    let config = "application/vnd.oci.image.config.v1+json";
    assert_eq!(parse(OCI, &image("", "")).artifact_type(), Some(config));
    let typed = parse(OCI, &image("", r#","artifactType":"application/vnd.example.sbom""#));
    assert_eq!(typed.artifact_type(), Some("application/vnd.example.sbom"));
    assert_eq!(parse(INDEX, &index("", "")).artifact_type(), None);
}

#[test]
fn a_subject_and_annotations_are_kept() {
    let more = format!(r#","subject":{},"annotations":{{"A":"1","a":"2"}}"#, entry(OCI, 3, ""));
    let manifest = parse(OCI, &image("", &more));
    assert_eq!(manifest.subject.unwrap().size, 3);
    assert_eq!(manifest.annotations.len(), 2);
}

#[test]
fn null_is_read_as_go_writes_empty_lists() {
    let json = image("", r#","annotations":null"#).replace("[]", "null");
    assert_eq!(parse(OCI, &json).layers().len(), 0);
}

proptest::proptest! {
    #[test]
    fn parsing_never_panics(text in ".{0,200}") {
        proptest::prop_assert!(Manifest::parse(None, text.as_bytes()).is_err());
    }

    #[test]
    fn a_descriptor_is_read_as_it_was_written(size in 0..i64::MAX, name in "[a-z.]{1,20}") {
        let mut descriptor = Descriptor::new(LAYER, Digest::of(name.as_bytes()), size.unsigned_abs());
        descriptor.annotations.insert(name.clone(), name);
        let json = serde_json::to_string(&descriptor).unwrap();
        proptest::prop_assert_eq!(serde_json::from_str::<Descriptor>(&json).unwrap(), descriptor);
    }
}
