//! A harbor.cfg as a whole: mistakes, defaults, notices, files of Harbor 1.x, and the pages about it.

mod pages;

use std::path::Path;

use super::{Config, Database, Problems, Protocol, keys, parse};

const MINIMAL: &str = "hostname = reg.example.com\n";
/// The harbor.cfg that Harbor 1.7 ships, with its hostname set.
const HARBOR_1_7: &str = include_str!("tests/harbor-1.7.cfg");
/// As Harbor 1.3's.
const HARBOR_1_3: &str = include_str!("tests/harbor-1.3.cfg");

fn read(text: &str) -> Result<(Config, Vec<String>), String> {
    let mut problems = Problems::of("harbor.cfg".to_owned());
    let (config, notices) = parse(text, &mut problems);
    if problems.is_empty() { Ok((config, notices)) } else { Err(problems.to_string()) }
}

#[track_caller]
fn config(lines: &str) -> Config {
    read(&format!("{MINIMAL}{lines}")).unwrap_or_else(|problems| panic!("{problems}")).0
}

#[track_caller]
fn notices(lines: &str) -> String {
    read(&format!("{MINIMAL}{lines}")).unwrap_or_else(|problems| panic!("{problems}")).1.join("\n")
}

/// `line` is the second of the file; the message is that of the only mistake.
#[track_caller]
fn refuses(line: &str, message: &str) {
    let problems = read(&format!("{MINIMAL}{line}\n")).expect_err(line);
    let told = problems.strip_prefix("1 mistake, nothing was changed:\n");
    assert_eq!(told, Some(message), "{problems}");
}

/// A second line of the file, and what is told of it.
const MISTAKES: &[(&str, &str)] = &[
    (
        "external_url = \"https://reg.example.com\"",
        "harbor.cfg:2: external_url = \"https://reg.example.com\": its quotes are taken for a part of it; write the value without quotes",
    ),
    (
        "limits = requests=many",
        "harbor.cfg:2: limits = requests=many: requests: \"many\" is no number from 0 to 4294967295; write names and numbers such as requests=100, transfers=64",
    ),
    (
        "colour = red",
        "harbor.cfg:2: colour: there is no such key; remove the line; harbor.cfg.example explains the keys there are",
    ),
    (
        "ui_url_protocoll = https",
        "harbor.cfg:2: ui_url_protocoll: there is no such key; is it ui_url_protocol that is meant?",
    ),
    (
        "hostname = b.example.com",
        "harbor.cfg:2: hostname = b.example.com: hostname stands in line 1 already; remove one of the two",
    ),
    (
        "ui_url_protocol = ftp",
        "harbor.cfg:2: ui_url_protocol = ftp: not one of the values there are; write one of http, https",
    ),
    (
        "http_port = 99999",
        "harbor.cfg:2: http_port = 99999: not a port; write a number from 1 to 65535",
    ),
    (
        "data_volume = data",
        "harbor.cfg:2: data_volume = data: not an absolute path; write it from the root, beginning with `/`",
    ),
    (
        "data_volume = /var",
        "harbor.cfg:2: data_volume = /var: this directory belongs to the system; write a directory for it alone, such as /var/harbor",
    ),
    (
        "log_location = /data",
        "harbor.cfg:2: log_location = /data: data_volume is in it; write a directory for log files alone",
    ),
    (
        "auth_mode = ldap_auth",
        "harbor.cfg:2: auth_mode = ldap_auth: this version knows accounts of its own only; write db_auth, and make accounts for people on the pages",
    ),
    (
        "registry_storage_provider_name = s3",
        "harbor.cfg: registry_storage_provider_config: it is missing, and s3 needs it; write bucket: .., region: .., accesskey: .., secretkey: .. in it",
    ),
    (
        "storage_driver = tape",
        "harbor.cfg:2: storage_driver = tape: this version keeps images in files or in a bucket; write one of filesystem, azure, gcs, oss, s3, swift",
    ),
    (
        "self_registration = yes",
        "harbor.cfg:2: self_registration = yes: neither on nor off; write on or off",
    ),
    (
        "token_expiration = 0",
        "harbor.cfg:2: token_expiration = 0: not a number in the range; write a number from 1 to 525600",
    ),
    (
        "project_creation_restriction = nobody",
        "harbor.cfg:2: project_creation_restriction = nobody: not one of the values there are; write one of everyone, adminonly",
    ),
    (
        "harbor_admin_password = secret",
        "harbor.cfg:2: harbor_admin_password = …: a password has at least 8 characters; choose another, or leave it out: then one is made",
    ),
    (
        "log_rotate_size = big",
        "harbor.cfg:2: log_rotate_size = big: not the size of a file; write bytes, or a number with k, M or G behind it, such as 200M; at least 4k",
    ),
    (
        "log_level = loud",
        "harbor.cfg:2: log_level = loud: not one of the values there are; write one of error, warn, warning, info, debug, trace",
    ),
    (
        "trusted_proxies = 10.0.0.1 outer",
        "harbor.cfg:2: trusted_proxies = 10.0.0.1 outer: outer is not a network; write addresses or networks such as 10.0.0.7 or 10.0.0.0/8",
    ),
    (
        "db_host = postgres.example.com",
        "harbor.cfg: db_password: it is needed for the database that db_host names; write `db_password = …`",
    ),
    (
        "ssl_cert = /srv/a.crt",
        "harbor.cfg: ssl_cert_key: it is not set, and ssl_cert is; set both, or none: then both are made",
    ),
    (
        "http_port = 80\n  https_port = 443",
        "harbor.cfg:2: http_port = 80: line 3 begins with a space and so continues this value; remove the space at the beginning of line 3",
    ),
];

