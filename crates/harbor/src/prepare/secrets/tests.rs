//! Secrets are made once, kept, and taken from harbor.cfg where they are given.

use std::fs;

use crate::prepare::tests::fixture::Fixture;

const NONE_GIVEN: &str = "hostname = reg.example.com\n";

#[test]
fn what_is_not_given_is_made_once() {
    let fixture = Fixture::new(NONE_GIVEN);
    fixture.prepare();
    let read = |name: &str| fs::read_to_string(fixture.path(name)).unwrap();
    let names = ["data/secret/admin_password", "data/secret/db_password", "data/secretkey"];
    let first = names.map(read);
    let ui = read("config/ui/config.yml");
    assert!(ui.contains(first[0].trim()) && ui.contains(first[1].trim()), "{ui}");
    auth::password::check(first[0].trim()).unwrap();
    assert!(first[2].len() == 16 && first[2].bytes().all(|byte| byte.is_ascii_alphanumeric()));
    fixture.prepare();
    assert_eq!(names.map(read), first);
}

#[test]
fn a_given_password_is_used_and_not_kept() {
    let fixture =
        Fixture::new("hostname = a.example.com\nharbor_admin_password = Chosen-by-me-1\n");
    fixture.prepare();
    let ui = fs::read_to_string(fixture.path("config/ui/config.yml")).unwrap();
    assert!(ui.contains("admin_password: \"Chosen-by-me-1\"\n"), "{ui}");
    assert!(!fixture.path("data/secret/admin_password").exists());
}

#[test]
fn a_secret_key_of_another_length_is_refused_as_by_harbor() {
    let fixture = Fixture::new(NONE_GIVEN);
    fs::create_dir(fixture.path("data")).unwrap();
    fs::write(fixture.path("data/secretkey"), "short").unwrap();
    let error = fixture.try_prepare().unwrap_err().to_string();
    assert!(error.contains("secret key's length has to be 16 chars, current length: 5"), "{error}");
    assert_eq!(fs::read_to_string(fixture.path("data/secretkey")).unwrap(), "short");
}

#[test]
fn a_directory_in_the_place_of_the_secret_key_is_told() {
    let fixture = Fixture::new(NONE_GIVEN);
    fs::create_dir_all(fixture.path("data/secretkey")).unwrap();
    let error = fixture.try_prepare().unwrap_err().to_string();
    assert!(
        error.contains("is a directory, and must be a file; remove it if it is empty: rmdir"),
        "{error}"
    );
}

#[test]
fn the_secret_key_lies_where_harbor_cfg_says() {
    let fixture = Fixture::new(NONE_GIVEN);
    let lines = format!("{NONE_GIVEN}secretkey_path = {}\n", fixture.path("keys").display());
    fixture.configure(&lines);
    fixture.prepare();
    assert!(fixture.path("keys/secretkey").is_file() && !fixture.path("data/secretkey").exists());
}
