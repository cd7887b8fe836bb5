//! URLs for clients, which the account's or the container's key signs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY, HMAC_SHA256};
use http::Method;
use serde_json::Value;
use url::Url;

use super::{Place, Question, Settings, Swift, misconfigured};
use crate::{Error, Result};

const ACCOUNT: [&str; 2] = ["x-account-meta-temp-url-key", "x-account-meta-temp-url-key-2"];
const ACCOUNT_TAKEN: &str = "the account has another: use that, or say tempurlcontainerkey: true for one of the container's own";
const CONTAINER: [&str; 2] = ["x-container-meta-temp-url-key", "x-container-meta-temp-url-key-2"];
const CONTAINER_TAKEN: &str =
    "the container has another: use that, or remove it from the container if nobody else does";

#[derive(Debug)]
pub(super) struct TempUrl(hmac::Key);

impl TempUrl {
    /// Makes the key known to the server, if there is one and the server has none.
    ///
    /// One that is there already is somebody's, whose URLs would end with it.
    pub(super) async fn prepare(swift: &Swift, settings: &Settings) -> Result<Option<Self>> {
        let Some(key) = &settings.secretkey else { return Ok(None) };
        let (place, headers, taken) = if settings.tempurlcontainerkey {
            (Place::Container, CONTAINER, CONTAINER_TAKEN)
        } else {
            (Place::Account, ACCOUNT, ACCOUNT_TAKEN)
        };
        let known = swift.ask(Method::HEAD, place, "", Ok).await?;
        // A server takes either of two.
        let is_known = headers.iter().any(|header| known.text(header) == Some(key.reveal()));
        let [header, _second] = headers;
        if !is_known {
            if known.text(header).is_some_and(|there| !there.is_empty()) {
                return Err(misconfigured("secretkey", taken, "there is another key"));
            }
            let form = |question: Question| question.with(header, key.reveal());
            swift.ask(Method::POST, place, "", form).await.map_err(|error| match error {
                Error::Misconfigured { source, .. } => {
                    let remedy = "we may not tell it to the server: remove it, or let its owner set it, or try tempurlcontainerkey: true";
                    misconfigured("secretkey", remedy, source)
                }
                error => error,
            })?;
        }
        let algorithm =
            if knows_sha256(swift).await? { HMAC_SHA256 } else { HMAC_SHA1_FOR_LEGACY_USE_ONLY };
        Ok(Some(Self(hmac::Key::new(algorithm, key.reveal().as_bytes()))))
    }

    pub(super) fn sign(&self, mut url: Url, lifetime: Duration) -> Url {
        let expires = since_epoch().saturating_add(lifetime).as_secs();
        let text = format!("GET\n{expires}\n{}", url.path());
        let signature = hex::encode(hmac::sign(&self.0, text.as_bytes()));
        let mut query = url.query_pairs_mut();
        query.append_pair("temp_url_sig", &signature);
        query.append_pair("temp_url_expires", &expires.to_string());
        drop(query);
        url
    }
}

/// Servers tell since 2017 what they take; those that are older, and Ceph's, know nothing better than SHA-1.
async fn knows_sha256(swift: &Swift) -> Result<bool> {
    let mut url = swift.session().await?.account.clone();
    let base = url.path().split("/v1").next().unwrap_or_default().to_owned();
    url.set_path(&format!("{base}/info"));
    let answer = swift.wire.ask(&Question::new(Method::GET, url)).await?;
    if !answer.status.is_success() {
        return Ok(true);
    }
    let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let digests = told.pointer("/tempurl/allowed_digests").and_then(Value::as_array);
    Ok(digests.is_some_and(|digests| digests.iter().any(|digest| digest == "sha256")))
}

/// The server compares it with its own clock.
#[expect(clippy::disallowed_methods, reason = "what a server compares with its clock is ours")]
fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
