//! Manifests that come before what they name, and go after their time.

use oci::{Digest, Manifest, Tag};
use serde_json::Value;

use super::{adopt, expire, keep, point, record, untag};
use crate::artifacts::{self, Push, Required};
use crate::collection;
use crate::db::on;
use crate::testing::each_engine;
use crate::testing::images::{at, bytes, digest, image, index, permit, push_image, reference};
use crate::{Db, Timestamp, blobs};

const NAME: &str = "library/app";

async fn cache(db: &Db, tag: &str, manifest: &Value, now: Timestamp) {
    let content = bytes(manifest);
    let tag: Option<Tag> = (!tag.is_empty()).then(|| tag.parse().unwrap());
    let parsed = Manifest::parse(None, &content).unwrap();
    let push = Push {
        tags: tag.as_slice(),
        manifest: &parsed,
        digest: &digest(manifest),
        content: &content,
        platform: None,
        required: &Required::Nothing,
    };
    let permit = permit(db, NAME).await;
    let mut tx = db.begin().await.unwrap();
    keep(&mut tx, &permit, &push, now).await.unwrap();
    tx.commit().await.unwrap();
}

async fn fetch(db: &Db, name: &str, content: &[u8], now: Timestamp) {
    let key = format!("objects/{}", uuid::Uuid::new_v4());
    let permit = permit(db, name).await;
    let mut tx = db.begin().await.unwrap();
    let size = content.len() as u64;
    record(&mut tx, &permit, &Digest::of(content), size, &key, now).await.unwrap();
    tx.commit().await.unwrap();
}

async fn is_here(db: &Db, name: &str) -> bool {
    let repository = permit(db, NAME).await.repository().unwrap();
    artifacts::by_reference(db, repository, &reference(name)).await.unwrap().is_some()
}

/// When the blob was last told of, or `None` if a manifest holds it.
async fn leased(db: &Db, name: &str, content: &[u8]) -> Option<Timestamp> {
    let repository = permit(db, name).await.repository().unwrap();
    let found = blobs::find(db, repository, &Digest::of(content)).await.unwrap();
    found.expect("the blob is linked").leased_at
}

async fn lacking(db: &Db) -> i64 {
    let sql =
        "SELECT (SELECT COUNT(*) FROM artifact_lacks) + (SELECT COUNT(*) FROM absent_children)";
    on!(db.read(), |pool| sqlx::query_scalar(sql).fetch_one(pool).await.unwrap())
}

#[tokio::test]
async fn a_manifest_is_kept_before_its_blobs_and_holds_them_once_they_come() {
    each_engine(async |db| {
        let manifest = image(b"{}", &[b"layer", b"other"]);
        cache(&db, "1", &manifest, at(0)).await;
        assert!(is_here(&db, "1").await);
        assert_eq!(lacking(&db).await, 3);
        fetch(&db, NAME, b"layer", at(1)).await;
        assert_eq!(leased(&db, NAME, b"layer").await, None);
        assert_eq!(lacking(&db).await, 2);
        // Nobody names this one.
        fetch(&db, NAME, b"stray", at(1)).await;
        assert_eq!(leased(&db, NAME, b"stray").await, Some(at(1)));
        // A later manifest finds what is here.
        cache(&db, "2", &image(b"{}", &[b"stray"]), at(2)).await;
        assert_eq!(leased(&db, NAME, b"stray").await, None);
    })
    .await;
}

#[tokio::test]
async fn an_index_gets_its_manifests_one_by_one_at_their_places() {
    each_engine(async |db| {
        let (first, second) = (image(b"{}", &[b"amd64"]), image(b"{}", &[b"arm64"]));
        cache(&db, "1", &index(&[&first, &second]), at(0)).await;
        assert_eq!(lacking(&db).await, 2);
        cache(&db, "", &second, at(1)).await;
        cache(&db, "", &first, at(1)).await;
        let sql = "SELECT position, digest FROM artifact_children c \
            JOIN artifacts a ON a.id = c.child_id ORDER BY position";
        let children: Vec<(i64, String)> =
            on!(db.read(), |pool| sqlx::query_as(sql).fetch_all(pool).await.unwrap());
        let wanted = [(0, digest(&first).to_string()), (1, digest(&second).to_string())];
        assert_eq!(children, wanted);
    })
    .await;
}

