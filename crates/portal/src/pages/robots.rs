//! Robot accounts of a project.

use askama::Template;
use auth::{Action, Effect, Resource, RobotPermission, RobotScope};
use domain::Entity;
use domain::ids::{ProjectId, RobotId};
use domain::permit::{self, Permit};
use domain::robots::{self, Authority, Changes, Created, Owner, Robot};

use super::access::Access;
use super::answer::Answer;
use super::confirm::ConfirmPage;
use super::error::Error;
use super::form::Form;
use super::format::Moment;
use super::pager::Pager;
use super::projects::Head;
use super::visit::Visit;
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

/// `GET /projects/{project}/robots`
pub(super) async fn list(visit: Visit) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let permit = permit(&visit, &access, Action::List).await?;
    let query = robots::Query {
        owner: Owner::Project(permit.project().id),
        name: None,
        sort: Vec::new(),
        paging: visit.paging(),
    };
    let page = robots::list(&visit.app.db, &query).await?;
    let pager = visit.pager(page.items.len(), page.total);
    Answer::page(&ListPage {
        ui: &visit.ui,
        head: access.head(&visit.ui, "robots"),
        rows: page.items.into_iter().map(|robot| RobotLine::new(&visit, robot)).collect(),
        pager,
        may_change: access.may(Resource::Robot, Action::Create),
    })
}

/// `GET /projects/{project}/robots/new`
pub(super) async fn new(visit: Visit) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    permit(&visit, &access, Action::Create).await?;
    let duration = visit.settings.robot_token_duration.to_string();
    let form = Form::default().with("duration", duration).with("pull", "true");
    Answer::page(&form_page(&visit, &access, form))
}

/// `POST /projects/{project}/robots`; answers with the secret, which is never shown again.
pub(super) async fn submit(visit: Visit, mut form: Form) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let permit = permit(&visit, &access, Action::Create).await?;
    let permissions = permissions(&form, permit.project().id);
    if permissions.is_empty() {
        form.fail("pull", visit.ui.t("fault-permission"));
    }
    let duration_days = form.number("duration");
    if duration_days.is_none() {
        form.fail("duration", visit.ui.t("fault-duration"));
    }
    if form.is_faulty() {
        return Answer::faulty(&form_page(&visit, &access, form));
    }
    let new = robots::New {
        name: form.word("name").to_owned(),
        description: form.word("description").to_owned(),
        duration_days,
        disabled: false,
        permissions,
        secret: None,
    };
    let mut tx = visit.app.db.begin().await?;
    match robots::create(&mut tx, Authority::Project(&permit), &new, visit.now).await {
        Ok(created) => {
            tx.commit().await?;
            Answer::page(&secret_page(&visit, &access, created))
        }
        Err(failure) => {
            form.reject(&visit.ui, "name", failure)?;
            Answer::faulty(&form_page(&visit, &access, form))
        }
    }
}

/// `POST /projects/{project}/robots/{id}`
pub(super) async fn set_disabled(visit: Visit, form: Form) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let permit = permit(&visit, &access, Action::Update).await?;
    let robot = find(&visit, &permit).await?;
    let name = login(&visit, &robot);
    let disabled = form.ticked("disabled");
    let changes = Changes {
        description: robot.description,
        duration_days: robot.duration_days,
        disabled,
        permissions: robot.permissions,
    };
    let mut tx = visit.app.db.begin().await?;
    let authority = Authority::Project(&permit);
    robots::update(&mut tx, authority, robot.id, &changes, visit.now).await?;
    tx.commit().await?;
    let key = if disabled { "flash-robot-disabled" } else { "flash-robot-enabled" };
    Ok(Answer::done(address(&access), key, &name))
}

