//! Batches on each engine: what a transaction makes, keeps and refuses.

use std::time::Duration;

use oci::{Digest, Manifest};
use serde_json::Value;

use super::{Artifact, Batch, Blob, Known, Stored, Tag, Target, blobs, finish, seen, store};
use crate::artifacts;
use crate::audit::{self, Query, Scope};
use crate::blobs::find;
use crate::collection;
use crate::listing::Paging;
use crate::testing::each_engine;
use crate::testing::images::{at, bytes, image, index, push_image, reference, upload};
use crate::{Db, Result, repositories, tags};

fn target() -> Target {
    Target { project: "library".parse().unwrap(), repository: "library/app".parse().unwrap() }
}

fn blob(content: &[u8]) -> Blob {
    let digest = Digest::of(content);
    let object_key = format!("old/{}/data", digest.hex());
    Blob { digest, size: content.len() as u64, object_key }
}

fn artifact(manifest: &Value, blobs: &[&[u8]]) -> Artifact {
    let content = bytes(manifest);
    Artifact {
        digest: Digest::of(&content),
        manifest: Manifest::parse(None, &content).unwrap(),
        content: content.into(),
        platform: None,
        pushed_at: at(-1_000),
        blobs: blobs.iter().map(|content| Digest::of(content)).collect(),
    }
}

/// An image of a config and a layer, with tag `v1`.
fn batch() -> Batch {
    let manifest = image(b"{}", &[b"layer"]);
    let artifact = artifact(&manifest, &[b"{}", b"layer"]);
    let tag = tag("v1", &artifact.digest, -1_000);
    Batch {
        blobs: vec![blob(b"{}"), blob(b"layer")],
        artifacts: vec![artifact],
        tags: vec![tag],
        leases: vec![],
    }
}

fn tag(name: &str, digest: &Digest, secs: i64) -> Tag {
    Tag { name: name.parse().unwrap(), digest: digest.clone(), pushed_at: at(secs) }
}

async fn stored(db: &Db, batch: &Batch) -> Result<Option<Stored>> {
    let mut tx = db.begin().await?;
    let stored = store(&mut tx, &target(), batch, at(0)).await?;
    if stored.is_some() {
        tx.commit().await?;
    }
    Ok(stored)
}

async fn stands_for(db: &Db, tag: &str) -> Option<Digest> {
    let id = super::repository(db, &target().repository).await.unwrap()?;
    let found = artifacts::by_reference(db, id, &reference(tag)).await.unwrap();
    found.map(|found| found.digest)
}

#[tokio::test]
async fn a_batch_makes_what_a_push_makes() {
    each_engine(async |db| {
        let done = stored(&db, &batch()).await.unwrap().unwrap();
        let made = Stored {
            new_project: true,
            new_repository: true,
            artifacts: 1,
            tags: 1,
            blobs: 2,
            bytes: 7,
            lacking: vec![],
        };
        assert_eq!(done, made);
        let pushed = push_image(&db, "other/app", "v1", "x", at(0)).await;
        let id = super::repository(&db, &target().repository).await.unwrap().unwrap();
        let imported = artifacts::find(&db, id, &reference("v1")).await.unwrap().unwrap();
        let id = super::repository(&db, &"other/app".parse().unwrap()).await.unwrap().unwrap();
        let other = artifacts::find(&db, id, &reference("v1")).await.unwrap().unwrap();
        assert_eq!((imported.kind, imported.media_type), (other.kind, other.media_type));
        assert_eq!(imported.config_media_type, other.config_media_type);
        let size = bytes(&image(b"{}", &[b"layer"])).len() as u64;
        assert_eq!(imported.size, size + 7);
        assert_eq!(other.digest, Digest::of(&bytes(&pushed)));
    })
    .await;
}

#[tokio::test]
async fn a_second_time_nothing_is_new() {
    each_engine(async |db| {
        stored(&db, &batch()).await.unwrap().unwrap();
        let again = stored(&db, &batch()).await.unwrap().unwrap();
        assert_eq!(again, Stored::default());
    })
    .await;
}

#[tokio::test]
async fn of_two_writes_of_a_tag_the_later_stands() {
    each_engine(async |db| {
        stored(&db, &batch()).await.unwrap().unwrap();
        let first = stands_for(&db, "v1").await.unwrap();
        let other = artifact(&image(b"{}", &[]), &[b"{}"]);
        for (secs, moved, stands) in [(-2_000, 0, &first), (-500, 1, &other.digest)] {
            let again = Batch {
                blobs: vec![blob(b"{}")],
                tags: vec![tag("v1", &other.digest, secs)],
                artifacts: vec![other.clone()],
                leases: vec![],
            };
            assert_eq!(stored(&db, &again).await.unwrap().unwrap().tags, moved);
            assert_eq!(stands_for(&db, "v1").await.as_ref(), Some(stands));
        }
    })
    .await;
}

