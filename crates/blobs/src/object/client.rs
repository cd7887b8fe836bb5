//! The client of a bucket, from the operator's settings.

use std::{fs, io, sync::OnceLock, time::Duration};

use http::HeaderValue;
use object_store::{
    BackoffConfig, Certificate, ClientOptions, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
};
use tokio::runtime::{Builder, Handle, Runtime};

use super::failure::failure;
use crate::{Error, Key, Result, settings::S3};

/// Threads that drive connections: what they do beside waiting is TLS.
const WORKERS: usize = 2;
/// Threads that look names up.
const LOOKUPS: usize = 8;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest silence of the server, which puts the parts of a large object together before it answers.
const READ_TIMEOUT: Duration = Duration::from_secs(120);

/// The runtime of all buckets of this process, which never ends.
///
/// Not that of the callers: these wait on its blocking threads, and a name is looked up on a blocking thread too. Were all
/// of them waiting, no name would ever be found.
pub(super) fn runtime() -> Result<&'static Handle> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle());
    }
    let made = Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(LOOKUPS)
        .thread_name("bucket")
        .enable_all()
        .build()?;
    // Of two that came at once, one is kept; the other has no work that its end would wait for.
    if let Err(second) = RUNTIME.set(made) {
        second.shutdown_background();
    }
    Ok(RUNTIME.wait().handle())
}

/// A client that asks again for a minute when the server is busy or gone.
pub(super) fn patient(settings: &S3) -> Result<AmazonS3> {
    build(settings, 10, Duration::from_secs(60))
}

/// A client for the first question: whoever starts the service wants to know soon.
pub(super) fn impatient(settings: &S3) -> Result<AmazonS3> {
    build(settings, 2, Duration::from_secs(5))
}

/// What all names begin with.
pub(super) fn root(settings: &S3) -> Result<String> {
    let root = settings.rootdirectory.trim_matches('/');
    if root.is_empty() {
        return Ok(String::new());
    }
    match root.parse::<Key>() {
        Ok(root) => Ok(format!("{root}/")),
        Err(error) => {
            let remedy = "a path of letters, digits and -_.+ that are parted by slashes";
            Err(misconfigured("rootdirectory", remedy, error))
        }
    }
}

/// What a failure of the first question means.
pub(super) fn explained(error: Error) -> Error {
    let Error::Unavailable(source) = error else { return error };
    let mut text = source.to_string();
    let mut cause = std::error::Error::source(&source);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    let (setting, remedy) = if text.contains("certificate") {
        ("cafile", "the server's certificate is not trusted: name that of its issuer")
    } else {
        ("regionendpoint", "no S3 server answers there: correct it, or start the server")
    };
    Error::Misconfigured { setting, remedy, source: io::Error::other(text) }
}

fn build(settings: &S3, max_retries: usize, retry_timeout: Duration) -> Result<AmazonS3> {
    let chunks = S3::MIN_CHUNK..=S3::MAX_CHUNK;
    if !chunks.contains(&settings.chunksize) {
        let remedy = "from 5242880 to 5368709120 bytes, as S3 takes parts";
        return Err(misconfigured("chunksize", remedy, settings.chunksize.to_string()));
    }
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(10),
        base: 2.0,
    };
    let plain = match &settings.regionendpoint {
        Some(endpoint) => endpoint.scheme() == "http",
        None => !settings.secure,
    };
    let builder = AmazonS3Builder::new()
        .with_bucket_name(&settings.bucket)
        .with_region(&settings.region)
        .with_virtual_hosted_style_request(!path_style(settings))
        .with_client_options(options(settings, plain)?)
        .with_retry(RetryConfig { backoff, max_retries, retry_timeout });
    let builder = credentials(settings, builder)?;
    let builder = match endpoint(settings, plain) {
        Some(endpoint) => builder.with_endpoint(endpoint),
        None => builder,
    };
    builder.build().map_err(failure)
}

fn path_style(settings: &S3) -> bool {
    settings.forcepathstyle.unwrap_or(settings.regionendpoint.is_some())
}

/// With the bucket in the host's name, the client wants it there.
fn endpoint(settings: &S3, plain: bool) -> Option<String> {
    let bucket = &settings.bucket;
    let Some(endpoint) = &settings.regionendpoint else {
        let host = format!("s3.{}.amazonaws.com", settings.region);
        return plain.then(|| match path_style(settings) {
            true => format!("http://{host}"),
            false => format!("http://{bucket}.{host}"),
        });
    };
    let text = endpoint.as_str().trim_end_matches('/');
    Some(match (path_style(settings), text.split_once("://")) {
        (false, Some((scheme, host))) => format!("{scheme}://{bucket}.{host}"),
        _ => text.to_owned(),
    })
}

fn credentials(settings: &S3, builder: AmazonS3Builder) -> Result<AmazonS3Builder> {
    match (&settings.accesskey, &settings.secretkey) {
        (Some(access), Some(secret)) => {
            Ok(builder.with_access_key_id(access).with_secret_access_key(secret.reveal()))
        }
        (None, None) => Ok(builder),
        (Some(_), None) => Err(misconfigured("secretkey", "it is missing: add it", "not there")),
        (None, Some(_)) => Err(misconfigured("accesskey", "it is missing: add it", "not there")),
    }
}

fn options(settings: &S3, plain: bool) -> Result<ClientOptions> {
    let agent = HeaderValue::from_static(concat!("harbor/", env!("CARGO_PKG_VERSION")));
    let mut options = ClientOptions::new()
        .with_user_agent(agent)
        .with_default_content_type("application/octet-stream")
        .with_allow_http(plain)
        .with_allow_invalid_certificates(settings.skipverify)
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_read_timeout(READ_TIMEOUT)
        // A large part may take its time.
        .with_timeout_disabled();
    if let Some(file) = &settings.cafile {
        let remedy = "a file with certificates in PEM, which the service may read";
        let unreadable = |error: io::Error| misconfigured("cafile", remedy, error);
        let pem = fs::read_to_string(file).map_err(unreadable)?;
        let certificates = Certificate::from_pem_bundle(pem.as_bytes())
            .map_err(|error| misconfigured("cafile", remedy, error))?;
        if certificates.is_empty() {
            return Err(misconfigured("cafile", remedy, "there is none in it"));
        }
        for certificate in certificates {
            options = options.with_root_certificate(certificate);
        }
    }
    Ok(options)
}

fn misconfigured(
    setting: &'static str,
    remedy: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    Error::Misconfigured { setting, remedy, source: io::Error::other(source) }
}
