//! Settings of the platform that are changed while it runs.

use askama::Template;

use super::form::Form;
use crate::viewer::Shell;

#[derive(Template)]
#[template(path = "configuration.html")]
pub(crate) struct ConfigurationPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) form: Form,
}
