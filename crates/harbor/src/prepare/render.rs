//! The services' configuration: the templates with the values of a harbor.cfg.
//!
//! A template is rendered to the path it has itself; of `proxy/nginx.http.conf` and `proxy/nginx.https.conf` the one of
//! the protocol becomes `proxy/nginx.conf`. A name that is not known is an error, with line and column.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{
    AutoEscape, Environment, Error as TemplateError, ErrorKind, UndefinedBehavior, Value,
};
use serde::Serialize;

use super::certificates::Certificates;
use super::config::{Bucket, Config, Database, Protocol};
use super::machine;
use super::secrets::Secrets;
use crate::settings::limits;

/// Path relative to the output, and text.
pub(super) type Rendered = BTreeMap<String, String>;

/// What the services cannot start without.
const REQUIRED: [&str; 6] = [
    "jobservice/config.yml",
    "log/config.yml",
    PROXY,
    "registry/config.yml",
    "token/config.yml",
    "ui/config.yml",
];
pub(super) const PROXY: &str = "proxy/nginx.conf";
const PROXY_HTTP: &str = "proxy/nginx.http.conf";
const PROXY_HTTPS: &str = "proxy/nginx.https.conf";
pub(super) const CERTIFICATE: &str = "proxy/cert/server.crt";
pub(super) const KEY: &str = "proxy/cert/server.key";
/// Only the bundled database is configured by us.
const DATABASE: &str = "db/";
const REQUIRED_OF_DATABASE: [&str; 3] = ["db/env", "db/pg_hba.conf", "db/pg_ident.conf"];

/// The networks that Docker gives to containers are private; only our proxy is in ours, and it writes one address.
const PRIVATE: [&str; 5] =
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "fc00::/7"];

/// The second one is in deploy/compose/replica.yml.
const REGISTRIES: [&str; 2] = ["registry", "registry-2"];

/// Where Docker's log driver is told to send lines, in docker-compose.yml.
const LOG_LISTEN: &str = "127.0.0.1:1514";

/// The variables of the templates.
#[derive(Debug, Serialize)]
pub(super) struct Variables {
    pub(super) version: &'static str,
    pub(super) hostname: String,
    pub(super) ui_url_protocol: &'static str,
    pub(super) external_http_port: u16,
    pub(super) external_https_port: u16,
    pub(super) external_url: Option<String>,
    /// Outer proxies whose X-Forwarded-* headers the front believes.
    pub(super) trusted_proxies: Vec<String>,
    /// From where the services believe them: the front.
    pub(super) service_trusted_proxies: Vec<&'static str>,
    /// The hosts that answer for the registry.
    pub(super) registries: &'static [&'static str],
    /// Whether the front sends blobs from files.
    pub(super) accel: bool,
    pub(super) storage: StorageVariables,
    pub(super) http2: bool,
    pub(super) ssl_certificate: &'static str,
    pub(super) ssl_certificate_key: &'static str,
    pub(super) ca_certificate: Option<&'static str>,
    pub(super) database: DatabaseVariables,
    pub(super) first_start: FirstStartVariables,
    pub(super) max_job_workers: u16,
    pub(super) metrics: bool,
    pub(super) limits: limits::Pairs,
    pub(super) log_level: &'static str,
    /// The collector shares the host's network.
    pub(super) log_listen: &'static str,
    pub(super) log_rotate_count: u32,
    pub(super) log_rotate_size: String,
    /// Empty for none.
    pub(super) log_forward: String,
}

#[derive(Debug, Serialize)]
pub(super) struct StorageVariables {
    /// The driver of the bucket that keeps objects, with its section; none for files.
    bucket: Option<Bucket>,
    /// Whether clients are sent to it for large blobs.
    redirect: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct DatabaseVariables {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) name: String,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) sslmode: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct FirstStartVariables {
    pub(super) admin_password: String,
    pub(super) configuration: BTreeMap<&'static str, serde_json::Value>,
}

impl Variables {
    pub(super) fn new(config: &Config, secrets: &Secrets, offers_authority: bool) -> Self {
        let front = &config.front;
        Self {
            version: env!("CARGO_PKG_VERSION"),
            hostname: front.host.to_string(),
            ui_url_protocol: front.protocol.scheme(),
            external_http_port: front.http_port,
            external_https_port: front.https_port,
            external_url: front
                .external_url
                .as_ref()
                .map(|url| url.as_str().trim_end_matches('/').to_owned()),
            trusted_proxies: front.trusted_proxies.iter().map(ToString::to_string).collect(),
            service_trusted_proxies: PRIVATE.to_vec(),
            registries: if config.registry_replicas > 1 { &REGISTRIES } else { &REGISTRIES[..1] },
            accel: config.storage.bucket.is_none(),
            storage: StorageVariables {
                bucket: config.storage.bucket.clone(),
                redirect: config.storage.redirect,
            },
            http2: true,
            ssl_certificate: "/etc/nginx/cert/server.crt",
            ssl_certificate_key: "/etc/nginx/cert/server.key",
            ca_certificate: offers_authority.then_some("/ca_download/ca.crt"),
            database: DatabaseVariables::new(&config.database, secrets),
            first_start: FirstStartVariables::new(config, secrets),
            max_job_workers: config.max_job_workers,
            metrics: config.metrics,
            limits: config.limits.clone(),
            log_level: config.logs.level,
            log_listen: LOG_LISTEN,
            log_rotate_count: config.logs.rotate_count,
            log_rotate_size: config.logs.rotate_size.clone(),
            log_forward: config.logs.forward.clone().unwrap_or_default(),
        }
    }
}

