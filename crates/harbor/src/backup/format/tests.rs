//! Paths of entries, from whoever wrote them.

use super::{Entry, Header};

#[test]
fn a_path_tells_what_the_entry_is() {
    let check = |path: &str, entry: Entry| assert_eq!(Entry::parse(path).unwrap(), entry);
    check("backup.json", Entry::Header);
    check("end.json", Entry::End);
    check("database/harbor.db", Entry::File);
    check(&Entry::rows_path("blobs", 7), Entry::Rows("blobs".to_owned()));
    check("keys/signing.pem", Entry::SigningKey);
    check("keys/accepted/Ab-_9.pem", Entry::AcceptedKey("Ab-_9.pem".to_owned()));
    check("objects/objects/0192/x", Entry::Object("objects/0192/x".parse().unwrap()));
}

#[test]
fn a_path_that_leads_elsewhere_is_refused() {
    for path in [
        "",
        "/etc/passwd",
        "objects/../../etc/passwd",
        "objects//x",
        "keys/accepted/../signing.pem",
        "keys/accepted/a/b.pem",
        "keys/other.pem",
        "database/blobs",
        "database/blobs.copy.x",
        "storage/x",
    ] {
        assert!(Entry::parse(path).is_err(), "{path}");
    }
}

#[test]
fn a_later_format_is_refused_with_both_versions() {
    let text = br#"{"format": 2, "product": "9.9.9", "anything": []}"#;
    let error = format!("{:#}", Header::parse(text).unwrap_err());
    assert!(error.contains("9.9.9") && error.contains(env!("CARGO_PKG_VERSION")), "{error}");
}
