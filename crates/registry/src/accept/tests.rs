//! Who gets an image where a tag stands for an index, and which.

use actix_web::http::header::{ACCEPT, HeaderMap, HeaderValue};
use oci::{Digest, MediaType};
use serde_json::json;

use super::ImagesOnly;

const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const OCI: &str = "application/vnd.oci.image.manifest.v1+json";

fn of(headers: &[&str]) -> Option<ImagesOnly> {
    let mut map = HeaderMap::new();
    for header in headers {
        map.append(ACCEPT, HeaderValue::from_str(header).unwrap());
    }
    ImagesOnly::of(&map)
}

#[test]
fn only_who_names_images_and_nothing_wider_is_narrow() {
    assert_eq!(of(&[]), None);
    assert_eq!(of(&["*/*"]), None);
    assert_eq!(of(&["application/json"]), None);
    assert_eq!(of(&[DOCKER, "*/*;q=0.1"]), None);
    assert_eq!(of(&[&format!("{OCI}, application/vnd.oci.image.index.v1+json")]), None);
    assert_eq!(of(&[DOCKER]), Some(ImagesOnly { docker: true, oci: false }));
    let both = ImagesOnly { docker: true, oci: true };
    assert_eq!(of(&[&format!("{OCI};q=0.5,{DOCKER}, text/plain")]), Some(both));
    assert_eq!(of(&[OCI, DOCKER]), Some(both));
}

#[test]
fn the_image_of_linux_amd64_is_chosen_if_its_type_is_taken() {
    let entry = |seed: &str, kind: &str, os: &str, architecture: &str| {
        json!({"mediaType": kind, "digest": Digest::of(seed.as_bytes()), "size": 1,
            "platform": {"os": os, "architecture": architecture}})
    };
    let index = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OciIndex.as_str(),
        "manifests": [
            entry("arm", DOCKER, "linux", "arm64"),
            entry("windows", DOCKER, "windows", "amd64"),
            entry("oci", OCI, "linux", "amd64"),
            entry("docker", DOCKER, "linux", "amd64"),
        ],
    });
    let index = index.to_string().into_bytes();
    let chosen = |header: &str| of(&[header]).unwrap().choose(MediaType::OciIndex, &index);
    assert_eq!(chosen(DOCKER), Some(Digest::of(b"docker")));
    assert_eq!(chosen(OCI), Some(Digest::of(b"oci")));
    let none = json!({"schemaVersion": 2, "manifests": [entry("arm", OCI, "linux", "arm64")]});
    let none = none.to_string().into_bytes();
    assert_eq!(of(&[OCI]).unwrap().choose(MediaType::OciIndex, &none), None);
}
