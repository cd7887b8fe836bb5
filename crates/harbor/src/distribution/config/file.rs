//! The file as it is written. Sections that need a decision are left as they are for their own modules.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use domain::db::Location;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::duration::Span;
use crate::settings::Secret;

pub(super) type Section = serde_json::Map<String, Value>;

#[derive(Debug, Deserialize)]
pub(super) struct File {
    version: Option<Value>,
    #[serde(default)]
    pub(super) log: Log,
    /// The older name of `log.level`.
    pub(super) loglevel: Option<String>,
    pub(super) storage: Option<Value>,
    pub(super) database: Option<Database>,
    pub(super) auth: Option<Value>,
    #[serde(default)]
    pub(super) http: super::front::Section,
    #[serde(default)]
    pub(super) health: Health,
    /// Not distribution's: what one caller and one request may take.
    pub(super) limits: Option<Value>,
    pub(super) proxy: Option<super::proxy::Section>,
    pub(super) notifications: Option<super::notifications::Section>,
    pub(super) validation: Option<super::validation::Section>,
    // Read, and without effect here: each is a remark.
    catalog: Option<Value>,
    compatibility: Option<Value>,
    middleware: Option<Value>,
    policy: Option<Value>,
    redis: Option<Value>,
    reporting: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Log {
    pub(super) level: Option<String>,
    pub(super) formatter: Option<String>,
    pub(super) accesslog: AccessLog,
    pub(super) fields: Section,
    pub(super) hooks: Vec<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AccessLog {
    pub(super) disabled: bool,
}

/// Not distribution's: a PostgreSQL for the rows, so that several registries share them.
#[derive(Debug, Deserialize)]
pub(super) struct Database {
    url: Secret,
}

/// What is looked at beside the storage; a request is answered 503 while one of these is not well.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in super::super) struct Health {
    pub(in super::super) storagedriver: StorageCheck,
    pub(in super::super) file: Vec<FileCheck>,
    pub(in super::super) http: Vec<HttpCheck>,
    pub(in super::super) tcp: Vec<TcpCheck>,
}

/// Well as long as the file is not there.
#[derive(Clone, Debug, Deserialize)]
pub(in super::super) struct FileCheck {
    pub(in super::super) file: PathBuf,
    interval: Option<Span>,
}

/// Well as long as a HEAD is answered with this status.
#[derive(Clone, Debug, Deserialize)]
pub(in super::super) struct HttpCheck {
    pub(in super::super) uri: Url,
    #[serde(default)]
    pub(in super::super) headers: BTreeMap<String, Vec<String>>,
    #[serde(default = "ok")]
    pub(in super::super) statuscode: u16,
    timeout: Option<Span>,
    interval: Option<Span>,
    #[serde(default)]
    threshold: u32,
}

/// Well as long as connections are accepted.
#[derive(Clone, Debug, Deserialize)]
pub(in super::super) struct TcpCheck {
    pub(in super::super) addr: String,
    timeout: Option<Span>,
    interval: Option<Span>,
    #[serde(default)]
    threshold: u32,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(in super::super) struct StorageCheck {
    pub(in super::super) enabled: bool,
    interval: Option<Span>,
    threshold: u32,
}

/// When something is looked at.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Times {
    pub(in super::super) interval: Duration,
    /// Silence for this long is a failure.
    pub(in super::super) timeout: Duration,
    /// Failures in a row before it counts as not well.
    pub(in super::super) threshold: u32,
}

impl Times {
    const INTERVAL: Duration = Duration::from_secs(10);
    const TIMEOUT: Duration = Duration::from_secs(5);

    /// Nothing, and a zero, are the defaults.
    fn new(interval: Option<Span>, timeout: Option<Span>, threshold: u32) -> Self {
        let or = |given: Option<Span>, default| {
            given.map(|span| span.0).filter(|span| !span.is_zero()).unwrap_or(default)
        };
        Self {
            interval: or(interval, Self::INTERVAL),
            timeout: or(timeout, Self::TIMEOUT),
            threshold: threshold.max(1),
        }
    }
}

impl StorageCheck {
    pub(in super::super) fn times(&self) -> Times {
        Times::new(self.interval, None, self.threshold)
    }
}

impl FileCheck {
    pub(in super::super) fn times(&self) -> Times {
        Times::new(self.interval, None, 1)
    }
}

impl HttpCheck {
    pub(in super::super) fn times(&self) -> Times {
        Times::new(self.interval, self.timeout, self.threshold)
    }
}

impl TcpCheck {
    pub(in super::super) fn times(&self) -> Times {
        Times::new(self.interval, self.timeout, self.threshold)
    }
}

impl File {
    /// Names what the file says and nothing here heeds.
    pub(super) fn remark(&self, remarks: &mut Vec<String>) {
        let sections = [
            (&self.catalog, "catalog", "a page of the catalog has at most 1000 entries"),
            (&self.compatibility, "compatibility", "schema 1 is neither taken nor made"),
            (&self.middleware, "middleware", "blobs are sent from the storage that is named"),
            (
                &self.redis,
                "redis",
                "what is remembered is kept in this process, and none is needed",
            ),
            (&self.reporting, "reporting", "errors are lines of the log"),
        ];
        for (section, name, instead) in sections {
            if section.is_some() {
                remarks.push(format!("{name} does nothing here: {instead}"));
            }
        }
        self.log.remark(remarks);
    }

    /// What would leave the registry less strict than the file says.
    pub(super) fn refuse_strictness(&self) -> Result<()> {
        if self.policy.is_some() {
            bail!("policy: classes of content cannot be told apart here: remove the section");
        }
        Ok(())
    }

    pub(super) fn require_version(&self) -> Result<()> {
        let version = match &self.version {
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(text)) => text.clone(),
            _ => bail!("version is missing: begin the file with `version: 0.1`"),
        };
        match version.as_str() {
            "0.1" => Ok(()),
            other => bail!("version: {other} is not known: `version: 0.1` is"),
        }
    }
}

impl Log {
    fn remark(&self, remarks: &mut Vec<String>) {
        if !self.fields.is_empty() {
            remarks.push("log.fields does nothing here: lines tell what they are about".to_owned());
        }
        if !self.hooks.is_empty() {
            remarks.push("log.hooks does nothing here: no mail is sent".to_owned());
        }
    }
}

impl Database {
    pub(super) fn location(&self) -> Result<Location> {
        match self.url.0.parse() {
            Ok(location @ Location::Postgres(_)) => Ok(location),
            _ => bail!(
                "database.url is not a PostgreSQL URL: postgres://user:password@host/database"
            ),
        }
    }
}

fn ok() -> u16 {
    200
}
