//! Signing in and out.

use askama::Template;

use super::form::Form;
use crate::viewer::Shell;

#[derive(Template)]
#[template(path = "login.html")]
pub(crate) struct LoginPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) form: Form,
    /// Where to go afterwards.
    pub(crate) destination: String,
    pub(crate) self_registration: bool,
}
