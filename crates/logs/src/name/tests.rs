//! A sender chooses the name of its file, and nothing else.

use proptest::proptest;

use super::Name;

#[track_caller]
fn check(program: &str, name: Option<&str>) {
    assert_eq!(Name::of(program.as_bytes()).as_ref().map(Name::as_str), name, "{program:?}");
}

#[test]
fn a_name_ends_where_syslog_daemons_end_it() {
    check("registry", Some("registry"));
    check("registry[722]", Some("registry"));
    check("docker/4f1a", Some("docker"));
    check("debian:bookworm-slim/web", Some("debian"));
    check("harbor-db_1.2", Some("harbor-db_1.2"));
}

#[test]
fn a_name_cannot_leave_the_directory() {
    check("../../etc/passwd", Some("_."));
    check("..", Some("_."));
    check(".hidden", Some("_hidden"));
    check("/etc/passwd", None);
    check("", None);
    check("a\0b\nc d", Some("a_b_c_d"));
    check("регистр", Some("______________"));
}

#[test]
fn a_name_is_short() {
    check(&"x".repeat(5000), Some(&"x".repeat(Name::MAX_LEN)));
}

proptest! {
    #[test]
    fn every_name_is_one_visible_file(program: Vec<u8>) {
        if let Some(name) = Name::of(&program) {
            let name = name.as_str();
            assert!(!name.is_empty() && name.len() <= Name::MAX_LEN && !name.starts_with('.'));
            assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)));
        }
    }
}
