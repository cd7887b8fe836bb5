//! The question before something is gone.

use askama::Template;

use crate::viewer::Shell;

#[derive(Template)]
#[template(path = "confirm.html")]
pub(crate) struct ConfirmPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) heading: String,
    pub(crate) question: String,
    pub(crate) consequences: Vec<String>,
    /// Why it cannot be done; no button then.
    pub(crate) obstacle: Option<String>,
    pub(crate) label: String,
    pub(crate) action: String,
    pub(crate) cancel: String,
    pub(crate) dangerous: bool,
}
