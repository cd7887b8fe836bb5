//! Accounts: their names, who may be who, and that somebody always administers.

use auth::{Action, Principal, Resource};

use super::{
    Field, New, Profile, Query, admins, any, by_id, by_login, by_name, check_email, check_name,
    create, delete, ensure_admin, list, reset_password, set_password, set_system_admin, update,
};
use crate::ids::UserId;
use crate::listing::{Direction, Match, Paging, Sort};
use crate::permit::{SystemPermit, authorize_system};
use crate::testing::{admin, each_engine, now, user};
use crate::{Db, Entity, Error, Result, audit, projects, sessions};

fn permit() -> SystemPermit {
    authorize_system(&admin(), Resource::User, Action::Create).unwrap()
}

fn new<'a>(name: &'a str, email: Option<&'a str>) -> New<'a> {
    New { name, email, real_name: "", comment: "", password_hash: "hash" }
}

async fn make(db: &Db, new: &New<'_>) -> Result<UserId> {
    let mut tx = db.begin().await?;
    let id = create(&mut tx, &permit(), new, now()).await?;
    tx.commit().await?;
    Ok(id)
}

#[tokio::test]
async fn people_sign_in_by_name_or_address() {
    each_engine(async |db| {
        let id = make(&db, &new("dora", Some("Dora@Example.com"))).await.unwrap();
        assert_eq!(by_login(&db, "dora").await.unwrap().unwrap().id, id);
        assert_eq!(by_login(&db, "dora@example.COM").await.unwrap().unwrap().id, id);
        assert_eq!(by_name(&db, "dora").await.unwrap().unwrap().password_hash, "hash");
        assert!(by_login(&db, "nora").await.unwrap().is_none());
        assert!(by_login(&db, "do\0ra").await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn nobody_is_mistaken_for_another() {
    each_engine(async |db| {
        make(&db, &new("dora", Some("dora@example.com"))).await.unwrap();
        for (name, email) in [
            ("dora", None),
            ("DORA", None),
            ("nora", Some("DORA@example.com")),
            ("dora@example.com", None),
        ] {
            let made = make(&db, &new(name, email)).await;
            assert!(matches!(made, Err(Error::Conflict(Entity::User))), "{name}: {made:?}");
        }
        make(&db, &new("nora@example.com", None)).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let dora = by_name(&db, "dora").await.unwrap().unwrap().id;
        let profile = Profile { email: Some("nora@example.com"), real_name: "", comment: "" };
        let changed = update(&mut tx, &permit(), dora, &profile, now()).await;
        assert!(matches!(changed, Err(Error::Conflict(Entity::User))));
    })
    .await;
}

#[tokio::test]
async fn many_have_no_address() {
    each_engine(async |db| {
        make(&db, &new("dora", None)).await.unwrap();
        make(&db, &new("nora", Some("  "))).await.unwrap();
        assert_eq!(by_name(&db, "nora").await.unwrap().unwrap().email, None);
        assert!(by_login(&db, "").await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn accounts_come_in_pages() {
    each_engine(async |db| {
        for name in ["carl", "anna", "berta"] {
            user(&db, name).await;
        }
        let paging = Paging { page: 2, page_size: 2 };
        let page = list(&db, &Query { paging, ..Query::default() }).await.unwrap();
        assert_eq!((page.total, page.items[0].name.as_str()), (3, "carl"));
        let newest = Sort { field: Field::Name, direction: Direction::Descending };
        let name = Some(Match::Like("AR".into()));
        let page =
            list(&db, &Query { name, sort: vec![newest], ..Query::default() }).await.unwrap();
        assert_eq!((page.total, page.items[0].name.as_str()), (1, "carl"));
    })
    .await;
}

#[tokio::test]
async fn a_new_password_ends_what_the_old_one_opened() {
    each_engine(async |db| {
        let id = make(&db, &new("dora", None)).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let opened = sessions::create(&mut tx, id, now()).await.unwrap();
        tx.commit().await.unwrap();
        assert!(sessions::by_token(&db, &opened.token, now()).await.unwrap().is_some());
        let mut tx = db.begin().await.unwrap();
        set_password(&mut tx, &permit(), id, "other", now()).await.unwrap();
        tx.commit().await.unwrap();
        let dora = by_id(&db, id).await.unwrap().unwrap();
        assert_eq!((dora.password_hash.as_str(), dora.epoch), ("other", 1));
        assert!(sessions::by_token(&db, &opened.token, now()).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_command_of_the_host_does_the_same_and_is_named() {
    each_engine(async |db| {
        let id = make(&db, &new("dora", None)).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let opened = sessions::create(&mut tx, id, now()).await.unwrap();
        reset_password(&mut tx, "harbor reset-password", id, "other", now()).await.unwrap();
        tx.commit().await.unwrap();
        let dora = by_id(&db, id).await.unwrap().unwrap();
        assert_eq!((dora.password_hash.as_str(), dora.epoch), ("other", 1));
        assert!(sessions::by_token(&db, &opened.token, now()).await.unwrap().is_none());
        let query = audit::Query::all(audit::Scope::All, Paging::default());
        let last = audit::list(&db, &query).await.unwrap().items.remove(0);
        assert_eq!(
            (last.username.as_str(), last.resource.as_str()),
            ("harbor reset-password", "dora (password)")
        );
    })
    .await;
}

#[tokio::test]
async fn somebody_always_administers() {
    each_engine(async |db| {
        assert!(!any(&db).await.unwrap());
        let mut tx = db.begin().await.unwrap();
        let first = ensure_admin(&mut tx, "hash", now()).await.unwrap();
        assert_eq!(ensure_admin(&mut tx, "another", now()).await.unwrap(), first);
        projects::ensure_library(&mut tx, first, now()).await.unwrap();
        projects::ensure_library(&mut tx, first, now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(by_id(&db, first).await.unwrap().unwrap().password_hash, "hash");
        let second = make(&db, &new("second", None)).await.unwrap();
        assert_eq!(admins(&db).await.unwrap(), ["admin"]);

        let mut tx = db.begin().await.unwrap();
        let removed = delete(&mut tx, &permit(), first, now()).await;
        assert!(matches!(removed, Err(Error::Precondition { .. })), "{removed:?}");
        let demoted = set_system_admin(&mut tx, &permit(), first, false, now()).await;
        assert!(matches!(demoted, Err(Error::Precondition { .. })), "{demoted:?}");
        set_system_admin(&mut tx, &permit(), second, true, now()).await.unwrap();
        delete(&mut tx, &permit(), first, now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(admins(&db).await.unwrap(), ["second"]);

        let library = projects::by_key(&db, &admin(), "library").await.unwrap().unwrap();
        assert!(library.public && library.owner.is_none());
    })
    .await;
}

#[tokio::test]
async fn two_administrators_cannot_remove_each_other_at_once() {
    each_engine(async |db| {
        let mut tx = db.begin().await.unwrap();
        let first = ensure_admin(&mut tx, "hash", now()).await.unwrap();
        tx.commit().await.unwrap();
        let second = make(&db, &new("second", None)).await.unwrap();
        let change = async |id, system_admin| {
            let mut tx = db.begin().await?;
            set_system_admin(&mut tx, &permit(), id, system_admin, now()).await?;
            tx.commit().await
        };
        change(second, true).await.unwrap();
        let (one, other) = tokio::join!(change(first, false), change(second, false));
        assert_ne!(one.is_ok(), other.is_ok(), "{one:?} {other:?}");
    })
    .await;
}

#[tokio::test]
async fn nobody_deletes_themselves() {
    each_engine(async |db| {
        let id = make(&db, &new("dora", None)).await.unwrap();
        let dora = by_id(&db, id).await.unwrap().unwrap();
        let mut identity = dora.identity();
        identity.system_admin = true;
        let own = Principal::User(identity);
        let permit = authorize_system(&own, Resource::User, Action::Delete).unwrap();
        let mut tx = db.begin().await.unwrap();
        let removed = delete(&mut tx, &permit, id, now()).await;
        assert!(matches!(removed, Err(Error::Denied { .. })), "{removed:?}");
        let absent = delete(&mut tx, &permit, UserId(999), now()).await;
        assert!(matches!(absent, Err(Error::NotFound(Entity::User))), "{absent:?}");
    })
    .await;
}

#[track_caller]
fn check(name: &str, valid: bool) {
    assert_eq!(check_name(name).is_ok(), valid, "{name:?}");
}

#[test]
fn names_have_harbors_rule_and_no_colon() {
    check("dora", true);
    check("Dora Müller", true);
    check("dora@example.com", true);
    check("", false);
    check(" dora", false);
    check("robot$ci", false);
    check("a,b", false);
    check("a:b", false);
    check("a\nb", false);
    check("Anonymous", false);
    check("Harbor import", false);
    check("harbor", true);
    check(&"x".repeat(255), true);
    check(&"x".repeat(256), false);
}

#[test]
fn addresses_look_like_addresses() {
    for (text, valid) in
        [("a@b", true), ("a b@c.de", false), ("a@", false), ("@b", false), ("a@b@c", false)]
    {
        assert_eq!(check_email(text).is_ok(), valid, "{text}");
    }
}