impl DatabaseVariables {
    fn new(database: &Database, secrets: &Secrets) -> Self {
        let password = secrets.database_password.clone();
        match database {
            Database::Bundled { .. } => Self {
                host: Database::BUNDLED_HOST.to_owned(),
                port: Database::BUNDLED_PORT,
                name: Database::BUNDLED_NAME.to_owned(),
                user: Database::BUNDLED_USER.to_owned(),
                password,
                sslmode: "disable",
            },
            Database::External(external) => Self {
                host: external.host.clone(),
                port: external.port,
                name: external.name.clone(),
                user: external.user.clone(),
                password,
                sslmode: external.sslmode,
            },
        }
    }
}

impl FirstStartVariables {
    /// What harbor.cfg does not say is left to the platform's defaults.
    fn new(config: &Config, secrets: &Secrets) -> Self {
        let given = &config.first_start;
        let values = [
            ("self_registration", given.self_registration.map(serde_json::Value::from)),
            ("token_expiration", given.token_expiration.map(serde_json::Value::from)),
            (
                "project_creation_restriction",
                given.project_creation_restriction.map(serde_json::Value::from),
            ),
        ];
        let set = values.into_iter().filter_map(|(key, value)| Some((key, value?)));
        Self { admin_password: secrets.admin_password.clone(), configuration: set.collect() }
    }
}

/// Renders every template of `directory` that the configuration asks for.
pub(super) fn render(
    directory: &Path,
    config: &Config,
    variables: &Variables,
    certificates: Option<&Certificates>,
) -> Result<Rendered> {
    if !directory.is_dir() {
        bail!(
            "there is no directory {}: run it where Harbor was unpacked, or name the templates with --templates",
            directory.display()
        );
    }
    let environment = environment();
    let values = Value::from(Serde(variables));
    let mut rendered = Rendered::new();
    for file in machine::files(directory)? {
        let path = file.to_str().with_context(|| format!("{} is not UTF-8", file.display()))?;
        let Some(target) = target(path, config) else { continue };
        let shown = directory.join(path);
        let source =
            machine::read(&shown)?.with_context(|| format!("{} is gone", shown.display()))?;
        let text = environment
            .render_named_str(path, &source, &values)
            .map_err(|error| explain(&shown, &source, &values, &error))?;
        rendered.insert(target.to_owned(), text);
    }
    let bundled = matches!(config.database, Database::Bundled { .. });
    let required = REQUIRED.iter().chain(REQUIRED_OF_DATABASE.iter().filter(|_| bundled));
    if let Some(missing) = required.into_iter().find(|path| !rendered.contains_key(**path)) {
        bail!(
            "there is no template for {missing} in {}: put it back from the package",
            directory.display()
        );
    }
    if let Some(Certificates { chain, key, .. }) = certificates {
        rendered.insert(CERTIFICATE.to_owned(), chain.clone());
        rendered.insert(KEY.to_owned(), key.clone());
    }
    Ok(rendered)
}

/// Where the template goes, if it is one that is used.
fn target<'a>(path: &'a str, config: &Config) -> Option<&'a str> {
    match (path, config.front.protocol) {
        (PROXY_HTTP, Protocol::Http) | (PROXY_HTTPS, Protocol::Https) => Some(PROXY),
        (PROXY_HTTP, Protocol::Https) | (PROXY_HTTPS, Protocol::Http) => None,
        _ if path.starts_with(DATABASE) && matches!(config.database, Database::External(_)) => None,
        _ => Some(path),
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // A line with nothing but `{% .. %}` leaves none behind.
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .expect("the delimiters are the usual ones");
    environment.set_syntax(syntax);
    // One rule for YAML, nginx's and env files: what needs quotes gets them by `|tojson`.
    environment.set_auto_escape_callback(|_name| AutoEscape::None);
    environment.set_debug(true);
    environment
}

/// A template's mistake with its place, and what to do about it.
fn explain(file: &Path, source: &str, values: &Value, error: &TemplateError) -> anyhow::Error {
    let mut place = file.display().to_string();
    if let Some(range) = error.range() {
        let before = source.get(..range.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |text| text.chars().count()) + 1;
        place = format!("{place}:{line}:{column}");
    } else if let Some(line) = error.line() {
        place = format!("{place}:{line}");
    }
    let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let remedy = match error.kind() {
        ErrorKind::UndefinedError => format!("the variables are: {}", names(values)),
        _ => "mend the template, or put it back from the package".to_owned(),
    };
    anyhow::anyhow!("{place}: {what}; {remedy}")
}

fn names(values: &Value) -> String {
    let names = values.try_iter().into_iter().flatten().map(|name| name.to_string());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.join(", ")
}

#[cfg(test)]
mod tests;
