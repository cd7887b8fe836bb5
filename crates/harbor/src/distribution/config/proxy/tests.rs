//! The section as operators have it, and their mistakes.

use std::time::Duration;

use super::{Proxy, Section, read};

fn parsed(text: &str) -> anyhow::Result<Option<Proxy>> {
    // As the file is read: a message then shows no line of it.
    let value: serde_json::Value = serde_saphyr::from_str(text)?;
    read(Some(serde_json::from_value::<Section>(value)?))
}

#[track_caller]
fn refused(text: &str, words: &str) {
    let error = format!("{:#}", parsed(text).unwrap_err());
    assert!(error.contains(words), "{error}");
}

#[test]
fn a_url_is_enough() {
    let proxy = parsed("remoteurl: https://registry-1.docker.io").unwrap().unwrap();
    assert_eq!(proxy.settings.url.as_str(), "https://registry-1.docker.io/");
    assert_eq!(proxy.settings.credentials, None);
    assert_eq!(proxy.lifetime, Some(Duration::from_secs(168 * 3600)));
    assert_eq!(proxy.settings.freshness, Duration::from_secs(10));
}

#[test]
fn all_there_is_to_say_is_understood() {
    let text = "remoteurl: http://10.0.0.5:5000/below\nusername: ann\npassword: '123'\nttl: 24h\n\
        realm: https://auth.example.com/token\nfreshness: 1m\nnetworks: [10.0.0.0/8]\n";
    let proxy = parsed(text).unwrap().unwrap();
    let credentials = proxy.settings.credentials.as_ref().unwrap();
    assert_eq!((credentials.name.as_str(), credentials.password.as_str()), ("ann", "123"));
    assert_eq!(proxy.lifetime, Some(Duration::from_secs(24 * 3600)));
    assert_eq!(proxy.settings.freshness, Duration::from_secs(60));
    assert_eq!(proxy.settings.networks.len(), 1);
    assert!(!format!("{proxy:?}").contains("123"), "{proxy:?}");
}

#[test]
fn a_lifetime_of_nothing_is_for_ever() {
    let proxy = parsed("remoteurl: https://hub\nttl: 0").unwrap().unwrap();
    assert_eq!(proxy.lifetime, None);
}

#[test]
fn a_section_without_a_url_is_none() {
    assert!(parsed("username: ann").unwrap().is_none());
    assert!(parsed("remoteurl: ''").unwrap().is_none());
}

#[test]
fn mistakes_name_the_key_and_what_to_do() {
    refused("remoteurl: hub", "proxy.remoteurl: \"hub\" is no URL");
    refused("remoteurl: 'ftp://hub'", "proxy.remoteurl");
    refused("remoteurl: 'https://a:b@hub'", "set proxy.username and proxy.password");
    refused("remoteurl: 'https://hub/v2/'", "end it before /v2/");
    refused("{remoteurl: 'https://hub', username: ann}", "proxy.password is missing");
    refused("{remoteurl: 'https://hub', password: p}", "proxy.username is missing");
    refused("{remoteurl: 'https://hub', exec: {command: x}}", "proxy.exec");
    refused("{remoteurl: 'https://hub', username: a, password: 4711}", "put it into quotes");
    let told = format!("{:#}", parsed("{remoteurl: 'https://hub', password: 4711}").unwrap_err());
    assert!(!told.contains("4711"), "{told}");
}
