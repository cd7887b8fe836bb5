//! What an administrator tells everybody, over the pages.
//!
//! The setting `banner_message` holds what Harbor's page keeps there: JSON with `message`, `type`, and the moments
//! `fromDate` and `toDate` between which it is shown. Any other text is a message as it stands.

use domain::Timestamp;
use serde_json::{Map, Value};
use time::format_description::well_known::{Iso8601, Rfc3339};
use time::macros::format_description;
use time::{Date, OffsetDateTime};

/// How a banner is meant; `type` in Harbor's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    Info,
    Success,
    /// As Harbor takes it, if nothing is said.
    #[default]
    Warning,
    Danger,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Info, Self::Success, Self::Warning, Self::Danger];

    /// As in the setting and in forms.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Danger => "danger",
        }
    }

    pub(crate) fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.tag() == tag)
    }

    /// The class and the icon that pages show it with.
    pub(crate) const fn look(self) -> (&'static str, &'static str) {
        match self {
            Self::Info => ("", "info"),
            Self::Success => ("ok", "check"),
            Self::Warning => ("warn", "alert"),
            Self::Danger => ("bad", "alert"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Banner {
    /// Not empty; lines end in `\n`.
    pub(crate) message: String,
    pub(crate) kind: Kind,
    /// The first moment at which it is shown.
    pub(crate) from: Option<OffsetDateTime>,
    /// The last one.
    pub(crate) until: Option<OffsetDateTime>,
}

impl Banner {
    /// What the setting says; `None` if that is nothing.
    pub(crate) fn of(setting: &str) -> Option<Self> {
        let fields = fields(setting);
        let text = |key| fields.get(key).and_then(Value::as_str).unwrap_or_default();
        let message = clean(text("message"))?;
        let kind = Kind::from_tag(text("type")).unwrap_or_default();
        Some(Self { message, kind, from: moment(text("fromDate")), until: moment(text("toDate")) })
    }

    pub(crate) fn is_shown(&self, now: Timestamp) -> bool {
        let now = now.date_time();
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now <= until)
    }

    /// The setting `before` with this in place of its banner: what else it says stays.
    pub(crate) fn written_over(&self, before: &str) -> String {
        let mut fields = fields(before);
        fields.insert("message".to_owned(), self.message.as_str().into());
        fields.insert("type".to_owned(), self.kind.tag().into());
        for (key, moment) in [("fromDate", self.from), ("toDate", self.until)] {
            match moment.and_then(|moment| moment.format(&Rfc3339).ok()) {
                Some(moment) => fields.insert(key.to_owned(), moment.into()),
                None => fields.remove(key),
            };
        }
        fields.entry("closable").or_insert(false.into());
        Value::Object(fields).to_string()
    }
}

/// The message without blanks around it, as lines; `None` if that is empty. NUL, which JSON can hold, is nothing for a page.
pub(crate) fn clean(message: &str) -> Option<String> {
    let message = message.replace("\r\n", "\n").replace('\0', "");
    Some(message.trim().to_owned()).filter(|message| !message.is_empty())
}

fn fields(setting: &str) -> Map<String, Value> {
    match serde_json::from_str(setting) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::from_iter([("message".to_owned(), setting.into())]),
    }
}

/// What Harbor's pages and tools write: a moment (RFC 3339), or the midnight of a day, `2026-12-01` or `12/01/2026`.
fn moment(text: &str) -> Option<OffsetDateTime> {
    let american = format_description!("[month]/[day]/[year]");
    let day = || Date::parse(text, &Iso8601::DATE).or_else(|_| Date::parse(text, american));
    let moment = OffsetDateTime::parse(text, &Rfc3339);
    moment.ok().or_else(|| Some(day().ok()?.midnight().assume_utc()))
}

#[cfg(test)]
mod tests;
