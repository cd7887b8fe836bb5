//! The whole of it, on a folder of its own: what is written, what stays, and what a mistake leaves untouched.

pub(super) mod fixture;

use std::fs;
use std::os::unix::fs::MetadataExt;

use fixture::{Fixture, HTTP, HTTPS};

use crate::settings::services as settings;

#[test]
fn the_configuration_for_http_is_as_reviewed() {
    let fixture = Fixture::new(HTTP);
    fixture.prepare();
    insta::assert_snapshot!(fixture.rendered());
}

#[test]
fn the_configuration_for_https_is_as_reviewed() {
    let fixture = Fixture::new(HTTPS);
    fixture.prepare();
    insta::assert_snapshot!(fixture.rendered());
}

#[test]
fn a_bucket_keeps_objects_for_the_services_that_write_them_and_the_front_sends_no_files() {
    let fixture = Fixture::new(&format!(
        "{HTTP}storage_driver = s3\nregistry_storage_provider_config = bucket: images, accesskey: a, secretkey: \"s#1, it's=\"\"\", \
         regionendpoint: http://ceph:7480\nstorage_redirect = off\n"
    ));
    fixture.prepare();
    let file = |name: &str| fs::read_to_string(fixture.path("config").join(name)).unwrap();
    let wanted: blobs::Settings = serde_json::from_value(serde_json::json!({"s3": {
        "accesskey": "a", "bucket": "images", "regionendpoint": "http://ceph:7480", "secretkey": "s#1, it's=\"",
    }}))
    .unwrap();
    let registry = file("registry/config.yml");
    let read: settings::Registry = settings::parse(&registry).unwrap();
    assert_eq!(read.storage.settings(), wanted);
    assert!(registry.contains("\nredirect: false\n"), "{registry}");
    assert!(!registry.contains("accel"), "{registry}");
    let read: settings::Jobservice = settings::parse(&file("jobservice/config.yml")).unwrap();
    assert_eq!(read.storage.settings(), wanted);
    assert!(!file("ui/config.yml").contains("storage"));
    assert!(!file("proxy/nginx.conf").contains("alias /storage/"));
}

#[test]
fn limits_reach_the_services_that_callers_reach() {
    let fixture = Fixture::new(&format!("{HTTP}limits = requests=100, transfers=64\n"));
    fixture.prepare();
    let file = |name: &str| fs::read_to_string(fixture.path("config").join(name)).unwrap();
    let section = "\nlimits: {\"requests\": 100, \"transfers\": 64}\n";
    for service in ["registry", "token", "ui"] {
        let rendered = file(&format!("{service}/config.yml"));
        assert!(rendered.contains(section), "{rendered}");
    }
    assert!(!file("jobservice/config.yml").contains("limits"));
}

#[test]
fn the_lines_are_those_of_harbor() {
    let fixture = Fixture::new(HTTP);
    let told = fixture.prepare();
    let last = "The configuration files are ready, please use docker-compose to start the service.";
    assert_eq!(told.last().map(String::as_str), Some(last));
    let secret = fixture.path("data/secretkey");
    assert!(
        told.contains(&format!("Generated and saved secret to file: {}", secret.display())),
        "{told:?}"
    );
    let told = fixture.prepare();
    assert!(told.contains(&format!("loaded secret from file: {}", secret.display())), "{told:?}");
    let file = fixture.path("config/registry/config.yml");
    assert!(
        told.contains(&format!("Generated configuration file: {}", file.display())),
        "{told:?}"
    );
}

#[test]
fn running_it_again_changes_nothing() {
    let fixture = Fixture::new("hostname = reg.example.com\nui_url_protocol = https\n");
    fixture.prepare();
    let before = fixture.contents();
    fixture.prepare();
    assert_eq!(fixture.contents(), before);
}

