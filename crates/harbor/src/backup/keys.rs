//! The files beside database and objects: signing keys and the first password.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::format::is_key_file;
use crate::data_dir::write_secret;

/// Keys of an installation are few and small.
const FILES: usize = 1_000;

/// File names below a directory of keys, with their contents.
#[derive(Default)]
pub(crate) struct KeySet(BTreeMap<String, String>);

impl KeySet {
    /// The keys in a directory; none if it has none.
    pub(crate) fn read(directory: &Path) -> Result<Self> {
        let mut files = Self::default();
        // The signing key first: a rotation makes it an accepted one before another signs.
        let Some(signing) = read_if_there(&directory.join("signing.pem"))? else {
            return Ok(files);
        };
        files.add("signing.pem".to_owned(), signing)?;
        let accepted = directory.join("accepted");
        let entries = match fs::read_dir(&accepted) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(files),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot list {}", accepted.display()));
            }
        };
        for entry in entries {
            let name = entry.context("cannot list the accepted keys")?.file_name();
            let Some(name) = name.to_str().filter(|name| is_key_file(name)) else { continue };
            // A rotation may have forgotten it meanwhile.
            if let Some(key) = read_if_there(&accepted.join(name))? {
                files.add(format!("accepted/{name}"), key)?;
            }
        }
        Ok(files)
    }

    pub(crate) fn add(&mut self, name: String, content: String) -> Result<()> {
        ensure!(self.0.len() < FILES, "there are more than {FILES} keys");
        self.0.insert(name, content);
        Ok(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, content)| (name.as_str(), content.as_str()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes them; the one that signs comes last, because with it the directory counts as an instance's.
    pub(crate) fn write(&self, directory: &Path) -> Result<()> {
        for folder in [directory, &directory.join("accepted")] {
            blobs::make_directory(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        for (name, content) in self.iter() {
            write_secret(&directory.join(name), content)?;
        }
        Ok(())
    }
}

/// The text of a file, if there is one.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
