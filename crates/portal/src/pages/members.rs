//! Members of a project and their roles.

use askama::Template;

use super::form::Form;
use super::format::Moment;
use super::pager::Pager;
use super::projects::Head;
use crate::viewer::Shell;

pub(crate) struct MemberLine {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) role: i64,
    pub(crate) role_label: String,
    pub(crate) since: Moment,
    pub(crate) is_viewer: bool,
}

pub(crate) struct RoleChoice {
    pub(crate) id: i64,
    pub(crate) label: String,
    pub(crate) means: String,
}

impl RoleChoice {
    /// As a form sends it.
    pub(crate) fn id_text(&self) -> String {
        self.id.to_string()
    }
}

#[derive(Template)]
#[template(path = "members/list.html")]
pub(crate) struct ListPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) head: Head,
    pub(crate) rows: Vec<MemberLine>,
    pub(crate) roles: Vec<RoleChoice>,
    pub(crate) pager: Pager,
    pub(crate) may_change: bool,
}

#[derive(Template)]
#[template(path = "members/new.html")]
pub(crate) struct NewPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) head: Head,
    pub(crate) form: Form,
    pub(crate) roles: Vec<RoleChoice>,
}
