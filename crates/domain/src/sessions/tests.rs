//! Sessions begin, last while they are used, and end.

use std::time::Duration;

use super::{Opened, by_token, create, delete, delete_all_of, delete_expired, prolong, resume};
use crate::ids::UserId;
use crate::testing::{each_engine, now, user};
use crate::{Db, Entity, Error, Timestamp};

const MINUTE: Duration = Duration::from_secs(60);

fn later(minutes: u32) -> Timestamp {
    now().plus(MINUTE * minutes)
}

async fn open(db: &Db, user: UserId) -> Opened {
    let mut tx = db.begin().await.unwrap();
    let opened = create(&mut tx, user, now()).await.unwrap();
    tx.commit().await.unwrap();
    opened
}

async fn dora(db: &Db) -> UserId {
    UserId(user(db, "dora").await.user_id().unwrap())
}

#[tokio::test]
async fn a_session_knows_its_user() {
    each_engine(async |db| {
        let dora = dora(&db).await;
        let opened = open(&db, dora).await;
        assert_eq!(opened.lifetime, MINUTE * 60);
        let session = by_token(&db, &opened.token, now()).await.unwrap().unwrap();
        assert_eq!((session.user.id, session.user.name.as_str()), (dora.0, "dora"));
        assert_eq!(session.csrf, opened.csrf);
        assert!(by_token(&db, &opened.csrf, now()).await.unwrap().is_none());
        let mut tx = db.begin().await.unwrap();
        delete(&mut tx, &opened.token).await.unwrap();
        tx.commit().await.unwrap();
        assert!(by_token(&db, &opened.token, now()).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_session_lasts_while_it_is_used() {
    each_engine(async |db| {
        let opened = open(&db, dora(&db).await).await;
        assert!(by_token(&db, &opened.token, later(60)).await.unwrap().is_none());
        assert!(resume(&db, &opened.token, later(40)).await.unwrap().is_some());
        assert!(resume(&db, &opened.token, later(80)).await.unwrap().is_some());
        assert!(by_token(&db, &opened.token, later(140)).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn use_is_written_down_at_most_once_a_minute() {
    each_engine(async |db| {
        let opened = open(&db, dora(&db).await).await;
        let session = by_token(&db, &opened.token, now()).await.unwrap().unwrap();
        let soon = now().plus(MINUTE / 2);
        assert!(!prolong(&db, &session, soon).await.unwrap());
        assert!(prolong(&db, &session, later(1)).await.unwrap());
        let session = by_token(&db, &opened.token, later(1)).await.unwrap().unwrap();
        assert!(!prolong(&db, &session, later(1)).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn sessions_that_are_over_are_removed() {
    each_engine(async |db| {
        let dora = dora(&db).await;
        for _ in 0..3 {
            open(&db, dora).await;
        }
        let mut tx = db.begin().await.unwrap();
        assert_eq!(delete_expired(&mut tx, later(59), 9).await.unwrap(), 0);
        assert_eq!(delete_expired(&mut tx, later(60), 2).await.unwrap(), 2);
        assert_eq!(delete_all_of(&mut tx, dora).await.unwrap(), 1);
        let nobody = create(&mut tx, UserId(999), now()).await;
        assert!(matches!(nobody, Err(Error::NotFound(Entity::User))), "{nobody:?}");
    })
    .await;
}