#[tokio::test]
async fn what_is_old_expires_with_its_tags_and_what_it_shares_stays() {
    each_engine(async |db| {
        cache(&db, "old", &image(b"{}", &[b"shared", b"single"]), at(0)).await;
        for content in [b"shared".as_slice(), b"single"] {
            fetch(&db, NAME, content, at(0)).await;
        }
        cache(&db, "new", &image(b"{}", &[b"shared"]), at(100)).await;
        assert_eq!(expire(&db, at(50), 10, at(200)).await.unwrap(), 1);
        assert!(!is_here(&db, "old").await);
        assert!(is_here(&db, "new").await);
        assert_eq!(leased(&db, NAME, b"single").await, Some(at(200)));
        assert_eq!(leased(&db, NAME, b"shared").await, None);
        let released = collection::release(&db, at(300), 10).await.unwrap();
        assert_eq!(released.stats.links, 1);
        assert_eq!(expire(&db, at(50), 10, at(200)).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn what_an_index_lists_expires_after_the_index() {
    each_engine(async |db| {
        let child = image(b"{}", &[b"amd64"]);
        cache(&db, "", &child, at(0)).await;
        cache(&db, "1", &index(&[&child]), at(1)).await;
        assert_eq!(expire(&db, at(0), 10, at(9)).await.unwrap(), 0);
        assert_eq!(expire(&db, at(1), 10, at(9)).await.unwrap(), 1);
        assert_eq!(expire(&db, at(1), 10, at(9)).await.unwrap(), 1);
        assert!(!is_here(&db, digest(&child).as_str()).await);
    })
    .await;
}

#[tokio::test]
async fn a_manifest_that_was_fetched_again_is_young_again() {
    each_engine(async |db| {
        let manifest = image(b"{}", &[]);
        cache(&db, "1", &manifest, at(0)).await;
        cache(&db, "1", &manifest, at(100)).await;
        assert_eq!(expire(&db, at(50), 10, at(200)).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn what_was_pushed_here_never_expires_nor_loses_a_tag() {
    each_engine(async |db| {
        let pushed = push_image(&db, NAME, "mine", "mine", at(0)).await;
        cache(&db, "", &pushed, at(0)).await;
        assert_eq!(expire(&db, at(50), 10, at(60)).await.unwrap(), 0);
        cache(&db, "theirs", &image(b"{}", &[]), at(0)).await;
        let permit = permit(&db, NAME).await;
        for tag in ["mine", "theirs"] {
            let mut tx = db.begin().await.unwrap();
            untag(&mut tx, &permit, &tag.parse().unwrap()).await.unwrap();
            tx.commit().await.unwrap();
        }
        assert!(is_here(&db, "mine").await);
        assert!(!is_here(&db, "theirs").await);
    })
    .await;
}

#[tokio::test]
async fn a_tag_moves_to_a_manifest_that_is_here_and_to_no_other() {
    each_engine(async |db| {
        let manifest = image(b"{}", &[]);
        cache(&db, "", &manifest, at(0)).await;
        let permit = permit(&db, NAME).await;
        let tag: Tag = "latest".parse().unwrap();
        let mut tx = db.begin().await.unwrap();
        let absent = Digest::of(b"absent");
        assert!(!point(&mut tx, &permit, &tag, &absent, at(1)).await.unwrap());
        assert!(point(&mut tx, &permit, &tag, &digest(&manifest), at(1)).await.unwrap());
        tx.commit().await.unwrap();
        assert!(is_here(&db, "latest").await);
    })
    .await;
}

#[tokio::test]
async fn a_blob_of_another_repository_is_linked_without_being_fetched_again() {
    each_engine(async |db| {
        cache(&db, "1", &image(b"{}", &[b"base"]), at(0)).await;
        let permit = permit(&db, NAME).await;
        let base = Digest::of(b"base");
        let mut tx = db.begin().await.unwrap();
        assert!(!adopt(&mut tx, &permit, &base, at(1)).await.unwrap());
        tx.commit().await.unwrap();
        fetch(&db, "library/other", b"base", at(1)).await;
        assert_eq!(leased(&db, "library/other", b"base").await, Some(at(1)));
        let mut tx = db.begin().await.unwrap();
        assert!(adopt(&mut tx, &permit, &base, at(2)).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(leased(&db, NAME, b"base").await, None);
    })
    .await;
}
