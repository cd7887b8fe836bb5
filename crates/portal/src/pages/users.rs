//! Users, for system administrators.

use askama::Template;

use super::form::Form;
use super::format::Moment;
use super::pager::Pager;
use crate::viewer::Shell;

pub(crate) struct UserLine {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) real_name: String,
    pub(crate) email: String,
    pub(crate) system_admin: bool,
    pub(crate) created: Moment,
    pub(crate) is_viewer: bool,
}

#[derive(Template)]
#[template(path = "users/list.html")]
pub(crate) struct ListPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) query: String,
    pub(crate) rows: Vec<UserLine>,
    pub(crate) pager: Pager,
}

#[derive(Template)]
#[template(path = "users/new.html")]
pub(crate) struct NewPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) form: Form,
}

#[derive(Template)]
#[template(path = "users/password.html")]
pub(crate) struct PasswordPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) form: Form,
}
