//! What was typed into a form and what is wrong with it, to show both again.

use std::collections::BTreeMap;

use domain::Error as Failure;

use super::error::Error;
use crate::viewer::Shell;

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

    /// Shows a refusal beside the field that it is about: what is taken beside `name`, the rest by its own.
    ///
    /// A failure that is nobody's fault comes back.
    pub(crate) fn reject(&mut self, ui: &Shell, name: &str, failure: Failure) -> Result<(), Error> {
        match failure {
            Failure::Invalid { field, reason } => {
                let field = if self.has(field) { field } else { name };
                self.fail(field, ui.t_or(&format!("fault-{field}"), &reason));
            }
            Failure::Conflict(_) => self.fail(name, ui.t("fault-taken")),
            Failure::Precondition { reason } => self.fail(name, reason),
            other => return Err(other.into()),
        }
        Ok(())
    }

    /// Checks a new password and that it was typed twice alike.
    pub(crate) fn check_password(&mut self, ui: &Shell) {
        if auth::password::check(self.value("password")).is_err() {
            self.fail("password", ui.t("fault-password"));
        }
        if self.value("password") != self.value("confirmation") {
            self.fail("confirmation", ui.t("fault-confirmation"));
        }
    }

    fn has(&self, field: &str) -> bool {
        self.values.contains_key(field)
    }

    /// Whether anything is wrong.
    pub(crate) fn is_faulty(&self) -> bool {
        !self.faults.is_empty()
    }
}
