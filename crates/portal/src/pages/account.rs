//! One's own profile and password.

use askama::Template;

use super::form::Form;
use crate::viewer::Shell;

#[derive(Template)]
#[template(path = "account.html")]
pub(crate) struct AccountPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) profile: Form,
    pub(crate) password: Form,
}