#[test]
fn every_kind_of_mistake_names_file_line_key_value_and_remedy() {
    for (line, message) in MISTAKES {
        refuses(line, message);
    }
}

#[test]
fn a_hostname_is_required() {
    let told = read("# nothing\n").unwrap_err();
    assert!(told.contains("harbor.cfg: hostname: it is not set; write `hostname = `"), "{told}");
    let told = read("hostname =\n").unwrap_err();
    assert!(told.contains("harbor.cfg:1: hostname: it is not set"), "{told}");
}

#[test]
fn all_mistakes_are_told_in_the_order_of_the_file() {
    let told = read("http_port = a\nhostname = localhost\nnonsense\ncolour = red\n").unwrap_err();
    let lines: Vec<_> = told.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(lines[1..], ["harbor.cfg:1", "harbor.cfg:2", "harbor.cfg:3", "harbor.cfg:4"]);
    assert!(told.starts_with("4 mistakes"), "{told}");
}

#[test]
fn the_rest_has_defaults() {
    let config = config("");
    assert_eq!(config.front.protocol, Protocol::Http);
    assert_eq!((config.front.http_port, config.front.https_port), (80, 443));
    assert_eq!(config.data, Path::new("/data"));
    assert_eq!(config.secretkey, Path::new("/data/secretkey"));
    assert_eq!(config.logs.directory, Path::new("/var/log/harbor"));
    assert!(matches!(config.database, Database::Bundled { password: None }));
    assert!(config.first_start.admin_password.is_none() && !config.metrics);
}

#[test]
fn an_empty_value_is_none() {
    let config =
        config("harbor_admin_password =\nlog_forward =\ndb_host =\nssl_cert =\nssl_cert_key =\n");
    assert!(config.first_start.admin_password.is_none() && config.logs.forward.is_none());
}

#[test]
fn the_port_of_the_hostname_is_that_of_the_protocol() {
    let (config, _) = read("hostname = reg.example.com:8443\nui_url_protocol = https\n").unwrap();
    assert_eq!((config.front.http_port, config.front.https_port), (80, 8443));
    assert_eq!(config.front.url(), "https://reg.example.com:8443");
    let (config, _) = read("hostname = 10.0.0.7:8080\n").unwrap();
    assert_eq!(
        (config.front.http_port, config.front.url().as_str()),
        (8080, "http://10.0.0.7:8080")
    );
    let told = read("hostname = reg.example.com:8080\nhttp_port = 80\n").unwrap_err();
    assert!(
        told.contains("hostname = reg.example.com:8080: its port is not http_port, which is 80"),
        "{told}"
    );
}

#[test]
fn http_and_https_have_different_ports() {
    let told = read("hostname = reg.example.com:80\nui_url_protocol = https\n").unwrap_err();
    assert!(
        told.contains("harbor.cfg:1: hostname = reg.example.com:80: port 80 is that of plain HTTP"),
        "{told}"
    );
    assert_eq!(config("http_port = 443\n").front.http_port, 443);
}

