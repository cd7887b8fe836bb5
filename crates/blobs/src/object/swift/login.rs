//! Tokens: of Keystone, version 3 or 2, or of Swift itself, which is version 1.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::{
    super::client::misconfigured,
    unavailable,
    wire::{Answer, Question, Wire},
};
use crate::{
    Error, Result,
    settings::{Swift as Settings, SwiftEndpoint},
};

/// A token, and where the account is.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) token: String,
    pub(super) account: Url,
}

#[derive(Debug)]
pub(super) struct Login {
    settings: Settings,
    version: Version,
}

#[derive(Clone, Copy, Debug)]
enum Version {
    One,
    Two,
    Three,
}

impl Login {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let path = settings.authurl.path();
        let version = match settings.authversion {
            Some(1) => Version::One,
            Some(2) => Version::Two,
            Some(3) => Version::Three,
            Some(other) => {
                return Err(misconfigured("authversion", "write 1, 2 or 3", other.to_string()));
            }
            None if path.contains("/v3") => Version::Three,
            None if path.contains("/v2") => Version::Two,
            None if path.contains("/v1") => Version::One,
            None => {
                let remedy = "the URL does not tell it: write authversion: 1, 2 or 3";
                return Err(misconfigured("authversion", remedy, settings.authurl.to_string()));
            }
        };
        Ok(Self { settings: settings.clone(), version })
    }

    pub(super) async fn session(&self, wire: &Wire) -> Result<Session> {
        let answer = wire.ask(&self.question()?).await?;
        match answer.status {
            status if status.is_success() => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let remedy = "the server does not let it in with this password, for this project: correct them";
                return Err(misconfigured("username", remedy, answer.words()));
            }
            StatusCode::NOT_FOUND
            | StatusCode::MULTIPLE_CHOICES
            | StatusCode::METHOD_NOT_ALLOWED => {
                let remedy = "no tokens are had there: correct it, or authversion";
                return Err(misconfigured("authurl", remedy, answer.words()));
            }
            _ => return Err(unavailable(format!("no token was had: {}", answer.words()))),
        }
        match self.version {
            Version::One => first(&answer),
            Version::Two | Version::Three => self.keystone(&answer),
        }
    }

    fn question(&self) -> Result<Question> {
        let Settings { authurl, username, password, .. } = &self.settings;
        match self.version {
            Version::One => Question::new(Method::GET, authurl.clone())
                .with("x-auth-user", username)?
                .with("x-auth-key", password.reveal()),
            Version::Two => self.posted("/tokens", &self.second()),
            Version::Three => self.posted("/auth/tokens", &self.third()),
        }
    }

    fn posted(&self, path: &str, body: &Value) -> Result<Question> {
        let url = self.settings.authurl.as_str().trim_end_matches('/');
        let url = url.strip_suffix("/tokens").unwrap_or(url);
        let url = url.strip_suffix("/auth").unwrap_or(url);
        let url = format!("{url}{path}").parse().map_err(unavailable)?;
        let question = Question::new(Method::POST, url).with("content-type", "application/json")?;
        Ok(question.sending(body.to_string().into()))
    }

    fn second(&self) -> Value {
        let Settings { username, password, tenant, tenantid, .. } = &self.settings;
        let mut auth = Map::new();
        let credentials = json!({"username": username, "password": password.reveal()});
        auth.insert("passwordCredentials".to_owned(), credentials);
        for (key, value) in [("tenantName", tenant), ("tenantId", tenantid)] {
            if let Some(value) = value {
                auth.insert(key.to_owned(), value.clone().into());
            }
        }
        json!({"auth": auth})
    }

    fn third(&self) -> Value {
        let settings = &self.settings;
        let own = domain(settings.domainid.as_ref(), settings.domain.as_ref());
        let own = own.unwrap_or_else(|| json!({"id": "default"}));
        let password = settings.password.reveal();
        let user = json!({"name": settings.username, "domain": own, "password": password});
        let identity = json!({"methods": ["password"], "password": {"user": user}});
        let its = domain(settings.tenantdomainid.as_ref(), settings.tenantdomain.as_ref());
        let scope = match (&settings.trustid, &settings.tenantid, &settings.tenant) {
            (Some(trust), ..) => Some(json!({"OS-TRUST:trust": {"id": trust}})),
            (None, Some(id), _) => Some(json!({"project": {"id": id}})),
            (None, None, Some(name)) => {
                Some(json!({"project": {"name": name, "domain": its.unwrap_or(own)}}))
            }
            (None, None, None) => None,
        };
        match scope {
            Some(scope) => json!({"auth": {"identity": identity, "scope": scope}}),
            None => json!({"auth": {"identity": identity}}),
        }
    }

    fn keystone(&self, answer: &Answer) -> Result<Session> {
        let subject = answer.text("x-subject-token").map(str::to_owned);
        let told: Value = serde_json::from_slice(&answer.body).map_err(unavailable)?;
        let text = |path: &str| told.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let (token, catalog) = match self.version {
            Version::Three => (subject, told.pointer("/token/catalog")),
            Version::One | Version::Two => {
                (text("/access/token/id"), told.pointer("/access/serviceCatalog"))
            }
        };
        let token = token.ok_or_else(|| unavailable("there is no token in Keystone's answer"))?;
        let services = catalog.map(Vec::<Service>::deserialize).transpose().map_err(unavailable)?;
        let account = self.account(services.unwrap_or_default()).ok_or_else(|| {
            let remedy = "Keystone's catalog has no object store for it and the endpointtype: correct them, or the tenant";
            misconfigured("region", remedy, "no object store")
        })?;
        Ok(Session { token, account })
    }

    /// The account's URL in the catalog.
    fn account(&self, services: Vec<Service>) -> Option<Url> {
        let stores = services.into_iter().filter(|service| service.kind == "object-store");
        stores.flat_map(|store| store.endpoints).find_map(|endpoint| {
            let region = endpoint.region.as_ref().or(endpoint.region_id.as_ref());
            if self.settings.region.is_some() && self.settings.region.as_ref() != region {
                return None;
            }
            endpoint.url_of(self.settings.endpointtype)?.parse().ok()
        })
    }
}

