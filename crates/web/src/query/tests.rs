//! The grammar of `q` and `sort`, row by row.

use crate::query::{Filter, Invalid, Sort, Term, Value};

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

#[track_caller]
fn term(q: &str, key: &str, expected: Term) {
    assert_eq!(Filter::parse(q).unwrap().term(key), Some(&expected), "{q:?}");
}

#[track_caller]
fn refused(q: &str, expected: Invalid) {
    assert_eq!(Filter::parse(q), Err(expected), "{q:?}");
}

#[test]
fn a_plain_value_is_exact() {
    term("name=alpine", "name", Term::Exact("alpine".to_owned()));
    term("name=a=b", "name", Term::Exact("a=b".to_owned()));
}

#[test]
fn a_tilde_makes_it_fuzzy() {
    term("name=~alp", "name", Term::Fuzzy("alp".to_owned()));
}

#[test]
fn a_backslash_takes_the_meaning_off() {
    term(r"name=\~alp", "name", Term::Exact("~alp".to_owned()));
    term(r"name=\alp", "name", Term::Exact(r"\alp".to_owned()));
}

#[test]
fn ranges_hold_times_numbers_and_texts() {
    let max = Some(Value::Integer(9));
    term("size=[1~9]", "size", Term::Range { min: Some(Value::Integer(1)), max: max.clone() });
    term("size=[~9]", "size", Term::Range { min: None, max });
    let min = Some(Value::Time(1_577_934_245_000_000));
    term("op_time=[2020-01-02T03:04:05~]", "op_time", Term::Range { min, max: None });
    let min = Some(text("a"));
    term("name=[\"a\"~]", "name", Term::Range { min, max: None });
}

#[test]
fn braces_are_any_of_and_parentheses_all_of() {
    let values = vec![text("a"), Value::Integer(2), text("c")];
    term("tags={a 2 c}", "tags", Term::Any(values.clone()));
    term("labels=(a 2 c)", "labels", Term::All(values));
}

#[test]
fn several_pairs_are_separated_by_commas() {
    let filter = Filter::parse("public=true,name=~x").unwrap();
    assert_eq!(filter.iter().count(), 2);
    assert_eq!(filter.term("owner"), None);
}

#[test]
fn a_key_may_be_a_go_field_or_a_column() {
    term("ProjectID=1", "project_id", Term::Exact("1".to_owned()));
    term("project_id=1", "project_id", Term::Exact("1".to_owned()));
    term("Level=project", "level", Term::Exact("project".to_owned()));
}

#[test]
fn the_value_is_unescaped_once_more() {
    term("tags%3Dnil", "tags", Term::Exact("nil".to_owned()));
    term("name=a%2Fb", "name", Term::Exact("a/b".to_owned()));
}

#[test]
fn nothing_is_no_filter() {
    assert!(Filter::parse("").unwrap().is_empty());
}

#[test]
fn half_a_pair_is_refused() {
    for q in ["name", "name=", "=x", "name=x,", ","] {
        refused(q, Invalid::Pair);
    }
}

#[test]
fn an_open_bracket_is_refused() {
    refused("a=[1~2", Invalid::Range);
    refused("a=[1]", Invalid::Range);
    refused("a=[~]", Invalid::Range);
    refused("a={1", Invalid::List);
    refused("a=()", Invalid::List);
}

#[test]
fn sorting_names_keys_and_their_direction() {
    let sort = |key: &str, descending| Sort { key: key.to_owned(), descending };
    let expected = vec![sort("name", false), sort("creation_time", true)];
    assert_eq!(Sort::parse("name,-creation_time"), expected);
    assert_eq!(Sort::parse(""), vec![]);
    assert_eq!(Sort::parse(",-"), vec![]);
}
