//! Garbage collection: run, schedule, history.

use askama::Template;

use super::form::Form;
use super::format::Moment;
use super::pager::Pager;
use crate::viewer::Shell;

pub(crate) struct Kind {
    pub(crate) value: &'static str,
    pub(crate) label: String,
}

pub(crate) struct RunLine {
    pub(crate) id: i64,
    pub(crate) dry_run: bool,
    pub(crate) state: &'static str,
    pub(crate) state_label: String,
    pub(crate) trigger: String,
    pub(crate) freed: String,
    pub(crate) blobs: String,
    pub(crate) manifests: String,
    pub(crate) created: Moment,
}

#[derive(Template)]
#[template(path = "gc/show.html")]
pub(crate) struct GcPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) form: Form,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) next_run: Option<Moment>,
    pub(crate) rows: Vec<RunLine>,
    pub(crate) pager: Pager,
    pub(crate) live: bool,
}
