//! Settings as distribution has them, and mistakes in them.

use std::collections::BTreeMap;

use serde_json::json;

use super::Driver;

fn written<'a>(pairs: &[(&'a str, &'a str)]) -> BTreeMap<&'a str, &'a str> {
    pairs.iter().copied().collect()
}

#[track_caller]
fn becomes(driver: Driver, pairs: &[(&str, &str)], wanted: serde_json::Value) {
    let read = driver.read(&written(pairs)).unwrap();
    assert_eq!(serde_json::to_value(&read.section).unwrap(), wanted);
    assert_eq!(read.unknown, Vec::<&str>::new());
    let section = BTreeMap::from([(driver.section(), read.section)]);
    let settings = serde_json::from_value(serde_json::to_value(section).unwrap());
    drop::<blobs::Settings>(settings.expect("services read it"));
}

#[track_caller]
fn refuses(driver: Driver, pairs: &[(&str, &str)], what: &str) {
    let mistake = driver.read(&written(pairs)).expect_err(what);
    assert_eq!(mistake.what, what);
    assert_ne!(mistake.remedy, "");
}

const AZURE: [(&str, &str); 2] = [("accountname", "shop"), ("container", "images")];

#[test]
fn azure_logs_in_as_its_credentials_say() {
    let with = |more: &[(&'static str, &'static str)]| [&AZURE[..], more].concat();
    let key = ("accountkey", "a2V5");
    becomes(
        Driver::Azure,
        &with(&[key, ("credentials", r#"{"type": "shared_key"}"#)]),
        json!({
            "accountname": "shop", "container": "images", "accountkey": "a2V5",
        }),
    );
    becomes(
        Driver::Azure,
        &with(&[key, ("credentials", r#"{"type": "default_credentials"}"#)]),
        json!({
            "accountname": "shop", "container": "images",
        }),
    );
    let application =
        r#"{"type": "client_secret", "tenantid": "t", "clientid": "c", "secret": "s"}"#;
    becomes(
        Driver::Azure,
        &with(&[key, ("credentials", application)]),
        json!({
            "accountname": "shop", "container": "images",
            "credentials": {"tenantid": "t", "clientid": "c", "secret": "s"},
        }),
    );
    for (credentials, what) in [
        ("{}", "credentials.type is none of client_secret, shared_key and default_credentials"),
        ("me", "credentials is no section"),
        (r#"{"type": "shared_key"}"#, "accountkey is missing in it"),
        (r#"{"type": "client_secret", "tenantid": "t"}"#, "credentials.clientid is missing in it"),
    ] {
        refuses(Driver::Azure, &with(&[("credentials", credentials)]), what);
    }
    refuses(Driver::Azure, &[("accountname", "a")], "container is missing in it");
    refuses(
        Driver::Azure,
        &with(&[("chunksize", "1")]),
        "chunksize is not a size that Azure takes parts of",
    );
    refuses(Driver::Azure, &with(&[("serviceurl", "ftp://a")]), "serviceurl is no URL of a server");
}

#[test]
fn google_s_parts_are_at_least_as_large_as_it_takes_them() {
    for (chunksize, parts) in [("262144", 5_242_880), ("10485760", 10_485_760)] {
        let pairs = [("bucket", "images"), ("chunksize", chunksize), ("disablekeepalives", "true")];
        becomes(Driver::Gcs, &pairs, json!({"bucket": "images", "chunksize": parts}));
    }
    let what = "chunksize is not a size that Google takes parts of";
    refuses(Driver::Gcs, &[("bucket", "b"), ("chunksize", "1000")], what);
    refuses(Driver::Gcs, &[("keyfile", "/k")], "bucket is missing in it");
    let both = [("bucket", "b"), ("keyfile", "/k"), ("credentials", "{}")];
    refuses(Driver::Gcs, &both, "it has both keyfile and credentials");
    refuses(Driver::Gcs, &[("bucket", "b"), ("credentials", "me")], "credentials is no section");
}

const OSS: [(&str, &str); 4] = [
    ("region", "oss-cn-beijing"),
    ("bucket", "images"),
    ("accesskeyid", "a"),
    ("accesskeysecret", "s"),
];

#[test]
fn oss_is_asked_by_the_protocol_of_s3_where_its_bucket_is() {
    for (more, endpoint) in [
        (&[][..], "https://oss-cn-beijing.aliyuncs.com"),
        (&[("internal", "true")], "https://oss-cn-beijing-internal.aliyuncs.com"),
        (&[("secure", "false")], "http://oss-cn-beijing.aliyuncs.com"),
        (&[("endpoint", "images.oss.example.com")], "https://oss.example.com"),
        (&[("endpoint", "oss.example.com"), ("secure", "false")], "http://oss.example.com"),
    ] {
        becomes(
            Driver::Oss,
            &[&OSS[..], more].concat(),
            json!({
                "accesskey": "a", "secretkey": "s", "bucket": "images", "region": "oss-cn-beijing",
                "regionendpoint": endpoint, "forcepathstyle": false,
            }),
        );
    }
    let with = |more: &[(&'static str, &'static str)]| [&OSS[..], more].concat();
    refuses(Driver::Oss, &OSS[..3], "accesskeysecret is missing in it");
    refuses(Driver::Oss, &with(&[("encrypt", "true")]), "encrypt is not known here");
    refuses(Driver::Oss, &with(&[("region", "a.b/c")]), "region is none of OSS");
    refuses(Driver::Oss, &with(&[("endpoint", "ftp://a")]), "endpoint is no URL of a server");
}

const SWIFT: [(&str, &str); 4] = [
    ("authurl", "https://keystone.example.com:5000/v3"),
    ("username", "registry"),
    ("password", "p"),
    ("container", "images"),
];

#[test]
fn swift_is_told_in_distributions_words() {
    let with = |more: &[(&'static str, &'static str)]| [&SWIFT[..], more].concat();
    let wanted = |key: &str, value: serde_json::Value| {
        let mut wanted = json!({
            "authurl": "https://keystone.example.com:5000/v3", "username": "registry", "password": "p",
            "container": "images",
        });
        wanted[key] = value;
        wanted
    };
    for (key, written, value) in [
        ("tenant", "shop", json!("shop")),
        ("authversion", "3", json!(3)),
        ("authversion", "0", json!(null)),
        ("endpointtype", "internal", json!("internal")),
        ("secretkey", "s", json!("s")),
        ("tempurlcontainerkey", "true", json!(true)),
        ("chunksize", "20971520", json!(20_971_520)),
    ] {
        becomes(Driver::Swift, &with(&[(key, written)]), wanted(key, value));
    }
    let useless = with(&[("secretkey", "s"), ("tempurlmethods", "[\"PUT\"]"), ("tenant", "shop")]);
    becomes(Driver::Swift, &useless, wanted("tenant", json!("shop")));
    refuses(Driver::Swift, &SWIFT[..3], "container is missing in it");
    refuses(Driver::Swift, &with(&[("authversion", "4")]), "authversion is none of 1, 2 and 3");
    refuses(Driver::Swift, &with(&[("accesskey", "a")]), "accesskey is not known here");
    refuses(Driver::Swift, &with(&[("authurl", "keystone")]), "authurl is no URL of a server");
    let what = "endpointtype is none of public, internal and admin";
    refuses(Driver::Swift, &with(&[("endpointtype", "private")]), what);
}

#[test]
fn each_driver_has_a_name_by_which_it_is_found() {
    for driver in Driver::ALL {
        assert_eq!(Driver::parse(driver.name()), Some(driver));
    }
    assert_eq!(Driver::parse("filesystem"), None);
}
