//! Deleted repositories of a project that can be restored.

use askama::Template;
use auth::{Action, Resource};
use domain::ids::RepositoryId;
use domain::permit::{self, Permit};
use domain::repositories::{self, Deleted};
use domain::{Entity, Error as Failure};

use super::access::Access;
use super::answer::Answer;
use super::error::Error;
use super::form::Form;
use super::format::Moment;
use super::pager::Pager;
use super::projects::Head;
use super::visit::Visit;
use crate::viewer::Shell;

pub(crate) struct DeletedLine {
    pub(crate) id: i64,
    /// Below the project.
    pub(crate) path: String,
    pub(crate) deleted: Moment,
    pub(crate) kept_until: Moment,
}

#[derive(Template)]
#[template(path = "projects/deleted.html")]
pub(crate) struct DeletedPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) head: Head,
    pub(crate) rows: Vec<DeletedLine>,
    pub(crate) pager: Pager,
}

/// `GET /projects/{project}/deleted`
pub(super) async fn list(visit: Visit) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let permit = permit(&visit, &access).await?;
    let (db, grace) = (&visit.app.db, visit.settings.deletion_grace());
    let id = permit.project().id;
    let page = repositories::deleted(db, id, grace, visit.paging(), visit.now).await?;
    Answer::page(&DeletedPage {
        ui: &visit.ui,
        head: access.head(&visit.ui, "repositories"),
        pager: visit.pager(page.items.len(), page.total),
        rows: page.items.into_iter().map(|item| DeletedLine::new(&visit, item)).collect(),
    })
}

/// `POST /projects/{project}/deleted/{id}`
pub(super) async fn restore(visit: Visit, _form: Form) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let permit = permit(&visit, &access).await?;
    let id = visit.segment("id").parse();
    let id = id.map_err(|_not_a_number| Error::missing(Entity::Repository))?;
    let back = format!("/projects/{}/deleted", access.name());
    let grace = visit.settings.deletion_grace();
    let mut tx = visit.app.db.begin().await?;
    match repositories::restore(&mut tx, &permit, RepositoryId(id), grace, visit.now).await {
        Ok(name) => {
            tx.commit().await?;
            let list = format!("/projects/{}", access.name());
            Ok(Answer::done(list, "flash-repository-restored", name.as_str()))
        }
        Err(Failure::Conflict(_)) => Ok(Answer::undone(back, "fault-name-is-used", "")),
        Err(Failure::NotFound(Entity::Repository)) => {
            Ok(Answer::undone(back, "fault-not-restorable", ""))
        }
        Err(failure @ Failure::QuotaExceeded { .. }) => {
            Ok(Answer::undone(back, "flash-error", &failure.to_string()))
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn permit(visit: &Visit, access: &Access) -> Result<Permit, Error> {
    let (db, who) = (&visit.app.db, &visit.principal);
    let (resource, action) = (Resource::Repository, Action::Delete);
    Ok(permit::authorize(db, who, access.name(), resource, action).await?)
}

impl DeletedLine {
    fn new(visit: &Visit, repository: Deleted) -> Self {
        Self {
            id: repository.id.0,
            path: repository.name.path().unwrap_or_default().to_owned(),
            deleted: visit.moment(repository.deleted_at),
            kept_until: visit.moment(repository.kept_until),
        }
    }
}
