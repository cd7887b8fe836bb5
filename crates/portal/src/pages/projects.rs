//! Projects: the list, a new one, and the frame around everything in one.

use askama::Template;
use auth::{Action, Resource};
use domain::listing::Match;
use domain::permit::{self, Permit};
use domain::projects::{self, Project, ProjectName};
use domain::settings::ProjectCreation;

use super::access::{self, Access};
use super::answer::Answer;
use super::confirm::ConfirmPage;
use super::error::Error;
use super::form::Form;
use super::format::{self, Moment};
use super::pager::Pager;
use super::visit::Visit;
use crate::viewer::Shell;

pub(crate) struct ProjectLine {
    pub(crate) name: String,
    pub(crate) public: bool,
    pub(crate) role: String,
    pub(crate) repositories: i64,
    pub(crate) created: Moment,
}

#[derive(Template)]
#[template(path = "projects/list.html")]
pub(crate) struct ListPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) query: String,
    /// `true`, `false` or empty, as in `?public=`.
    pub(crate) filter: &'static str,
    pub(crate) rows: Vec<ProjectLine>,
    pub(crate) pager: Pager,
    pub(crate) may_create: bool,
}

#[derive(Template)]
#[template(path = "projects/new.html")]
pub(crate) struct NewPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) form: Form,
}

/// What stands above every page of a project.
#[derive(Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each hides or shows one tab")]
pub(crate) struct Head {
    pub(crate) name: String,
    pub(crate) public: bool,
    /// The viewer's role in words; empty without one.
    pub(crate) role: String,
    pub(crate) tab: &'static str,
    pub(crate) sees_members: bool,
    pub(crate) sees_robots: bool,
    pub(crate) sees_logs: bool,
    pub(crate) manages: bool,
}

#[derive(Template)]
#[template(path = "projects/settings.html")]
pub(crate) struct SettingsPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) head: Head,
    /// Why the project cannot be deleted.
    pub(crate) obstacle: Option<String>,
    /// `1.2 GiB`, and of how much.
    pub(crate) storage: String,
}

/// `GET /projects`
pub(super) async fn list(visit: Visit) -> Result<Answer, Error> {
    let query = visit.parameter("q");
    let public = visit.parameter("public").parse().ok();
    let wanted = projects::Query {
        name: Some(query.clone()).filter(|text| !text.is_empty()).map(Match::Like),
        public,
        paging: visit.paging(),
        ..projects::Query::default()
    };
    let db = &visit.app.db;
    let page = projects::list(db, &visit.principal, &wanted).await?;
    let pager = visit.pager(page.items.len(), page.total);
    Answer::page(&ListPage {
        ui: &visit.ui,
        query,
        filter: match public {
            Some(true) => "true",
            Some(false) => "false",
            None => "",
        },
        rows: page.items.into_iter().map(|project| ProjectLine::new(&visit, project)).collect(),
        pager,
        may_create: may_create(&visit),
    })
}

/// `GET /projects/-/new`
pub(super) async fn new(visit: Visit) -> Result<Answer, Error> {
    permit::authorize_project_creation(&visit.app.db, &visit.principal).await?;
    Answer::page(&NewPage { ui: &visit.ui, form: Form::default() })
}

/// `POST /projects`
pub(super) async fn submit(visit: Visit, mut form: Form) -> Result<Answer, Error> {
    let db = &visit.app.db;
    let permit = permit::authorize_project_creation(db, &visit.principal).await?;
    let Ok(name) = form.word("name").parse::<ProjectName>() else {
        form.fail("name", visit.ui.t("fault-project-name"));
        return Answer::faulty(&NewPage { ui: &visit.ui, form });
    };
    let new = projects::New { public: form.ticked("public"), ..projects::New::default() };
    let mut tx = db.begin().await?;
    match projects::create(&mut tx, &permit, &name, &new, visit.now).await {
        Ok(_id) => tx.commit().await?,
        Err(failure) => {
            form.reject(&visit.ui, "name", failure)?;
            return Answer::faulty(&NewPage { ui: &visit.ui, form });
        }
    }
    Ok(Answer::done(format!("/projects/{name}"), "flash-project-created", name.as_str()))
}

