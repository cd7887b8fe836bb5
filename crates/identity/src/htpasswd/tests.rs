//! A file of accounts: who is let in, and what a change of the file does.

use std::path::PathBuf;
use std::time::Duration;

use auth::Principal;
use domain::{Clock, Timestamp};

use super::Htpasswd;
use crate::error::Error;
use crate::settings::{Quota, Settings};

struct Fixture {
    _directory: tempfile::TempDir,
    path: PathBuf,
    clock: Clock,
    accounts: Htpasswd,
}

impl Fixture {
    fn new(text: &str, settings: &Settings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("htpasswd");
        std::fs::write(&path, text).unwrap();
        let clock = Clock::manual(Timestamp::from_secs(1_700_000_000));
        let accounts = Htpasswd::open(&path, clock.clone(), settings).unwrap();
        Self { _directory: directory, path, clock, accounts }
    }

    async fn offer(&self, name: &str, password: &str) -> Result<Principal, Error> {
        self.accounts.basic(name, password, [192, 0, 2, 1].into()).await
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.path, text).unwrap();
        self.clock.advance(Duration::from_secs(1));
    }
}

/// As `htpasswd -nbB` writes it.
fn line(name: &str, password: &str) -> String {
    format!("{name}:{}\n", bcrypt::hash(password, 4).unwrap())
}

#[track_caller]
fn refused(offered: Result<Principal, Error>) {
    assert!(matches!(offered, Err(Error::BadCredentials)), "{offered:?}");
}

#[tokio::test]
async fn who_is_in_the_file_is_let_in_with_their_password_only() {
    let text = format!("# people\n\n{}{}", line("ann", "one"), line("bob", "two"));
    let fixture = Fixture::new(&text, &Settings::default());
    for _ in 0..2 {
        assert_eq!(fixture.offer("ann", "one").await.unwrap().name(), "ann");
    }
    refused(fixture.offer("ann", "two").await);
    refused(fixture.offer("eve", "one").await);
    refused(fixture.offer("", "").await);
    // bcrypt itself would not see the difference.
    let long = "x".repeat(72);
    fixture.write(&line("ann", &long));
    fixture.offer("ann", &long).await.unwrap();
    refused(fixture.offer("ann", &format!("{long}x")).await);
}

#[tokio::test]
async fn a_changed_file_counts_within_a_second_also_for_those_who_were_in() {
    let fixture = Fixture::new(&line("ann", "one"), &Settings::default());
    fixture.offer("ann", "one").await.unwrap();
    fixture.write(&format!("{}{}", line("ann", "another"), line("bob", "two")));
    refused(fixture.offer("ann", "one").await);
    fixture.offer("ann", "another").await.unwrap();
    fixture.offer("bob", "two").await.unwrap();
    fixture.write("");
    refused(fixture.offer("bob", "two").await);
}

#[tokio::test]
async fn a_damaged_or_missing_file_leaves_the_accounts_as_they_were() {
    let fixture = Fixture::new(&line("ann", "one"), &Settings::default());
    fixture.write("ann");
    fixture.offer("ann", "one").await.unwrap();
    std::fs::remove_file(&fixture.path).unwrap();
    fixture.clock.advance(Duration::from_secs(1));
    fixture.offer("ann", "one").await.unwrap();
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let pair = Quota::new(3, Duration::from_secs(60));
    let fixture = Fixture::new(&line("ann", "one"), &Settings { pair, ..Settings::default() });
    for guess in ["a", "b", "c"] {
        refused(fixture.offer("ann", guess).await);
    }
    assert!(matches!(fixture.offer("ann", "d").await, Err(Error::TooMany { .. })));
}

#[test]
fn a_line_that_is_no_account_is_named() {
    #[track_caller]
    fn check(text: &str, words: &str) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("htpasswd");
        std::fs::write(&path, text).unwrap();
        let error = Htpasswd::open(&path, Clock::System, &Settings::default()).unwrap_err();
        assert!(error.to_string().ends_with(words), "{error}");
    }
    let remedy = "not `name:hash` with a hash of bcrypt: make it with `htpasswd -B`";
    // MD5 and SHA-1, which `htpasswd` without -B writes.
    check("ann:$apr1$dHjB2/..$1", &format!("line 1: {remedy}"));
    check("\nann:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=", &format!("line 2: {remedy}"));
    check("ann", &format!("line 1: {remedy}"));
}
