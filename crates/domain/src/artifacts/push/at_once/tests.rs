//! What is pushed in one batch, that it leaves what one step after the other does, and that its statements scan nothing.

use oci::{Digest, Manifest, Tag};
use serde_json::Value;

use super::{having, holding, naming};
use crate::artifacts::{Push, Required};
use crate::db::{Db, Engine, on};
use crate::ids::RepositoryId;
use crate::permit::RepositoryPermit;
use crate::sql::Sql;
use crate::testing::images::{
    at, bytes, digest, image, index, permit, push, push_requiring, upload,
};
use crate::testing::{each_engine, sqlite};
use crate::{quarantine, repositories};

async fn execute(db: &Db, sql: &'static str, project: &str) {
    let mut tx = db.begin().await.unwrap();
    let done = on!(tx.connection(), |connection| sqlx::query(sql)
        .bind(project)
        .execute(connection)
        .await
        .unwrap()
        .rows_affected());
    assert!(done > 0);
    tx.commit().await.unwrap();
}

const LIMITED: &str = "UPDATE projects SET storage_limit = 1000000 WHERE name = $1";

/// All that a push leaves in the repository `app` of the project, and when.
async fn rows(db: &Db, project: &str) -> Vec<(String, String, i64)> {
    const SQL: &str = "SELECT 'shown', '', r.updated_at FROM repositories r WHERE r.name = $1 AND r.published \
        UNION ALL SELECT 'artifact', a.digest || a.kind, a.size + a.pushed_at FROM artifacts a \
            JOIN repositories r ON r.id = a.repository_id WHERE r.name = $1 \
        UNION ALL SELECT 'tag ' || t.name, a.digest, t.pushed_at FROM tags t JOIN artifacts a ON a.id = t.artifact_id \
            JOIN repositories r ON r.id = t.repository_id WHERE r.name = $1 \
        UNION ALL SELECT 'leased', b.digest, rb.leased_at FROM repository_blobs rb JOIN blobs b ON b.id = rb.blob_id \
            JOIN repositories r ON r.id = rb.repository_id WHERE r.name = $1 \
        UNION ALL SELECT 'holds ' || a.digest, b.digest, 0 FROM artifact_blobs ab JOIN artifacts a ON a.id = ab.artifact_id \
            JOIN blobs b ON b.id = ab.blob_id JOIN repositories r ON r.id = ab.repository_id WHERE r.name = $1 \
        UNION ALL SELECT 'lists ' || p.digest, c.digest, ac.position FROM artifact_children ac \
            JOIN artifacts p ON p.id = ac.parent_id JOIN artifacts c ON c.id = ac.child_id \
            JOIN repositories r ON r.id = p.repository_id WHERE r.name = $1 \
        UNION ALL SELECT l.operation || ' ' || l.resource_type, REPLACE(l.resource, $2, ''), l.at FROM audit_logs l \
            JOIN projects p ON p.id = l.project_id WHERE p.name = $2 AND l.resource_type <> 'project' \
        ORDER BY 1, 2, 3";
    let rows: Vec<(String, String, Option<i64>)> = on!(db.read(), |pool| sqlx::query_as(SQL)
        .bind(format!("{project}/app"))
        .bind(project)
        .fetch_all(pool)
        .await
        .unwrap());
    rows.into_iter().map(|(what, which, when)| (what, which, when.unwrap_or(-1))).collect()
}

#[tokio::test]
async fn a_push_in_one_batch_leaves_what_one_step_after_the_other_leaves() {
    each_engine(async |db| {
        for project in ["quick", "limited"] {
            let name = format!("{project}/app");
            for content in [&b"config"[..], b"a", b"b", b"c"] {
                upload(&db, &name, content, at(0)).await;
            }
            // One with a limit is pushed to step by step.
            execute(&db, if project == "limited" { LIMITED } else { UNTOUCHED }, project).await;
            let first = image(b"config", &[b"a", b"b", b"a"]);
            let second = image(b"config", &[b"a"]);
            push(&db, &name, "v1", &first, at(1)).await.unwrap();
            let waiting = index(&[&first, &second]);
            push_requiring(&db, &Required::Nothing, &name, "all", &waiting, at(2)).await.unwrap();
            push(&db, &name, "v1", &second, at(3)).await.unwrap();
            push(&db, &name, "", &first, at(4)).await.unwrap();
            let permit = permit(&db, &name).await;
            if at_once(&db, &permit, &first).await {
                assert_eq!(project, "quick");
            } else {
                assert_eq!(project, "limited");
                push(&db, &name, "v9", &first, at(9)).await.unwrap();
            }
        }
        let quick = rows(&db, "quick").await;
        assert_eq!(quick, rows(&db, "limited").await);
        let lists = quick.iter().filter(|(what, ..)| what.starts_with("lists ")).count();
        let leased = quick.iter().filter(|(what, _, at)| what == "leased" && *at >= 0).count();
        assert_eq!((lists, leased), (2, 1), "{quick:?}");
    })
    .await;
}

