//! What Docker's driver sends in each of its formats, what other programs send, and that nothing panics.

use proptest::proptest;

use super::Message;

#[track_caller]
fn check(line: &str, expected: Option<(&str, &str, &str, &str)>) {
    let message = Message::parse(line.as_bytes()).map(|message| {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            text(message.host.unwrap_or(b"-")),
            text(message.program),
            text(message.pid.unwrap_or(b"-")),
            text(message.text),
        )
    });
    let message =
        message.as_ref().map(|(a, b, c, d)| (a.as_str(), b.as_str(), c.as_str(), d.as_str()));
    assert_eq!(message, expected, "{line:?}");
}

#[test]
fn dockers_default_format_has_no_host() {
    check(
        "<30>Jul 24 11:17:46 registry[722]: level=info",
        Some(("-", "registry", "722", "level=info")),
    );
}

#[test]
fn dockers_rfc3164_has_a_host() {
    check("<30>Jul  4 11:17:46 node1 ui[9]: up", Some(("node1", "ui", "9", "up")));
    check("<27>2026-01-02T15:04:05Z node1 ui[9]: up", Some(("node1", "ui", "9", "up")));
}

#[test]
fn dockers_rfc5424_is_read_with_and_without_microseconds() {
    check("<30>1 2026-01-02T15:04:05Z node1 ui 9 ui - up", Some(("node1", "ui", "9", "up")));
    check("<30>1 2026-01-02T15:04:05.123456Z node1 ui 9 ui - up", Some(("node1", "ui", "9", "up")));
}

#[test]
fn the_text_is_kept_as_it_is() {
    check("<30>Jul 24 11:17:46 a[1]:   two more  ", Some(("-", "a", "1", "  two more  ")));
    check("<30>Jul 24 11:17:46 a[1]: [id x=\"y\"] z", Some(("-", "a", "1", "[id x=\"y\"] z")));
    check("<30>Jul 24 11:17:46 a[1]: ", Some(("-", "a", "1", "")));
    check("<30>Jul 24 11:17:46 a[1]:", Some(("-", "a", "1", "")));
}

#[test]
fn a_tag_may_hold_an_images_name() {
    check(
        "<30>Jul 24 11:17:46 debian:12/web/4f1a[9]: x",
        Some(("-", "debian:12/web/4f1a", "9", "x")),
    );
    check("<30>Jul 24 11:17:46 cron: x", Some(("-", "cron", "-", "x")));
}

#[test]
fn structured_data_ends_where_its_brackets_end() {
    let line = br#"<30>1 - h app - - [a b="c\"]"][d] text"#;
    let message = Message::parse(line).expect("valid");
    assert_eq!(
        (message.structured, message.text),
        (br#"[a b="c\"]"][d]"#.as_slice(), b"text".as_slice())
    );
    assert_eq!((message.stamp, message.pid), (None, None));
}

#[test]
fn what_is_no_syslog_message_is_none() {
    for line in [
        "",
        "<",
        "<30",
        "<30>",
        "<999>Jul 24 11:17:46 a: x",
        "<192>Jul 24 11:17:46 a: x",
        "plain text",
        "<30>plain text",
        "<30>Jul 24 11:17:46",
        "<30>Jul 24 11:17:46 no colon here",
        "<>Jul 24 11:17:46 a: x",
        "<+3>Jul 24 11:17:46 a: x",
        "<30>1 2026-01-02T15:04:05Z h - 9 - - x",
        "<30>1 soon h app 9 - - x",
        "<30>1 - h app 9 - [open",
    ] {
        check(line, None);
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        Message::parse(&bytes);
        let mut line = b"<30>Jul 24 11:17:46 ".to_vec();
        line.extend(&bytes);
        Message::parse(&line);
        let mut line = b"<30>1 - h a - - ".to_vec();
        line.extend(&bytes);
        Message::parse(&line);
    }
}
