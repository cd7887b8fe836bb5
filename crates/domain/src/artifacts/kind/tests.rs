//! The names that Harbor gives.

use super::of_media_type;

#[track_caller]
fn check(media_type: &str, kind: &str) {
    assert_eq!(of_media_type(media_type), kind, "{media_type}");
}

#[test]
fn images_of_docker_and_oci_are_images() {
    check("application/vnd.oci.image.config.v1+json", "IMAGE");
    check("application/vnd.docker.container.image.v1+json", "IMAGE");
}

#[test]
fn charts_are_charts() {
    check("application/vnd.cncf.helm.config.v1+json", "CHART");
}

#[test]
fn an_unknown_config_names_itself() {
    check("application/vnd.acme.rocket.config.v1+json", "ROCKET");
    check("application/vnd.acme.rocket.engine.config.v1+json", "ROCKET.ENGINE");
}

#[test]
fn what_does_not_name_itself_is_unknown() {
    check("application/vnd.oci.empty.v1+json", "UNKNOWN");
    check("text/plain", "UNKNOWN");
    check("application/vnd.acme..config.v1+json", "UNKNOWN");
}
