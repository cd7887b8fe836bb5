//! A moment of the database, taken while others write, and given back to an empty one.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::query;

use super::tables::{self as table, in_order};
use super::{
    HELD, Table, dump, hold, holder, is_held, is_sound, load, newest, objects, release, renew,
    rows_in, set_identities, settle, step_to, still, still_file, tables, totals,
};
use crate::db::on;
use crate::ids::UserId;
use crate::queue::{self, NewJob, State, Task, Trigger};
use crate::testing::images::{at, permit, push_image, upload};
use crate::testing::{each_engine, postgres_schema, sqlite, user};
use crate::{Db, Error, Tx, collection, sessions, uploads};

/// A database as it is before anything was done with it, at this schema.
async fn postgres_at(version: i64) -> Option<Db> {
    let db = Db::connect(&postgres_schema().await?).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    step_to(&mut tx, version).await.unwrap();
    tx.commit().await.unwrap();
    Some(db)
}

type Dumped = Vec<(Table, Vec<Vec<u8>>)>;

async fn dumped(tx: &mut Tx) -> Dumped {
    let mut all = Vec::new();
    for table in tables(tx).await.unwrap() {
        let (mut parts, mut rows) = (Vec::new(), dump(tx, &table).await.unwrap());
        while let Some(part) = rows.next_part().await.unwrap() {
            parts.push(part);
        }
        drop(rows);
        all.push((table, parts));
    }
    all
}

async fn loaded(tx: &mut Tx, dumped: &Dumped) {
    for (table, parts) in dumped {
        let mut rows = load(tx, table).await.unwrap();
        for part in parts {
            rows.send(part).await.unwrap();
        }
        assert_eq!(rows.finish().await.unwrap(), table.rows, "{}", table.name);
    }
    let all: Vec<Table> = dumped.iter().map(|(table, _)| table.clone()).collect();
    set_identities(tx, &all).await.unwrap();
}

#[tokio::test]
async fn what_was_dumped_is_loaded_as_it_was() {
    let Some(source) = postgres_at(newest()).await else { return };
    push_image(&source, "library/app", "v1", "a tab\t, a line\n and a \\", at(0)).await;
    let mut moment = still(&source).await.unwrap();
    let dumped = dumped(&mut moment).await;
    let target = postgres_at(newest()).await.unwrap();
    let mut tx = target.begin().await.unwrap();
    assert_eq!(rows_in(&mut tx).await.unwrap(), None);
    loaded(&mut tx, &dumped).await;
    assert_eq!(tables(&mut tx).await.unwrap(), tables(&mut moment).await.unwrap());
    tx.commit().await.unwrap();
    let (mut a, mut b) = (still(&source).await.unwrap(), still(&target).await.unwrap());
    assert_eq!(contents(&mut a).await, contents(&mut b).await);
    assert_eq!(objects(&mut b, None, 9).await.unwrap(), objects(&mut a, None, 9).await.unwrap());
}

async fn contents(tx: &mut Tx) -> Vec<Vec<Vec<u8>>> {
    dumped(tx).await.into_iter().map(|(_, parts)| parts).collect()
}

#[tokio::test]
async fn identities_go_on_behind_rows_that_are_gone() {
    let Some(source) = postgres_at(newest()).await else { return };
    let first = upload(&source, "library/app", b"kept", at(0)).await.blob.id;
    let second = upload(&source, "library/app", b"gone", at(0)).await.blob.id;
    remove_blob(&source, second.0).await;
    let dumped = dumped(&mut still(&source).await.unwrap()).await;
    let target = postgres_at(newest()).await.unwrap();
    let mut tx = target.begin().await.unwrap();
    loaded(&mut tx, &dumped).await;
    tx.commit().await.unwrap();
    let third = upload(&target, "library/app", b"new", at(1)).await.blob.id;
    assert!(first < second && second < third, "{first} {second} {third}");
}

