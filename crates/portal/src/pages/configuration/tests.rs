//! Settings as people read and type them.

use super::{bytes, form_of, gib, rewritten};
use crate::banner::Banner;
use crate::pages::form::Form;
use domain::settings::Settings;
use time::macros::datetime;

fn form(banner_message: &str) -> Form {
    let settings = Settings { banner_message: banner_message.to_owned(), ..Settings::default() };
    form_of(&settings).unwrap()
}

#[test]
fn a_limit_that_is_shown_is_the_one_that_is_saved() {
    let gibi = 1 << 30;
    let shown = [(-1, "-1"), (10 * gibi, "10"), (gibi / 2, "0.5"), (gibi + gibi / 4, "1.25")];
    for (amount, text) in shown {
        assert_eq!(gib(amount), text);
    }
    for amount in [-1, 1, 1_000, 1_000_000_007, 5 * gibi + 1, (1 << 53) - 1] {
        assert_eq!(bytes(&gib(amount)), Some(amount));
    }
}

#[test]
fn what_is_no_limit_is_none() {
    for text in ["", "ten", "10 GiB", "NaN", "inf", "0x10", "0", "-1.5", "-7", "1e300"] {
        assert_eq!(bytes(text), None, "{text}");
    }
}

#[test]
fn a_banner_that_nobody_touched_stays_as_it_was_written() {
    let settings = [
        "",
        "Down at six",
        "Down\r\nat six ",
        r#"{"message":"x","toDate":"2020-01-01T10:30:00+02:00"}"#,
        r#"{"message":"x","type":"purple","fromDate":"12/01/2026","closable":true}"#,
        r#"{"type":"danger","toDate":"2026-12-01T00:00:00Z"}"#,
    ];
    for setting in settings {
        let form = form(setting);
        let message = form.value("banner_message").replace('\n', "\r\n");
        // As browsers send it.
        let sent = form.with("banner_message", message);
        assert_eq!(rewritten(setting, &sent), Ok(None), "{setting}");
    }
}

#[test]
fn a_day_that_is_not_changed_keeps_its_moment() {
    let before =
        r#"{"message":"x","fromDate":"2026-12-01T10:30:00Z","toDate":"2026-12-05T10:30:00Z"}"#;
    let changed = form(before).with("banner_message", "y").with("banner_until", "2026-12-06");
    let after = rewritten(before, &changed).unwrap().unwrap();
    let banner = Banner::of(&after).unwrap();
    assert_eq!(banner.from, Some(datetime!(2026-12-01 10:30 UTC)));
    assert_eq!(banner.until, Some(datetime!(2026-12-06 23:59:59 UTC)));

    let open = rewritten(before, &form(before).with("banner_from", "").with("banner_until", ""));
    let banner = Banner::of(&open.unwrap().unwrap()).unwrap();
    assert_eq!((banner.from, banner.until), (None, None));

    assert_eq!(
        rewritten(before, &form(before).with("banner_message", " ")),
        Ok(Some(String::new()))
    );
}

#[test]
fn days_are_days_and_in_their_order() {
    let filled = form("x");
    let with = |field: &str, day: &str| rewritten("x", &filled.clone().with(field, day));
    assert_eq!(with("banner_from", "tomorrow"), Err("banner_from"));
    assert_eq!(with("banner_until", "2026-13-01"), Err("banner_until"));
    let turned =
        filled.clone().with("banner_from", "2026-12-02").with("banner_until", "2026-12-01");
    assert_eq!(rewritten("x", &turned), Err("banner_until"));
    let same = filled.with("banner_from", "2026-12-02").with("banner_until", "2026-12-02");
    assert!(rewritten("x", &same).unwrap().is_some());
}
