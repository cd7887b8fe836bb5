//! Errors as pages.

use askama::Template;

use crate::viewer::Shell;

#[derive(Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) status: u16,
    pub(crate) heading: String,
    pub(crate) message: String,
    /// For failures of ours: what to look for in the log.
    pub(crate) request_id: Option<String>,
}
