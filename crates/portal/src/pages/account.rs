//! One's own profile and password.

use askama::Template;
use auth::Action;
use domain::{Entity, permit, users};

use super::answer::Answer;
use super::error::Error;
use super::form::Form;
use super::login;
use super::visit::Visit;
use crate::viewer::Shell;

#[derive(Template)]
#[template(path = "account.html")]
pub(crate) struct AccountPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) profile: Form,
    pub(crate) password: Form,
}

/// `GET /account`
pub(super) async fn show(visit: Visit) -> Result<Answer, Error> {
    let profile = profile(&visit).await?;
    Answer::page(&AccountPage { ui: &visit.ui, profile, password: Form::default() })
}

/// `POST /account`
pub(super) async fn save(visit: Visit, mut form: Form) -> Result<Answer, Error> {
    let (db, user) = (&visit.app.db, visit.user_id()?);
    let permit = permit::authorize_account(db, &visit.principal, user, Action::Update).await?;
    let profile = users::Profile {
        email: Some(form.word("email")),
        real_name: form.word("real_name"),
        comment: form.word("comment"),
    };
    let mut tx = db.begin().await?;
    match users::update(&mut tx, &permit, user, &profile, visit.now).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(Answer::done("/account", "flash-saved", ""))
        }
        Err(failure) => {
            form.reject(&visit.ui, "email", failure)?;
            let password = Form::default();
            Answer::faulty(&AccountPage { ui: &visit.ui, profile: form, password })
        }
    }
}

/// `POST /account/password`; ends every session but this browser's, which gets a new one.
pub(super) async fn change_password(visit: Visit, mut form: Form) -> Result<Answer, Error> {
    let (db, user) = (&visit.app.db, visit.user_id()?);
    let permit = permit::authorize_account(db, &visit.principal, user, Action::Update).await?;
    form.check_password(&visit.ui);
    if !form.is_faulty() {
        check_current(&visit, &mut form).await?;
    }
    if form.is_faulty() {
        let profile = profile(&visit).await?;
        return Answer::faulty(&AccountPage { ui: &visit.ui, profile, password: form });
    }
    let hash = visit.app.authenticator.hash(form.value("password")).await?;
    let mut tx = db.begin().await?;
    users::set_password(&mut tx, &permit, user, &hash, visit.now).await?;
    tx.commit().await?;
    let answer = Answer::done("/account", "flash-password-changed", "");
    login::open(&visit, user, answer).await
}

/// Whoever finds a browser open must not take the account over.
async fn check_current(visit: &Visit, form: &mut Form) -> Result<(), Error> {
    let (name, current) = (visit.principal.name(), form.value("current"));
    match visit.app.authenticator.basic(name, current, visit.call.peer).await {
        Ok(_principal) => {}
        Err(identity::Error::BadCredentials) => form.fail("current", visit.ui.t("fault-current")),
        Err(identity::Error::TooMany { .. } | identity::Error::Busy { .. }) => {
            form.fail("current", visit.ui.t("fault-too-many"));
        }
        Err(failure) => return Err(failure.into()),
    }
    Ok(())
}

async fn profile(visit: &Visit) -> Result<Form, Error> {
    let user = users::by_id(&visit.app.db, visit.user_id()?).await?;
    let user = user.ok_or(Error::missing(Entity::User))?;
    Ok(Form::default()
        .with("email", user.email.unwrap_or_default())
        .with("real_name", user.real_name)
        .with("comment", user.comment))
}
