//! `docs/harbor-cfg.md` is `harbor.cfg.example` as a table; `UPDATE_DOCS=1 cargo test -p harbor` writes it.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::super::keys::WITHOUT_EFFECT;

const HEAD: &str = "# harbor.cfg

The configuration of the installation with Docker: `key = value`, one a line.
This page is made from `harbor.cfg.example`, which has the same texts; a test compares them.

After a change, `./prepare` checks it and makes the services' configuration, and `docker-compose up -d` starts them with it.
Everything that is wrong is told at once, with its line and with what to write instead; then nothing is changed.
";

const TAIL: &str = "
## Keys of Harbor 1.x without effect

A harbor.cfg of Harbor 1.2 to 1.7 works as it is.
These of its keys are accepted, named once by `./prepare`, and change nothing:
";

/// A key of the example.
pub(super) struct Key {
    section: String,
    pub(super) name: String,
    value: String,
    is_set: bool,
    comment: Vec<String>,
}

/// The keys of harbor.cfg.example in their order.
pub(super) fn example() -> Vec<Key> {
    let (mut keys, mut section, mut comment) = (Vec::new(), String::new(), Vec::new());
    for line in include_str!("../../../../../../harbor.cfg.example").lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title.to_owned();
        } else if let Some(text) = line.strip_prefix("# ") {
            comment.push(text.to_owned());
        } else if let Some((name, value)) = line.trim_start_matches('#').split_once(" = ") {
            keys.push(Key {
                section: section.clone(),
                name: name.to_owned(),
                value: value.to_owned(),
                is_set: !line.starts_with('#'),
                comment: std::mem::take(&mut comment),
            });
        }
    }
    keys
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    let mut section = String::new();
    for key in example() {
        if key.section != section {
            section.clone_from(&key.section);
            write!(page, "\n## {section}\n\n| key | in the example | meaning |\n|---|---|---|\n")
                .unwrap();
        }
        let Key { name, value, comment, is_set, .. } = key;
        let set = if is_set { "" } else { " (not set)" };
        writeln!(page, "| `{name}` | `{value}`{set} | {} |", comment.join(" ")).unwrap();
    }
    let without_effect: Vec<_> = WITHOUT_EFFECT.iter().map(|key| format!("`{key}`")).collect();
    writeln!(page, "{TAIL}{}.", without_effect.join(", ")).unwrap();
    page
}

#[test]
fn the_page_about_harbor_cfg_is_the_example() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/harbor-cfg.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, page()).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap();
    assert!(written == page(), "docs/harbor-cfg.md is old: UPDATE_DOCS=1 cargo test -p harbor");
}

#[test]
fn every_key_has_a_comment() {
    for key in example() {
        assert!(!key.comment.is_empty(), "{}", key.name);
    }
}