/// `GET /projects/{project}/settings`
pub(super) async fn settings(visit: Visit) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let permit = permit(&visit, &access, Action::Update).await?;
    let summary = projects::summary(&visit.app.db, permit.project().id).await?;
    let used = format::size_of(summary.storage_used);
    Answer::page(&SettingsPage {
        ui: &visit.ui,
        head: access.head(&visit.ui, "settings"),
        obstacle: obstacle(&visit.ui, summary.repositories),
        storage: match summary.storage_limit {
            ..=0 => used,
            limit => format!("{used} / {}", format::size(limit)),
        },
    })
}

/// `POST /projects/{project}/settings`
pub(super) async fn set_visibility(visit: Visit, form: Form) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let permit = permit(&visit, &access, Action::Update).await?;
    let public = form.ticked("public");
    let changes = projects::Changes { public: Some(public), ..projects::Changes::default() };
    let mut tx = visit.app.db.begin().await?;
    projects::update(&mut tx, &permit, &changes, visit.now).await?;
    tx.commit().await?;
    let key = if public { "flash-project-public" } else { "flash-project-private" };
    Ok(Answer::done(format!("/projects/{}/settings", access.name()), key, access.name()))
}

/// `GET /projects/{project}/delete`
pub(super) async fn confirm_delete(visit: Visit) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let permit = permit(&visit, &access, Action::Delete).await?;
    let summary = projects::summary(&visit.app.db, permit.project().id).await?;
    let (ui, name) = (&visit.ui, access.name());
    Answer::page(&ConfirmPage {
        ui,
        heading: ui.t("delete-project"),
        question: ui.with("ask-delete-project", name),
        consequences: vec![ui.t("delete-project-sub")],
        obstacle: obstacle(ui, summary.repositories),
        label: ui.t("delete-project"),
        action: format!("/projects/{name}/delete"),
        cancel: format!("/projects/{name}/settings"),
        dangerous: true,
    })
}

/// `POST /projects/{project}/delete`
pub(super) async fn delete(visit: Visit, _form: Form) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let permit = permit(&visit, &access, Action::Delete).await?;
    let mut tx = visit.app.db.begin().await?;
    match projects::delete(&mut tx, &permit, visit.now).await {
        Ok(()) => tx.commit().await?,
        Err(domain::Error::Precondition { reason }) => {
            let back = format!("/projects/{}/settings", access.name());
            return Ok(Answer::undone(back, "flash-error", &reason));
        }
        Err(failure) => return Err(failure.into()),
    }
    Ok(Answer::done("/projects", "flash-project-deleted", access.name()))
}

async fn permit(visit: &Visit, access: &Access, action: Action) -> Result<Permit, Error> {
    let (db, who) = (&visit.app.db, &visit.principal);
    Ok(permit::authorize(db, who, access.name(), Resource::Project, action).await?)
}

fn obstacle(ui: &Shell, repositories: i64) -> Option<String> {
    (repositories > 0).then(|| ui.count("project-not-empty", &repositories))
}

/// Whether to offer it; it is decided when it is done.
fn may_create(visit: &Visit) -> bool {
    let everyone = visit.settings.project_creation_restriction == ProjectCreation::Everyone;
    visit.ui.signed_in() && !visit.settings.read_only && (everyone || visit.ui.system_admin())
}

impl ProjectLine {
    fn new(visit: &Visit, project: Project) -> Self {
        let role = project.role.map(|role| visit.ui.t(access::role_key(role)));
        Self {
            name: project.name,
            public: project.public,
            role: role.unwrap_or_else(|| "–".to_owned()),
            repositories: project.repositories,
            created: visit.moment(project.created_at),
        }
    }
}
