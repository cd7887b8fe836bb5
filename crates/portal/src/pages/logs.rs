//! Audit logs: of a project for its admins, of everything for system administrators.

use askama::Template;

use super::format::Moment;
use super::pager::Pager;
use super::projects::Head;
use crate::viewer::Shell;

pub(crate) struct LogLine {
    pub(crate) username: String,
    pub(crate) operation: String,
    /// The class of the badge.
    pub(crate) tone: &'static str,
    pub(crate) kind: String,
    pub(crate) resource: String,
    pub(crate) at: Moment,
}

#[derive(Template)]
#[template(path = "logs/project.html")]
pub(crate) struct ProjectPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) head: Head,
    pub(crate) action: String,
    pub(crate) query: String,
    pub(crate) rows: Vec<LogLine>,
    pub(crate) pager: Pager,
}

#[derive(Template)]
#[template(path = "logs/list.html")]
pub(crate) struct ListPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) action: String,
    pub(crate) query: String,
    pub(crate) rows: Vec<LogLine>,
    pub(crate) pager: Pager,
}
