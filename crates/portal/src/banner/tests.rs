//! Banners as Harbor keeps them, and as people type them.

use domain::Timestamp;

use super::{Banner, Kind, rewritten};

/// 2026-11-26 12:00 UTC.
const NOON: Timestamp = Timestamp::from_secs(1_795_694_400);

#[test]
fn harbors_json_and_plain_text_are_messages() {
    let cases = [
        (
            r#"{"message":"Down at six","type":"warning","closable":true}"#,
            "Down at six",
            Kind::Warning,
        ),
        (r#"{"message":"Down at six","type":"purple"}"#, "Down at six", Kind::Info),
        (r#"{"message":" Down at six "}"#, "Down at six", Kind::Info),
        ("Down at six", "Down at six", Kind::Info),
        (r#"["Down"]"#, r#"["Down"]"#, Kind::Info),
    ];
    for (setting, message, kind) in cases {
        let banner = Banner::of(setting).unwrap();
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
    assert!(!shown("2026-11-26T12:00:01Z", "2026-11-27T00:00:00Z"));
    assert!(!shown("2026-11-25T00:00:00Z", "2026-11-26T11:59:59Z"));
    assert!(shown("yesterday", ""), "what is no moment is no limit");
}

#[test]
fn a_new_message_leaves_the_rest_as_it_was() {
    let before =
        r#"{"closable":true,"message":"old","toDate":"2026-12-01T00:00:00Z","type":"info"}"#;
    assert_eq!(
        rewritten(before, " new ", "danger"),
        r#"{"closable":true,"message":"new","toDate":"2026-12-01T00:00:00Z","type":"danger"}"#
    );
    let typed = rewritten("", "Hello", "info");
    assert_eq!(typed, r#"{"closable":false,"message":"Hello","type":"info"}"#);
    assert_eq!(rewritten("Hello", "Bye", "info"), typed.replace("Hello", "Bye"));
    assert_eq!(rewritten(before, "  ", "danger"), "");
}
