//! Whether each service will accept what was rendered for it: by the very code that it starts with.

use std::path::Path;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;

use super::machine::{Machine, Owner};
use super::render::{PROXY, Rendered};
use crate::settings::services::{self, Database, Jobservice, Registry, Token, Ui};

/// Where the front has its files in its container.
const MOUNTED: &str = "/etc/nginx/";
/// The front's file with the paths of its files here; beside them, because included names are relative to it.
const MAPPED: &str = ".nginx.conf";

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
        "log/config.yml" => parse::<logs::Settings>(text).map(drop),
        _ => Ok(()),
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    services::parse(text)
}

fn database(database: &Database) -> Result<()> {
    database.location().map(drop)
}

/// Checks the front's file as the front will read it, from the folder `staged` that has it and what it names.
pub(super) fn front(rendered: &Rendered, staged: &Path, machine: Machine) -> Result<()> {
    let text = rendered.get(PROXY).context("there is no configuration of the front")?;
    let here = std::path::absolute(staged.join(PROXY).with_file_name(""))
        .context("the present directory is gone")?;
    let mapped = here.join(MAPPED);
    let text = text.replace(MOUNTED, &here.display().to_string());
    machine.write(&mapped, &text, 0o600, Owner::ROOT)?;
    proxy::check(&mapped).map(drop).map_err(|error| {
        let told = format!("{:#}", anyhow::Error::from(error));
        let told = told.replace(&mapped.display().to_string(), PROXY);
        anyhow::anyhow!("the front does not accept what its template renders to: {told}")
    })
}
