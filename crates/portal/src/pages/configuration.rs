//! Settings of the platform that are changed while it runs.

use std::collections::BTreeMap;

use askama::Template;
use auth::{Action, Resource};
use domain::settings::Settings;
use domain::{Error as Failure, permit, settings};
use serde_json::Value;
use time::format_description::well_known::Iso8601;
use time::macros::time;
use time::{Date, OffsetDateTime, Time, UtcOffset};

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
/// What it has in another form: GiB, and a banner in parts.
const STORAGE: &str = "storage_per_project";
const BANNER: &str = "banner_message";
const BANNER_KIND: &str = "banner_kind";
const BANNER_FROM: &str = "banner_from";
const BANNER_UNTIL: &str = "banner_until";

const GIB: f64 = 1_073_741_824.0;
/// 2⁶³: one byte more than a limit can be.
const MOST: f64 = 9_223_372_036_854_775_808.0;

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
    let banner = banner.as_ref();
    let kind = banner.map_or(Kind::default(), |banner| banner.kind);
    Ok(form
        .with(STORAGE, gib(settings.storage_per_project))
        .with(BANNER, banner.map_or("", |banner| &banner.message))
        .with(BANNER_KIND, kind.tag())
        .with(BANNER_FROM, day(banner.and_then(|banner| banner.from)))
        .with(BANNER_UNTIL, day(banner.and_then(|banner| banner.until))))
}

/// `POST /configuration`
pub(super) async fn save(visit: Visit, mut form: Form) -> Result<Answer, Error> {
    // Not `authorize_system_change`: it is here that read-only mode is left.
    let permit =
        permit::authorize_system(&visit.principal, Resource::Configuration, Action::Update)?;
    let before = settings::load(&visit.app.db).await?.banner_message;
    let fields = FIELDS.map(|key| (key.to_owned(), Value::from(form.word(key))));
    let switches = SWITCHES.map(|key| (key.to_owned(), Value::from(form.ticked(key))));
    let mut changes: BTreeMap<_, _> = fields.into_iter().chain(switches).collect();
    changes.insert(STORAGE.to_owned(), bytes(form.word(STORAGE)).into());
    match rewritten(&before, &form) {
        Ok(None) => {}
        Ok(Some(banner)) => {
            changes.insert(BANNER.to_owned(), banner.into());
        }
        Err(field) => {
            form.fail(field, visit.ui.t("fault-date"));
            return Answer::faulty(&ConfigurationPage { ui: &visit.ui, form });
        }
    }
    match settings::update(&visit.app.db, &permit, &changes, visit.now).await {
        Ok(_settings) => Ok(Answer::done("/configuration", "flash-saved", "")),
        Err(failure) => {
            form.reject(&visit.ui, "robot_name_prefix", failure)?;
            Answer::faulty(&ConfigurationPage { ui: &visit.ui, form })
        }
    }
}

/// The setting of the banner as the form wants it; `None` if that is what it is, so that what others have written stays as
/// they wrote it. Fails with the field that holds no date.
fn rewritten(before: &str, form: &Form) -> Result<Option<String>, &'static str> {
    let old = Banner::of(before);
    let from = old.as_ref().and_then(|old| old.from);
    let until = old.as_ref().and_then(|old| old.until);
    // The last day is one at which it is shown.
    let from = moment(form.word(BANNER_FROM), from, time!(0:00)).ok_or(BANNER_FROM)?;
    let until = moment(form.word(BANNER_UNTIL), until, time!(23:59:59)).ok_or(BANNER_UNTIL)?;
    if from.zip(until).is_some_and(|(from, until)| until < from) {
        return Err(BANNER_UNTIL);
    }
    let kind = Kind::from_tag(form.word(BANNER_KIND)).unwrap_or_default();
    let message = banner::clean(form.value(BANNER));
    let wanted = message.map(|message| Banner { message, kind, from, until });
    if wanted == old {
        return Ok(None);
    }
    Ok(Some(wanted.map(|banner| banner.written_over(before)).unwrap_or_default()))
}

/// `2026-12-01`; empty for none.
fn day(moment: Option<OffsetDateTime>) -> String {
    moment.map(|moment| moment.to_offset(UtcOffset::UTC).date().to_string()).unwrap_or_default()
}

/// The day in `text` at that time, or the moment that is there already if that is its day; `None` if the text is no day.
#[expect(clippy::option_option, reason = "no text is no moment")]
fn moment(text: &str, there: Option<OffsetDateTime>, time: Time) -> Option<Option<OffsetDateTime>> {
    if text == day(there) {
        return Some(there);
    }
    let date = Date::parse(text, &Iso8601::DATE).ok();
    if text.is_empty() { Some(None) } else { Some(Some(date?.with_time(time).assume_utc())) }
}

/// Bytes in GiB, so that [`bytes`] gives them back.
#[expect(clippy::cast_precision_loss, reason = "exact up to 8 PiB")]
fn gib(bytes: i64) -> String {
    if bytes == -1 { bytes.to_string() } else { (bytes as f64 / GIB).to_string() }
}

/// GiB in bytes; none if the text is neither an amount nor -1, which is no limit.
#[expect(clippy::cast_possible_truncation, reason = "what does not fit is none")]
fn bytes(gib: &str) -> Option<i64> {
    if gib == "-1" {
        return Some(-1);
    }
    let bytes = (gib.parse::<f64>().ok()? * GIB).round();
    (1.0..MOST).contains(&bytes).then_some(bytes as i64)
}

#[cfg(test)]
mod tests;
