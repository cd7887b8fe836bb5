//! What was typed into a form and what is wrong with it, to show both again.

use std::collections::BTreeMap;

/// The fields of one form.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    values: BTreeMap<String, String>,
    faults: BTreeMap<String, String>,
}

impl Form {
    /// Parses a body of `application/x-www-form-urlencoded`; of a repeated field the last one counts.
    pub(crate) fn parse(body: &[u8]) -> Self {
        let values = url::form_urlencoded::parse(body).into_owned().collect();
        Self { values, faults: BTreeMap::new() }
    }

    /// The form with `value` in the field.
    #[must_use]
    pub(crate) fn with(mut self, field: &str, value: impl Into<String>) -> Self {
        self.values.insert(field.to_owned(), value.into());
        self
    }

    /// What the field holds, as typed; empty if it was not sent.
    pub(crate) fn value(&self, field: &str) -> &str {
        self.values.get(field).map(String::as_str).unwrap_or_default()
    }

    /// What the field holds, without blanks around it.
    pub(crate) fn word(&self, field: &str) -> &str {
        self.value(field).trim()
    }

    /// Whether a box was ticked.
    pub(crate) fn ticked(&self, field: &str) -> bool {
        self.value(field) == "true"
    }

    /// A whole number, if it is one.
    pub(crate) fn number(&self, field: &str) -> Option<i64> {
        self.word(field).parse().ok()
    }

    /// What is wrong with the field.
    pub(crate) fn fault(&self, field: &str) -> Option<&str> {
        self.faults.get(field).map(String::as_str)
    }

    /// Says what is wrong with the field; what was said first stays.
    pub(crate) fn fail(&mut self, field: &str, text: impl Into<String>) {
        self.faults.entry(field.to_owned()).or_insert_with(|| text.into());
    }

    /// Whether anything is wrong.
    pub(crate) fn is_faulty(&self) -> bool {
        !self.faults.is_empty()
    }
}
