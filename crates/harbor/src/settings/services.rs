//! The configuration files of the services, in the types that the services start with.
//!
//! `prepare` renders them from `deploy/templates` and reads each back with the type here before it puts it in place:
//! what it accepts, the service accepts. Unknown keys are errors.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use domain::db::Location;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use url::Url;
use web::Network;
use web::telemetry;

use super::Secret;
use super::limits::Limits;

/// `harbor registry`: `registry/config.yml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    pub listen: SocketAddr,
    #[serde(default)]
    pub metrics: Option<SocketAddr>,
    #[serde(default)]
    pub log: telemetry::Settings,
    pub database: Database,
    pub storage: Storage,
    /// The directory of the keys that tokens are verified with.
    pub keys: PathBuf,
    #[serde(default)]
    pub external_url: Option<Url>,
    #[serde(default)]
    pub trusted_proxies: Vec<Network>,
    #[serde(default)]
    pub limits: Limits,
    /// The proxy's internal location of the objects' directory, such as `/_objects/`. With it a blob is not sent
    /// but named to the proxy (`X-Accel-Redirect`), which sends the file itself.
    #[serde(default)]
    pub accel: Option<String>,
    /// Whether clients that ask for a large blob are sent to the object store; of no account if it keeps files.
    #[serde(default = "yes")]
    pub redirect: bool,
}

/// `harbor token`: `token/config.yml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    pub listen: SocketAddr,
    #[serde(default)]
    pub metrics: Option<SocketAddr>,
    #[serde(default)]
    pub log: telemetry::Settings,
    pub database: Database,
    /// The directory of the keys; the first start makes one.
    pub keys: PathBuf,
    #[serde(default)]
    pub external_url: Option<Url>,
    #[serde(default)]
    pub trusted_proxies: Vec<Network>,
    #[serde(default)]
    pub limits: Limits,
}

/// `harbor ui`: `ui/config.yml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ui {
    pub listen: SocketAddr,
    #[serde(default)]
    pub metrics: Option<SocketAddr>,
    #[serde(default)]
    pub log: telemetry::Settings,
    pub database: Database,
    /// The directory of the objects, for its free space.
    #[serde(default)]
    pub storage: Option<PathBuf>,
    /// The registry, which is asked how it is: `http://registry:5000`; a list if there are several.
    pub registry: Registries,
    #[serde(default)]
    pub external_url: Option<Url>,
    #[serde(default)]
    pub trusted_proxies: Vec<Network>,
    #[serde(default)]
    pub limits: Limits,
    /// The certificate of the authority that signed the front's certificate, offered for download.
    #[serde(default)]
    pub ca_certificate: Option<PathBuf>,
    /// The directory in which the log collector keeps `<service>.log`, for the page that shows their last lines.
    #[serde(default)]
    pub service_logs: Option<PathBuf>,
    pub first_start: FirstStart,
}

/// `harbor jobservice`: `jobservice/config.yml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jobservice {
    /// Where it answers health checks.
    pub listen: SocketAddr,
    #[serde(default)]
    pub metrics: Option<SocketAddr>,
    #[serde(default)]
    pub log: telemetry::Settings,
    pub database: Database,
    pub storage: Storage,
    /// Another place that has the objects, in the form of `storage`: a scrub fetches from it what is damaged.
    #[serde(default)]
    pub replica: Option<Storage>,
    /// Jobs done at a time.
    pub max_job_workers: u16,
}

/// What the very first start of an installation makes; later changes of it change nothing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirstStart {
    pub admin_password: Secret,
    /// The system's configuration, in the names and forms of `PUT /api/v2.0/configurations`.
    #[serde(default)]
    pub configuration: BTreeMap<String, Value>,
}

/// A PostgreSQL server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// A name, an address, or the folder of the server's socket.
    pub host: String,
    #[serde(default = "postgres_port")]
    pub port: u16,
    pub name: String,
    pub user: String,
    pub password: Secret,
    /// `disable`, `prefer`, `require`, `verify-ca` or `verify-full`, as libpq's.
    #[serde(default = "prefer")]
    pub sslmode: String,
}

impl Database {
    pub fn location(&self) -> Result<Location> {
        let mut url = Url::parse("postgres://localhost").context("cannot write a URL")?;
        let folder = self.host.starts_with('/');
        let accepted = (folder || url.set_host(Some(&self.host)).is_ok())
            && url.set_port(Some(self.port)).is_ok()
            && url.set_username(&self.user).is_ok()
            && url.set_password(Some(&self.password.0)).is_ok();
        anyhow::ensure!(
            accepted,
            "database.host {:?} is neither the name of a host nor the folder of a socket",
            self.host
        );
        url.set_path(&self.name);
        url.query_pairs_mut().append_pair("sslmode", &self.sslmode);
        if folder {
            url.query_pairs_mut().append_pair("host", &self.host);
        }
        Ok(Location::Postgres(url.into()))
    }
}

/// Where the objects are: a directory, or a driver with its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    Directory(PathBuf),
    Driver(blobs::Settings),
}

impl Storage {
    /// The directory, if it is one of this host.
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Self::Directory(root) => Some(root),
            Self::Driver(settings) => settings.directory(),
        }
    }

    /// What the store is opened with.
    pub fn settings(&self) -> blobs::Settings {
        match self {
            Self::Directory(root) => {
                blobs::Settings::Filesystem(blobs::Filesystem { root: root.clone() })
            }
            Self::Driver(settings) => settings.clone(),
        }
    }
}

/// By hand, because an error of a guess between the two forms would name neither key nor place.
impl<'de> Deserialize<'de> for Storage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = Storage;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a directory, or a driver (filesystem, s3, azure, gcs, swift) with its settings",
                )
            }

            fn visit_str<E: de::Error>(self, directory: &str) -> Result<Storage, E> {
                Ok(Storage::Directory(directory.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Storage, A::Error> {
                blobs::Settings::deserialize(MapAccessDeserializer::new(map)).map(Storage::Driver)
            }
        }
        deserializer.deserialize_any(Form)
    }
}

/// Where registries of one platform are: one URL, or a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registries(Vec<Url>);

impl Registries {
    pub fn urls(&self) -> &[Url] {
        &self.0
    }
}

/// By hand, as [`Storage`] is.
impl<'de> Deserialize<'de> for Registries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = Registries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the URL of a registry, or a list of such")
            }

            fn visit_str<E: de::Error>(self, url: &str) -> Result<Registries, E> {
                let url = url.parse().map_err(|error| E::custom(format!("{url:?}: {error}")))?;
                Ok(Registries(vec![url]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Registries, A::Error> {
                let mut urls = Vec::new();
                while let Some(url) = list.next_element()? {
                    urls.push(url);
                }
                if urls.is_empty() {
                    return Err(de::Error::custom("registry names none: name one at least"));
                }
                Ok(Registries(urls))
            }
        }
        deserializer.deserialize_any(Form)
    }
}

fn yes() -> bool {
    true
}

fn postgres_port() -> u16 {
    5432
}

fn prefer() -> String {
    "prefer".to_owned()
}

/// Reads a configuration file (YAML); the error names file, line and key.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the configuration {}", path.display()))?;
    parse(&text).with_context(|| format!("{} is not a valid configuration", path.display()))
}

/// As [`read`], of a text.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    Ok(serde_saphyr::from_str(text)?)
}

#[cfg(test)]
mod tests;
