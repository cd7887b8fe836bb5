//! The variables of docker-compose.yml, in the `.env` that Compose reads beside it.
//!
//! Our variables are written anew; whatever else is in the file is the operator's and stays.

use std::path::Path;

use auth::secret;

use super::config::{Config, Database, Protocol};
use super::render::Rendered;

const HEAD: &str =
    "# Written by prepare from harbor.cfg, but for the lines at the end that are your own.";
/// What an operator may add beside docker-compose.yml.
const OVERRIDE: &str = "docker-compose.override.yml";
/// Hexadecimal digits of the digest: enough to tell one configuration from another.
const DIGEST: usize = 16;

/// The file's new text; `present` is what is in it now.
pub(super) fn text(config: &Config, rendered: &Rendered, folder: &Path, present: &str) -> String {
    let variables = variables(config, rendered, folder);
    let mut lines = vec![HEAD.to_owned()];
    lines.extend(variables.iter().map(|(name, value)| format!("{name}={value}")));
    let own = present.lines().filter(|line| {
        let name = line.split('=').next().unwrap_or_default().trim();
        *line != HEAD && !variables.iter().any(|(ours, _)| *ours == name)
    });
    lines.extend(own.map(str::to_owned));
    lines.join("\n") + "\n"
}

fn variables(config: &Config, rendered: &Rendered, folder: &Path) -> Vec<(&'static str, String)> {
    let front = &config.front;
    vec![
        ("COMPOSE_PROJECT_NAME", "harbor".to_owned()),
        ("COMPOSE_FILE", files(config, folder).join(":")),
        ("HARBOR_VERSION", env!("CARGO_PKG_VERSION").to_owned()),
        ("HARBOR_DATA", config.data.display().to_string()),
        ("HARBOR_SECRETKEY", config.secretkey.display().to_string()),
        ("HARBOR_LOGS", config.logs.directory.display().to_string()),
        ("HARBOR_URL", front.url()),
        ("HARBOR_HTTP_PORT", front.http_port.to_string()),
        ("HARBOR_HTTPS_PORT", front.https_port.to_string()),
        ("HARBOR_CONFIG", digest(rendered)),
    ]
}

fn files(config: &Config, folder: &Path) -> Vec<&'static str> {
    let mut files = vec!["docker-compose.yml"];
    if config.front.protocol == Protocol::Https {
        files.push("deploy/compose/https.yml");
    }
    if matches!(config.database, Database::External(_)) {
        files.push("deploy/compose/external-db.yml");
    }
    if config.registry_replicas > 1 {
        files.push("deploy/compose/replica.yml");
    }
    // Compose looks for it by itself only where COMPOSE_FILE is not set.
    if folder.join(OVERRIDE).exists() {
        files.push(OVERRIDE);
    }
    files
}

/// Changes whenever a file does, so that Compose makes the containers anew.
fn digest(rendered: &Rendered) -> String {
    let parts = rendered.iter().map(|(path, text)| format!("{path}\n{}\n{text}", text.len()));
    secret::digest(&parts.collect::<String>()).chars().take(DIGEST).collect()
}

#[cfg(test)]
mod tests;