#[test]
fn a_mistake_changes_nothing_at_all() {
    let fixture = Fixture::new(HTTPS);
    fixture.prepare();
    fs::write(fixture.path("harbor.cfg"), "hostname = localhost\ncolour = red\n").unwrap();
    let before = fixture.contents();
    let error = fixture.try_prepare().unwrap_err();
    assert!(format!("{error:#}").contains("2 mistakes, nothing was changed"), "{error:#}");
    assert_eq!(fixture.contents(), before);
}

#[test]
fn mistakes_beside_the_file_are_told_with_those_in_it() {
    let fixture = Fixture::new(&format!(
        "{HTTPS}http_port = 0\nssl_cert = /nowhere/a.crt\nssl_cert_key = /nowhere/a.key\n"
    ));
    fs::create_dir(fixture.path("data")).unwrap();
    fs::write(fixture.path("data/secretkey"), "short").unwrap();
    let error = fixture.try_prepare().unwrap_err().to_string();
    assert!(error.starts_with("4 mistakes"), "{error}");
    // What may be said by a line that is not understood is not looked for.
    fixture.configure("hostname = reg.example.com\ndata_volum = /srv\n");
    let error = fixture.try_prepare().unwrap_err().to_string();
    assert!(error.starts_with("1 mistake,"), "{error}");
}

#[test]
fn comments_may_be_in_any_encoding_and_values_may_not() {
    let fixture = Fixture::new(HTTP);
    let text = fs::read_to_string(fixture.path("harbor.cfg")).unwrap();
    let own = |line: &[u8]| [line, text.as_bytes()].concat();
    fs::write(fixture.path("harbor.cfg"), own(b"# \xd6\xf7\xbb\xfa\n")).unwrap();
    fixture.prepare();
    fs::write(fixture.path("harbor.cfg"), own(b"db_name = \xd6\xf7\n")).unwrap();
    let error = fixture.try_prepare().unwrap_err().to_string();
    assert!(error.contains("harbor.cfg:1: the line has characters in it"), "{error}");
}

#[test]
fn a_mistake_at_the_first_run_leaves_nothing_behind() {
    let fixture = Fixture::new("hostname = localhost\n");
    let before = fixture.contents();
    fixture.try_prepare().unwrap_err();
    assert_eq!(fixture.contents(), before);
}

#[test]
fn a_template_that_no_service_accepts_changes_nothing() {
    let fixture = Fixture::new(HTTP);
    fixture.prepare();
    fixture.edit("templates/registry/config.yml", |text| text.replace("keys:", "kees:"));
    let before = fixture.contents();
    let error = format!("{:#}", fixture.try_prepare().unwrap_err());
    assert!(error.contains("templates/registry/config.yml renders to is not valid"), "{error}");
    assert!(error.contains("kees"), "{error}");
    assert_eq!(fixture.contents(), before);
}

#[test]
fn without_a_harbor_cfg_the_remedy_is_told() {
    let fixture = Fixture::new(HTTP);
    fs::remove_file(fixture.path("harbor.cfg")).unwrap();
    let error = format!("{:#}", fixture.try_prepare().unwrap_err());
    assert!(error.contains("copy harbor.cfg.example to it and set hostname"), "{error}");
}

#[test]
fn add_ons_of_harbor_1_x_are_refused_by_name() {
    let fixture = Fixture::new(HTTP);
    let mut options = fixture.options();
    options.with_notary = true;
    let error = super::prepare(&options, fixture::now()).unwrap_err().to_string();
    assert!(error.starts_with("--with-notary: Notary"), "{error}");
}

#[test]
fn directories_that_are_mounted_stay_the_same_ones() {
    let fixture = Fixture::new(HTTP);
    fixture.prepare();
    let inode = |name: &str| fs::metadata(fixture.path(name)).unwrap().ino();
    let before = (inode("config/proxy"), inode("config/registry"));
    fixture.configure(HTTPS);
    fixture.prepare();
    assert_eq!((inode("config/proxy"), inode("config/registry")), before);
}

