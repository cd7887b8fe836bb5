//! Signing in and out.

use actix_web::http::StatusCode;
use askama::Template;
use auth::Principal;
use domain::ids::UserId;
use domain::sessions;

use super::answer::Answer;
use super::error::Error;
use super::form::Form;
use super::visit::{Visit, private_cookie, removal};
use crate::session;
use crate::viewer::Shell;

#[derive(Template)]
#[template(path = "login.html")]
pub(crate) struct LoginPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) form: Form,
    /// Where to go afterwards.
    pub(crate) destination: String,
    pub(crate) self_registration: bool,
}

/// `GET /login`
pub(super) async fn show(visit: Visit) -> Result<Answer, Error> {
    let wanted = visit.parameter("return");
    let destination = session::destination(&wanted);
    if visit.ui.signed_in() {
        return Ok(Answer::redirect(destination));
    }
    Answer::page(&page(&visit, Form::default(), destination))
}

/// `POST /login`
pub(super) async fn submit(visit: Visit, mut form: Form) -> Result<Answer, Error> {
    let destination = session::destination(form.value("return")).to_owned();
    let (name, password) = (form.word("username"), form.value("password"));
    let fault = match visit.app.authenticator.basic(name, password, visit.call.peer).await {
        Ok(Principal::User(user)) => {
            return open(&visit, UserId(user.id), Answer::redirect(destination)).await;
        }
        // A robot has no pages.
        Ok(
            Principal::Robot(_)
            | Principal::Anonymous
            | Principal::Bearer(_)
            | Principal::Outsider(_),
        )
        | Err(identity::Error::BadCredentials) => "fault-login",
        Err(failure) => match failure.limit() {
            Some(limit) => {
                web::metrics::limited(limit);
                "fault-too-many"
            }
            None => return Err(failure.into()),
        },
    };
    form.fail("login", visit.ui.t(fault));
    let view = page(&visit, form, &destination);
    Answer::page_with(StatusCode::UNAUTHORIZED, &view)
}

/// `POST /logout`
pub(super) async fn leave(visit: Visit, _form: Form) -> Result<Answer, Error> {
    close(&visit).await?;
    let cookie = removal(session::session_cookie(visit.call.secure), visit.call.secure);
    Ok(Answer::done("/login", "flash-signed-out", "").with_cookie(cookie))
}

/// Begins a session; whatever session the browser had before ends, so that none can be planted.
pub(super) async fn open(visit: &Visit, user: UserId, answer: Answer) -> Result<Answer, Error> {
    close(visit).await?;
    let mut tx = visit.app.db.begin().await?;
    let opened = sessions::create(&mut tx, user, visit.now).await?;
    tx.commit().await?;
    let secure = visit.call.secure;
    let cookie = private_cookie(session::session_cookie(secure), opened.token, secure);
    Ok(answer.with_cookie(cookie).with_cookie(removal(session::proof_cookie(secure), secure)))
}

async fn close(visit: &Visit) -> Result<(), Error> {
    if let Some(token) = visit.call.session_token() {
        let mut tx = visit.app.db.begin().await?;
        sessions::delete(&mut tx, token).await?;
        tx.commit().await?;
    }
    Ok(())
}

fn page<'a>(visit: &'a Visit, form: Form, destination: &str) -> LoginPage<'a> {
    LoginPage {
        ui: &visit.ui,
        form,
        destination: destination.to_owned(),
        self_registration: visit.settings.self_registration,
    }
}
