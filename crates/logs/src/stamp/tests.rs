//! Both kinds of stamps, and how they are shown.

use super::Stamp;

#[track_caller]
fn check(text: &str, shown: Option<&str>) {
    let stamp = Stamp::leading(text.as_bytes()).map(|(stamp, _)| {
        let mut out = Vec::new();
        stamp.show(&mut out);
        String::from_utf8(out).expect("ascii")
    });
    assert_eq!(stamp.as_deref(), shown, "{text:?}");
}

#[test]
fn a_traditional_stamp_is_kept_letter_by_letter() {
    check("Jul 24 11:17:46 rest", Some("Jul 24 11:17:46"));
    check("Feb  3 01:02:03", Some("Feb  3 01:02:03"));
}

#[test]
fn a_full_stamp_is_shown_in_its_own_offset() {
    check("2026-07-24T11:17:46Z host", Some("Jul 24 11:17:46"));
    check("2026-07-04T01:17:46.123456+08:00 host", Some("Jul  4 01:17:46"));
}

#[test]
fn what_is_no_time_is_none() {
    for text in [
        "",
        "Jul",
        "Jux 24 11:17:46",
        "Jul 24 11-17-46",
        "2026-13-24T11:17:46Z",
        "yesterday noon",
        "Jul 24 11:1",
    ] {
        check(text, None);
    }
}
