//! Single values: each parser accepts all of what is meant by a value, and nothing else.

use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use auth::password;
use url::Url;
use web::Network;

use super::host;
use super::problems::Refusal;
use crate::settings::Secret;
use crate::settings::limits::{self, Limits};

/// Directories of the system, which are no place for data and whose owner must not change.
const SYSTEM: &[&str] = &[
    "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/proc", "/root",
    "/run", "/sbin", "/sys", "/tmp", "/usr", "/var", "/var/lib", "/var/log",
];

/// A smaller log would be rotated at every few lines.
const LEAST_ROTATED: u64 = 4 << 10;

pub(super) fn switch(text: &str) -> Result<bool, Refusal> {
    match text.to_lowercase().as_str() {
        "on" | "true" => Ok(true),
        "off" | "false" => Ok(false),
        _ => Err(Refusal::new("neither on nor off", "write on or off")),
    }
}

pub(super) fn port(text: &str) -> Result<u16, Refusal> {
    number(text, 1, u16::MAX)
        .map_err(|_refusal| Refusal::new("not a port", "write a number from 1 to 65535"))
}

/// A number without a sign, within bounds.
pub(super) fn number<N: FromStr + PartialOrd + std::fmt::Display>(
    text: &str,
    least: N,
    most: N,
) -> Result<N, Refusal> {
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|text| text.parse().ok());
    number.filter(|number| (&least..=&most).contains(&number)).ok_or_else(|| {
        let remedy = format!("write a number from {least} to {most}");
        Refusal::new("not a number in the range", remedy)
    })
}

/// As `--limits` of `harbor serve`.
pub(super) fn limits(text: &str) -> Result<limits::Pairs, Refusal> {
    let read = limits::pairs(text).and_then(|pairs| Limits::of(&pairs).map(|_limits| pairs));
    read.map_err(|error| {
        let remedy = "write names and numbers such as requests=100, transfers=64";
        Refusal::new(format!("{error:#}"), remedy)
    })
}

/// One of `allowed`, in any case.
pub(super) fn choice(text: &str, allowed: &[&'static str]) -> Result<&'static str, Refusal> {
    let found = allowed.iter().find(|word| word.eq_ignore_ascii_case(text));
    found.copied().ok_or_else(|| {
        let remedy = format!("write one of {}", allowed.join(", "));
        Refusal::new("not one of the values there are", remedy)
    })
}

/// Bytes, or with k, M or G after the number, as it is written; at least what the collector takes.
pub(super) fn size(text: &str) -> Result<String, Refusal> {
    let (digits, unit) = match text.chars().last() {
        Some('k' | 'K') => (text.trim_end_matches(['k', 'K']), 1 << 10),
        Some('m' | 'M') => (text.trim_end_matches(['m', 'M']), 1 << 20),
        Some('g' | 'G') => (text.trim_end_matches(['g', 'G']), 1 << 30),
        _ => (text, 1_u64),
    };
    let bytes = number(digits, 1, u64::MAX).ok().and_then(|number| number.checked_mul(unit));
    if bytes.is_some_and(|bytes| bytes >= LEAST_ROTATED) {
        return Ok(text.to_owned());
    }
    let remedy = "write bytes, or a number with k, M or G behind it, such as 200M; at least 4k";
    Err(Refusal::new("not the size of a file", remedy))
}

/// A file of the host.
pub(super) fn path(text: &str) -> Result<PathBuf, Refusal> {
    let path = Path::new(text);
    if !path.is_absolute() {
        return Err(Refusal::new(
            "not an absolute path",
            "write it from the root, beginning with `/`",
        ));
    }
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(Refusal::new("the path has `..` in it", "write where it leads"));
    }
    // Compose and Docker read a meaning into others, in the files that the path is written to.
    if let Some(odd) = text.chars().find(|c| !c.is_alphanumeric() && !"/._-+@=,~".contains(*c)) {
        let what = format!("the path has {odd:?} in it");
        return Err(Refusal::new(what, "choose a path of letters, digits and . _ - + @ = , ~"));
    }
    // Without doubled and trailing slashes.
    Ok(path.components().collect())
}

/// A directory of our own.
pub(super) fn directory(text: &str) -> Result<PathBuf, Refusal> {
    let path = path(text)?;
    if SYSTEM.iter().any(|system| path == Path::new(system)) {
        let remedy =
            format!("write a directory for it alone, such as {}", path.join("harbor").display());
        return Err(Refusal::new("this directory belongs to the system", remedy));
    }
    Ok(path)
}

/// Networks, parted by commas or spaces.
pub(super) fn networks(text: &str) -> Result<Vec<Network>, Refusal> {
    let words = text.split([',', ' ', '\t']).filter(|word| !word.is_empty());
    words
        .map(|word| {
            word.parse().map_err(|_invalid| {
                let what = format!("{word} is not a network");
                Refusal::new(what, "write addresses or networks such as 10.0.0.7 or 10.0.0.0/8")
            })
        })
        .collect()
}

/// The URL of the platform as clients see it.
pub(super) fn external_url(text: &str) -> Result<Url, Refusal> {
    let remedy = "write it as clients do, such as https://registry.example.com";
    let url = Url::parse(text).map_err(|error| Refusal::new(error.to_string(), remedy))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Refusal::new("not a URL of http or https", remedy));
    }
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        let what = "the platform answers at the root of its host only";
        return Err(Refusal::new(what, "write scheme, host and port, and nothing else"));
    }
    host::with_port(url.host_str().unwrap_or_default())?;
    Ok(url)
}

/// Where log lines go besides their files: `tcp://host:port` or `udp://host:port`.
pub(super) fn forward(text: &str) -> Result<String, Refusal> {
    let refusal = || {
        Refusal::new("not the address of a syslog server", "write tcp://host:514 or udp://host:514")
    };
    let url = Url::parse(text).map_err(|_invalid| refusal())?;
    let known = matches!(url.scheme(), "tcp" | "udp");
    let host = url.host_str().ok_or_else(refusal)?;
    let port = url.port().filter(|port| *port != 0 && known).ok_or_else(refusal)?;
    let host = host::parse(host)?;
    let canonical = format!("{}://{host}:{port}", url.scheme());
    if url.as_str().trim_end_matches('/') == canonical { Ok(canonical) } else { Err(refusal()) }
}

pub(super) fn admin_password(text: &str) -> Result<Secret, Refusal> {
    match password::check(text) {
        Ok(()) => Ok(Secret(text.to_owned())),
        Err(violation) => {
            let remedy = "choose another, or leave it out: then one is made";
            Err(Refusal::new(violation.to_string(), remedy))
        }
    }
}

/// The name of a database or of its user.
pub(super) fn identifier(text: &str) -> Result<String, Refusal> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.@".contains(c);
    if text.len() > 63 || !text.chars().all(plain) {
        let what = "not a name of at most 63 letters, digits and _ - . @";
        return Err(Refusal::new(what, "write the name as the database has it"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
