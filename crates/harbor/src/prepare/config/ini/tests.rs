//! What is an entry, as Python's parser sees it, and what is none.

use super::super::problems::Problems;
use super::{Entry, parse};

fn entries(text: &str) -> Vec<Entry> {
    let mut problems = Problems::of("harbor.cfg".to_owned());
    let entries = parse(text, &mut problems);
    assert!(problems.is_empty(), "{problems}");
    entries
}

#[track_caller]
fn reads(text: &str, key: &str, value: &str) {
    let entries = entries(text);
    let pairs: Vec<_> = entries.iter().map(|it| (it.key.as_str(), it.value.as_str())).collect();
    assert_eq!(pairs, [(key, value)], "{text:?}");
}

#[track_caller]
fn refuses(text: &str, told: &str) {
    let mut problems = Problems::of("harbor.cfg".to_owned());
    parse(text, &mut problems);
    assert!(problems.to_string().contains(told), "{text:?}: {problems}");
}

#[test]
fn a_key_ends_at_the_first_equals_sign_or_colon() {
    reads("hostname = reg.example.com:8443", "hostname", "reg.example.com:8443");
    reads("hostname: reg.example.com", "hostname", "reg.example.com");
    reads("db_password=a=b:c", "db_password", "a=b:c");
    reads("hostname =", "hostname", "");
}

#[test]
fn keys_are_in_any_case_and_values_are_not() {
    reads("HostName = Reg.Example.com", "hostname", "Reg.Example.com");
}

#[test]
fn only_whole_lines_are_comments() {
    reads("# a = b\n; c = d\n  # e = f\ndb_password = a # b ; c", "db_password", "a # b ; c");
}

#[test]
fn files_of_windows_are_read() {
    reads("\u{feff}hostname = a.example.com\r\n\r\n", "hostname", "a.example.com");
}

#[test]
fn an_indented_line_continues_the_value_above_it() {
    let found = entries("ldap_filter = (a)\n\n  # not this\n\t(b)\nhostname = c");
    assert_eq!(found[0].value, "(a)\n(b)");
    assert_eq!(found[0].continued, Some(4));
    assert_eq!((found[1].key.as_str(), found[1].line), ("hostname", 5));
}

#[test]
fn an_indented_first_line_is_an_entry() {
    reads("  hostname = a.example.com", "hostname", "a.example.com");
}

#[test]
fn what_is_no_entry_is_told_with_its_line() {
    refuses("a = b\nhostname reg.example.com", "harbor.cfg:2: hostname …: neither");
    refuses("[harbor]", "harbor.cfg:1: [harbor]: this file has no sections; remove the line");
    refuses("= b", "there is no key before the value");
    refuses("hostname = a\u{7}b", "characters in it that are not text");
}

#[test]
fn every_bad_line_is_told() {
    let mut problems = Problems::of("harbor.cfg".to_owned());
    parse("one\ntwo\n[three]", &mut problems);
    assert!(problems.to_string().starts_with("3 mistakes, nothing was changed:\n"), "{problems}");
}
