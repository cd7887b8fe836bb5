//! Audit logs: of a project for its admins, of everything for system administrators.

use askama::Template;
use auth::{Action, Resource};
use domain::audit::{self, Scope};
use domain::listing::{Match, Page};
use domain::permit;

use super::access::Access;
use super::answer::Answer;
use super::error::Error;
use super::format::Moment;
use super::pager::Pager;
use super::projects::Head;
use super::visit::Visit;
use crate::viewer::Shell;

pub(crate) struct LogLine {
    pub(crate) username: String,
    pub(crate) operation: String,
    /// The class of the badge.
    pub(crate) tone: &'static str,
    pub(crate) kind: String,
    pub(crate) resource: String,
    pub(crate) at: Moment,
}

#[derive(Template)]
#[template(path = "logs/project.html")]
pub(crate) struct ProjectPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) head: Head,
    pub(crate) action: String,
    pub(crate) query: String,
    pub(crate) rows: Vec<LogLine>,
    pub(crate) pager: Pager,
}

#[derive(Template)]
#[template(path = "logs/list.html")]
pub(crate) struct ListPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) action: String,
    pub(crate) query: String,
    pub(crate) rows: Vec<LogLine>,
    pub(crate) pager: Pager,
}

/// `GET /projects/{project}/logs`
pub(super) async fn of_project(visit: Visit) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let (db, name) = (&visit.app.db, access.name());
    permit::authorize(db, &visit.principal, name, Resource::Log, Action::List).await?;
    let page = find(&visit, Scope::Project(access.permit().project().id)).await?;
    Answer::page(&ProjectPage {
        ui: &visit.ui,
        head: access.head(&visit.ui, "logs"),
        action: format!("/projects/{name}/logs"),
        query: visit.parameter("q"),
        pager: visit.pager(page.items.len(), page.total),
        rows: page.items.into_iter().map(|log| LogLine::new(&visit, log)).collect(),
    })
}

/// `GET /logs`
pub(super) async fn list(visit: Visit) -> Result<Answer, Error> {
    let scope = audit::visible(&visit.principal)?;
    let page = find(&visit, scope).await?;
    Answer::page(&ListPage {
        ui: &visit.ui,
        action: "/logs".to_owned(),
        query: visit.parameter("q"),
        pager: visit.pager(page.items.len(), page.total),
        rows: page.items.into_iter().map(|log| LogLine::new(&visit, log)).collect(),
    })
}

async fn find(visit: &Visit, scope: Scope) -> Result<Page<audit::Log>, Error> {
    let wanted = visit.parameter("q");
    let mut query = audit::Query::all(scope, visit.paging());
    query.username = Some(wanted).filter(|text| !text.is_empty()).map(Match::Like);
    Ok(audit::list(&visit.app.db, &query).await?)
}

impl LogLine {
    fn new(visit: &Visit, log: audit::Log) -> Self {
        let word = |prefix: &str, text: &str| visit.ui.t_or(&format!("{prefix}-{text}"), text);
        Self {
            tone: match log.operation.as_str() {
                "create" => "ok",
                "delete" => "bad",
                "update" => "accent",
                _ => "",
            },
            operation: word("operation", &log.operation),
            kind: word("resource", &log.resource_type),
            username: log.username,
            resource: log.resource,
            at: visit.moment(log.at),
        }
    }
}
