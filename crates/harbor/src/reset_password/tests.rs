//! Another password for an account, and for nobody else.

use std::collections::BTreeMap;

use domain::db::Location;
use domain::listing::Paging;
use domain::{Clock, Db, Timestamp, audit, users};
use tempfile::TempDir;

use super::reset;
use crate::admin::furnish;

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
async fn the_log_names_the_command() {
    let (_directory, db) = furnished().await;
    reset(&db, "admin", None).await.unwrap();
    let query = audit::Query::all(audit::Scope::All, Paging::default());
    let logs = audit::list(&db, &query).await.unwrap().items;
    assert_eq!(logs[0].username, "harbor reset-password");
    assert_eq!(logs[0].resource, "admin (password)");
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
async fn before_the_first_start_there_is_nobody() {
    let (_directory, db) = fixture().await;
    let refused = reset(&db, "admin", None).await.err().unwrap();
    assert!(refused.to_string().contains("first start"), "{refused}");
}
