//! Banners as Harbor keeps them, and as people type them.

use domain::Timestamp;
use time::macros::datetime;

use super::{Banner, Kind};

/// 2026-11-26 12:00 UTC.
const NOON: Timestamp = Timestamp::from_secs(1_795_694_400);

#[test]
fn harbors_json_and_plain_text_are_messages() {
    let typed =
        |kind: &str| format!(r#"{{"message":"Down at six","type":"{kind}","closable":true}}"#);
    let cases = [
        (typed("info"), "Down at six", Kind::Info),
        (typed("danger"), "Down at six", Kind::Danger),
        (typed("purple"), "Down at six", Kind::Warning),
        (r#"{"message":" Down\r\nat six "}"#.to_owned(), "Down\nat six", Kind::Warning),
        ("Down at six".to_owned(), "Down at six", Kind::Warning),
        (r#"{"message":"Down\u0000 at six"}"#.to_owned(), "Down at six", Kind::Warning),
        (r#"["Down"]"#.to_owned(), r#"["Down"]"#, Kind::Warning),
    ];
    for (setting, message, kind) in cases {
        let banner = Banner::of(&setting).unwrap();
        assert_eq!((banner.message.as_str(), banner.kind), (message, kind), "{setting}");
        assert!(banner.is_shown(NOON), "{setting}");
    }
    for nothing in ["", "  ", r#"{"message":""}"#, r#"{"type":"info"}"#, r#"{"message":7}"#] {
        assert_eq!(Banner::of(nothing), None, "{nothing}");
    }
}

#[test]
fn it_is_shown_between_its_moments() {
    let shown = |from: &str, until: &str| {
        let setting = format!(r#"{{"message":"x","fromDate":"{from}","toDate":"{until}"}}"#);
        Banner::of(&setting).unwrap().is_shown(NOON)
    };
    assert!(shown("2026-11-26T00:00:00.000Z", "2026-11-27T00:00:00.000Z"));
    assert!(shown("2026-11-26T13:00:00+01:00", "2026-11-26T12:00:00Z"), "both ends count");
    assert!(shown("2026-11-26", "11/27/2026"));
    assert!(!shown("2026-11-27", "12/01/2026"));
    assert!(!shown("11/25/2026", "2026-11-26"), "a day begins at midnight");
    assert!(!shown("2026-11-26T12:00:01Z", "2026-11-27T00:00:00Z"));
    assert!(!shown("2026-11-25T00:00:00Z", "2026-11-26T11:59:59Z"));
    assert!(shown("yesterday", ""), "what is no moment is no limit");
}

#[test]
fn another_banner_leaves_the_rest_as_it_was() {
    let before =
        r#"{"closable":true,"message":"old","toDate":"2026-12-01T00:00:00Z","type":"info"}"#;
    let banner = Banner {
        message: "new".to_owned(),
        kind: Kind::Danger,
        from: Some(datetime!(2026-11-26 0:00 UTC)),
        until: None,
    };
    let after = banner.written_over(before);
    assert_eq!(
        after,
        r#"{"closable":true,"fromDate":"2026-11-26T00:00:00Z","message":"new","type":"danger"}"#
    );
    assert_eq!(Banner::of(&after), Some(banner.clone()));
    for nothing in ["", "plain"] {
        assert_eq!(banner.written_over(nothing), after.replace("true", "false"));
    }
}
