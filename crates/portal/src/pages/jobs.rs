//! Work in the background: history, progress, logs.

use askama::Template;

use super::format::Moment;
use super::pager::Pager;
use crate::viewer::Shell;

pub(crate) struct JobLine {
    pub(crate) id: i64,
    pub(crate) kind: String,
    pub(crate) state: &'static str,
    pub(crate) state_label: String,
    pub(crate) trigger: String,
    pub(crate) creator: String,
    pub(crate) created: Moment,
    /// Empty before the start.
    pub(crate) duration: String,
}

pub(crate) struct JobLogLine {
    pub(crate) iso: String,
    pub(crate) clock: String,
    pub(crate) text: String,
}

#[derive(Template)]
#[template(path = "jobs/list.html")]
pub(crate) struct ListPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) rows: Vec<JobLine>,
    pub(crate) pager: Pager,
    /// Whether the page refreshes itself.
    pub(crate) live: bool,
}

#[derive(Template)]
#[template(path = "jobs/show.html")]
pub(crate) struct ShowPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) job: JobLine,
    pub(crate) started: Option<Moment>,
    pub(crate) finished: Option<Moment>,
    /// `1 / 3`.
    pub(crate) attempts: String,
    pub(crate) error: Option<String>,
    /// Progress while it runs, the result at the end.
    pub(crate) facts: Vec<(String, String)>,
    pub(crate) log: Vec<JobLogLine>,
    pub(crate) older_log: Option<String>,
    pub(crate) may_cancel: bool,
    pub(crate) cancelling: bool,
    pub(crate) live: bool,
}
