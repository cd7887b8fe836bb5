//! `http`: where the registry listens, and what stands around its answers.

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;
use url::Url;
use web::dress::{HeaderName, HeaderValue};
use web::{Network, TlsSettings, dress};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Section {
    addr: Option<String>,
    net: Option<String>,
    prefix: Option<String>,
    host: Option<String>,
    /// Answers are relative anyway.
    #[serde(rename = "relativeurls")]
    _relative: Value,
    /// Uploads are rows, and need none.
    #[serde(rename = "secret")]
    _secret: Value,
    #[serde(rename = "draintimeout")]
    _drain: Value,
    #[serde(rename = "http2")]
    _http2: Value,
    tls: Option<Tls>,
    headers: BTreeMap<String, Vec<String>>,
    debug: Debug,
    /// Not distribution's, which believes everybody: proxies whose `X-Forwarded-For` tells who a client is.
    trustedproxies: Vec<Network>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tls {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    clientcas: Vec<PathBuf>,
    minimumtls: Option<String>,
    ciphersuites: Vec<String>,
    letsencrypt: Option<LetsEncrypt>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LetsEncrypt {
    cachefile: String,
    hosts: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Debug {
    addr: Option<String>,
    prometheus: Prometheus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Prometheus {
    enabled: bool,
    path: Option<String>,
}

#[derive(Debug)]
pub(in super::super) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

#[derive(Debug)]
pub(in super::super) struct Http {
    pub(in super::super) address: Address,
    pub(in super::super) tls: Option<TlsSettings>,
    pub(in super::super) external_url: Option<Url>,
    pub(in super::super) dress: dress::Settings,
    pub(in super::super) trusted_proxies: Vec<Network>,
    /// Where health is told.
    pub(in super::super) debug: Option<SocketAddr>,
    /// And metrics.
    pub(in super::super) has_metrics: bool,
}

pub(super) fn read(section: Section) -> Result<Http> {
    let address = section.addr.as_deref().unwrap_or(":5000");
    let address = match section.net.as_deref() {
        None | Some("" | "tcp") => Address::Tcp(socket("http.addr", address)?),
        Some("unix") => Address::Unix(address.into()),
        Some(other) => bail!("http.net: {other:?} is neither tcp nor unix"),
    };
    let tls = section.tls.map(Tls::read).transpose()?.flatten();
    if tls.is_some() && matches!(address, Address::Unix(_)) {
        bail!(
            "http.tls and http.net: unix exclude each other: a socket of this machine needs no TLS"
        );
    }
    if section.debug.prometheus.path.as_deref().is_some_and(|path| path != "/metrics") {
        bail!("http.debug.prometheus.path: metrics are told at /metrics");
    }
    let external_url = section.host.filter(|host| !host.is_empty());
    let external_url = external_url.map(|host| {
        host.parse().with_context(|| format!("http.host: {host:?} is no URL: https://host:port"))
    });
    Ok(Http {
        address,
        tls,
        external_url: external_url.transpose()?,
        dress: dress::Settings {
            prefix: prefix(section.prefix.as_deref().unwrap_or_default())?,
            headers: headers(section.headers)?,
            closed: None,
        },
        trusted_proxies: trusted(section.trustedproxies)?,
        debug: section.debug.addr.map(|addr| socket("http.debug.addr", &addr)).transpose()?,
        has_metrics: section.debug.prometheus.enabled,
    })
}

/// Those that are named, and whoever is on this machine, such as an nginx before us.
fn trusted(named: Vec<Network>) -> Result<Vec<Network>> {
    let here = ["127.0.0.0/8", "::1/128"].map(str::parse::<Network>);
    let here = here.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(here.into_iter().chain(named).collect())
}

/// Go's form of an address: without a host, all of them, of IPv4 and, where there is one, of IPv6.
fn socket(key: &str, text: &str) -> Result<SocketAddr> {
    let any = if Path::new("/proc/net/if_inet6").exists() { "[::]" } else { "0.0.0.0" };
    let whole = if text.starts_with(':') { format!("{any}{text}") } else { text.to_owned() };
    let mut addresses = whole
        .to_socket_addrs()
        .with_context(|| format!("{key}: {text:?} is no address: host:port, or :port"))?;
    addresses.next().with_context(|| format!("{key}: {text:?} has no address"))
}

fn prefix(text: &str) -> Result<String> {
    let trimmed = text.trim_end_matches('/');
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/-._~".contains(letter);
    if trimmed.is_empty() || (trimmed.starts_with('/') && trimmed.chars().all(plain)) {
        return Ok(trimmed.to_owned());
    }
    bail!("http.prefix: {text:?} is no path: begin it with a slash")
}

fn headers(given: BTreeMap<String, Vec<String>>) -> Result<Vec<(HeaderName, HeaderValue)>> {
    let mut headers = Vec::new();
    for (name, values) in given {
        let parsed: HeaderName = name
            .parse()
            .with_context(|| format!("http.headers: {name:?} is no name of a header"))?;
        // Every answer says so anyway, and once.
        if parsed.as_str() == "x-content-type-options" {
            continue;
        }
        for value in values {
            let value = HeaderValue::from_str(&value).with_context(|| {
                format!("http.headers.{name}: {value:?} is no value of a header")
            })?;
            headers.push((parsed.clone(), value));
        }
    }
    Ok(headers)
}

impl Tls {
    fn read(self) -> Result<Option<TlsSettings>> {
        if self.letsencrypt.is_some_and(|acme| !acme.cachefile.is_empty() || !acme.hosts.is_empty())
        {
            bail!(
                "http.tls.letsencrypt: certificates are not fetched here: get one with certbot, say, and set \
                http.tls.certificate and http.tls.key"
            );
        }
        if !self.ciphersuites.is_empty() {
            bail!(
                "http.tls.ciphersuites cannot be set: only suites without known faults are spoken; remove it"
            );
        }
        match self.minimumtls.as_deref() {
            None | Some("" | "tls1.0" | "tls1.1" | "tls1.2") => {}
            Some(other) => {
                bail!("http.tls.minimumtls: {other:?} cannot be set: TLS 1.2 and 1.3 are spoken")
            }
        }
        match (self.certificate, self.key) {
            (Some(cert), Some(key)) => {
                Ok(Some(TlsSettings { cert, key, client_cas: self.clientcas }))
            }
            (None, None) if self.clientcas.is_empty() => Ok(None),
            (None, _) => bail!("http.tls.certificate is missing"),
            (Some(_), None) => bail!("http.tls.key is missing"),
        }
    }
}
