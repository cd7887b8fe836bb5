//! Settings of the platform that are changed while it runs.

use askama::Template;
use auth::{Action, Resource};
use domain::settings::Settings;
use domain::{Error as Failure, permit, settings};
use serde_json::Value;

use super::answer::Answer;
use super::error::Error;
use super::form::Form;
use super::visit::Visit;
use crate::banner::{self, Banner, Kind};
use crate::viewer::Shell;

#[derive(Template)]
#[template(path = "configuration.html")]
pub(crate) struct ConfigurationPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) form: Form,
}

/// What the page has in Harbor's names and forms. A box that is not ticked is not sent.
const FIELDS: [&str; 7] = [
    "project_creation_restriction",
    "token_expiration",
    "session_timeout",
    "robot_token_duration",
    "robot_name_prefix",
    "deletion_grace",
    "required_platforms",
];
const SWITCHES: [&str; 3] = ["self_registration", "quota_per_project_enable", "read_only"];
/// What it has in another form: GiB, and a message with its kind.
const STORAGE: &str = "storage_per_project";
const BANNER: &str = "banner_message";
const BANNER_KIND: &str = "banner_kind";

const GIB: f64 = 1_073_741_824.0;

/// `GET /configuration`
pub(super) async fn show(visit: Visit) -> Result<Answer, Error> {
    permit::authorize_system(&visit.principal, Resource::Configuration, Action::Read)?;
    let settings = settings::load(&visit.app.db).await?;
    Answer::page(&ConfigurationPage { ui: &visit.ui, form: form_of(&settings)? })
}

fn form_of(settings: &Settings) -> Result<Form, Error> {
    let Ok(Value::Object(values)) = serde_json::to_value(settings) else {
        return Err(Failure::Corrupt { column: "settings" }.into());
    };
    let fields = values.into_iter().map(|(key, value)| match value {
        Value::String(text) => (key, text),
        other => (key, other.to_string()),
    });
    let form = fields.fold(Form::default(), |form, (key, text)| form.with(&key, text));
    let banner = Banner::of(&settings.banner_message);
    let kind = banner.as_ref().map_or(Kind::default(), |banner| banner.kind);
    Ok(form
        .with(STORAGE, gib(settings.storage_per_project))
        .with(BANNER, banner.map(|banner| banner.message).unwrap_or_default())
        .with(BANNER_KIND, kind.tag()))
}

/// `POST /configuration`
pub(super) async fn save(visit: Visit, mut form: Form) -> Result<Answer, Error> {
    // Not `authorize_system_change`: it is here that read-only mode is left.
    let permit =
        permit::authorize_system(&visit.principal, Resource::Configuration, Action::Update)?;
    let before = settings::load(&visit.app.db).await?.banner_message;
    let banner = banner::rewritten(&before, form.value(BANNER), form.word(BANNER_KIND));
    let fields = FIELDS.map(|key| (key.to_owned(), Value::from(form.word(key))));
    let switches = SWITCHES.map(|key| (key.to_owned(), Value::from(form.ticked(key))));
    let others = [
        (STORAGE.to_owned(), Value::from(bytes(form.word(STORAGE)))),
        (BANNER.to_owned(), Value::from(banner)),
    ];
    let changes = fields.into_iter().chain(switches).chain(others).collect();
    match settings::update(&visit.app.db, &permit, &changes, visit.now).await {
        Ok(_settings) => Ok(Answer::done("/configuration", "flash-saved", "")),
        Err(failure) => {
            form.reject(&visit.ui, "robot_name_prefix", failure)?;
            Answer::faulty(&ConfigurationPage { ui: &visit.ui, form })
        }
    }
}

/// Bytes in GiB, so that [`bytes`] gives them back.
#[expect(clippy::cast_precision_loss, reason = "exact up to 8 PiB")]
fn gib(bytes: i64) -> String {
    if bytes == -1 { bytes.to_string() } else { (bytes as f64 / GIB).to_string() }
}

/// GiB in bytes; none if the text is no number.
#[expect(clippy::cast_possible_truncation, reason = "what is too much is the most there is")]
fn bytes(gib: &str) -> Option<i64> {
    let number: f64 = gib.parse().ok().filter(|number: &f64| number.is_finite())?;
    Some(if number < 0.0 { number as i64 } else { (number * GIB).round() as i64 })
}

#[cfg(test)]
mod tests;
