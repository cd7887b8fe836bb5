//! Whether each service will accept what was rendered for it: by the very types that it starts with.

use std::path::Path;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;

use super::render::Rendered;
use crate::settings::services::{self, Database, Jobservice, Registry, Token, Ui};

/// Checks every file that is of a known service; `templates` is where its operator would look.
pub(super) fn check(rendered: &Rendered, templates: &Path) -> Result<()> {
    for (path, text) in rendered {
        let shown = templates.join(path);
        service(path, text)
            .with_context(|| format!("what {} renders to is not valid", shown.display()))?;
    }
    Ok(())
}

fn service(path: &str, text: &str) -> Result<()> {
    match path {
        "registry/config.yml" => database(&parse::<Registry>(text)?.database),
        "token/config.yml" => database(&parse::<Token>(text)?.database),
        "ui/config.yml" => database(&parse::<Ui>(text)?.database),
        "jobservice/config.yml" => database(&parse::<Jobservice>(text)?.database),
        _ => Ok(()),
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    services::parse(text)
}

fn database(database: &Database) -> Result<()> {
    database.location().map(drop)
}
