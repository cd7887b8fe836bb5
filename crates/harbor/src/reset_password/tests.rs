//! Another password for an account, and for nobody else.

use std::collections::BTreeMap;

use auth::{Action, Principal, Resource};
use domain::db::Location;
use domain::{Clock, Db, Timestamp, permit, users};
use tempfile::TempDir;

use super::{location, reset};
use crate::admin::furnish;
use crate::data_dir::DataDir;
use crate::keys::KeyFiles;
use crate::settings::{ResetPassword, Standalone};

const FIRST: &str = "First-password-1";
const NEXT: &str = "Next-password-2";

async fn fixture() -> (TempDir, Db) {
    let directory = tempfile::tempdir().unwrap();
    let db = Db::open(&Location::Sqlite(directory.path().join("harbor.db"))).await.unwrap();
    (directory, db)
}

async fn furnished() -> (TempDir, Db) {
    let (directory, db) = fixture().await;
    furnish(&db, now(), FIRST.to_owned(), &BTreeMap::new()).await.unwrap();
    (directory, db)
}

fn now() -> Timestamp {
    Clock::System.now()
}

async fn is_password(db: &Db, text: &str) -> bool {
    let admin = users::by_name(db, users::ADMIN).await.unwrap().unwrap();
    auth::password::verify(text, &admin.password_hash).unwrap()
}

#[tokio::test]
async fn one_is_made_and_ends_what_was_proven_with_the_old_one() {
    let (_directory, db) = furnished().await;
    let before = users::by_name(&db, users::ADMIN).await.unwrap().unwrap();

    let made = reset(&db, "admin", None).await.unwrap().made.unwrap();

    assert!(is_password(&db, &made).await);
    assert!(!is_password(&db, FIRST).await);
    let after = users::by_name(&db, users::ADMIN).await.unwrap().unwrap();
    assert!(after.epoch > before.epoch);
}

#[tokio::test]
async fn one_that_is_given_is_taken_if_it_may_be_a_password() {
    let (_directory, db) = furnished().await;
    let refused = reset(&db, "admin", Some("short".to_owned())).await.err().unwrap();
    assert_eq!(
        format!("{refused:#}"),
        "this cannot be a password: a password has at least 8 characters"
    );
    assert!(is_password(&db, FIRST).await);

    assert_eq!(reset(&db, "admin", Some(NEXT.to_owned())).await.unwrap().made, None);
    assert!(is_password(&db, NEXT).await);
}

#[tokio::test]
async fn whoever_is_not_there_is_told_who_administers() {
    let (_directory, db) = furnished().await;
    let refused = reset(&db, "amdin", None).await.err().unwrap();
    assert_eq!(
        refused.to_string(),
        "there is no account \"amdin\"; system administrators are: admin"
    );
}

#[tokio::test]
async fn whoever_administers_nothing_is_told_who_does() {
    let (_directory, db) = furnished().await;
    let permit = {
        let admin = users::by_name(&db, users::ADMIN).await.unwrap().unwrap().identity();
        permit::authorize_system(&Principal::User(admin), Resource::User, Action::Create).unwrap()
    };
    let new = users::New {
        name: "ana",
        email: Some("ana@example.com"),
        real_name: "",
        comment: "",
        password_hash: "hash",
    };
    let mut tx = db.begin().await.unwrap();
    users::create(&mut tx, &permit, &new, now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(reset(&db, "admin", None).await.unwrap().administrators, None);
    let done = reset(&db, "ANA@example.com", None).await.unwrap();
    assert_eq!((done.name.as_str(), done.administrators.as_deref()), ("ana", Some("admin")));
}

#[tokio::test]
async fn before_the_first_start_there_is_nobody() {
    let (_directory, db) = fixture().await;
    let refused = reset(&db, "admin", None).await.err().unwrap();
    assert!(refused.to_string().contains("first start"), "{refused}");
}

#[tokio::test]
async fn another_database_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(directory.path().join("another.db"));
    let db = Db::connect(&location).await.unwrap();
    let refused = reset(&db, "admin", None).await.err().unwrap();
    assert_eq!(refused.to_string(), "there is no instance of harbor in this database");
}

#[test]
fn an_instance_without_a_file_has_its_database_elsewhere() {
    let directory = tempfile::tempdir().unwrap();
    let data = DataDir::open(directory.path()).unwrap();
    KeyFiles::new(data.keys()).load_or_generate().unwrap();
    let settings = |database_url: Option<&str>| ResetPassword {
        account: "admin".to_owned(),
        password_stdin: false,
        standalone: Standalone {
            data: Some(directory.path().to_owned()),
            database_url: database_url.map(|url| url.parse().unwrap()),
        },
        config: None,
    };
    let refused = location(&settings(None)).unwrap_err().to_string();
    assert!(refused.contains("--database-url"), "{refused}");
    assert!(!data.database().exists());
    let url = "postgres://registry@localhost/registry";
    let Location::Postgres(found) = location(&settings(Some(url))).unwrap() else { panic!() };
    assert_eq!(found, url);
}