#[tokio::test]
async fn a_tag_of_an_artifact_that_is_gone_undoes_the_batch() {
    each_engine(async |db| {
        let mut batch = batch();
        batch.tags.push(tag("v2", &Digest::of(b"gone"), 0));
        assert_eq!(stored(&db, &batch).await.unwrap(), None);
        assert_eq!(super::repository(&db, &target().repository).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn what_the_collector_has_condemned_is_not_taken_back() {
    each_engine(async |db| {
        let lease = Batch {
            blobs: vec![blob(b"layer")],
            leases: vec![Digest::of(b"layer")],
            ..Batch::default()
        };
        stored(&db, &lease).await.unwrap().unwrap();
        let later = at(0).plus(Duration::from_secs(1));
        collection::release(&db, later, 10).await.unwrap();
        collection::condemn(&db, None, 10, later).await.unwrap();
        assert_eq!(stored(&db, &batch()).await.unwrap(), None);
        let layer = blob(b"layer");
        let known = blobs(&db, &[(&layer.digest, &layer.object_key)]).await.unwrap();
        assert_eq!(known.get(layer.digest.as_str()), Some(&Known::Condemned));
    })
    .await;
}

#[tokio::test]
async fn a_blob_that_is_here_keeps_its_key() {
    each_engine(async |db| {
        let recorded = upload(&db, "library/app", b"layer", at(-10)).await;
        let done = stored(&db, &batch()).await.unwrap().unwrap();
        assert_eq!((done.blobs, done.bytes), (1, 2));
        let id = super::repository(&db, &target().repository).await.unwrap().unwrap();
        let found = find(&db, id, &Digest::of(b"layer")).await.unwrap().unwrap();
        assert_eq!(found.object_key, recorded.blob.object_key);
        // The lease of the upload is now the hold of the artifact.
        assert_eq!(found.leased_at, None);
    })
    .await;
}

#[tokio::test]
async fn an_index_comes_after_what_it_lists_in_one_batch_and_its_size_is_of_all() {
    each_engine(async |db| {
        let (one, two) = (image(b"{}", &[b"layer"]), image(b"{}", &[]));
        let list = index(&[&one, &two]);
        let outer = index(&[&list]);
        let batch = Batch {
            blobs: vec![blob(b"{}"), blob(b"layer")],
            artifacts: vec![
                artifact(&outer, &[]),
                artifact(&list, &[]),
                artifact(&one, &[b"{}", b"layer"]),
            ],
            ..Batch::default()
        };
        let done = stored(&db, &batch).await.unwrap().unwrap();
        let missing = Digest::of(&bytes(&two));
        assert_eq!(done.artifacts, 3);
        assert_eq!(done.lacking, [(Digest::of(&bytes(&list)), missing)]);
        let id = super::repository(&db, &target().repository).await.unwrap().unwrap();
        let digest = Digest::of(&bytes(&outer));
        let found = artifacts::find(&db, id, &reference(digest.as_str())).await.unwrap().unwrap();
        let own: usize = [&outer, &list, &one].map(|it| bytes(it).len()).iter().sum();
        assert_eq!(found.size, own as u64 + 7);
    })
    .await;
}

#[tokio::test]
async fn leases_alone_make_no_visible_repository() {
    each_engine(async |db| {
        let batch = Batch {
            blobs: vec![blob(b"layer")],
            leases: vec![Digest::of(b"layer")],
            ..Batch::default()
        };
        let done = stored(&db, &batch).await.unwrap().unwrap();
        assert!(!done.new_repository);
        assert!(repositories::by_name(&db, &target().repository).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn the_log_has_the_project_and_the_repository_and_not_each_tag() {
    each_engine(async |db| {
        stored(&db, &batch()).await.unwrap().unwrap();
        let query = Query::all(Scope::All, Paging::first(10));
        let page = audit::list(&db, &query).await.unwrap();
        let lines: Vec<String> = page
            .items
            .into_iter()
            .map(|it| {
                format!("{} {} {} {}", it.username, it.operation, it.resource_type, it.resource)
            })
            .collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.contains(&"harbor import create project library".to_owned()));
        assert!(lines.contains(&"harbor import create repository library/app".to_owned()));
        let id = super::repository(&db, &target().repository).await.unwrap().unwrap();
        assert_eq!(tags::names(&db, id, None, 10).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn it_is_remembered_when_a_repository_was_read_last() {
    each_engine(async |db| {
        let name = target().repository;
        assert_eq!(seen(&db, &name).await.unwrap(), None);
        for secs in [1, 2] {
            let mut tx = db.begin().await.unwrap();
            finish(&mut tx, &name, at(secs)).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(seen(&db, &name).await.unwrap(), Some(at(secs)));
        }
    })
    .await;
}