#[test]
fn an_external_url_is_what_people_open() {
    assert_eq!(
        config("external_url = https://reg.example.org/\n").front.url(),
        "https://reg.example.org"
    );
}

#[test]
fn the_port_of_mysql_is_no_postgresql() {
    let lines = "db_host = 10.0.0.5\ndb_port = 3306\ndb_password = a\n";
    let told = read(&format!("{MINIMAL}{lines}")).unwrap_err();
    assert!(told.contains("this is the port of MySQL"), "{told}");
}

#[test]
fn an_external_database_has_harbors_names_unless_told_otherwise() {
    let config =
        config("db_host = [fd00::5]\ndb_password = p'\\\"#$ x\ndb_sslmode = verify-full\n");
    let Database::External(external) = config.database else { panic!("another database") };
    assert_eq!((external.host.as_str(), external.port), ("fd00::5", 5432));
    assert_eq!((external.user.as_str(), external.name.as_str()), ("postgres", "registry"));
    assert_eq!((external.password.0.as_str(), external.sslmode), ("p'\\\"#$ x", "verify-full"));
}

#[test]
fn what_everybody_knows_is_accepted_with_a_warning() {
    let told = notices("harbor_admin_password = Harbor12345\ndb_password = root123\n");
    assert!(told.contains("Warning: harbor_admin_password is Harbor12345"), "{told}");
    assert!(told.contains("Warning: db_password is root123"), "{told}");
}

#[test]
fn a_name_that_docker_takes_for_docker_hub_is_warned_of() {
    let (_, told) = read("hostname = harbor\n").unwrap();
    assert!(told.concat().contains("docker takes harbor/library/alpine"), "{told:?}");
    assert_eq!(read("hostname = harbor:8080\n").unwrap().1, Vec::<String>::new());
}

#[test]
fn what_has_no_effect_is_named_once() {
    let told = notices("ldap_uid = uid\nemail_ssl = false\ncustomize_crt = off\n");
    assert!(told.contains("Note: has no effect in this version: email_ssl, ldap_uid"), "{told}");
    assert!(told.contains("Note: customize_crt = off changes nothing"), "{told}");
    assert!(
        notices("db_port = 5432\n")
            .contains("only where db_host names a PostgreSQL server of your own: db_port")
    );
}

#[test]
fn values_of_secrets_are_not_shown() {
    let told = read(
        "hostname = a.example.com\nharbor_admin_password = hunter2\nuaa_clientsecret = hunter3\n x\n",
    );
    let told = told.unwrap_err();
    assert!(!told.contains("hunter"), "{told}");
}

#[test]
fn files_of_harbor_1_x_work_as_they_are() {
    for (name, text) in [("1.3", HARBOR_1_3), ("1.7", HARBOR_1_7)] {
        let (config, told) = read(text).unwrap_or_else(|problems| panic!("{name}: {problems}"));
        assert!(matches!(config.database, Database::Bundled { .. }), "{name}");
        assert_eq!(config.first_start.self_registration, Some(true), "{name}");
        assert!(config.front.may_generate, "{name}");
        assert!(told.iter().any(|line| line.contains("has no effect in this version")), "{told:?}");
    }
}

#[test]
fn the_example_needs_nothing_but_a_hostname() {
    let example = include_str!("../../../../../harbor.cfg.example");
    let told = read(example).unwrap_err();
    assert!(told.starts_with("1 mistake") && told.contains("reg.mydomain.com"), "{told}");
    let ready = example.replace("reg.mydomain.com", "reg.example.com");
    let (_, told) = read(&ready).unwrap();
    assert_eq!(told, Vec::<String>::new());
    // With every example switched on it is still good.
    let all = ready.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with([' ', '#']) => rest,
        _ => line,
    });
    let all: Vec<_> = all.collect();
    read(&all.join("\n")).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn every_key_is_explained_in_the_example_and_no_other() {
    let explained: Vec<_> = pages::example().into_iter().map(|key| key.name).collect();
    let known: Vec<_> = keys::EFFECTIVE.iter().map(|key| (*key).to_owned()).collect();
    assert_eq!(explained, known, "in the same order, too");
}
