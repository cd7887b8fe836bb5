//! What the files say, and what they must not.

use domain::db::Location;

use super::{Database, Jobservice, Registries, parse};

const JOBSERVICE: &str = "
listen: 0.0.0.0:8080
log: {level: debug, format: json}
database: {host: db, name: registry, user: postgres, password: 'p@ss/w:rd'}
storage: /storage
max_job_workers: 3
";

#[test]
fn a_password_with_signs_reaches_the_database_as_it_is() {
    let settings: Jobservice = parse(JOBSERVICE).unwrap();
    let Location::Postgres(url) = settings.database.location().unwrap() else { panic!("a file") };
    assert_eq!(url, "postgres://postgres:p%40ss%2Fw%3Ard@db:5432/registry?sslmode=prefer");
    assert!(!format!("{settings:?}").contains("p@ss"));
}

#[test]
fn a_host_can_be_the_folder_of_a_socket() {
    let text =
        "{host: /run/postgresql, name: registry, user: postgres, password: p, sslmode: disable}";
    let location = parse::<Database>(text).unwrap().location().unwrap();
    let Location::Postgres(url) = location else { panic!("a file") };
    let expected =
        "postgres://postgres:p@localhost:5432/registry?sslmode=disable&host=%2Frun%2Fpostgresql";
    assert_eq!(url, expected);
}

#[test]
fn an_unknown_key_is_named() {
    let text = format!("{JOBSERVICE}max_job_worker: 3\n");
    let refusal = format!("{:#}", parse::<Jobservice>(&text).unwrap_err());
    assert!(refusal.contains("max_job_worker"), "{refusal}");
}

#[test]
fn a_host_with_a_path_is_refused() {
    let text = "{host: 'a/b', name: n, user: u, password: p}";
    assert!(parse::<Database>(text).unwrap().location().is_err());
}

#[test]
fn one_registry_is_named_or_several() {
    let registries = |text: &str| parse::<Registries>(text).map(|read| read.urls().len());
    assert_eq!(registries("http://registry:5000").unwrap(), 1);
    assert_eq!(registries("[http://registry:5000, http://registry-2:5000]").unwrap(), 2);
    for (text, words) in [
        ("[]", "name one at least"),
        ("registry", "\"registry\": relative URL"),
        ("7", "the URL of a registry, or a list"),
    ] {
        let error = format!("{:#}", registries(text).unwrap_err());
        assert!(error.contains(words), "{text}: {error}");
    }
}
