//! The words of the pages, in each language they speak.
//!
//! Texts live in `locales/<language>/*.ftl`; both languages have the same keys, and the templates
//! use no other: tests compare them.

use std::borrow::Cow;

use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{LanguageIdentifier, Loader, langid};
use locales::LOCALES;

#[expect(
    clippy::disallowed_types,
    reason = "the macro's own map; what it holds is looked up by key"
)]
mod locales {
    fluent_templates::static_loader! {
        pub(super) static LOCALES = {
            locales: "./locales",
            fallback_language: "en",
            customise: |bundle| bundle.set_use_isolating(false),
        };
    }
}

static ENGLISH: LanguageIdentifier = langid!("en");
static CHINESE: LanguageIdentifier = langid!("zh-CN");

/// A language the pages speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Language {
    #[default]
    English,
    Chinese,
}

impl Language {
    /// As in the cookie and in `<html lang>`.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    /// The language a tag such as `zh-Hant` or `en-GB` is served with.
    pub(crate) fn from_tag(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "zh" => Some(Self::Chinese),
            _ => None,
        }
    }

    /// What `Accept-Language` likes best of what there is; English if it likes none.
    pub(crate) fn negotiate(accept: &str) -> Self {
        let mut best = (0, Self::default());
        for entry in accept.split(',') {
            let (tag, weight) = entry.split_once(';').unwrap_or((entry, ""));
            let Some(language) = Self::from_tag(tag.trim()) else { continue };
            let weight = thousandths(weight);
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }

    fn identifier(self) -> &'static LanguageIdentifier {
        match self {
            Self::English => &ENGLISH,
            Self::Chinese => &CHINESE,
        }
    }

    /// The text of `key`.
    pub(crate) fn text(self, key: &str) -> String {
        LOCALES.lookup_complete(self.identifier(), key, None)
    }

    /// The text of `key`, if there is one.
    pub(crate) fn known_text(self, key: &str) -> Option<String> {
        LOCALES.try_lookup_complete(self.identifier(), key, None)
    }

    /// The text of `key` about `value`.
    pub(crate) fn text_with(self, key: &str, name: &'static str, value: Value<'_>) -> String {
        let args = [(Cow::Borrowed(name), FluentValue::from(value))].into_iter().collect();
        LOCALES.lookup_complete(self.identifier(), key, Some(&args))
    }
}

/// What a text tells of: the grammar of a number depends on it, a word is only put in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Number(i64),
    Word(&'a str),
}

impl<'a> From<Value<'a>> for FluentValue<'a> {
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::Number(number) => number.into(),
            Value::Word(word) => word.into(),
        }
    }
}

/// The weight of `q=0.8` as 800; no weight is the full one.
fn thousandths(parameter: &str) -> u16 {
    let Some(text) = parameter.trim().strip_prefix("q=") else { return 1000 };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    match whole {
        "0" => digits.parse().unwrap_or(0),
        "1" => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
