//! Puts rendered files where the containers have them mounted.
//!
//! All files are written beside the old ones first; then each takes the place of its predecessor by a rename. The
//! directories stay the same ones: a container that has one mounted sees the new files, and a reload finds them. Only
//! files that an earlier run has rendered are ever removed.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::machine::{self, Machine, Owner};
use super::render::Rendered;

/// Lists what was rendered.
const LIST: &str = ".rendered";
const STAGING: &str = ".new";

/// Rendered files on the disk, not yet in their places; gone when dropped.
#[derive(Debug)]
pub(super) struct Staged<'a> {
    machine: Machine,
    output: &'a Path,
    rendered: &'a Rendered,
    /// Whether there was no output before.
    is_first: bool,
}

impl<'a> Staged<'a> {
    /// Writes `rendered` into a new folder below `output`.
    pub(super) fn write(
        machine: Machine,
        output: &'a Path,
        rendered: &'a Rendered,
    ) -> Result<Self> {
        let staged = Self { machine, output, rendered, is_first: !output.exists() };
        // What an interrupted run has left.
        staged.clear().context("cannot remove what an earlier run has left")?;
        machine.ensure(output, 0o750, Owner::READ_BY_SERVICES)?;
        for (path, text) in rendered {
            let owner = owner(path);
            let file = staged.folder().join(path);
            staged.directory_of(&file, owner)?;
            machine.write(&file, text, 0o640, owner)?;
        }
        Ok(staged)
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.output.join(STAGING)
    }

    /// Moves every file into its place, and removes those that an earlier run has rendered and this one has not.
    pub(super) fn place(self) -> Result<()> {
        for path in self.rendered.keys() {
            let target = self.output.join(path);
            self.directory_of(&target, owner(path))?;
            fs::rename(self.folder().join(path), &target)
                .with_context(|| format!("cannot replace {}", target.display()))?;
            machine::sync_directory_of(&target)?;
        }
        let list = self.output.join(LIST);
        for path in machine::read(&list)?.unwrap_or_default().lines() {
            if !self.rendered.contains_key(path) && is_below(path) {
                remove(&self.output.join(path))?;
            }
        }
        let names: Vec<&str> = self.rendered.keys().map(String::as_str).collect();
        self.machine.write(&list, &(names.join("\n") + "\n"), 0o640, Owner::READ_BY_SERVICES)
    }

    fn directory_of(&self, file: &Path, owner: Owner) -> Result<()> {
        let parent = file.parent().context("a rendered file has no directory")?;
        let folder = self.folder();
        let base = if file.starts_with(&folder) { folder.as_path() } else { self.output };
        let below = parent.strip_prefix(base).context("a rendered file is elsewhere")?;
        self.machine.ensure(base, 0o750, Owner::READ_BY_SERVICES)?;
        let mut directory = base.to_path_buf();
        for part in below.components() {
            directory.push(part);
            self.machine.ensure(&directory, 0o750, owner)?;
        }
        Ok(())
    }

    fn clear(&self) -> std::io::Result<()> {
        match fs::remove_dir_all(self.folder()) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        let cleared = self.clear().and_then(|()| {
            // Where nothing was before, nothing is left of a run that failed.
            if self.is_first && machine::is_empty(self.output) {
                return fs::remove_dir(self.output);
            }
            Ok(())
        });
        if let Err(error) = cleared {
            tracing::warn!(%error, folder = %self.folder().display(), "cannot be removed");
        }
    }
}

/// Who may read a file.
fn owner(path: &str) -> Owner {
    if path.starts_with("db/") { Owner::READ_BY_DATABASE } else { Owner::READ_BY_SERVICES }
}

/// The list lies where an operator may edit it.
fn is_below(path: &str) -> bool {
    let path = Path::new(path);
    path.components().all(|part| matches!(part, std::path::Component::Normal(_)))
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
