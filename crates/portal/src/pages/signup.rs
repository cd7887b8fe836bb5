//! Creating an account for oneself, where the configuration allows it.

use askama::Template;

use super::form::Form;
use crate::viewer::Shell;

#[derive(Template)]
#[template(path = "signup.html")]
pub(crate) struct SignupPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) form: Form,
}
