//! What the clients of all providers have in common.

use std::{fs, io, path::Path, sync::OnceLock, time::Duration};

use http::HeaderValue;
use object_store::{BackoffConfig, Certificate, ClientOptions, RetryConfig};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::{Error, Key, Result};

/// Threads that drive connections: what they do beside waiting is TLS.
const WORKERS: usize = 2;
/// Threads that look names up.
const LOOKUPS: usize = 8;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest silence of the server, which puts the parts of a large object together before it answers.
const READ_TIMEOUT: Duration = Duration::from_secs(120);

/// How long a server that is busy or gone is asked again.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    /// The first question: whoever starts the service wants to know soon.
    Little,
    /// A minute.
    Much,
}

impl Patience {
    pub(super) fn retries(self) -> (usize, Duration) {
        match self {
            Self::Little => (2, Duration::from_secs(5)),
            Self::Much => (10, Duration::from_secs(60)),
        }
    }

    pub(super) fn retry(self) -> RetryConfig {
        let (max_retries, retry_timeout) = self.retries();
        let backoff = BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(10),
            base: 2.0,
        };
        RetryConfig { backoff, max_retries, retry_timeout }
    }
}

/// How a server is reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transport<'a> {
    pub(super) plain: bool,
    pub(super) skipverify: bool,
    pub(super) cafile: Option<&'a Path>,
}

impl Transport<'_> {
    pub(super) fn options(self) -> Result<ClientOptions> {
        let agent = HeaderValue::from_static(concat!("harbor/", env!("CARGO_PKG_VERSION")));
        let mut options = ClientOptions::new()
            .with_user_agent(agent)
            .with_default_content_type("application/octet-stream")
            .with_allow_http(self.plain)
            .with_allow_invalid_certificates(self.skipverify)
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_read_timeout(READ_TIMEOUT)
            // A large part may take its time.
            .with_timeout_disabled();
        if let Some(file) = self.cafile {
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
}

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

/// What all names begin with: empty, or a path that ends with a slash.
pub(super) fn root(setting: &'static str, directory: &str) -> Result<String> {
    let root = directory.trim_matches('/');
    if root.is_empty() {
        return Ok(String::new());
    }
    match root.parse::<Key>() {
        Ok(root) => Ok(format!("{root}/")),
        Err(error) => {
            let remedy = "a path of letters, digits and -_.+ that are parted by slashes";
            Err(misconfigured(setting, remedy, error))
        }
    }
}

pub(super) fn misconfigured(
    setting: &'static str,
    remedy: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    Error::Misconfigured { setting, remedy, source: io::Error::other(source) }
}
