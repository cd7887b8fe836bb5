//! What an administrator tells everybody, over every page.
//!
//! The setting `banner_message` holds what Harbor's page keeps there: JSON with `message`, `type`, and the moments between
//! which it is shown. Any other text is a message as it stands.

use domain::Timestamp;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How a banner is meant; `type` in Harbor's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    Info,
    Success,
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
    /// Not empty.
    pub(crate) message: String,
    pub(crate) kind: Kind,
    from: Option<OffsetDateTime>,
    until: Option<OffsetDateTime>,
}

impl Banner {
    /// What the setting says; `None` if that is nothing.
    pub(crate) fn of(setting: &str) -> Option<Self> {
        let fields = fields(setting);
        let text = |key| fields.get(key).and_then(Value::as_str).unwrap_or_default();
        let message = text("message").trim().to_owned();
        let moment = |key| OffsetDateTime::parse(text(key), &Rfc3339).ok();
        let kind = Kind::ALL.into_iter().find(|kind| kind.tag() == text("type"));
        let (from, until) = (moment("fromDate"), moment("toDate"));
        let banner = Self { message, kind: kind.unwrap_or_default(), from, until };
        (!banner.message.is_empty()).then_some(banner)
    }

    pub(crate) fn is_shown(&self, now: Timestamp) -> bool {
        let now = now.date_time();
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now <= until)
    }
}

/// The setting `before` with another message, of this kind: what else it says stays. Without a message it is empty.
pub(crate) fn rewritten(before: &str, message: &str, kind: &str) -> String {
    let message = message.trim();
    if message.is_empty() {
        return String::new();
    }
    let mut fields = fields(before);
    fields.insert("message".to_owned(), message.into());
    fields.insert("type".to_owned(), kind.into());
    fields.entry("closable").or_insert(false.into());
    Value::Object(fields).to_string()
}

fn fields(setting: &str) -> Map<String, Value> {
    match serde_json::from_str(setting) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::from_iter([("message".to_owned(), setting.into())]),
    }
}

#[cfg(test)]
mod tests;
