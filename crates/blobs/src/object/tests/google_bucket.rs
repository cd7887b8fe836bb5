//! What only Google Cloud Storage can show.

use std::time::Duration;

use super::super::{client::Patience, gcs};
use super::refusal;
use crate::contract::drivers::{Account, Server};
use crate::{Gcs, Secret};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_setting_is_named_when_the_store_is_opened() {
    let server = Server::start_as_google().await;
    let right = server.google();
    let key = |key: &str| Gcs { credentials: Some(Secret::new(key)), ..right.clone() };
    assert_eq!(refusal(key("no JSON")).await, "credentials");
    assert_eq!(refusal(key("{\"client_email\": \"a@b\"}")).await, "credentials");
    let other = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap().serialize_pem();
    let mut stranger: serde_json::Value = serde_json::from_str(&Account::own().key_file()).unwrap();
    stranger["private_key"] = other.into();
    assert_eq!(refusal(key(&stranger.to_string())).await, "keyfile");
    let file = Some("/nowhere".into());
    let unread = Gcs { keyfile: file.clone(), credentials: None, ..right.clone() };
    assert_eq!(refusal(unread).await, "keyfile");
    assert_eq!(refusal(Gcs { keyfile: file, ..right.clone() }).await, "credentials");
    let chunksize = Gcs { chunksize: 1000, ..right.clone() };
    assert_eq!(refusal(chunksize).await, "chunksize");
    let nobody = Some("http://127.0.0.1:1".parse().unwrap());
    assert_eq!(refusal(Gcs { endpoint: nobody, ..right }).await, "endpoint");
}

/// As Google describes `GOOG4-RSA-SHA256`.
#[tokio::test(flavor = "multi_thread")]
async fn a_url_for_clients_is_signed_by_the_account() {
    let account = Account::own();
    let key = Some(Secret::new(account.key_file()));
    let settings = Gcs { credentials: key, ..Gcs::bucket("images") };
    let remote = gcs::connect(&settings, Patience::Little).unwrap();
    let url = remote.signed("objects/1", Duration::from_secs(60)).await.unwrap().unwrap();
    assert!(url.as_str().starts_with("https://storage.googleapis.com/images/objects/1?"), "{url}");
    let of = |wanted: &str| {
        let mut pairs = url.query_pairs();
        pairs.find(|(name, _)| name == wanted).unwrap().1.into_owned()
    };
    assert_eq!(of("X-Goog-Expires"), "60");
    let (query, signature) = url.query().unwrap().split_once("&X-Goog-Signature=").unwrap();
    let request = format!(
        "GET\n{}\n{query}\nhost:storage.googleapis.com\n\nhost\nUNSIGNED-PAYLOAD",
        url.path()
    );
    let hash = oci::Digest::of(request.as_bytes()).to_string();
    let date = of("X-Goog-Date");
    let scope = of("X-Goog-Credential").split_once('/').unwrap().1.to_owned();
    let text = format!("GOOG4-RSA-SHA256\n{date}\n{scope}\n{}", hash.trim_start_matches("sha256:"));
    assert!(account.has_signed(&text, &hex::decode(signature).unwrap()), "{url}");
}
