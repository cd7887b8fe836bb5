//! Where in which file something stands, and what is wrong with it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

/// Lines and columns count from one, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub(crate) file: Arc<Path>,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

impl Place {
    /// From one.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// From one, in characters.
    pub fn column(&self) -> u32 {
        self.column
    }

    /// The problem at this place.
    pub(crate) fn error(&self, problem: impl Into<String>) -> Invalid {
        Invalid::At { place: self.clone(), problem: problem.into() }
    }
}

/// What an operator has to mend; the text names the remedy.
#[derive(Debug, Error)]
pub enum Invalid {
    #[error("{path}: there is no `{name}` block; nginx wants one too")]
    Missing { path: PathBuf, name: String },
    #[error("{path}: cannot be read")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{place}: {problem}")]
    At { place: Place, problem: String },
}
