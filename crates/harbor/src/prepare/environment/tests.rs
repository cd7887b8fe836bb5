//! The variables that decide what Compose starts.

use std::fs;

use crate::prepare::tests::fixture::{Fixture, HTTP, HTTPS};

#[track_caller]
fn value(fixture: &Fixture, name: &str) -> String {
    let text = fs::read_to_string(fixture.path(".env")).unwrap();
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
}

#[test]
fn compose_reads_the_files_that_the_configuration_asks_for() {
    let fixture = Fixture::new(HTTP);
    fixture.prepare();
    assert_eq!(value(&fixture, "COMPOSE_FILE"), "docker-compose.yml");
    fs::write(fixture.path("docker-compose.override.yml"), "").unwrap();
    fixture.configure(&format!("{HTTPS}db_host = db.example.com\nregistry_replicas = 2\n"));
    fixture.prepare();
    assert_eq!(
        value(&fixture, "COMPOSE_FILE"),
        "docker-compose.yml:deploy/compose/https.yml:deploy/compose/external-db.yml:deploy/compose/replica.yml:\
         docker-compose.override.yml"
    );
    let proxy = fs::read_to_string(fixture.path("config/proxy/nginx.conf")).unwrap();
    assert!(proxy.contains("server registry:5000;\n        server registry-2:5000;"), "{proxy}");
}

#[test]
fn a_change_of_any_file_makes_the_containers_anew() {
    let fixture = Fixture::new(HTTP);
    fixture.prepare();
    let first = value(&fixture, "HARBOR_CONFIG");
    fixture.prepare();
    assert_eq!(value(&fixture, "HARBOR_CONFIG"), first);
    fixture.configure(&format!("{HTTP}log_level = debug\n"));
    fixture.prepare();
    assert_ne!(value(&fixture, "HARBOR_CONFIG"), first);
}
