//! From actix to a page handler and back: a handler takes a [`Visit`] and returns an [`Answer`].
//!
//! The handler runs on the process's runtime, where the database is; only the body is read on the worker.

use std::future::Future;

use actix_web::web::Data;
use actix_web::{Handler, HttpRequest, HttpResponse};
use web::Body;

use super::answer::Answer;
use super::error::{self, Error};
use super::form::Form;
use super::visit::{Call, Visit};
use crate::App;
use crate::session;

/// Larger than any form of ours.
const MAX_FORM: usize = 64 * 1024;

/// A handler that shows something.
pub(crate) fn show<F, Fut>(
    page: F,
) -> impl Handler<(HttpRequest, Data<App>), Output = HttpResponse> + Send + Sync
where
    F: Fn(Visit) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<Answer, Error>> + Send + 'static,
{
    move |req: HttpRequest, app: Data<App>| async move {
        let call = Call::of(&req);
        run(App::clone(&app), call, page).await
    }
}

/// A handler that changes something: the form must be ours, and come from a page of ours.
pub(crate) fn act<F, Fut>(
    deed: F,
) -> impl Handler<(HttpRequest, Data<App>, Body), Output = HttpResponse> + Send + Sync
where
    F: Fn(Visit, Form) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<Answer, Error>> + Send + 'static,
{
    guarded(deed, |visit, form| session::is_proven(form.value("csrf"), &visit.ui.csrf))
}

/// As [`act`] for what is not worth forging: the form needs no proof of ours.
pub(crate) fn adjust<F, Fut>(
    deed: F,
) -> impl Handler<(HttpRequest, Data<App>, Body), Output = HttpResponse> + Send + Sync
where
    F: Fn(Visit, Form) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<Answer, Error>> + Send + 'static,
{
    guarded(deed, |_visit, _form| true)
}

fn guarded<F, Fut>(
    deed: F,
    is_proven: fn(&Visit, &Form) -> bool,
) -> impl Handler<(HttpRequest, Data<App>, Body), Output = HttpResponse> + Send + Sync
where
    F: Fn(Visit, Form) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<Answer, Error>> + Send + 'static,
{
    move |req: HttpRequest, app: Data<App>, body: Body| async move {
        let call = Call::of(&req);
        let form = match body.collect(MAX_FORM).await {
            Ok(body) => Form::parse(&body),
            Err(failure) => return actix_web::ResponseError::error_response(&failure),
        };
        run(App::clone(&app), call, move |visit: Visit| async move {
            if !visit.call.is_from_here() || !is_proven(&visit, &form) {
                return Err(Error::Unproven);
            }
            deed(visit, form).await
        })
        .await
    }
}

async fn run<F, Fut>(app: App, call: Call, page: F) -> HttpResponse
where
    F: FnOnce(Visit) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Answer, Error>> + Send + 'static,
{
    let secure = call.secure;
    let held = Visit::holds_proof(&call);
    let answer = web::run(async move {
        let mut ui = call.shell();
        let answered = match Visit::open(app, call).await {
            Ok(visit) => {
                ui = visit.ui.clone();
                page(visit).await
            }
            Err(failure) => Err(failure),
        };
        let answer = answered.unwrap_or_else(|failure| error::answer(&ui, &failure));
        Visit::seal(&ui, secure, held, answer)
    });
    answer.await.respond()
}
