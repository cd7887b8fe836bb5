//! How clients reach the platform: name, protocol, ports, certificate.

use std::path::{Path, PathBuf};

use url::Url;
use web::Network;

use super::form::Form;
use super::host::{self, Host};
use super::problems::Refusal;
use super::values;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::prepare) enum Protocol {
    Http,
    Https,
}

impl Protocol {
    pub(in crate::prepare) fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

#[derive(Clone, Debug)]
pub(in crate::prepare) struct Front {
    pub(in crate::prepare) host: Host,
    pub(in crate::prepare) protocol: Protocol,
    pub(in crate::prepare) http_port: u16,
    pub(in crate::prepare) https_port: u16,
    pub(in crate::prepare) external_url: Option<Url>,
    pub(in crate::prepare) trusted_proxies: Vec<Network>,
    /// Certificate chain and key.
    pub(in crate::prepare) certificate: PathBuf,
    pub(in crate::prepare) key: PathBuf,
    /// Whether these are the paths at which a certificate is made when there is none.
    pub(in crate::prepare) may_generate: bool,
}

impl Front {
    pub(super) fn read(form: &mut Form<'_>, data: &Path, notices: &mut Vec<String>) -> Self {
        if !form.is_set("hostname") {
            let remedy = "write `hostname = ` and the name or address that clients use";
            form.refuse("hostname", Refusal::new("it is not set", remedy));
        }
        let host = form.read("hostname", host::with_port);
        let protocol =
            form.read("ui_url_protocol", |text| values::choice(text, &["http", "https"]));
        let protocol = match protocol {
            Some("https") => Protocol::Https,
            _ => Protocol::Http,
        };
        let port = host.as_ref().and_then(|(_, port)| *port);
        let (http_port, https_port) = ports(form, protocol, port);
        let (certificate, key, may_generate) = certificate(form, data);
        let host = host.map_or_else(|| Host::Name(String::new()), |(host, _)| host);
        let front = Self {
            host,
            protocol,
            http_port,
            https_port,
            external_url: form.read("external_url", values::external_url),
            trusted_proxies: form.read("trusted_proxies", values::networks).unwrap_or_default(),
            certificate,
            key,
            may_generate,
        };
        notices.extend(front.docker_hub());
        front
    }

    /// `host`, or `host:port` where the port is not the protocol's own: what stands before the first slash in the
    /// name of an image.
    pub(in crate::prepare) fn authority(&self) -> String {
        match (self.protocol, self.http_port, self.https_port) {
            (Protocol::Http, 80, _) | (Protocol::Https, _, 443) => self.host.to_string(),
            (Protocol::Http, port, _) | (Protocol::Https, _, port) => {
                format!("{}:{port}", self.host)
            }
        }
    }

    /// What people open in a browser.
    pub(in crate::prepare) fn url(&self) -> String {
        match &self.external_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("{}://{}", self.protocol.scheme(), self.authority()),
        }
    }

    /// Docker looks on its Hub for `name/image` unless the name has a dot or a port.
    fn docker_hub(&self) -> Option<String> {
        let authority = self.authority();
        let found = authority.is_empty() || authority.contains(['.', ':']);
        (!found && self.external_url.is_none()).then(|| {
            format!(
                "Warning: docker takes {authority}/library/alpine for an image of Docker Hub, because the host has no \
                 dot and no port: use a full name, such as {authority}.example.com"
            )
        })
    }
}

/// The ports of HTTP and HTTPS on the host. In Harbor 1.x the protocol's own stands in the hostname.
fn ports(form: &mut Form<'_>, protocol: Protocol, in_hostname: Option<u16>) -> (u16, u16) {
    let http = form.read("http_port", values::port);
    let https = form.read("https_port", values::port);
    let (key, own) = match protocol {
        Protocol::Http => ("http_port", http),
        Protocol::Https => ("https_port", https),
    };
    if let (Some(port), Some(own)) = (in_hostname, own)
        && port != own
    {
        let what = format!("its port is not {key}, which is {own}");
        form.refuse("hostname", Refusal::new(what, "write the port in one of the two places only"));
    }
    let own = own.or(in_hostname);
    let (http, https) = match protocol {
        Protocol::Http => (own.unwrap_or(80), https.unwrap_or(443)),
        Protocol::Https => (http.unwrap_or(80), own.unwrap_or(443)),
    };
    if protocol == Protocol::Https && http == https {
        let key = if form.is_set("https_port") { "https_port" } else { "hostname" };
        let what = format!("port {https} is that of plain HTTP, http_port, too");
        form.refuse(key, Refusal::new(what, "choose two different ports"));
    }
    (http, https)
}

/// Where certificate and key are, and whether they may be made there.
fn certificate(form: &mut Form<'_>, data: &Path) -> (PathBuf, PathBuf, bool) {
    let default = |name: &str| data.join("cert").join(name);
    let given = (form.read("ssl_cert", values::path), form.read("ssl_cert_key", values::path));
    if form.is_set("ssl_cert") != form.is_set("ssl_cert_key") {
        let (missing, other) = match form.is_set("ssl_cert") {
            true => ("ssl_cert_key", "ssl_cert"),
            false => ("ssl_cert", "ssl_cert_key"),
        };
        let what = format!("it is not set, and {other} is");
        form.refuse(missing, Refusal::new(what, "set both, or none: then both are made"));
    }
    match given {
        (Some(certificate), Some(key)) => {
            // Harbor 1.x's harbor.cfg names these whether or not they are there.
            let is_default = |path: &Path, name: &str| {
                path == default(name) || path == Path::new("/data/cert").join(name)
            };
            let may = is_default(&certificate, "server.crt") && is_default(&key, "server.key");
            (certificate, key, may)
        }
        _ => (default("server.crt"), default("server.key"), true),
    }
}
