//! `auth`: who may come in.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use auth::token::foreign::{Issuer, TrustedKeys};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::typed;

#[derive(Debug)]
pub(in super::super) enum Auth {
    /// Everybody may do everything.
    None,
    Htpasswd {
        realm: String,
        path: PathBuf,
    },
    Token {
        realm: String,
        service: String,
        issuer: Issuer,
    },
}

#[derive(Debug, Deserialize)]
struct Htpasswd {
    realm: String,
    path: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Token {
    realm: String,
    service: String,
    issuer: String,
    rootcertbundle: Option<PathBuf>,
    jwks: Option<PathBuf>,
    /// Of clients that a browser redirects; this registry has no pages.
    #[serde(default, rename = "autoredirect")]
    _autoredirect: Value,
    #[serde(default, rename = "autoredirectpath")]
    _autoredirectpath: Value,
    /// What a key may be used with follows from the key.
    signingalgorithms: Option<Value>,
}

pub(super) fn read(section: Option<Value>, remarks: &mut Vec<String>) -> Result<Auth> {
    let section = match section {
        None | Some(Value::Null) => return Ok(Auth::None),
        Some(Value::Object(section)) => section,
        Some(Value::String(kind)) => Map::from_iter([(kind, Value::Null)]),
        Some(_) => bail!("auth is no section"),
    };
    let kinds: Vec<&str> = section.keys().map(String::as_str).collect();
    let kind = match kinds.as_slice() {
        [] => return Ok(Auth::None),
        [one] => (*one).to_owned(),
        several => bail!("auth names several kinds ({}): keep one", several.join(", ")),
    };
    let parameters = section.into_iter().map(|(_, value)| value).next().unwrap_or(Value::Null);
    match kind.as_str() {
        "none" => Ok(Auth::None),
        "htpasswd" => {
            let Htpasswd { realm, path } = typed("auth.htpasswd", parameters, remarks)?;
            Ok(Auth::Htpasswd { realm: quotable("auth.htpasswd.realm", realm)?, path })
        }
        "token" => token(typed("auth.token", parameters, remarks)?),
        "silly" => bail!("auth.silly lets in whoever says anything: use htpasswd, or remove it"),
        other => bail!("auth.{other} is not known: htpasswd and token are"),
    }
}

fn token(section: Token) -> Result<Auth> {
    if section.signingalgorithms.is_some() {
        bail!(
            "auth.token.signingalgorithms cannot be set: a key is used with the algorithms of its kind; remove it"
        );
    }
    let bundle = section.rootcertbundle.map(|path| {
        let text = text("auth.token.rootcertbundle", &path)?;
        TrustedKeys::from_pem(text.as_bytes())
            .with_context(|| unusable("auth.token.rootcertbundle", &path))
    });
    let set = section.jwks.map(|path| {
        let text = text("auth.token.jwks", &path)?;
        TrustedKeys::from_jwks(text.as_bytes()).with_context(|| unusable("auth.token.jwks", &path))
    });
    let keys = match (bundle.transpose()?, set.transpose()?) {
        (Some(bundle), Some(set)) => bundle.and(set),
        (Some(keys), None) | (None, Some(keys)) => keys,
        (None, None) => bail!(
            "auth.token has no keys: set rootcertbundle to the issuer's certificates, or jwks to its key set"
        ),
    };
    Ok(Auth::Token {
        realm: quotable("auth.token.realm", section.realm)?,
        service: quotable("auth.token.service", section.service)?,
        issuer: Issuer { name: section.issuer, keys },
    })
}

fn text(key: &str, path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{key}: cannot read {}", path.display()))
}

fn unusable(key: &str, path: &Path) -> String {
    format!("{key}: {} cannot be used", path.display())
}

/// What stands in quotes in a challenge (RFC 9110 §5.6.4).
fn quotable(key: &str, text: String) -> Result<String> {
    let plain = |letter: char| !letter.is_control() && letter != '"' && letter != '\\';
    if !text.is_empty() && text.chars().all(plain) {
        return Ok(text);
    }
    bail!("{key}: {text:?} cannot be told to clients: use letters, digits and blanks")
}
