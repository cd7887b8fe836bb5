//! `docs/proxy.md` lists what there is: the table of directives, the variables.

use std::collections::BTreeSet;

use crate::config::table::DIRECTIVES;
use crate::config::template::VARIABLES;

const PAGE: &str = include_str!("../../../../docs/proxy.md");

/// The first cell of each table row below `heading`, without its marks.
fn rows(heading: &str) -> BTreeSet<String> {
    let part = PAGE.split_once(heading).map_or("", |(_, rest)| rest);
    let part = part.split("\n## ").next().unwrap_or_default();
    let cells = part.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    cells.map(|(name, _)| name.trim_start_matches('$').to_owned()).collect()
}

#[test]
fn every_directive_is_explained_and_nothing_else() {
    let known: BTreeSet<String> = DIRECTIVES.iter().map(|known| known.name.to_owned()).collect();
    assert_eq!(rows("\n## Directives\n"), known);
}

#[test]
fn every_variable_is_explained_and_nothing_else() {
    let mut known: BTreeSet<String> =
        VARIABLES.iter().map(|(name, _)| (*name).to_owned()).collect();
    known.extend(["arg_NAME", "http_NAME", "upstream_http_NAME"].map(str::to_owned));
    assert_eq!(rows("\n## Variables\n"), known);
}
