//! What only Swift can show. On the server that `TEST_SWIFT_AUTHURL` names.

mod keystone;

use std::time::Duration;

use oci::Algorithm;
use url::Url;

use super::super::{client::Patience, swift};
use super::{extend, refusal, small};
use crate::contract::drivers::{MIB, content, keys, named_swift, open, put, read, settle, write};
use crate::{HashState, Key, Secret, Swift, driver::Access};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_setting_is_named_when_the_store_is_opened() {
    let Some(right) = named_swift() else { return };
    let password = Swift { password: Secret::new("wrong"), ..right.clone() };
    assert_eq!(refusal(password).await, "username");
    let chunksize = Swift { chunksize: 1000, ..right.clone() };
    assert_eq!(refusal(chunksize).await, "chunksize");
    let prefix = Swift { prefix: "a b".to_owned(), ..right.clone() };
    assert_eq!(refusal(prefix).await, "prefix");
    let version = Swift { authversion: Some(4), ..right.clone() };
    assert_eq!(refusal(version).await, "authversion");
    let url = |url: &str| Swift { authurl: url.parse().unwrap(), ..right.clone() };
    assert_eq!(refusal(url("http://127.0.0.1:1/auth")).await, "authversion");
    assert_eq!(refusal(url("http://127.0.0.1:1/auth/v1.0")).await, "authurl");
    let elsewhere = url(right.authurl.join("/v1/none").unwrap().as_str());
    assert_eq!(refusal(elsewhere).await, "username");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_made_if_there_is_none() {
    let Some(settings) = named_swift() else { return };
    let container = format!("made {}", uuid::Uuid::new_v4());
    let store = open(&Swift { container, ..settings }).await;
    let bytes = content(1000, 1);
    assert_eq!(read(&store, &put(&store, &bytes).await).await, bytes);
}

/// The names of all segments below the prefix of the settings.
async fn segments(settings: &Swift) -> usize {
    let prefix = format!("~segments/{}/", settings.prefix.trim_matches('/'));
    let settings = settings.clone();
    let opened = tokio::task::spawn_blocking(move || {
        swift::connect(&settings, Patience::Little, Access::Reading)
    });
    opened.await.unwrap().unwrap().page(&prefix, None).await.unwrap().found.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_go_with_their_object_or_their_upload_and_not_before() {
    let Some(settings) = named_swift() else { return };
    let (all, key) = (small(&settings), Key::fresh());
    let empty = HashState::new(Algorithm::Sha256);
    let state = extend(&all, &key, &empty, &content(12 * MIB, 2)).await;
    let store = open(&all).await;
    // Somebody goes on, and is killed.
    let mut killed = open(&all).await.resume(&key, state.clone());
    write(&mut killed, &content(12 * MIB, 3)).await;
    drop(killed);
    let mut upload = store.resume(&key, state.clone());
    let (rest, mut whole) = (content(6 * MIB, 4), state);
    write(&mut upload, &rest).await;
    whole.update(&rest);
    let committed = upload.commit(&whole.digest()).await.unwrap();
    settle(&store, &committed.stale).await.unwrap();
    store.delete(&committed.rest.unwrap()).await.unwrap();
    assert_eq!(
        store.digest(&committed.key, Algorithm::Sha256).await.unwrap().digest,
        whole.digest()
    );
    assert_eq!(keys(&store).await, std::slice::from_ref(&committed.key));
    store.delete(&committed.key).await.unwrap();
    assert_eq!(segments(&settings).await, 0);
    let key = Key::fresh();
    extend(&all, &key, &empty, &content(12 * MIB, 5)).await;
    assert!(segments(&settings).await > 0);
    store.delete(&key).await.unwrap();
    assert_eq!(segments(&settings).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_there_are_no_urls_for_clients() {
    let Some(settings) = named_swift() else { return };
    let lifetime = Duration::from_secs(60);
    for (secretkey, tempurlcontainerkey, signs) in
        [(None, false, false), (Some(Secret::new("the container's")), true, true)]
    {
        let store = open(&Swift { secretkey, tempurlcontainerkey, ..settings.clone() }).await;
        let bytes = content(1000, 6);
        let key = put(&store, &bytes).await;
        let url: Option<Url> = store.presigned(&key, lifetime).await.unwrap();
        assert_eq!(url.is_some(), signs);
        if let Some(url) = url {
            let answer = reqwest::get(url).await.unwrap().error_for_status().unwrap();
            assert_eq!(answer.bytes().await.unwrap(), bytes);
        }
    }
}
