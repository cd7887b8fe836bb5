//! `/search` and `/statistics`: what there is, as far as the caller may know.

use std::collections::BTreeMap;

use ::web::run;
use actix_web::web::Query;
use domain::{projects, search, statistics};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::Answer;
use super::caller::Caller;
use super::error::Result;
use super::projects::ProjectView;
use super::refused::Refused;
use super::time::{is_default, or_default};

/// Of either kind; more would help nobody.
const LIMIT: u32 = 100;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Search)]
pub(crate) struct SearchView {
    project: Vec<ProjectView>,
    repository: Vec<SearchRepository>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchRepository {
    project_id: i64,
    project_name: String,
    #[serde(skip_serializing_if = "is_default")]
    project_public: bool,
    repository_name: String,
    #[serde(skip_serializing_if = "is_default")]
    pull_count: i64,
    #[serde(skip_serializing_if = "is_default")]
    artifact_count: i64,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchQuery {
    /// A part of a name.
    #[serde(default, deserialize_with = "or_default")]
    q: String,
}

/// Projects and repositories whose name contains a text.
#[utoipa::path(get, path = "/search", operation_id = "search", tag = "search",
    params(SearchQuery), responses((status = 200, body = SearchView), Refused))]
pub(crate) async fn find(caller: Caller, query: Query<SearchQuery>) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let found = search::search(db, principal, &query.q, LIMIT).await?;
        let mut public: BTreeMap<_, bool> =
            found.repositories.iter().map(|repository| (repository.project, false)).collect();
        for (id, public) in &mut public {
            let project = projects::by_key(db, principal, *id).await?;
            *public = project.is_some_and(|project| project.public);
        }
        let repositories = found.repositories.into_iter().map(|repository| SearchRepository {
            project_id: repository.project.0,
            project_name: repository.name.project().to_owned(),
            project_public: public.get(&repository.project).copied().unwrap_or_default(),
            repository_name: repository.name.as_str().to_owned(),
            pull_count: repository.pulls,
            artifact_count: repository.artifacts,
        });
        Answer::json(&SearchView {
            repository: repositories.collect(),
            project: found.projects.into_iter().map(ProjectView::new).collect(),
        })
    })
    .await
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Statistic)]
pub(crate) struct StatisticsView {
    private_project_count: i64,
    private_repo_count: i64,
    public_project_count: i64,
    public_repo_count: i64,
    /// This and the following are for system administrators; zero for others.
    total_project_count: i64,
    total_repo_count: i64,
    total_storage_consumption: u64,
}

/// How much there is.
#[utoipa::path(get, path = "/statistics", operation_id = "getStatistic", tag = "statistic",
    responses((status = 200, body = StatisticsView), Refused))]
pub(crate) async fn count(caller: Caller) -> Result<Answer> {
    run(async move {
        caller.known()?;
        let counts = statistics::statistics(&caller.app.db, &caller.principal).await?;
        let totals = counts.totals;
        Answer::json(&StatisticsView {
            private_project_count: counts.private_projects,
            private_repo_count: counts.private_repositories,
            public_project_count: counts.public_projects,
            public_repo_count: counts.public_repositories,
            total_project_count: totals.map_or(0, |totals| totals.projects),
            total_repo_count: totals.map_or(0, |totals| totals.repositories),
            total_storage_consumption: totals.map_or(0, |totals| totals.storage),
        })
    })
    .await
}
