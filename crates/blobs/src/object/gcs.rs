//! Google Cloud Storage, by its XML interface.

use std::fs;

use object_store::gcp::GoogleCloudStorageBuilder;

use super::{
    client::{Patience, Transport, misconfigured},
    library::Library,
    provider::{Limits, Provider},
    remote::Remote,
};
use crate::{Result, settings::Gcs};

pub(super) const PROVIDER: Provider = Provider {
    limits: Limits {
        part: Gcs::MIN_CHUNK..=Gcs::MAX_CHUNK,
        remedy: "from 5242880 to 5368709120 bytes, as Google takes parts",
        parts: 10_000,
        bytes: 5 << 40,
        growth: 17,
    },
    refusals: &[
        ("NoSuchBucket", "bucket", "Google has no bucket of this name: create it, or correct it"),
        ("InvalidBucketName", "bucket", "no bucket can have this name: correct it"),
        (
            "UserProjectAccountProblem",
            "bucket",
            "the account that pays for it is in trouble: see Google's console",
        ),
        ("AuthenticationRequired", "keyfile", KEY),
        ("InvalidSecurity", "keyfile", KEY),
        ("SignatureDoesNotMatch", "keyfile", KEY),
        ("AccessDenied", DENIED.0, DENIED.1),
    ],
    denied: DENIED,
    silent: (
        "endpoint",
        "neither the server nor Google's for tokens answers: can this host reach them?",
    ),
    lost: &["InvalidPart", "InvalidPartOrder", "EntityTooSmall"],
};
const KEY: &str = "Google does not accept the account's key: make another one";
const DENIED: (&str, &str) = (
    "keyfile",
    "its account must be allowed to get, create, list and delete objects of the bucket: Storage Object Admin",
);

pub(super) fn connect(settings: &Gcs, patience: Patience) -> Result<Remote> {
    let plain = settings.endpoint.as_ref().is_some_and(|endpoint| endpoint.scheme() == "http");
    let cafile = settings.cafile.as_deref();
    let transport = Transport { plain, skipverify: false, cafile };
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(&settings.bucket)
        .with_client_options(transport.options()?)
        .with_retry(patience.retry());
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_base_url(endpoint.as_str().trim_end_matches('/'));
    }
    if let Some(key) = key(settings)? {
        builder = builder.with_service_account_key(key);
    }
    let client = Library::new(builder.build(), &PROVIDER)?;
    // What is signed is always good for Google's own host alone.
    Ok(Remote::Library(if settings.endpoint.is_some() { client.unsigned() } else { client }))
}

/// The key of the account, made sure to be one: what the client says about another text names no setting.
fn key(settings: &Gcs) -> Result<Option<String>> {
    let (setting, text) = match (&settings.keyfile, &settings.credentials) {
        (None, None) => return Ok(None),
        (None, Some(text)) => ("credentials", text.reveal().to_owned()),
        (Some(file), None) => {
            let remedy = "a file with the key of a service account, which the service may read";
            let text = fs::read_to_string(file);
            ("keyfile", text.map_err(|error| misconfigured("keyfile", remedy, error))?)
        }
        (Some(_), Some(_)) => {
            let remedy = "there is a keyfile as well: keep one of the two";
            return Err(misconfigured("credentials", remedy, "two ways to log in"));
        }
    };
    let remedy =
        "it is not the key of a service account as Google gives it, in JSON: download one again";
    let invalid = |error: serde_json::Error| misconfigured(setting, remedy, error);
    let parsed: serde_json::Value = serde_json::from_str(&text).map_err(invalid)?;
    for field in ["client_email", "private_key", "private_key_id"] {
        if !parsed.get(field).is_some_and(serde_json::Value::is_string) {
            return Err(misconfigured(setting, remedy, format!("there is no {field} in it")));
        }
    }
    Ok(Some(text))
}
