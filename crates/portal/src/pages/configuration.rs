//! Settings of the platform that are changed while it runs.

use askama::Template;
use auth::{Action, Resource};
use domain::{Error as Failure, permit, settings};
use serde_json::Value;

use super::answer::Answer;
use super::error::Error;
use super::form::Form;
use super::visit::Visit;
use crate::viewer::Shell;

#[derive(Template)]
#[template(path = "configuration.html")]
pub(crate) struct ConfigurationPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) form: Form,
}

/// What the page has, as Harbor names it. A box that is not ticked is not sent.
const FIELDS: [&str; 6] = [
    "project_creation_restriction",
    "token_expiration",
    "session_timeout",
    "robot_token_duration",
    "robot_name_prefix",
    "deletion_grace",
];
const SWITCHES: [&str; 2] = ["self_registration", "read_only"];

/// `GET /configuration`
pub(super) async fn show(visit: Visit) -> Result<Answer, Error> {
    permit::authorize_system(&visit.principal, Resource::Configuration, Action::Read)?;
    let settings = settings::load(&visit.app.db).await?;
    let Ok(Value::Object(values)) = serde_json::to_value(&settings) else {
        return Err(Failure::Corrupt { column: "settings" }.into());
    };
    let fields = values.into_iter().map(|(key, value)| match value {
        Value::String(text) => (key, text),
        other => (key, other.to_string()),
    });
    let form = fields.fold(Form::default(), |form, (key, text)| form.with(&key, text));
    Answer::page(&ConfigurationPage { ui: &visit.ui, form })
}

/// `POST /configuration`
pub(super) async fn save(visit: Visit, mut form: Form) -> Result<Answer, Error> {
    // Not `authorize_system_change`: it is here that read-only mode is left.
    let permit =
        permit::authorize_system(&visit.principal, Resource::Configuration, Action::Update)?;
    let fields = FIELDS.map(|key| (key.to_owned(), Value::from(form.word(key))));
    let switches = SWITCHES.map(|key| (key.to_owned(), Value::from(form.ticked(key))));
    let changes = fields.into_iter().chain(switches).collect();
    match settings::update(&visit.app.db, &permit, &changes, visit.now).await {
        Ok(_settings) => Ok(Answer::done("/configuration", "flash-saved", "")),
        Err(failure) => {
            form.reject(&visit.ui, "robot_name_prefix", failure)?;
            Answer::faulty(&ConfigurationPage { ui: &visit.ui, form })
        }
    }
}
