//! Both engines take the same steps: `migrations/sqlite` and `migrations/postgres` hold the same file names.

use std::collections::BTreeSet;

use crate::{report, root};

fn names(engine: &str) -> BTreeSet<String> {
    let folder = root().join("migrations").join(engine);
    let entries = folder.read_dir().expect("folders of the tree are readable");
    entries
        .map(|entry| entry.expect("a readable folder entry").file_name())
        .map(|name| name.into_string().expect("migration names are ASCII"))
        .collect()
}

#[test]
fn both_engines_have_the_same_migrations() {
    let (sqlite, postgres) = (names("sqlite"), names("postgres"));
    let mut complaints = Vec::new();
    for name in sqlite.difference(&postgres) {
        complaints
            .push(format!("migrations/postgres/{name} is missing; write its PostgreSQL text"));
    }
    for name in postgres.difference(&sqlite) {
        complaints.push(format!("migrations/sqlite/{name} is missing; write its SQLite text"));
    }
    if sqlite.is_empty() {
        complaints
            .push("migrations/sqlite is empty; the schema starts with 0001_init.sql".to_owned());
    }
    report(&complaints);
}

#[test]
fn migrations_are_numbered_without_gaps() {
    let mut complaints = Vec::new();
    for (index, name) in names("sqlite").iter().enumerate() {
        let expected = format!("{:04}_", index + 1);
        if !name.starts_with(&expected) || !name.ends_with(".sql") {
            complaints.push(format!(
                "migrations/*/{name}: the next migration is named {expected}<what_changes>.sql"
            ));
        }
    }
    report(&complaints);
}