async fn remove_blob(db: &Db, id: i64) {
    let mut tx = db.begin().await.unwrap();
    for sql in
        ["DELETE FROM repository_blobs WHERE blob_id = $1", "DELETE FROM blobs WHERE id = $1"]
    {
        on!(tx.connection(), |connection| query(sql)
            .bind(id)
            .execute(connection)
            .await
            .map(drop)
            .unwrap());
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_dump_of_an_older_schema_is_brought_up_to_date() {
    let Some(source) = postgres_at(1).await else { return };
    // As a program of then wrote them: the one of now expects columns that are not there.
    const ROWS: [&str; 3] = [
        "INSERT INTO projects (name, public, created_at, updated_at) VALUES ('library', TRUE, 1, 1)",
        "INSERT INTO repositories (project_id, name, published, created_at, updated_at) \
            SELECT id, 'library/app', TRUE, 1, 1 FROM projects",
        "INSERT INTO blobs (digest, size, object_key, created_at) VALUES ('sha256:old', 3, 'objects/old', 1)",
    ];
    let mut tx = source.begin().await.unwrap();
    for sql in ROWS {
        on!(tx.connection(), |connection| query(sql).execute(connection).await.map(drop).unwrap());
    }
    tx.commit().await.unwrap();
    let dumped = dumped(&mut still(&source).await.unwrap()).await;
    assert!(dumped.iter().all(|(table, _)| table.name != "object_holds"));
    let target = Db::connect(&postgres_schema().await.unwrap()).await.unwrap();
    let mut tx = target.begin().await.unwrap();
    assert_eq!(super::current(&mut tx).await.unwrap(), None);
    step_to(&mut tx, 1).await.unwrap();
    loaded(&mut tx, &dumped).await;
    step_to(&mut tx, newest()).await.unwrap();
    settle(&mut tx, at(1)).await.unwrap();
    assert_eq!(super::current(&mut tx).await.unwrap(), Some(newest()));
    tx.commit().await.unwrap();
    target.migrate().await.unwrap();
    push_image(&target, "library/app", "v2", "new", at(2)).await;
    assert_eq!(crate::quarantine::count(&target).await.unwrap(), 0);
    let stored = crate::blobs::stored(&target).await.unwrap();
    assert_eq!(stored, (r#"{"config":"new"}"#.len() + "layer new".len() + 3) as u64);
}

#[tokio::test]
async fn a_restore_that_is_given_up_leaves_nothing() {
    let Some(source) = postgres_at(newest()).await else { return };
    push_image(&source, "library/app", "v1", "a", at(0)).await;
    let dumped = dumped(&mut still(&source).await.unwrap()).await;
    let target = Db::connect(&postgres_schema().await.unwrap()).await.unwrap();
    let mut tx = target.begin().await.unwrap();
    step_to(&mut tx, newest()).await.unwrap();
    loaded(&mut tx, &dumped).await;
    drop(tx);
    let mut after = target.begin().await.unwrap();
    assert_eq!(super::current(&mut after).await.unwrap(), None);
}

#[tokio::test]
async fn damaged_rows_are_refused_by_the_name_of_their_table() {
    let Some(target) = postgres_at(newest()).await else { return };
    let mut tx = target.begin().await.unwrap();
    let all = tables(&mut tx).await.unwrap();
    let table = all.iter().find(|table| table.name == "blobs").unwrap();
    let mut rows = load(&mut tx, table).await.unwrap();
    rows.send(b"1\tsha256:\tlarge\tobjects/1\t0\n").await.unwrap();
    let error = rows.finish().await.unwrap_err();
    assert!(matches!(&error, Error::Precondition { reason } if reason.contains("table blobs")));
}

#[tokio::test]
async fn the_moment_stays_while_others_write() {
    let Some(db) = postgres_at(newest()).await else { return };
    push_image(&db, "library/app", "v1", "before", at(0)).await;
    let mut moment = still(&db).await.unwrap();
    let before = totals(&mut moment).await.unwrap();
    push_image(&db, "library/app", "v2", "after", at(1)).await;
    assert_eq!(totals(&mut moment).await.unwrap(), before);
    assert_eq!(totals(&mut still(&db).await.unwrap()).await.unwrap().count, before.count + 2);
}

#[tokio::test]
async fn the_file_of_a_moment_is_whole_and_lacks_what_was_not_committed() {
    let (db, directory) = sqlite().await;
    push_image(&db, "library/app", "v1", "before", at(0)).await;
    let expected = totals(&mut still(&db).await.unwrap()).await.unwrap();
    let mut open = db.begin().await.unwrap();
    on!(open.connection(), |connection| query("DELETE FROM repository_blobs")
        .execute(connection)
        .await
        .map(drop)
        .unwrap());
    let file = still_file(&db, &directory.path().join("moment.db")).await.unwrap();
    assert!(is_sound(&file).await.unwrap());
    let mut moment = still(&file).await.unwrap();
    assert_eq!(super::current(&mut moment).await.unwrap(), Some(newest()));
    assert_eq!(totals(&mut moment).await.unwrap(), expected);
    let first = objects(&mut moment, None, 1).await.unwrap().remove(0);
    assert!(holder(&mut moment, first.id).await.unwrap().is_some());
    let all = tables(&mut moment).await.unwrap();
    let links = all.iter().find(|table| table.name == "repository_blobs").unwrap();
    assert_eq!(links.rows, 2, "the deletion was not committed");
}

#[tokio::test]
async fn objects_come_in_the_order_of_their_rows_with_an_artifact_that_needs_them() {
    each_engine(async |db| {
        push_image(&db, "library/app", "v1", "a", at(0)).await;
        upload(&db, "library/app", b"nobody's", at(0)).await;
        let mut moment = still(&db).await.unwrap();
        let first = objects(&mut moment, None, 2).await.unwrap();
        let rest = objects(&mut moment, first.last().map(|object| object.id), 2).await.unwrap();
        assert_eq!((first.len(), rest.len()), (2, 1));
        let needed = holder(&mut moment, first[0].id).await.unwrap();
        assert_eq!(needed.as_deref(), Some("library/app:v1"));
        assert_eq!(holder(&mut moment, rest[0].id).await.unwrap(), None);
        assert!(rows_in(&mut moment).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_hold_lasts_until_it_is_released_or_not_renewed() {
    each_engine(async |db| {
        assert_eq!(is_held(&db, at(0)).await.unwrap(), None);
        let first = hold(&db, "a backup", at(0)).await.unwrap();
        assert_eq!(is_held(&db, at(1)).await.unwrap().as_deref(), Some("a backup"));
        let end = at(0).plus(HELD);
        assert!(renew(&db, &first, at(60)).await.unwrap());
        assert!(is_held(&db, end).await.unwrap().is_some(), "it was renewed");
        let end = at(60).plus(HELD);
        assert_eq!(is_held(&db, end).await.unwrap(), None);
        assert!(!renew(&db, &first, end).await.unwrap(), "it had ended");
        let second = hold(&db, "another", end).await.unwrap();
        release(&db, &second).await.unwrap();
        assert_eq!(is_held(&db, end).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn what_was_under_way_is_ended() {
    each_engine(async |db| {
        let permit = permit(&db, "library/app").await;
        let id = UserId(user(&db, "somebody").await.user_id().unwrap());
        let mut tx = db.begin().await.unwrap();
        let object = uploads::Object { key: "objects/1".into(), hash_state: vec![1].into() };
        uploads::open(&mut tx, &permit, object, None, at(0)).await.unwrap();
        sessions::create(&mut tx, id, at(0)).await.unwrap();
        let job = NewJob::now(&Task::PurgeSessions, Trigger::Manual, "admin", at(0));
        let job = queue::enqueue(&mut tx, &job, at(0)).await.unwrap();
        tx.commit().await.unwrap();
        queue::claim(&db, "worker", at(0), HELD).await.unwrap().unwrap();
        hold(&db, "a backup", at(0)).await.unwrap();

        let mut tx = db.begin().await.unwrap();
        let settled = settle(&mut tx, at(9)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(settled, super::Settled { uploads: 1, sessions: 1, jobs: 1 });
        let condemned = collection::condemned(&db, None, 9).await.unwrap();
        assert_eq!(condemned[0].object_key, "objects/1");
        assert_eq!(is_held(&db, at(9)).await.unwrap(), None);
        let job = queue::by_id(&db, job).await.unwrap().unwrap();
        assert_eq!((job.state, job.finished_at), (State::Stopped, Some(at(9))));
    })
    .await;
}

#[test]
fn a_table_comes_after_those_that_it_references() {
    let tables: BTreeMap<String, ()> =
        ["artifacts", "blobs", "repositories"].map(|name| (name.to_owned(), ())).into();
    let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    let references = BTreeSet::from([
        pair("artifacts", "repositories"),
        pair("blobs", "artifacts"),
        pair("blobs", "elsewhere"),
    ]);
    let ordered = in_order(tables.clone(), &references).unwrap();
    let names: Vec<&str> = ordered.iter().map(|(name, ())| name.as_str()).collect();
    assert_eq!(names, ["repositories", "artifacts", "blobs"]);
    let circle = BTreeSet::from([pair("artifacts", "blobs"), pair("blobs", "artifacts")]);
    assert!(in_order(tables, &circle).is_err());
}

#[test]
fn a_name_cannot_leave_its_quotes() {
    assert_eq!(table::quoted(r#"a" FROM b; --"#), r#""a"" FROM b; --""#);
}
