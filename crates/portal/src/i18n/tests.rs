//! Negotiation, and that no text is missing in a language or unknown to a template.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::Language;

#[track_caller]
fn check(accept: &str, expected: Language) {
    assert_eq!(Language::negotiate(accept), expected, "{accept:?}");
}

#[test]
fn a_chinese_browser_is_answered_in_chinese() {
    check("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese);
}

#[test]
fn the_weight_decides_and_not_the_order() {
    check("zh;q=0.5, en-GB;q=0.9", Language::English);
}

#[test]
fn unknown_languages_are_passed_over() {
    check("fr, de;q=0.9, zh-TW;q=0.2", Language::Chinese);
}

#[test]
fn whoever_states_nothing_reads_english() {
    check("", Language::English);
    check("*", Language::English);
    check("zh;q=0", Language::English);
}

fn root(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    found
}

fn keys(language: &str) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for file in files(&root("locales").join(language), "ftl") {
        for line in fs::read_to_string(&file).unwrap().lines() {
            let is_message = line.starts_with(|first: char| first.is_ascii_lowercase());
            if let Some((key, _)) = line.split_once(" =").filter(|_| is_message) {
                assert!(keys.insert(key.to_owned()), "{key} twice in {language}");
            }
        }
    }
    keys
}

#[test]
fn both_languages_have_the_same_texts() {
    let (english, chinese) = (keys("en"), keys("zh-CN"));
    let odd: Vec<_> = english.symmetric_difference(&chinese).collect();
    assert!(odd.is_empty(), "in one language only: {odd:?}");
}

#[test]
fn templates_use_texts_that_exist() {
    let known = keys("en");
    let mut missing = BTreeSet::new();
    for file in files(&root("templates"), "html") {
        let text = fs::read_to_string(&file).unwrap();
        for call in ["ui.t(\"", "ui.with(\"", "ui.count(\""] {
            for rest in text.split(call).skip(1) {
                let key = rest.split('"').next().unwrap();
                if !known.contains(key) {
                    missing.insert(key.to_owned());
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn handlers_use_texts_that_exist() {
    const FAMILIES: [&str; 10] = [
        "ask-", "error-", "fault-", "flash-", "job-", "kind-", "part-", "repeat-", "role-",
        "state-",
    ];
    let known = keys("en");
    let mut missing = BTreeSet::new();
    for file in files(&root("src/pages"), "rs") {
        let text = fs::read_to_string(&file).unwrap();
        for literal in text.split('"').skip(1).step_by(2) {
            let is_key = literal.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
            let is_ours = is_key && !literal.ends_with('-');
            if is_ours
                && FAMILIES.iter().any(|it| literal.starts_with(it))
                && !known.contains(literal)
            {
                missing.insert(literal.to_owned());
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}
