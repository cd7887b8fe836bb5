//! A harbor.cfg whose keys are known and stand once; values are asked for by key.

use std::collections::BTreeMap;

use super::ini::Entry;
use super::keys;
use super::problems::{Problems, Refusal};

/// The entries by key, and where problems with them go.
pub(super) struct Form<'a> {
    entries: BTreeMap<&'static str, Entry>,
    problems: &'a mut Problems,
}

impl<'a> Form<'a> {
    pub(super) fn new(list: Vec<Entry>, problems: &'a mut Problems) -> Self {
        let mut form = Self { entries: BTreeMap::new(), problems };
        list.into_iter().for_each(|entry| form.add(entry));
        form
    }

    fn add(&mut self, entry: Entry) {
        let key = match keys::known(&entry.key) {
            Ok(key) => key,
            Err(nearest) => return self.unknown(&entry, nearest),
        };
        if let Some(first) = self.entries.get(key) {
            let what = format!("{key} stands in line {} already", first.line);
            return self.problems.entry(&entry, Refusal::new(what, "remove one of the two"));
        }
        self.problems.locate(key, entry.line);
        self.entries.insert(key, entry);
    }

    fn unknown(&mut self, entry: &Entry, nearest: Option<&str>) {
        let remedy = match nearest {
            Some(key) => format!("is it {key} that is meant?"),
            None => "remove the line; harbor.cfg.example explains the keys there are".to_owned(),
        };
        self.problems.line(entry.line, &entry.key, Refusal::new("there is no such key", remedy));
    }

    /// The value of `key`; none if it is absent or empty, or if it is refused, which is noted.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Refusal>,
    ) -> Option<T> {
        let entry = self.entries.get(key).filter(|entry| !entry.value.is_empty())?;
        let parsed = match entry.continued {
            Some(line) => Err(Refusal::new(
                format!("line {line} begins with a space and so continues this value"),
                format!("remove the space at the beginning of line {line}"),
            )),
            None => parse(&entry.value).map_err(|refusal| unquote(&entry.value, refusal)),
        };
        parsed.map_err(|refusal| self.problems.entry(entry, refusal)).ok()
    }

    pub(super) fn is_set(&self, key: &str) -> bool {
        self.entries.get(key).is_some_and(|entry| !entry.value.is_empty())
    }

    /// Notes what is wrong with `key` beside its own form, or that it is missing.
    pub(super) fn refuse(&mut self, key: &'static str, refusal: Refusal) {
        match self.entries.get(key) {
            Some(entry) => self.problems.entry(entry, refusal),
            None => self.problems.key(key, "", refusal),
        }
    }

    /// The keys of the file that change nothing.
    pub(super) fn without_effect(&self) -> Vec<&'static str> {
        let keys = self.entries.keys().copied();
        keys.filter(|key| keys::WITHOUT_EFFECT.contains(key)).collect()
    }
}

/// A refused value may be good but for the quotes that other formats have around it.
fn unquote(value: &str, refusal: Refusal) -> Refusal {
    let quoted =
        |quote: char| value.len() > 1 && value.starts_with(quote) && value.ends_with(quote);
    if !quoted('"') && !quoted('\'') {
        return refusal;
    }
    Refusal::new("its quotes are taken for a part of it", "write the value without quotes")
}
