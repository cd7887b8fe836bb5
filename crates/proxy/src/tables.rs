//! `map` and `geo`: a value found by another.

use std::net::IpAddr;

use regex::Regex;
use web::Network;

use crate::config::template::Template;

pub(crate) struct Table {
    pub(crate) source: Template,
    pub(crate) lines: Vec<(Key, Template)>,
    pub(crate) default: Template,
}

pub(crate) enum Key {
    /// In lower case; compared without regard to it.
    Exact(String),
    Expression(Regex),
    Network(Network),
}

impl Table {
    pub(crate) fn new(source: Template) -> Self {
        Self { source, lines: Vec::new(), default: Template::default() }
    }

    /// nginx's order: exact keys, then expressions as they stand; networks are sorted already.
    pub(crate) fn value(&self, source: &str) -> &Template {
        let lower = source.to_ascii_lowercase();
        let address = source.parse::<IpAddr>().ok();
        let exact =
            self.lines.iter().find(|(key, _)| matches!(key, Key::Exact(text) if *text == lower));
        let found = exact.or_else(|| {
            self.lines.iter().find(|(key, _)| match key {
                Key::Exact(_) => false,
                Key::Expression(expression) => expression.is_match(source),
                Key::Network(network) => address.is_some_and(|ip| network.contains(ip)),
            })
        });
        found.map_or(&self.default, |(_, value)| value)
    }

    /// The other tables that this one reads.
    pub(crate) fn needs(&self) -> impl Iterator<Item = usize> + '_ {
        let values = self.lines.iter().map(|(_, value)| value);
        values.chain([&self.source, &self.default]).flat_map(Template::needs)
    }
}
