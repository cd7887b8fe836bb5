//! The name or address by which clients reach the platform.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::problems::Refusal;

const EXAMPLE: &str = "write the name or address that clients use, such as registry.example.com";

/// A DNS name in lower case, or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::prepare) enum Host {
    Name(String),
    Address(IpAddr),
}

impl fmt::Display for Host {
    /// As in a URL: an IPv6 address in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl Host {
    /// Without brackets.
    pub(in crate::prepare) fn bare(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Address(address) => address.to_string(),
        }
    }
}

/// `hostname` with the port that Harbor 1.x lets it carry.
pub(super) fn with_port(text: &str) -> Result<(Host, Option<u16>), Refusal> {
    if text.contains("://") {
        let what = "this is a URL, not a host";
        return Err(Refusal::new(what, "write only the host; its protocol is ui_url_protocol"));
    }
    if text.contains('/') {
        return Err(Refusal::new("a host has no path", "write only what stands before the `/`"));
    }
    let (host, port) = split(text)?;
    if is_own(&host) {
        return Err(Refusal::new("only this machine itself is reached by it", EXAMPLE));
    }
    Ok((host, port.map(super::values::port).transpose()?))
}

/// A host without a port.
pub(super) fn parse(text: &str) -> Result<Host, Refusal> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(inner) = bracketed {
        return inner.parse::<Ipv6Addr>().map(|address| Host::Address(address.into())).map_err(
            |_invalid| Refusal::new("what stands in the brackets is no IPv6 address", EXAMPLE),
        );
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Host::Address(address));
    }
    name(text).map(Host::Name)
}

/// The host, and what stands after the colon.
fn split(text: &str) -> Result<(Host, Option<&str>), Refusal> {
    if let Some(rest) = text.strip_prefix('[') {
        let Some((inside, after)) = rest.split_once(']') else {
            return Err(Refusal::new(
                "the bracket is not closed",
                "write [address] or [address]:port",
            ));
        };
        let port = after.strip_prefix(':');
        if port.is_none() && !after.is_empty() {
            let what = "after `]` there may be only a port";
            return Err(Refusal::new(what, "write [address] or [address]:port"));
        }
        return Ok((parse(&format!("[{inside}]"))?, port));
    }
    if text.matches(':').count() > 1 {
        let what = "an IPv6 address stands in brackets";
        return Err(Refusal::new(what, format!("write [{text}]")));
    }
    match text.split_once(':') {
        Some((host, port)) => Ok((parse(host)?, Some(port))),
        None => Ok((parse(text)?, None)),
    }
}

fn name(text: &str) -> Result<String, Refusal> {
    let name = text.to_ascii_lowercase();
    if name == "reg.mydomain.com" {
        return Err(Refusal::new("this is the name of the example", EXAMPLE));
    }
    if !name.is_ascii() {
        let what = "a host name has letters a to z, digits, hyphens and dots";
        return Err(Refusal::new(what, "write an international name in its `xn--` form"));
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > 253 || !name.split('.').all(label) {
        let what = "not a host name: letters, digits and hyphens, in parts of 1 to 63 between dots";
        return Err(Refusal::new(what, EXAMPLE));
    }
    // Resolvers take a name whose last part is a number for an address.
    if name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(Refusal::new(
            "not an IPv4 address",
            "write four numbers from 0 to 255, or a name",
        ));
    }
    Ok(name)
}

/// Whether other machines reach themselves by it, and not this one.
fn is_own(host: &Host) -> bool {
    match host {
        Host::Name(name) => {
            name == "localhost" || name.ends_with(".localhost") || name == "localhost.localdomain"
        }
        Host::Address(address) => match web::network::canonical(*address) {
            IpAddr::V4(v4) => v4.is_loopback() || v4 == Ipv4Addr::UNSPECIFIED,
            IpAddr::V6(v6) => v6.is_loopback() || v6 == Ipv6Addr::UNSPECIFIED,
        },
    }
}

#[cfg(test)]
mod tests;
