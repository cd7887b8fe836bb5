//! Who is given the password: the rule behind CVE-2026-33540.

use std::time::Duration;

use url::Url;
use web::client::{self, Client};

use super::Proofs;
use crate::settings::{Credentials, Settings};

fn proofs(home: &str, realm: Option<&str>) -> Proofs {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let settings = Settings {
        url: home.parse().unwrap(),
        credentials: Some(Credentials { name: "u".to_owned(), password: "p".to_owned() }),
        realm: realm.map(|realm| realm.parse().unwrap()),
        freshness: Duration::ZERO,
        networks: Vec::new(),
    };
    let client = Client::new(client::Settings::default()).unwrap();
    Proofs::new(client, home.into(), settings)
}

#[track_caller]
fn check(home: &str, realm: &str, given: bool) {
    let url: Url = realm.parse().unwrap();
    assert_eq!(proofs(home, None).may_have_credentials(&url), given, "{home} {realm}");
}

#[test]
fn the_registrys_own_host_and_those_below_it_are_given_the_password() {
    check("https://registry.example.com", "https://registry.example.com/token", true);
    check("https://registry.example.com", "https://registry.example.com:8443/token", true);
    check("https://registry.example.com", "https://auth.registry.example.com/token", true);
    check("http://10.0.0.5:5000", "http://10.0.0.5:5001/token", true);
}

#[test]
fn a_strangers_host_is_not_however_it_is_dressed() {
    check("https://registry.example.com", "https://evil.com/token", false);
    check("https://registry.example.com", "https://evilregistry.example.com/token", false);
    check("https://registry.example.com", "https://registry.example.com.evil.com/token", false);
    check("https://registry.example.com", "https://registry.example.com@evil.com/token", false);
    // Two customers of one cloud are siblings as well.
    check("https://mine.azurecr.io", "https://evil.azurecr.io/token", false);
    check("https://example.com", "https://com/token", false);
    check("http://10.0.0.5", "http://1.10.0.0.5.evil.com/", false);
    check("http://10.0.0.5:5000", "http://10.0.0.6:5000/token", false);
}

#[test]
fn no_password_goes_over_plain_http_if_the_registry_speaks_https() {
    check("https://registry.example.com", "http://registry.example.com/token", false);
    check("https://registry-1.docker.io", "http://auth.docker.io/token", false);
}

#[test]
fn docker_hub_and_gitlab_have_theirs_elsewhere() {
    check("https://registry-1.docker.io", "https://auth.docker.io/token", true);
    check("https://registry.gitlab.com", "https://gitlab.com/jwt/auth", true);
    check("https://registry.gitlab.com", "https://auth.docker.io/token", false);
}

#[test]
fn a_realm_that_was_named_is_given_it_at_that_very_origin() {
    let proofs = proofs("https://registry.example.com", Some("https://auth.example.com/token"));
    let asked = |realm: &str| proofs.may_have_credentials(&realm.parse().unwrap());
    assert!(asked("https://auth.example.com/token?more"));
    assert!(!asked("https://auth.example.com:444/token"));
    assert!(!asked("http://auth.example.com/token"));
}
