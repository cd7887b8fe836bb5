//! The tables of keys, and what stands near a mistyped one.

use std::collections::BTreeSet;

use super::{EFFECTIVE, WITHOUT_EFFECT, is_secret, known};

#[test]
fn no_key_stands_twice() {
    let all: BTreeSet<_> = EFFECTIVE.iter().chain(WITHOUT_EFFECT).collect();
    assert_eq!(all.len(), EFFECTIVE.len() + WITHOUT_EFFECT.len());
}

#[test]
fn a_mistyped_key_has_a_neighbour() {
    for (written, meant) in [
        ("hostnam", "hostname"),
        ("host_name", "hostname"),
        ("ui_url_protokol", "ui_url_protocol"),
        ("ssl_certificate_key", "ssl_cert_key"),
        ("harbor_admin_pasword", "harbor_admin_password"),
        ("data_volumes", "data_volume"),
    ] {
        assert_eq!(known(written), Err(Some(meant)), "{written}");
    }
}

#[test]
fn what_is_like_no_key_has_none() {
    assert_eq!(known("colour"), Err(None));
}

#[test]
fn other_spellings_are_the_same_key() {
    assert_eq!(known("storage_driver"), Ok("registry_storage_provider_name"));
}

#[test]
fn passwords_are_secret_and_paths_are_not() {
    let keys = [
        "db_password",
        "harbor_admin_password",
        "ldap_search_pwd",
        "uaa_clientsecret",
        "registry_storage_provider_config",
    ];
    assert!(keys.into_iter().all(is_secret));
    assert!(!is_secret("secretkey_path") && !is_secret("hostname"));
}
