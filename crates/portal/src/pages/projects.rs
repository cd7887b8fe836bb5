//! Projects: the list, a new one, and the frame around everything in one.

use askama::Template;

use super::form::Form;
use super::format::Moment;
use super::pager::Pager;
use crate::viewer::Shell;

pub(crate) struct ProjectLine {
    pub(crate) name: String,
    pub(crate) public: bool,
    pub(crate) role: String,
    pub(crate) repositories: i64,
    pub(crate) created: Moment,
}

#[derive(Template)]
#[template(path = "projects/list.html")]
pub(crate) struct ListPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) query: String,
    /// `true`, `false` or empty, as in `?public=`.
    pub(crate) filter: &'static str,
    pub(crate) rows: Vec<ProjectLine>,
    pub(crate) pager: Pager,
    pub(crate) may_create: bool,
}

#[derive(Template)]
#[template(path = "projects/new.html")]
pub(crate) struct NewPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) form: Form,
}

/// What stands above every page of a project.
#[derive(Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each hides or shows one tab")]
pub(crate) struct Head {
    pub(crate) name: String,
    pub(crate) public: bool,
    /// The viewer's role in words; empty without one.
    pub(crate) role: String,
    pub(crate) tab: &'static str,
    pub(crate) sees_members: bool,
    pub(crate) sees_robots: bool,
    pub(crate) sees_logs: bool,
    pub(crate) manages: bool,
}

#[derive(Template)]
#[template(path = "projects/settings.html")]
pub(crate) struct SettingsPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) head: Head,
    /// Why the project cannot be deleted.
    pub(crate) obstacle: Option<String>,
}
