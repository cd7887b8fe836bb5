//! Who looks at a page, and how they like it: the parts of every page that are not its subject.

use serde::{Deserialize, Serialize};

use crate::assets;
use crate::i18n::{Language, Value};

/// Who looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Viewer {
    /// Absent: nobody signed in.
    pub name: Option<String>,
    pub system_admin: bool,
}

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the browser says.
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    /// As in the cookie and in `<html data-theme>`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub fn from_tag(tag: &str) -> Option<Self> {
        [Self::System, Self::Light, Self::Dark].into_iter().find(|theme| theme.tag() == tag)
    }
}

/// How a message after an act is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    Ok,
    Bad,
}

/// One message, shown on the page after the one that caused it; kept in a cookie between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    pub tone: Tone,
    /// A key of the locales.
    pub key: String,
    /// What `{ $name }` is in it.
    pub name: String,
}

impl Flash {
    pub fn is_ok(&self) -> bool {
        self.tone == Tone::Ok
    }
}

/// What surrounds the subject of a page.
#[derive(Clone, Debug, Default)]
pub struct Shell {
    pub language: Language,
    pub theme: Theme,
    pub viewer: Viewer,
    /// Proves that a form was made by us for this viewer.
    pub csrf: String,
    pub flash: Option<Flash>,
    /// Path and query of the page, to come back to.
    pub here: String,
    /// `registry.example.com:8443`, as `docker login` wants it.
    pub host: String,
    pub read_only: bool,
}

impl Shell {
    /// The text of `key`.
    pub fn t(&self, key: &str) -> String {
        self.language.text(key)
    }

    /// The text of `key` with `{ $name }` in it.
    pub fn with(&self, key: &str, name: &str) -> String {
        self.language.text_with(key, "name", Value::Word(name))
    }

    /// The text of `key` with `{ $count }` in it.
    pub fn count(&self, key: &str, count: &i64) -> String {
        self.language.text_with(key, "count", Value::Number(*count))
    }

    /// The address of an asset.
    pub fn asset(&self, name: &str) -> &'static str {
        assets::path(name)
    }

    /// The address of one icon in the sprite.
    pub fn icon(&self, name: &str) -> String {
        format!("{}#{name}", assets::path("icons.svg"))
    }

    pub fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    pub fn signed_in(&self) -> bool {
        self.viewer.name.is_some()
    }

    pub fn system_admin(&self) -> bool {
        self.viewer.system_admin
    }

    /// The viewer's name; empty for nobody.
    pub fn name(&self) -> &str {
        self.viewer.name.as_deref().unwrap_or_default()
    }

    pub fn initial(&self) -> String {
        self.name().chars().take(1).collect()
    }

    /// Whether the page is `path` or below it; marks where one is in the navigation.
    pub fn under(&self, path: &str) -> bool {
        let page = self.here.split('?').next().unwrap_or_default();
        page.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    pub fn speaks_english(&self) -> bool {
        self.language == Language::English
    }

    pub fn theme_is(&self, tag: &str) -> bool {
        self.theme.tag() == tag
    }
}
