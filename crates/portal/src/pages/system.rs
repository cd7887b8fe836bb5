//! What runs here, how full it is, and whether it is well.

use askama::Template;

use crate::viewer::Shell;

/// Sizes in words.
pub(crate) struct Storage {
    pub(crate) used: String,
    pub(crate) free: String,
    /// Of the volume, 0 to 100.
    pub(crate) percent: Option<u8>,
}

impl Storage {
    /// Object stores have no volume to fill.
    pub(crate) fn has_volume(&self) -> bool {
        self.percent.is_some()
    }

    pub(crate) fn level(&self) -> u8 {
        self.percent.unwrap_or_default()
    }
}

pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) healthy: bool,
}

#[derive(Template)]
#[template(path = "system.html")]
pub(crate) struct SystemPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) healthy: bool,
    pub(crate) projects: i64,
    pub(crate) public_projects: i64,
    pub(crate) repositories: i64,
    pub(crate) public_repositories: i64,
    /// For system administrators.
    pub(crate) storage: Option<Storage>,
    pub(crate) self_registration: bool,
    pub(crate) project_creation: String,
    pub(crate) parts: Vec<Part>,
    pub(crate) login_command: String,
}
