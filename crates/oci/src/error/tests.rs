//! The codes keep their form, and the body has the shape of the specification.

use super::*;

#[test]
fn a_code_has_only_upper_case_letters_and_underscores() {
    for code in ErrorCode::ALL {
        assert!(code.code().chars().all(|c| c.is_ascii_uppercase() || c == '_'), "{code}");
        assert!((400..600).contains(&code.status()), "{code}");
    }
}

#[test]
fn a_body_has_the_shape_of_the_specification() {
    assert_eq!(
        ErrorCode::NameUnknown.body().to_json(),
        r#"{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry"}]}"#
    );
}

#[test]
fn a_body_may_give_several_reasons_with_details() {
    let missing = |digest: &str| ErrorItem::new(ErrorCode::ManifestBlobUnknown).with_detail(digest);
    let body: ErrorBody = ["a", "b"].into_iter().map(missing).collect();
    let json: Value = serde_json::from_str(&body.to_json()).unwrap();
    assert_eq!(json["errors"][0]["detail"], "a");
    assert_eq!(json["errors"][1]["code"], "MANIFEST_BLOB_UNKNOWN");
}
