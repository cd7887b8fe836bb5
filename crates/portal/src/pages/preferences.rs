//! Language and theme: the reader's own, kept in cookies, also before signing in.
//!
//! The form carries no proof, because there is nothing to gain by forging it; where it comes from is checked.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

use super::answer::Answer;
use super::error::Error;
use super::form::Form;
use super::visit::Visit;
use crate::i18n::Language;
use crate::session;
use crate::viewer::{LANGUAGE_COOKIE, THEME_COOKIE, Theme};

/// `POST /preferences`
pub(super) async fn save(visit: Visit, form: Form) -> Result<Answer, Error> {
    let mut answer = Answer::redirect(back(form.value("return")));
    if let Some(language) = Language::from_tag(form.value("language")) {
        answer = answer.with_cookie(kept(LANGUAGE_COOKIE, language.tag(), visit.call.secure));
    }
    if let Some(theme) = Theme::from_tag(form.value("theme")) {
        answer = answer.with_cookie(kept(THEME_COOKIE, theme.tag(), visit.call.secure));
    }
    Ok(answer)
}

/// To the page with the switch on it, the sign-in page too.
fn back(path: &str) -> &str {
    if path == "/login" || path.starts_with("/login?") { path } else { session::destination(path) }
}

fn kept(name: &'static str, value: &'static str, secure: bool) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .secure(secure)
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(Duration::days(365))
        .finish()
}
