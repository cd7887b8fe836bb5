//! Mistakes of operators in templates.

use std::fs;

use crate::prepare::tests::fixture::{Fixture, HTTP, HTTPS};

#[track_caller]
fn refuses(template: &str, told: &str) {
    let fixture = Fixture::new(HTTP);
    fs::write(fixture.path("templates/token/config.yml"), template).unwrap();
    let error = format!("{:#}", fixture.try_prepare().unwrap_err());
    assert!(error.contains(told), "{error}");
    assert!(!fixture.path("config").exists());
}

#[test]
fn a_name_that_is_not_known_is_told_with_its_place() {
    refuses(
        "# one\nlisten: {{ hostnam }}\n",
        "templates/token/config.yml:2:12: `hostnam` is undefined",
    );
    refuses(
        "{{ hostnam }}\n",
        "the variables are: accel, ca_certificate, database, external_http_port, ",
    );
}

#[test]
fn bad_syntax_is_told_with_its_place() {
    refuses("a\nb\n{% if %}\n", "templates/token/config.yml:3:");
}

#[test]
fn a_missing_template_is_told() {
    let fixture = Fixture::new(HTTP);
    fs::remove_file(fixture.path("templates/ui/config.yml")).unwrap();
    let error = format!("{:#}", fixture.try_prepare().unwrap_err());
    assert!(error.contains("there is no template for ui/config.yml"), "{error}");
}

#[test]
fn missing_templates_are_told() {
    let fixture = Fixture::new(HTTP);
    fs::remove_dir_all(fixture.path("templates")).unwrap();
    let error = format!("{:#}", fixture.try_prepare().unwrap_err());
    assert!(
        error.contains("run it where Harbor was unpacked, or name the templates with --templates"),
        "{error}"
    );
}

#[test]
fn a_file_of_an_operator_is_rendered_to_its_own_path() {
    let fixture = Fixture::new(HTTP);
    fs::create_dir_all(fixture.path("templates/own/folder")).unwrap();
    fs::write(fixture.path("templates/own/folder/file"), "{{ hostname }} {{ version }}\n").unwrap();
    fixture.prepare();
    let text = fs::read_to_string(fixture.path("config/own/folder/file")).unwrap();
    assert_eq!(text, format!("reg.example.com {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_password_with_signs_of_yaml_arrives_as_it_is() {
    let password = "a: \"b\" 'c' #d \\e {{ f }} & <g>";
    let fixture = Fixture::new(&format!("hostname = a.example.com\ndb_password = {password}\n"));
    fixture.prepare();
    let text = fs::read_to_string(fixture.path("config/token/config.yml")).unwrap();
    let settings: crate::settings::services::Token =
        crate::settings::services::parse(&text).unwrap();
    assert_eq!(settings.database.password.0, password);
    let environment = fs::read_to_string(fixture.path("config/db/env")).unwrap();
    assert_eq!(environment, format!("POSTGRES_PASSWORD={password}\n"));
}

#[test]
fn what_the_front_does_not_accept_is_told_with_its_place() {
    let fixture = Fixture::new(HTTPS);
    fixture.edit("templates/proxy/nginx.https.conf", |text| format!("colour red;\n{text}"));
    let error = format!("{:#}", fixture.try_prepare().unwrap_err());
    assert!(error.contains("the front does not accept what its template renders to"), "{error}");
    assert!(error.contains("proxy/nginx.conf:1:1"), "{error}");
    assert!(!fixture.path("config").exists());
}