/// `GET /projects/{project}/robots/{id}/delete`
pub(super) async fn confirm_delete(visit: Visit) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let permit = permit(&visit, &access, Action::Delete).await?;
    let robot = find(&visit, &permit).await?;
    let ui = &visit.ui;
    Answer::page(&ConfirmPage {
        ui,
        heading: ui.t("delete"),
        question: ui.with("ask-delete-robot", &login(&visit, &robot)),
        consequences: vec![ui.t("robot-stops")],
        obstacle: None,
        label: ui.t("delete"),
        action: format!("{}/{}/delete", address(&access), robot.id),
        cancel: address(&access),
        dangerous: true,
    })
}

/// `POST /projects/{project}/robots/{id}/delete`
pub(super) async fn delete(visit: Visit, _form: Form) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let permit = permit(&visit, &access, Action::Delete).await?;
    let robot = find(&visit, &permit).await?;
    let mut tx = visit.app.db.begin().await?;
    robots::delete(&mut tx, Authority::Project(&permit), robot.id, visit.now).await?;
    tx.commit().await?;
    Ok(Answer::done(address(&access), "flash-robot-deleted", &login(&visit, &robot)))
}

async fn permit(visit: &Visit, access: &Access, action: Action) -> Result<Permit, Error> {
    let (db, who) = (&visit.app.db, &visit.principal);
    Ok(permit::authorize(db, who, access.name(), Resource::Robot, action).await?)
}

/// A robot of this project: another one's is not there.
async fn find(visit: &Visit, permit: &Permit) -> Result<Robot, Error> {
    let missing = || Error::missing(Entity::Robot);
    let id = visit.segment("id").parse().map_err(|_not_a_number| missing())?;
    let robot = robots::by_id(&visit.app.db, RobotId(id)).await?;
    robot.filter(|robot| robot.project == Some(permit.project().id)).ok_or_else(missing)
}

/// Docker reads a repository's artifacts when it pulls, and writes them when it pushes.
fn permissions(form: &Form, project: ProjectId) -> Vec<RobotPermission> {
    let grant = |action| RobotPermission {
        scope: RobotScope::Project(project.0),
        resource: Resource::Repository,
        action,
        effect: Effect::Allow,
    };
    let wishes = [("pull", Action::Pull), ("push", Action::Push)];
    wishes.into_iter().filter(|(name, _)| form.ticked(name)).map(|(_, it)| grant(it)).collect()
}

fn login(visit: &Visit, robot: &Robot) -> String {
    robot.login(&visit.settings.robot_name_prefix)
}

fn address(access: &Access) -> String {
    format!("/projects/{}/robots", access.name())
}

fn form_page<'a>(visit: &'a Visit, access: &Access, form: Form) -> NewPage<'a> {
    let prefix = format!("{}{}+", visit.settings.robot_name_prefix, access.name());
    NewPage { ui: &visit.ui, head: access.head(&visit.ui, "robots"), form, prefix }
}

fn secret_page<'a>(visit: &'a Visit, access: &Access, created: Created) -> SecretPage<'a> {
    // A shell would take `$…` in the name for a variable.
    let login_command = format!("docker login {} -u '{}'", visit.ui.host, created.login);
    SecretPage {
        ui: &visit.ui,
        head: access.head(&visit.ui, "robots"),
        name: created.login,
        secret: created.secret,
        login_command,
    }
}

impl RobotLine {
    fn new(visit: &Visit, robot: Robot) -> Self {
        let right = |it: &RobotPermission| match (it.resource, it.action) {
            (Resource::Repository, Action::Pull) => visit.ui.t("pull"),
            (Resource::Repository, Action::Push) => visit.ui.t("push"),
            (resource, action) => format!("{resource}: {action}"),
        };
        Self {
            id: robot.id.0,
            name: login(visit, &robot),
            permissions: robot.permissions.iter().map(right).collect(),
            expired: robot.is_expired(visit.now),
            description: robot.description,
            disabled: robot.disabled,
            expires: robot.expires_at.map(|at| visit.moment(at)),
            created: visit.moment(robot.created_at),
        }
    }
}
