//! Robot accounts of a project.

use askama::Template;

use super::form::Form;
use super::format::Moment;
use super::pager::Pager;
use super::projects::Head;
use crate::viewer::Shell;

pub(crate) struct RobotLine {
    pub(crate) id: i64,
    /// As it signs in: `robot$library+ci`.
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) permissions: Vec<String>,
    pub(crate) disabled: bool,
    pub(crate) expired: bool,
    pub(crate) expires: Option<Moment>,
    pub(crate) created: Moment,
}

#[derive(Template)]
#[template(path = "robots/list.html")]
pub(crate) struct ListPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) head: Head,
    pub(crate) rows: Vec<RobotLine>,
    pub(crate) pager: Pager,
    pub(crate) may_change: bool,
}

#[derive(Template)]
#[template(path = "robots/new.html")]
pub(crate) struct NewPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) head: Head,
    pub(crate) form: Form,
    /// What every robot's name in this project begins with.
    pub(crate) prefix: String,
}

#[derive(Template)]
#[template(path = "robots/secret.html")]
pub(crate) struct SecretPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) head: Head,
    pub(crate) name: String,
    pub(crate) secret: String,
    pub(crate) login_command: String,
}
