//! The envelope, field for field as `docker-registry` 2.8 writes it; `tests/e2e/notifications.sh` compares with the real one.

use std::sync::Arc;

use domain::Timestamp;
use domain::events::{Action, Content, Event, Request, Source, Target};
use oci::{Descriptor, Digest, Platform};
use serde_json::{Value, json};

use super::of;

fn event(action: Action, target: Target, actor: &str) -> Event {
    Event {
        id: "77097e80-44ca-4275-a49c-7971e4d5480a".parse().unwrap(),
        at: Timestamp::from_micros(1_800_000_000_758_776),
        action,
        target,
        actor: actor.into(),
        request: Arc::new(Request {
            id: "132c835f".to_owned(),
            addr: "127.0.0.1:58558".to_owned(),
            host: "127.0.0.1:7700".to_owned(),
            method: "PUT".to_owned(),
            agent: "curl/7.88.1".to_owned(),
        }),
        source: Arc::new(Source { addr: "vm:7700".to_owned(), instance: "2ef59265".to_owned() }),
    }
}

fn text(event: &Event) -> String {
    String::from_utf8(of(event)).unwrap()
}

#[test]
fn a_pushed_blob_is_told_as_distribution_tells_it() {
    let digest = Digest::of(b"x").to_string();
    let content = Content {
        media_type: "application/octet-stream".to_owned(),
        size: 37,
        url: "http://127.0.0.1:7700/v2/a/b/blobs/x".to_owned(),
        references: Vec::new(),
    };
    let target = Target {
        repository: "a/b".to_owned(),
        digest: Some(digest.clone()),
        content: Some(content),
        ..Target::default()
    };
    let expected = format!(
        r#"{{
   "events": [
      {{
         "id": "77097e80-44ca-4275-a49c-7971e4d5480a",
         "timestamp": "2027-01-15T08:00:00.758Z",
         "action": "push",
         "target": {{
            "mediaType": "application/octet-stream",
            "size": 37,
            "digest": "{digest}",
            "length": 37,
            "repository": "a/b",
            "url": "http://127.0.0.1:7700/v2/a/b/blobs/x"
         }},
         "request": {{
            "id": "132c835f",
            "addr": "127.0.0.1:58558",
            "host": "127.0.0.1:7700",
            "method": "PUT",
            "useragent": "curl/7.88.1"
         }},
         "actor": {{}},
         "source": {{
            "addr": "vm:7700",
            "instanceID": "2ef59265"
         }}
      }}
   ]
}}"#
    );
    assert_eq!(text(&event(Action::Push, target, "")), expected);
}

#[test]
fn what_was_deleted_is_named_and_nothing_else() {
    let target =
        Target { repository: "a/b".to_owned(), tag: Some("t".to_owned()), ..Target::default() };
    let told: Value = serde_json::from_str(&text(&event(Action::Delete, target, "ann"))).unwrap();
    assert_eq!(told["events"][0]["target"], json!({ "repository": "a/b", "tag": "t" }));
    assert_eq!(told["events"][0]["actor"], json!({ "name": "ann" }));
}

#[test]
fn references_have_no_platform() {
    let child = Descriptor {
        platform: Some(Platform { os: "linux".to_owned(), ..Platform::default() }),
        ..Descriptor::new("a/b", Digest::of(b"x"), 1)
    };
    let content = Content {
        media_type: "m/n".to_owned(),
        size: 1,
        url: "u".to_owned(),
        references: vec![child],
    };
    let target = Target { content: Some(content), ..Target::default() };
    let told: Value = serde_json::from_str(&text(&event(Action::Pull, target, ""))).unwrap();
    let expected = json!([{ "mediaType": "a/b", "digest": Digest::of(b"x"), "size": 1 }]);
    assert_eq!(told["events"][0]["target"]["references"], expected);
}