#[test]
fn files_that_are_not_rendered_any_more_are_removed_and_others_stay() {
    let fixture = Fixture::new(HTTPS);
    fixture.prepare();
    fs::write(fixture.path("config/proxy/own.conf"), "").unwrap();
    fixture.configure(HTTP);
    fixture.prepare();
    assert!(!fixture.path("config/proxy/cert/server.key").exists());
    assert!(fixture.path("config/proxy/own.conf").exists());
}

#[test]
fn an_external_database_is_not_configured_here() {
    let fixture =
        Fixture::new("hostname = reg.example.com\ndb_host = db.example.com\ndb_password = a b\n");
    fixture.prepare();
    assert!(!fixture.path("config/db/env").exists());
    assert!(!fixture.path("data/secret/db_password").exists());
    let text = fs::read_to_string(fixture.path("config/token/config.yml")).unwrap();
    assert!(
        text.contains("host: \"db.example.com\"\n") && text.contains("password: \"a b\"\n"),
        "{text}"
    );
}

#[test]
fn data_of_harbor_1_x_is_not_overlooked() {
    for (file, told) in [
        ("ibdata1", "is the MySQL of Harbor 1.x"),
        ("PG_VERSION", "is the PostgreSQL of Harbor 1.x"),
    ] {
        let fixture = Fixture::new(HTTP);
        fs::create_dir_all(fixture.path("data/database")).unwrap();
        fs::write(fixture.path("data/database").join(file), "").unwrap();
        let error = fixture.try_prepare().unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn two_runs_at_a_time_do_not_mix() {
    let fixture = Fixture::new(HTTP);
    let first = super::machine::lock(&fixture.path("harbor.cfg")).unwrap();
    let error = fixture.try_prepare().unwrap_err().to_string();
    assert!(error.contains("another run is at work"), "{error}");
    drop(first);
    fixture.prepare();
}

#[test]
fn what_an_operator_wrote_into_the_environment_stays() {
    let fixture = Fixture::new(HTTP);
    fs::write(
        fixture.path(".env"),
        "# mine\nHARBOR_IMAGE=mirror/harbor\nHARBOR_DATA=/old\nTZ=UTC\n",
    )
    .unwrap();
    fixture.prepare();
    fixture.prepare();
    let text = fs::read_to_string(fixture.path(".env")).unwrap();
    let data = fixture.path("data");
    assert!(text.contains(&format!("\nHARBOR_DATA={}\n", data.display())), "{text}");
    assert!(text.ends_with("# mine\nHARBOR_IMAGE=mirror/harbor\nTZ=UTC\n"), "{text}");
    assert_eq!(text.matches("HARBOR_DATA=").count(), 1);
}

#[test]
fn owners_are_those_of_the_containers() {
    if !rustix::process::geteuid().is_root() {
        // Only root can give files away.
        return;
    }
    let fixture = Fixture::new(HTTPS);
    let mut options = fixture.options();
    options.user_owned = false;
    super::prepare(&options, fixture::now()).unwrap();
    for (name, mode, uid, gid) in [
        ("config/db/env", 0o640, 0, 999),
        ("config/ui/config.yml", 0o640, 0, 10_000),
        ("config/proxy/cert/server.key", 0o640, 0, 10_000),
        ("config/proxy", 0o750, 0, 10_000),
        ("data/registry", 0o750, 10_000, 10_000),
        ("data/keys/accepted", 0o700, 10_000, 10_000),
        ("data/database", 0o700, 999, 999),
        ("data/secret", 0o700, 0, 0),
        ("data/secretkey", 0o600, 10_000, 10_000),
        ("data/cert/ca.key", 0o600, 0, 0),
        ("data/ca_download/ca.crt", 0o644, 0, 0),
        ("logs", 0o755, 0, 10_000),
        (".env", 0o644, 0, 0),
    ] {
        let found = fs::metadata(fixture.path(name)).unwrap();
        assert_eq!((found.mode() & 0o777, found.uid(), found.gid()), (mode, uid, gid), "{name}");
    }
}