/// A service in Keystone's catalog.
#[derive(Debug, Deserialize)]
struct Service {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    endpoints: Vec<Endpoint>,
}

/// One of its addresses in version 3, or all of a region in version 2.
#[derive(Debug, Deserialize)]
struct Endpoint {
    region: Option<String>,
    region_id: Option<String>,
    interface: Option<String>,
    url: Option<String>,
    #[serde(rename = "publicURL")]
    public: Option<String>,
    #[serde(rename = "internalURL")]
    internal: Option<String>,
    #[serde(rename = "adminURL")]
    admin: Option<String>,
}

impl Endpoint {
    fn url_of(&self, kind: SwiftEndpoint) -> Option<&String> {
        let (interface, older) = match kind {
            SwiftEndpoint::Public => ("public", &self.public),
            SwiftEndpoint::Internal => ("internal", &self.internal),
            SwiftEndpoint::Admin => ("admin", &self.admin),
        };
        match &self.interface {
            Some(found) if found == interface => self.url.as_ref(),
            Some(_) => None,
            None => older.as_ref(),
        }
    }
}

fn first(answer: &Answer) -> Result<Session> {
    let account = answer.text("x-storage-url").and_then(|url| url.parse().ok());
    match (answer.text("x-auth-token"), account) {
        (Some(token), Some(account)) => Ok(Session { token: token.to_owned(), account }),
        _ => {
            let remedy = "its answer has no token: is it Swift's, and is authversion right?";
            Err::<Session, Error>(misconfigured("authurl", remedy, "no token"))
        }
    }
}

fn domain(id: Option<&String>, name: Option<&String>) -> Option<Value> {
    match (id, name) {
        (Some(id), _) => Some(json!({"id": id})),
        (None, Some(name)) => Some(json!({"name": name})),
        (None, None) => None,
    }
}
