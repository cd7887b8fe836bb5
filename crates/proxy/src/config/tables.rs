//! `map` and `geo`, read into tables.

use std::collections::BTreeSet;

use regex::Regex;
use web::Network;

use super::build::expression;
use super::lexer::Word;
use super::place::Invalid;
use super::template::{Names, Piece, Template};
use super::tree::Directive;
use crate::tables::{Key, Table};
use crate::variables::Variable;

fn blocks(http: &[Directive]) -> impl Iterator<Item = &Directive> {
    http.iter().filter(|directive| matches!(directive.name(), "map" | "geo"))
}

/// The names that are defined, before anything that uses them is read.
pub(crate) fn names(http: &[Directive]) -> Result<Names, Invalid> {
    let mut names = Names::default();
    for directive in blocks(http) {
        let Some(word) = directive.args.last() else { continue };
        let name = word.text.strip_prefix('$').filter(|name| !name.is_empty());
        let Some(name) = name else {
            return Err(word.error("a variable, such as `$name`, must stand here"));
        };
        if names.resolve(name, word).is_ok() {
            return Err(word.error(format!("there is a variable `${name}` already")));
        }
        names.defined.push(name.to_owned());
    }
    Ok(names)
}

pub(crate) fn build(http: &[Directive], names: &Names) -> Result<Vec<Table>, Invalid> {
    let mut tables = Vec::new();
    for directive in blocks(http) {
        let table = match directive.name() {
            "geo" => geo(directive, names)?,
            _ => map(directive, names)?,
        };
        tables.push(table);
    }
    for (index, directive) in blocks(http).enumerate() {
        if needs_itself(&tables, index) {
            return Err(directive.error("this variable needs itself to be known; break the circle"));
        }
    }
    Ok(tables)
}

/// Whether evaluating a table leads back to it.
fn needs_itself(tables: &[Table], index: usize) -> bool {
    let mut seen = BTreeSet::new();
    let mut left = vec![index];
    while let Some(next) = left.pop().and_then(|next| tables.get(next)) {
        for needed in next.needs() {
            if needed == index {
                return true;
            }
            if seen.insert(needed) {
                left.push(needed);
            }
        }
    }
    false
}

fn map(directive: &Directive, names: &Names) -> Result<Table, Invalid> {
    let source = Template::parse(directive.arg(0)?, names)?;
    let mut table = Table::new(source);
    for line in directive.children() {
        let key = line.name.text.as_str();
        if matches!(key, "hostnames" | "volatile") && line.args.is_empty() {
            match key {
                "volatile" => continue,
                _ => return Err(line.error("`hostnames` cannot be used here; use expressions")),
            }
        }
        let [value] = line.args.as_slice() else {
            return Err(line.error("a line of `map` is a key and a value"));
        };
        let value = Template::parse(value, names)?;
        match key {
            "default" => table.default = value,
            _ => table.lines.push((map_key(key, &line.name)?, value)),
        }
    }
    Ok(table)
}

fn map_key(key: &str, word: &Word) -> Result<Key, Invalid> {
    let expression =
        |text: &str, ignore_case| -> Result<Regex, Invalid> { expression(text, ignore_case, word) };
    if let Some(text) = key.strip_prefix("~*") {
        return Ok(Key::Expression(expression(text, true)?));
    }
    if let Some(text) = key.strip_prefix('~') {
        return Ok(Key::Expression(expression(text, false)?));
    }
    // nginx's way to write a key that begins with a special character.
    let text = key.strip_prefix('\\').unwrap_or(key);
    Ok(Key::Exact(text.to_ascii_lowercase()))
}

fn geo(directive: &Directive, names: &Names) -> Result<Table, Invalid> {
    let source = match directive.args.as_slice() {
        [source, _] => Template::parse(source, names)?,
        _ => Template { pieces: vec![Piece::Value(Variable::RemoteAddr)] },
    };
    let mut table = Table::new(source);
    let mut networks: Vec<(u8, Network, Template)> = Vec::new();
    for line in directive.children() {
        let [value] = line.args.as_slice() else {
            return Err(line.error("a line of `geo` is a network and a value"));
        };
        // nginx takes a value of `geo` as it stands.
        let value = Template { pieces: vec![Piece::Text(value.text.clone())] };
        let key = line.name.text.as_str();
        if key == "default" {
            table.default = value;
            continue;
        }
        let network: Network = key.parse().map_err(|_invalid| {
            line.error(format!("`{key}` is not a network such as 10.0.0.0/8; nor is it `default`"))
        })?;
        networks.push((prefix(key), network, value));
    }
    // The narrowest network wins.
    networks.sort_by_key(|(prefix, _, _)| std::cmp::Reverse(*prefix));
    table.lines = networks.into_iter().map(|(_, net, value)| (Key::Network(net), value)).collect();
    Ok(table)
}

/// Bits of a network that was parsed already; a bare address is the narrowest.
fn prefix(text: &str) -> u8 {
    text.split_once('/').and_then(|(_, bits)| bits.parse().ok()).unwrap_or(u8::MAX)
}