const UNTOUCHED: &str = "UPDATE projects SET storage_limit = -1 WHERE name = $1";

/// Whether it was pushed in one batch.
async fn at_once(db: &Db, permit: &RepositoryPermit, manifest: &Value) -> bool {
    let content = bytes(manifest);
    let (digest, parsed) = (Digest::of(&content), Manifest::parse(None, &content).unwrap());
    let tag: Tag = "v9".parse().unwrap();
    let push = Push {
        tags: std::slice::from_ref(&tag),
        manifest: &parsed,
        digest: &digest,
        content: &content,
        platform: None,
        required: &Required::All,
    };
    super::push(db, permit, &push, at(9)).await.unwrap().is_some()
}

#[tokio::test]
async fn what_is_not_as_most_pushes_is_left_alone() {
    each_engine(async |db| {
        let name = "library/app";
        let config = upload(&db, name, b"config", at(0)).await;
        upload(&db, name, b"layer", at(0)).await;
        let whole = image(b"config", &[b"layer"]);
        let pushed = push(&db, name, "v1", &whole, at(1)).await.unwrap();
        let permit = permit(&db, name).await;
        let before = rows(&db, "library").await;
        let mut wrong = whole.clone();
        wrong["layers"][0]["size"] = 6.into();
        let mut twice = image(b"config", &[b"layer", b"layer"]);
        twice["layers"][1]["size"] = 6.into();
        let many: Vec<Vec<u8>> = (0_u8..129).map(|layer| vec![layer]).collect();
        let many: Vec<&[u8]> = many.iter().map(Vec::as_slice).collect();
        let others = [
            image(b"config", &[b"layer", b"absent"]),
            wrong,
            twice,
            index(&[&whole]),
            image(b"config", &many),
        ];
        for manifest in &others {
            assert!(!at_once(&db, &permit, manifest).await, "{manifest}");
        }
        execute(&db, LIMITED, "library").await;
        assert!(!at_once(&db, &permit, &whole).await);
        execute(&db, UNTOUCHED, "library").await;
        let (blob, cut) = (&config.blob, quarantine::Damage::Missing);
        let mut tx = db.begin().await.unwrap();
        assert!(quarantine::mark(&mut tx, blob.id, &blob.object_key, cut, at(2)).await.unwrap());
        tx.commit().await.unwrap();
        assert!(!at_once(&db, &permit, &whole).await);
        assert_eq!(rows(&db, "library").await, before);
        upload(&db, name, b"config", at(3)).await;
        assert!(at_once(&db, &permit, &whole).await);
        assert_eq!(pushed.digest, digest(&whole));
        let mut tx = db.begin().await.unwrap();
        repositories::delete(&mut tx, &permit, at(4)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(!at_once(&db, &permit, &whole).await);
    })
    .await;
}

/// How SQLite would find its rows, a line for each table.
async fn plan(db: &Db, sql: &Sql) -> Vec<String> {
    let Engine::Sqlite(pool) = db.read() else { panic!("of SQLite") };
    let mut text = Sql::new("EXPLAIN QUERY PLAN ");
    text.append(sql);
    let lines: Vec<(i64, i64, i64, String)> =
        text.builder().build_query_as().fetch_all(pool).await.unwrap();
    lines.into_iter().map(|(.., line)| line).collect()
}

#[tokio::test]
async fn no_statement_about_blobs_reads_more_than_those_blobs() {
    let (db, _directory) = sqlite().await;
    let (id, blobs) = (RepositoryId(1), [("sha256:a", 1), ("sha256:b", 2)]);
    let attaching = super::attaching(id, &Digest::of(b"x"), &naming(&blobs));
    for sql in [having(id, &blobs), holding(id, &blobs), attaching] {
        let plan = plan(&db, &sql).await;
        let read = |table: &str| plan.iter().any(|line| line.starts_with(table));
        assert!(read("SEARCH"), "{plan:?}");
        let scans = plan.iter().filter(|line| line.starts_with("SCAN"));
        // The values that the statement itself brings.
        let scans: Vec<_> = scans.filter(|line| !line.contains("VALUES CLAUSE")).collect();
        assert!(scans.is_empty(), "{plan:?}");
        // All leases, or all blobs of the repository.
        let loose = plan
            .iter()
            .find(|line| line.contains("by_lease") || line.ends_with("(repository_id=?)"));
        assert_eq!(loose, None, "{plan:?}");
    }
}
