//! Users, for system administrators.

use askama::Template;
use auth::{Action, Resource};
use domain::Entity;
use domain::ids::UserId;
use domain::listing::Match;
use domain::permit::{self, SystemPermit};
use domain::users::{self, User};

use super::answer::Answer;
use super::confirm::ConfirmPage;
use super::error::Error;
use super::form::Form;
use super::format::Moment;
use super::pager::Pager;
use super::visit::Visit;
use crate::viewer::Shell;

pub(crate) struct UserLine {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) real_name: String,
    pub(crate) email: String,
    pub(crate) system_admin: bool,
    pub(crate) created: Moment,
    pub(crate) is_viewer: bool,
}

#[derive(Template)]
#[template(path = "users/list.html")]
pub(crate) struct ListPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) query: String,
    pub(crate) rows: Vec<UserLine>,
    pub(crate) pager: Pager,
}

#[derive(Template)]
#[template(path = "users/new.html")]
pub(crate) struct NewPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) form: Form,
}

#[derive(Template)]
#[template(path = "users/password.html")]
pub(crate) struct PasswordPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) form: Form,
}

/// `GET /users`
pub(super) async fn list(visit: Visit) -> Result<Answer, Error> {
    permit::authorize_system(&visit.principal, Resource::User, Action::List)?;
    let query = visit.parameter("q");
    let name = Some(query.clone()).filter(|text| !text.is_empty()).map(Match::Like);
    let wanted = users::Query { name, paging: visit.paging(), ..users::Query::default() };
    let page = users::list(&visit.app.db, &wanted).await?;
    let pager = visit.pager(page.items.len(), page.total);
    let rows = page.items.into_iter().map(|user| UserLine::new(&visit, user)).collect();
    Answer::page(&ListPage { ui: &visit.ui, query, rows, pager })
}

/// `GET /users/new`
pub(super) async fn new(visit: Visit) -> Result<Answer, Error> {
    permit::authorize_system(&visit.principal, Resource::User, Action::Create)?;
    Answer::page(&NewPage { ui: &visit.ui, form: Form::default() })
}

/// `POST /users`
pub(super) async fn submit(visit: Visit, mut form: Form) -> Result<Answer, Error> {
    let permit = permit_change(&visit, Action::Create).await?;
    if create(&visit, &permit, &mut form).await? {
        return Ok(Answer::done("/users", "flash-user-created", form.word("username")));
    }
    Answer::faulty(&NewPage { ui: &visit.ui, form })
}

/// Makes the account that a form describes; false, and the form says why, if it cannot be.
pub(super) async fn create(
    visit: &Visit,
    permit: &SystemPermit,
    form: &mut Form,
) -> Result<bool, Error> {
    form.check_password(&visit.ui);
    if form.word("email").is_empty() {
        form.fail("email", visit.ui.t("fault-required"));
    }
    if form.is_faulty() {
        return Ok(false);
    }
    let password_hash = visit.app.authenticator.hash(form.value("password")).await?;
    let new = users::New {
        name: form.word("username"),
        email: Some(form.word("email")),
        real_name: form.word("real_name"),
        comment: "",
        password_hash: &password_hash,
    };
    let mut tx = visit.app.db.begin().await?;
    match users::create(&mut tx, permit, &new, visit.now).await {
        Ok(_id) => tx.commit().await?,
        Err(failure) => form.reject(&visit.ui, "username", failure)?,
    }
    Ok(!form.is_faulty())
}

/// `GET /users/{id}/password`
pub(super) async fn password(visit: Visit) -> Result<Answer, Error> {
    permit::authorize_system(&visit.principal, Resource::User, Action::Update)?;
    let user = find(&visit).await?;
    let form = Form::default();
    Answer::page(&PasswordPage { ui: &visit.ui, id: user.id.0, name: user.name, form })
}

/// `POST /users/{id}/password`
pub(super) async fn set_password(visit: Visit, mut form: Form) -> Result<Answer, Error> {
    let permit = permit_change(&visit, Action::Update).await?;
    let user = find(&visit).await?;
    form.check_password(&visit.ui);
    if form.is_faulty() {
        let view = PasswordPage { ui: &visit.ui, id: user.id.0, name: user.name, form };
        return Answer::faulty(&view);
    }
    let hash = visit.app.authenticator.hash(form.value("password")).await?;
    let mut tx = visit.app.db.begin().await?;
    users::set_password(&mut tx, &permit, user.id, &hash, visit.now).await?;
    tx.commit().await?;
    Ok(Answer::done("/users", "flash-password-reset", &user.name))
}

/// `POST /users/{id}/admin`
pub(super) async fn set_admin(visit: Visit, form: Form) -> Result<Answer, Error> {
    let permit = permit_change(&visit, Action::Update).await?;
    let user = find(&visit).await?;
    let system_admin = form.ticked("system_admin");
    let mut tx = visit.app.db.begin().await?;
    match users::set_system_admin(&mut tx, &permit, user.id, system_admin, visit.now).await {
        Ok(()) => tx.commit().await?,
        Err(domain::Error::Precondition { reason }) => {
            return Ok(Answer::undone("/users", "flash-error", &reason));
        }
        Err(failure) => return Err(failure.into()),
    }
    let key = if system_admin { "flash-admin-made" } else { "flash-admin-revoked" };
    Ok(Answer::done("/users", key, &user.name))
}

/// `GET /users/{id}/delete`
pub(super) async fn confirm_delete(visit: Visit) -> Result<Answer, Error> {
    permit::authorize_system(&visit.principal, Resource::User, Action::Delete)?;
    let user = find(&visit).await?;
    let ui = &visit.ui;
    Answer::page(&ConfirmPage {
        ui,
        heading: ui.t("delete-user"),
        question: ui.with("ask-delete-user", &user.name),
        consequences: vec![ui.t("user-projects-stay"), ui.t("cannot-undo")],
        obstacle: None,
        label: ui.t("delete-user"),
        action: format!("/users/{}/delete", user.id),
        cancel: "/users".to_owned(),
        dangerous: true,
    })
}

/// `POST /users/{id}/delete`
pub(super) async fn delete(visit: Visit, _form: Form) -> Result<Answer, Error> {
    let permit = permit_change(&visit, Action::Delete).await?;
    let user = find(&visit).await?;
    let mut tx = visit.app.db.begin().await?;
    match users::delete(&mut tx, &permit, user.id, visit.now).await {
        Ok(()) => tx.commit().await?,
        Err(domain::Error::Precondition { reason } | domain::Error::Denied { reason }) => {
            return Ok(Answer::undone("/users", "flash-error", &reason));
        }
        Err(failure) => return Err(failure.into()),
    }
    Ok(Answer::done("/users", "flash-user-deleted", &user.name))
}

async fn permit_change(visit: &Visit, action: Action) -> Result<SystemPermit, Error> {
    let (db, who) = (&visit.app.db, &visit.principal);
    Ok(permit::authorize_system_change(db, who, Resource::User, action).await?)
}

async fn find(visit: &Visit) -> Result<User, Error> {
    let id = visit.segment("id").parse().map_err(|_not_a_number| Error::missing(Entity::User))?;
    users::by_id(&visit.app.db, UserId(id)).await?.ok_or(Error::missing(Entity::User))
}

impl UserLine {
    fn new(visit: &Visit, user: User) -> Self {
        Self {
            id: user.id.0,
            is_viewer: visit.principal.user_id() == Some(user.id.0),
            name: user.name,
            real_name: user.real_name,
            email: user.email.unwrap_or_default(),
            system_admin: user.system_admin,
            created: visit.moment(user.created_at),
        }
    }
}
