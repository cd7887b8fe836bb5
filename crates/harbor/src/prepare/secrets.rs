//! Passwords and keys that are made once and kept: nothing secret has a default, and no later run changes it.

use std::path::{Path, PathBuf};

use anyhow::Result;
use auth::secret;

use super::config::{Config, Database, Problems, Refusal};
use super::machine::{self, Machine, Owner};

/// The length of Harbor's secret key.
const KEY_LENGTH: usize = 16;

#[derive(Debug)]
pub(super) struct Secrets {
    pub(super) admin_password: String,
    pub(super) database_password: String,
    /// What is to be written, with its owner.
    made: Vec<(PathBuf, String, Owner)>,
    /// What the operator is told about it.
    pub(super) told: Vec<String>,
}

/// The directory of the secrets that are files of their own.
pub(super) fn directory(config: &Config) -> PathBuf {
    config.data.join("secret")
}

/// The secrets that are given or kept, and new ones in place of those that are not there. Writes nothing.
pub(super) fn find(config: &Config, problems: &mut Problems) -> Result<Secrets> {
    let mut secrets = Secrets {
        admin_password: String::new(),
        database_password: String::new(),
        made: Vec::new(),
        told: Vec::new(),
    };
    secrets.admin_password = match &config.first_start.admin_password {
        Some(given) => given.0.clone(),
        None => {
            secrets.keep(&directory(config).join("admin_password"), "first password of admin")?
        }
    };
    secrets.database_password = match &config.database {
        Database::External(external) => external.password.0.clone(),
        Database::Bundled { password: None } => {
            secrets.keep(&directory(config).join("db_password"), "password of the database")?
        }
        // The database takes up a changed one at its next start.
        Database::Bundled { password: Some(given) } => given.0.clone(),
    };
    secrets.secretkey(&config.secretkey, problems)?;
    Ok(secrets)
}

impl Secrets {
    /// Writes what is new.
    pub(super) fn save(&self, machine: Machine) -> Result<()> {
        for (path, text, owner) in &self.made {
            machine.write(path, text, 0o600, *owner)?;
        }
        Ok(())
    }

    /// The secret in `path`, or a new one for it.
    fn keep(&mut self, path: &Path, what: &str) -> Result<String> {
        if let Some(text) = machine::read(path)? {
            let kept = text.trim_end_matches(['\r', '\n']);
            if !kept.is_empty() {
                return Ok(kept.to_owned());
            }
        }
        let secret = secret::generate();
        self.made.push((path.to_owned(), format!("{secret}\n"), Owner::ROOT));
        self.told.push(format!("Generated the {what}, kept in file: {}", path.display()));
        Ok(secret)
    }

    fn secretkey(&mut self, path: &Path, problems: &mut Problems) -> Result<()> {
        let shown = path.display().to_string();
        if path.is_dir() {
            // What Docker makes of a missing file that it is to mount.
            let what = format!("{shown} is a directory, and must be a file");
            let remedy = format!("remove it if it is empty: rmdir {shown}");
            problems.key("secretkey_path", "", Refusal::new(what, remedy));
            return Ok(());
        }
        let Some(text) = machine::read(path)? else {
            let key: String = secret::generate().chars().take(KEY_LENGTH).collect();
            self.told.push(format!("Generated and saved secret to file: {shown}"));
            self.made.push((path.to_owned(), key, Owner::SERVICES));
            return Ok(());
        };
        let length = text.chars().count();
        if length == KEY_LENGTH {
            self.told.push(format!("loaded secret from file: {shown}"));
        } else {
            let what = format!(
                "secret key's length has to be {KEY_LENGTH} chars, current length: {length}"
            );
            let remedy = format!("put the right {shown} back, or remove it and one is made");
            problems.key("secretkey_path", "", Refusal::new(what, remedy));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
