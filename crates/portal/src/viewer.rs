//! Who looks at a page, and how they like it: the parts of every page that are not its subject.

use actix_web::http::header::{self, HeaderMap};
use serde::{Deserialize, Serialize};

use crate::assets;
use crate::banner::Banner;
use crate::i18n::{Language, Value};
use crate::session;

pub(crate) const LANGUAGE_COOKIE: &str = "language";
pub(crate) const THEME_COOKIE: &str = "theme";

/// Who looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Viewer {
    /// Absent: nobody signed in.
    pub(crate) name: Option<String>,
    pub(crate) system_admin: bool,
}

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the browser says.
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    /// As in the cookie and in `<html data-theme>`.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(crate) fn from_tag(tag: &str) -> Option<Self> {
        [Self::System, Self::Light, Self::Dark].into_iter().find(|theme| theme.tag() == tag)
    }
}

/// How a message after an act is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tone {
    Ok,
    Bad,
}

/// One message, shown on the page after the one that caused it; kept in a cookie between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flash {
    pub(crate) tone: Tone,
    /// A key of the locales.
    pub(crate) key: String,
    /// What `{ $name }` is in it.
    pub(crate) name: String,
}

impl Flash {
    pub(crate) fn is_ok(&self) -> bool {
        self.tone == Tone::Ok
    }
}

/// What surrounds the subject of a page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shell {
    pub(crate) language: Language,
    pub(crate) theme: Theme,
    pub(crate) viewer: Viewer,
    /// Proves that a form was made by us for this viewer.
    pub(crate) csrf: String,
    pub(crate) flash: Option<Flash>,
    /// Path and query of the page, to come back to.
    pub(crate) here: String,
    /// `registry.example.com:8443`, as `docker login` wants it.
    pub(crate) host: String,
    pub(crate) read_only: bool,
    pub(crate) banner: Option<Banner>,
    /// Whether there are logs of services to show.
    pub(crate) service_logs: bool,
}

impl Shell {
    /// For a page that is shown without asking who it is for.
    pub(crate) fn of_stranger(headers: &HeaderMap, path: &str) -> Self {
        let accept = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let cookie = |name: &str| {
            let lines = headers.get_all(header::COOKIE).filter_map(|line| line.to_str().ok());
            let mut pairs =
                lines.flat_map(|line| line.split(';')).filter_map(|it| it.split_once('='));
            pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
        };
        let language = cookie(LANGUAGE_COOKIE).and_then(Language::from_tag);
        // Whoever brings a session is not asked to sign in; their name is not looked up for this.
        let session = [false, true].into_iter().find_map(|it| cookie(session::session_cookie(it)));
        let viewer = Viewer { name: session.map(|_token| String::new()), system_admin: false };
        Self {
            viewer,
            language: language.unwrap_or_else(|| Language::negotiate(accept.unwrap_or_default())),
            theme: cookie(THEME_COOKIE).and_then(Theme::from_tag).unwrap_or_default(),
            here: path.to_owned(),
            ..Self::default()
        }
    }

    /// The text of `key`.
    pub(crate) fn t(&self, key: &str) -> String {
        self.language.text(key)
    }

    /// The text of `key`, or `otherwise` if there is none.
    pub(crate) fn t_or(&self, key: &str, otherwise: &str) -> String {
        self.language.known_text(key).unwrap_or_else(|| otherwise.to_owned())
    }

    /// The text of `key` with `{ $name }` in it.
    pub(crate) fn with(&self, key: &str, name: &str) -> String {
        self.language.text_with(key, "name", Value::Word(name))
    }

    /// The text of `key` with `{ $count }` in it.
    pub(crate) fn count(&self, key: &str, count: &i64) -> String {
        self.language.text_with(key, "count", Value::Number(*count))
    }

    /// The address of an asset.
    pub(crate) fn asset(&self, name: &str) -> &'static str {
        assets::path(name)
    }

    /// The address of one icon in the sprite.
    pub(crate) fn icon(&self, name: &str) -> String {
        format!("{}#{name}", assets::path("icons.svg"))
    }

    pub(crate) fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    pub(crate) fn signed_in(&self) -> bool {
        self.viewer.name.is_some()
    }

    pub(crate) fn system_admin(&self) -> bool {
        self.viewer.system_admin
    }

    /// The viewer's name; empty for nobody.
    pub(crate) fn name(&self) -> &str {
        self.viewer.name.as_deref().unwrap_or_default()
    }

    pub(crate) fn initial(&self) -> String {
        self.name().chars().take(1).collect()
    }

    /// Whether the page is `path` or below it; marks where one is in the navigation.
    pub(crate) fn under(&self, path: &str) -> bool {
        let page = self.here.split('?').next().unwrap_or_default();
        page.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    pub(crate) fn speaks_english(&self) -> bool {
        self.language == Language::English
    }

    pub(crate) fn theme_is(&self, tag: &str) -> bool {
        self.theme.tag() == tag
    }
}
