//! Members of a project and their roles.

use askama::Template;
use auth::{Action, Resource, Role};
use domain::ids::MemberId;
use domain::members::{self, Member, Who};
use domain::permit::{self, Permit};
use domain::{Entity, Error as Failure};

use super::access::{self, Access};
use super::answer::Answer;
use super::confirm::ConfirmPage;
use super::error::Error;
use super::form::Form;
use super::format::Moment;
use super::pager::Pager;
use super::projects::Head;
use super::visit::Visit;
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

/// `GET /projects/{project}/members`
pub(super) async fn list(visit: Visit) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let permit = permit(&visit, &access, Action::List).await?;
    let page = members::list(&visit.app.db, permit.project().id, None, visit.paging()).await?;
    let pager = visit.pager(page.items.len(), page.total);
    Answer::page(&ListPage {
        ui: &visit.ui,
        head: access.head(&visit.ui, "members"),
        rows: page.items.into_iter().map(|member| MemberLine::new(&visit, member)).collect(),
        roles: roles(&visit.ui),
        pager,
        may_change: access.may(Resource::Member, Action::Update),
    })
}

/// `GET /projects/{project}/members/new`
pub(super) async fn new(visit: Visit) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    permit(&visit, &access, Action::Create).await?;
    let form = Form::default().with("role", Role::Developer.id().to_string());
    Answer::page(&form_page(&visit, &access, form))
}

/// `POST /projects/{project}/members`
pub(super) async fn submit(visit: Visit, mut form: Form) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let permit = permit(&visit, &access, Action::Create).await?;
    let Some(role) = role(&form) else {
        form.fail("username", visit.ui.t("fault-role"));
        return Answer::faulty(&form_page(&visit, &access, form));
    };
    let name = form.word("username").to_owned();
    let mut tx = visit.app.db.begin().await?;
    match members::add(&mut tx, &permit, Who::Name(&name), role, visit.now).await {
        Ok(_id) => tx.commit().await?,
        Err(Failure::NotFound(_)) => form.fail("username", visit.ui.t("fault-no-user")),
        Err(Failure::Conflict(_)) => form.fail("username", visit.ui.t("fault-member-already")),
        Err(failure) => return Err(failure.into()),
    }
    if form.is_faulty() {
        return Answer::faulty(&form_page(&visit, &access, form));
    }
    Ok(Answer::done(address(&access), "flash-member-added", &name))
}

/// `POST /projects/{project}/members/{id}`
pub(super) async fn set_role(visit: Visit, form: Form) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let permit = permit(&visit, &access, Action::Update).await?;
    let member = find(&visit, &permit).await?;
    let Some(role) = role(&form) else {
        return Ok(Answer::undone(address(&access), "fault-role", ""));
    };
    let mut tx = visit.app.db.begin().await?;
    members::set_role(&mut tx, &permit, member.id, role, visit.now).await?;
    tx.commit().await?;
    Ok(Answer::done(address(&access), "flash-member-changed", &member.name))
}

/// `GET /projects/{project}/members/{id}/delete`
pub(super) async fn confirm_delete(visit: Visit) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let permit = permit(&visit, &access, Action::Delete).await?;
    let member = find(&visit, &permit).await?;
    let ui = &visit.ui;
    Answer::page(&ConfirmPage {
        ui,
        heading: ui.t("remove"),
        question: ui.with("ask-remove-member", &member.name),
        consequences: Vec::new(),
        obstacle: None,
        label: ui.t("remove"),
        action: format!("{}/{}/delete", address(&access), member.id),
        cancel: address(&access),
        dangerous: true,
    })
}

/// `POST /projects/{project}/members/{id}/delete`
pub(super) async fn delete(visit: Visit, _form: Form) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let permit = permit(&visit, &access, Action::Delete).await?;
    let member = find(&visit, &permit).await?;
    let mut tx = visit.app.db.begin().await?;
    members::remove(&mut tx, &permit, member.id, visit.now).await?;
    tx.commit().await?;
    Ok(Answer::done(address(&access), "flash-member-removed", &member.name))
}

async fn permit(visit: &Visit, access: &Access, action: Action) -> Result<Permit, Error> {
    let (db, who) = (&visit.app.db, &visit.principal);
    Ok(permit::authorize(db, who, access.name(), Resource::Member, action).await?)
}

async fn find(visit: &Visit, permit: &Permit) -> Result<Member, Error> {
    let missing = || Error::missing(Entity::Member);
    let id = visit.segment("id").parse().map_err(|_not_a_number| missing())?;
    let member = members::by_id(&visit.app.db, permit.project().id, MemberId(id)).await?;
    member.ok_or_else(missing)
}

fn role(form: &Form) -> Option<Role> {
    Role::try_from(form.number("role")?).ok()
}

fn roles(ui: &Shell) -> Vec<RoleChoice> {
    let choice = |role: Role| {
        let key = access::role_key(role);
        RoleChoice { id: role.id(), label: ui.t(key), means: ui.t(&format!("{key}-means")) }
    };
    Role::ALL.map(choice).into()
}

fn address(access: &Access) -> String {
    format!("/projects/{}/members", access.name())
}

fn form_page<'a>(visit: &'a Visit, access: &Access, form: Form) -> NewPage<'a> {
    let head = access.head(&visit.ui, "members");
    NewPage { ui: &visit.ui, head, form, roles: roles(&visit.ui) }
}

impl MemberLine {
    fn new(visit: &Visit, member: Member) -> Self {
        Self {
            id: member.id.0,
            name: member.name,
            role: member.role.id(),
            role_label: visit.ui.t(access::role_key(member.role)),
            since: visit.moment(member.created_at),
            is_viewer: visit.principal.user_id() == Some(member.user.0),
        }
    }
}
