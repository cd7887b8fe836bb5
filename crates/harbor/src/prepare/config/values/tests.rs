//! Single values, good and bad.

use super::{choice, directory, external_url, forward, networks, number, path, size, switch};

#[test]
fn a_switch_is_on_or_off_in_any_spelling() {
    for (text, value) in [("on", true), ("True", true), ("OFF", false), ("false", false)] {
        assert_eq!(switch(text), Ok(value), "{text}");
    }
    assert!(switch("yes").is_err() && switch("1").is_err());
}

#[test]
fn a_number_has_digits_only_and_bounds() {
    assert_eq!(number("7", 1_u16, 10), Ok(7));
    for text in ["0", "11", "-1", "+7", "7.0", "", "99999999999"] {
        assert!(number(text, 1_u16, 10).is_err(), "{text}");
    }
}

#[test]
fn a_size_may_have_a_unit() {
    for text in ["4096", "100k", "200M", "1g"] {
        assert_eq!(size(text).as_deref(), Ok(text));
    }
    for text in
        ["", "M", "0", "1T", "1 M", "-1k", "99999999999999999999", "17179869184G", "3k", "100"]
    {
        assert!(size(text).is_err(), "{text}");
    }
}

#[test]
fn a_choice_is_one_of_those_there_are() {
    assert_eq!(choice("HTTPS", &["http", "https"]), Ok("https"));
    assert_eq!(choice("ftp", &["http", "https"]).unwrap_err().remedy, "write one of http, https");
}

#[test]
fn a_path_is_absolute_and_plain() {
    assert_eq!(path("/srv//harbor/").unwrap().to_str(), Some("/srv/harbor"));
    for text in
        ["srv", "./srv", "~/srv", "/srv/../etc", "/srv/$HOME", "/srv/a:b", "/srv/a b", "/a\"b"]
    {
        assert!(path(text).is_err(), "{text}");
    }
}

#[test]
fn directories_of_the_system_are_not_ours() {
    for text in ["/", "/etc", "/var/log/", "/usr"] {
        let refusal = directory(text).unwrap_err();
        assert!(refusal.remedy.contains("/harbor"), "{refusal:?}");
    }
    assert!(directory("/var/log/harbor").is_ok() && directory("/data").is_ok());
}

#[test]
fn networks_are_parted_by_commas_or_spaces() {
    let found = networks("10.0.0.7, 10.1.0.0/16  fd00::/8").unwrap();
    let shown: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["10.0.0.7/32", "10.1.0.0/16", "fd00::/8"]);
    assert!(networks("10.0.0.0/33").unwrap_err().what.contains("10.0.0.0/33"));
}

#[test]
fn an_external_url_is_a_root() {
    for text in ["https://reg.example.com", "http://10.0.0.7:8080/", "https://[fd00::7]"] {
        assert!(external_url(text).is_ok(), "{text}");
    }
    for text in [
        "reg.example.com",
        "ftp://reg.example.com",
        "https://reg.example.com/harbor",
        "https://a:b@reg.example.com",
        "https://reg.example.com/?a",
        "https://localhost",
    ] {
        assert!(external_url(text).is_err(), "{text}");
    }
}

#[test]
fn lines_are_forwarded_to_a_host_and_a_port() {
    assert_eq!(forward("tcp://logs.example.com:514").as_deref(), Ok("tcp://logs.example.com:514"));
    assert_eq!(forward("udp://[fd00::7]:514").as_deref(), Ok("udp://[fd00::7]:514"));
    for text in
        ["logs.example.com:514", "tcp://logs.example.com", "http://a:1", "tcp://a:0", "tcp://a:1/b"]
    {
        assert!(forward(text).is_err(), "{text}");
    }
}
