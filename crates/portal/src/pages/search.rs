//! Search over projects and repositories.

use askama::Template;
use domain::projects::Project;
use domain::repositories::Repository;
use domain::search;

use super::answer::Answer;
use super::error::Error;
use super::visit::Visit;
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

/// Hits of either kind.
const LIMIT: u32 = 50;

/// `GET /search`
pub(super) async fn show(visit: Visit) -> Result<Answer, Error> {
    let query = visit.parameter("q");
    let found = search::search(&visit.app.db, &visit.principal, &query, LIMIT).await?;
    let project = |project: Project| ProjectHit { name: project.name, public: project.public };
    let repository = |repository: Repository| RepositoryHit {
        project: repository.name.project().to_owned(),
        path: repository.name.path().unwrap_or_default().to_owned(),
        artifacts: repository.artifacts,
        pulls: repository.pulls,
    };
    Answer::page(&SearchPage {
        ui: &visit.ui,
        query,
        projects: found.projects.into_iter().map(project).collect(),
        repositories: found.repositories.into_iter().map(repository).collect(),
    })
}
