//! Creating an account for oneself, where the configuration allows it.

use askama::Template;
use domain::permit;

use super::answer::Answer;
use super::error::Error;
use super::form::Form;
use super::users;
use super::visit::Visit;
use crate::viewer::Shell;

#[derive(Template)]
#[template(path = "signup.html")]
pub(crate) struct SignupPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) form: Form,
}

/// `GET /signup`
pub(super) async fn show(visit: Visit) -> Result<Answer, Error> {
    permit::authorize_sign_up(&visit.app.db).await?;
    Answer::page(&SignupPage { ui: &visit.ui, form: Form::default() })
}

/// `POST /signup`
pub(super) async fn submit(visit: Visit, mut form: Form) -> Result<Answer, Error> {
    let permit = permit::authorize_sign_up(&visit.app.db).await?;
    if users::create(&visit, &permit, &mut form).await? {
        return Ok(Answer::done("/login", "flash-welcome", form.word("username")));
    }
    Answer::faulty(&SignupPage { ui: &visit.ui, form })
}
