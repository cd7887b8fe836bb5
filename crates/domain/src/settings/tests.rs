//! Defaults, what is accepted, and what is seen when.

use std::collections::BTreeMap;

use auth::{Action, Resource};
use serde_json::{Value, json};

use super::{ProjectCreation, Settings, cached, load, parse, update};
use crate::testing::{admin, each_engine, now};
use crate::{Db, Error, Result, permit};

async fn set(db: &Db, changes: Value) -> Result<Settings> {
    let permit = permit::authorize_system(&admin(), Resource::Configuration, Action::Update)?;
    let changes: BTreeMap<String, Value> = serde_json::from_value(changes).unwrap();
    update(db, &permit, &changes, now()).await
}

#[tokio::test]
async fn what_was_set_is_what_is_read() {
    each_engine(async |db| {
        assert_eq!(load(&db).await.unwrap(), Settings::default());
        cached(&db).await.unwrap();
        let changes = json!({
            "read_only": true,
            "token_expiration": "45",
            "project_creation_restriction": "adminonly",
            "robot_name_prefix": "bot$",
            "storage_per_project": 1_000_000,
            "banner_message": "down at noon",
            "required_platforms": "linux/amd64,linux/arm64",
        });
        let changed = set(&db, changes).await.unwrap();
        assert_eq!(load(&db).await.unwrap(), changed);
        assert_eq!(*cached(&db).await.unwrap(), changed);
        assert!(changed.read_only && !changed.self_registration);
        assert_eq!(changed.token_expiration, 45);
        assert_eq!(changed.project_creation_restriction, ProjectCreation::AdminOnly);
        let again = set(&db, json!({ "read_only": false })).await.unwrap();
        assert_eq!(again, Settings { read_only: false, ..changed });
    })
    .await;
}

#[tokio::test]
async fn one_wrong_value_changes_nothing() {
    each_engine(async |db| {
        let refused = set(&db, json!({ "read_only": true, "token_expiration": 0 })).await;
        let Err(Error::Invalid { field, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(field, "token_expiration");
        assert_eq!(load(&db).await.unwrap(), Settings::default());
    })
    .await;
}

#[track_caller]
fn check(key: &str, value: &Value, accepted: bool) {
    let applied = parse::apply(&mut Settings::default(), key, value);
    assert_eq!(applied.is_ok(), accepted, "{key} = {value}");
}

#[test]
fn values_have_their_rules() {
    check("auth_mode", &json!("db_auth"), true);
    check("auth_mode", &json!("ldap_auth"), false);
    check("read_only", &json!("true"), true);
    check("read_only", &json!(1), false);
    check("session_timeout", &json!(60), true);
    check("session_timeout", &json!(-1), false);
    check("robot_token_duration", &json!(-1), true);
    check("robot_token_duration", &json!(0), false);
    check("robot_name_prefix", &json!("robot$"), true);
    check("robot_name_prefix", &json!("robot-"), false);
    check("robot_name_prefix", &json!(""), false);
    check("storage_per_project", &json!(-1), true);
    check("storage_per_project", &json!(0), false);
    check("ldap_url", &json!("ldap://x"), false);
}

#[test]
fn the_wire_has_harbors_words() {
    let wire = serde_json::to_value(Settings::default()).unwrap();
    assert_eq!(wire["auth_mode"], "db_auth");
    assert_eq!(wire["project_creation_restriction"], "everyone");
    assert_eq!(wire["robot_name_prefix"], "robot$");
}
