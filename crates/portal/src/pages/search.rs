//! Search over projects and repositories.

use askama::Template;

use crate::viewer::Shell;

pub(crate) struct ProjectHit {
    pub(crate) name: String,
    pub(crate) public: bool,
}

pub(crate) struct RepositoryHit {
    pub(crate) project: String,
    pub(crate) path: String,
    pub(crate) artifacts: i64,
    pub(crate) pulls: i64,
}

#[derive(Template)]
#[template(path = "search.html")]
pub(crate) struct SearchPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) query: String,
    pub(crate) projects: Vec<ProjectHit>,
    pub(crate) repositories: Vec<RepositoryHit>,
}
