//! What the collector is started with. Unknown keys are errors.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer};
use thiserror::Error;
use web::telemetry;

/// `harbor log`: `log/config.yml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where syslog is taken, over TCP and UDP.
    #[serde(default = "everywhere")]
    pub listen: SocketAddr,
    /// The directory of `<service>.log`.
    pub directory: PathBuf,
    /// A file that would become larger is rotated.
    #[serde(default)]
    pub rotate_size: Size,
    /// How many rotated files of a service are kept; 0 deletes instead of keeping.
    #[serde(default = "fifty")]
    pub rotate_count: usize,
    /// Another syslog server that gets every line, too.
    #[serde(default)]
    pub forward: Option<Forward>,
    /// The collector's own log, on standard error.
    #[serde(default)]
    pub log: telemetry::Settings,
}

fn everywhere() -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, 10514).into()
}

fn fifty() -> usize {
    50
}

/// A size of a file as logrotate writes it: bytes, or with the suffix k, M or G, in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(u64);

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0:?} is not the size of a file; write bytes, or a number with the suffix k, M or G, such as 200M, at least 4k"
)]
pub struct SizeInvalid(String);

impl Size {
    /// Below it a file would be rotated every few lines.
    const MIN: u64 = 4 * 1024;

    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl Default for Size {
    fn default() -> Self {
        Self(200 * 1024 * 1024)
    }
}

impl FromStr for Size {
    type Err = SizeInvalid;

    fn from_str(text: &str) -> Result<Self, SizeInvalid> {
        let number = text.trim_end_matches(['k', 'K', 'm', 'M', 'g', 'G']);
        let unit: u64 = match text.strip_prefix(number) {
            Some("") => 1,
            Some("k" | "K") => 1 << 10,
            Some("m" | "M") => 1 << 20,
            Some("g" | "G") => 1 << 30,
            Some(_) | None => return Err(SizeInvalid(text.to_owned())),
        };
        // `parse` would take a sign.
        let plain = number.bytes().all(|byte| byte.is_ascii_digit());
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
        match bytes.filter(|bytes| plain && *bytes >= Self::MIN) {
            Some(bytes) => Ok(Self(bytes)),
            None => Err(SizeInvalid(text.to_owned())),
        }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl Visitor<'_> for Words {
            type Value = Size;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size such as 200M")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Size, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: serde::de::Error>(self, bytes: u64) -> Result<Size, E> {
                bytes.to_string().parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Words)
    }
}

/// Another syslog server: `udp://host:port` or `tcp://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    pub transport: Transport,
    /// A name, an IPv4 or an IPv6 address, the last without brackets.
    pub host: String,
    pub port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    Udp,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0:?} is not the address of a syslog server; write udp://host:port or tcp://host:port, such as tcp://logs.example.com:514"
)]
pub struct ForwardInvalid(String);

impl FromStr for Forward {
    type Err = ForwardInvalid;

    fn from_str(text: &str) -> Result<Self, ForwardInvalid> {
        let invalid = || ForwardInvalid(text.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(invalid)?;
        let transport = match scheme {
            "tcp" => Transport::Tcp,
            "udp" => Transport::Udp,
            _ => return Err(invalid()),
        };
        let (host, port) = rest.trim_end_matches('/').rsplit_once(':').ok_or_else(invalid)?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let plain = |host: &str| {
            host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        };
        let valid = match bracketed {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && plain(host),
        };
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(invalid)?;
        if !valid {
            return Err(invalid());
        }
        Ok(Self { transport, host: bracketed.unwrap_or(host).to_owned(), port })
    }
}

impl fmt::Display for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.transport {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
        };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{}", self.host, self.port),
            false => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

impl<'de> Deserialize<'de> for Forward {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
