//! Sizes as logrotate writes them, addresses of other servers, and what the configuration refuses.

use serde_json::json;

use super::{Forward, Settings, Size, Transport};

#[track_caller]
fn check_size(text: &str, bytes: Option<u64>) {
    assert_eq!(text.parse::<Size>().ok().map(Size::bytes), bytes, "{text:?}");
}

#[track_caller]
fn check_forward(text: &str, valid: bool) {
    let parsed = text.parse::<Forward>();
    assert_eq!(parsed.is_ok(), valid, "{text:?}");
    if let Ok(forward) = parsed {
        assert_eq!(forward.to_string().parse::<Forward>(), Ok(forward), "{text:?}");
    }
}

#[test]
fn a_size_has_a_suffix_in_either_case_or_none() {
    check_size("200M", Some(200 << 20));
    check_size("200m", Some(200 << 20));
    check_size("64k", Some(64 << 10));
    check_size("64K", Some(64 << 10));
    check_size("2G", Some(2 << 30));
    check_size("1048576", Some(1 << 20));
}

#[test]
fn a_size_that_is_none_is_refused() {
    for text in
        ["", "M", "-1M", "+1M", "1.5M", "200MB", "200kk", "1T", "0", "1", "99999999999999999999G"]
    {
        check_size(text, None);
    }
}

#[test]
fn a_server_is_named_with_its_transport_and_port() {
    check_forward("tcp://logs.example.com:514", true);
    check_forward("udp://192.0.2.7:1514/", true);
    check_forward("tcp://[2001:db8::1]:514", true);
    for text in [
        "",
        "logs.example.com:514",
        "http://logs:514",
        "tcp://logs",
        "tcp://:514",
        "tcp://logs:0",
        "tcp://logs:99999",
        "tcp://2001:db8::1:514",
        "tcp://user@logs:514",
        "tcp://lo gs:514",
    ] {
        check_forward(text, false);
    }
}

#[test]
fn the_configuration_is_read_into_final_types() {
    let settings: Settings = serde_json::from_value(json!({
        "listen": "127.0.0.1:1514", "directory": "/var/log/harbor", "rotate_size": "100k",
        "rotate_count": 3, "forward": "udp://logs:514", "log": {"level": "debug"},
    }))
    .expect("valid");
    assert_eq!(settings.rotate_size.bytes(), 100 << 10);
    assert_eq!(settings.forward.map(|forward| forward.transport), Some(Transport::Udp));
    let settings: Settings =
        serde_json::from_value(json!({"directory": "/d", "rotate_size": 104_857_600}))
            .expect("valid");
    assert_eq!((settings.rotate_size.bytes(), settings.rotate_count), (100 << 20, 50));
    assert_eq!(settings.listen.port(), 10514);
}

#[test]
fn an_unknown_key_is_refused() {
    let refused = serde_json::from_value::<Settings>(json!({"directory": "/d", "rotate": 3}));
    assert!(refused.is_err());
}
