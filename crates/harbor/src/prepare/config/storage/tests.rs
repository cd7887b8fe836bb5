//! `registry_storage_provider_config` in Harbor's form, and mistakes in it.

use serde_json::json;

use super::section;
use crate::storage::Driver;

#[track_caller]
fn refuses(text: &str, what: &str) {
    let refusal = section(Driver::S3, text).expect_err(text);
    assert_eq!(refusal.what, what, "{text}");
}

#[test]
fn harbor_s_form_becomes_the_section_of_the_services() {
    let text = "accesskey: AKIA1, secretkey: \"a:b/c+d\", region: eu-west-1, bucket: images, rootdirectory: /harbor, \
        chunksize: 10485760, v4auth: true, encrypt: false, secure: true";
    let section = serde_json::to_value(section(Driver::S3, text).unwrap()).unwrap();
    let wanted = json!({
        "accesskey": "AKIA1", "secretkey": "a:b/c+d", "region": "eu-west-1", "bucket": "images",
        "rootdirectory": "/harbor", "chunksize": 10_485_760, "secure": true,
    });
    assert_eq!(section, wanted);
}

#[test]
fn a_server_without_a_scheme_has_that_of_secure() {
    for (text, endpoint) in [
        ("bucket: b, regionendpoint: s3.lan:9000", "https://s3.lan:9000"),
        ("bucket: b, regionendpoint: s3.lan:9000, secure: false", "http://s3.lan:9000"),
        ("bucket: b, regionendpoint: http://10.0.0.1", "http://10.0.0.1"),
    ] {
        assert_eq!(section(Driver::S3, text).unwrap()["regionendpoint"], endpoint, "{text}");
    }
}

#[test]
fn a_mistake_is_named() {
    refuses("bucket: b, region", "a pair has no colon");
    refuses("region: r", "bucket is missing in it");
    refuses("bucket: b, bucket: c", "bucket stands in it twice");
    refuses("bucket: b, accesskey: a", "of accesskey and secretkey it has one");
    refuses("bucket: b, secretkey: s", "of accesskey and secretkey it has one");
    refuses("bucket: b, colour: red", "colour is not known here");
    refuses("bucket: b, encrypt: true", "encrypt is not known here");
    refuses("bucket: b, secure: yes", "secure is neither true nor false");
    refuses("bucket: b, chunksize: 1000", "chunksize is not a size that S3 takes parts of");
    refuses("bucket: b, regionendpoint: ftp://x", "regionendpoint is no URL of a server");
}

#[test]
fn a_secret_may_have_any_sign_in_it() {
    for (written, secret) in [
        ("a=b==", "a=b=="),
        ("it's#1", "it's#1"),
        ("\"a, b: c=d\"", "a, b: c=d"),
        ("'a,\"b\"'", "a,\"b\""),
        ("\"a\"\"b\"", "a\"b"),
        ("''", ""),
    ] {
        let text = format!("accesskey: a, secretkey: {written} , bucket: b");
        assert_eq!(section(Driver::S3, &text).unwrap()["secretkey"], secret, "{text}");
        let text = format!("accesskey: a, bucket: b, secretkey: {written}");
        assert_eq!(section(Driver::S3, &text).unwrap()["secretkey"], secret, "{text}");
    }
    refuses(
        "bucket: b, secretkey: \"a, accesskey: b",
        "a value in quotes does not end with its quote",
    );
    refuses("bucket: b, secretkey: \"a\" b", "a value in quotes does not end with its quote");
}

#[test]
fn the_key_of_a_service_account_goes_to_the_services_with_the_settings() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "{\"client_email\": \"a@b\"}").unwrap();
    let text = format!("bucket: images, keyfile: {}", file.path().display());
    let section = serde_json::to_value(section(Driver::Gcs, &text).unwrap()).unwrap();
    assert_eq!(section, json!({"bucket": "images", "credentials": "{\"client_email\": \"a@b\"}"}));
    let refusal = super::section(Driver::Gcs, "bucket: images, keyfile: /nowhere").unwrap_err();
    assert!(refusal.what.starts_with("the keyfile /nowhere cannot be read"), "{}", refusal.what);
}
