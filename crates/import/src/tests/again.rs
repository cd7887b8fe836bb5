//! A second import: after the old registry took more, after things changed here, after a stop, beside the collector.

use std::time::Duration;

use auth::{Action, Resource};
use bytes::Bytes;
use domain::testing::{admin, each_engine, now, push_permit};
use domain::{Db, artifacts, backup, blobs, collection, imports, permit, tags};
use oci::Digest;
use web::Shutdown;

use super::fixture::{Tree, here, options, tags_of};
use crate::Progress;

async fn delete_tag(db: &Db, repository: &str, tag: &str) {
    let name = repository.parse().unwrap();
    let permit =
        permit::authorize_repository(db, &admin(), &name, Resource::Tag, Action::Delete).await;
    let mut tx = db.begin().await.unwrap();
    tags::delete(&mut tx, &permit.unwrap(), &tag.parse().unwrap(), now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn delete(db: &Db, repository: &str, digest: &Digest) {
    let permit = push_permit(db, repository).await;
    let mut tx = db.begin().await.unwrap();
    artifacts::delete(&mut tx, &permit, digest, now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// What the collector does, without its window, but for the bytes.
async fn collect(db: &Db) {
    let later = now().plus(Duration::from_secs(1));
    while collection::release(db, later, 100).await.unwrap().more {}
    collection::condemn(db, None, 100, later).await.unwrap();
}

#[tokio::test]
async fn nothing_is_new_the_second_time() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        let index = tree.index("library/app", &[tree.image("library/app", "one")]);
        tree.tag("library/app", "v1", &index);
        tree.import(&db).await;
        for again in [false, true] {
            let report = tree.import_with(&db, &crate::Options { again, ..options() }).await;
            assert!(report.complete);
            assert_eq!((report.manifests, report.tags, report.blobs), (0, 0, 0));
            assert_eq!((report.deleted, report.problems), (0, vec![]));
        }
    })
    .await;
}

#[tokio::test]
async fn what_the_old_registry_took_since_comes_too() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        let first = tree.image("library/app", "one");
        tree.tag("library/app", "v1", &first);
        tree.tag("library/app", "v2", &first);
        tree.import(&db).await;
        tree.at(now().secs() - 30);
        let second = tree.image("library/app", "two");
        tree.tag("library/app", "v2", &second);
        tree.tag("library/app", "v3", &second);
        tree.tag("library/new", "v1", &tree.image("library/new", "two"));
        let report = tree.import(&db).await;
        assert_eq!((report.manifests, report.tags, report.blobs), (2, 3, 2));
        assert_eq!(here(&db, "library/app", "v1").await.unwrap().digest, first);
        assert_eq!(here(&db, "library/app", "v2").await.unwrap().digest, second);
        assert_eq!(tags_of(&db, "library/new").await, ["v1"]);
    })
    .await;
}

#[tokio::test]
async fn a_tag_that_was_moved_here_later_stays_where_it_is() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        let [first, second] = ["one", "two"].map(|seed| tree.image("library/app", seed));
        tree.tag("library/app", "v1", &first);
        tree.tag("library/app", "v2", &second);
        tree.import(&db).await;
        delete_tag(&db, "library/app", "v1").await;
        let permit = push_permit(&db, "library/app").await;
        let artifact = here(&db, "library/app", "v2").await.unwrap().id;
        let mut tx = db.begin().await.unwrap();
        tags::create(&mut tx, &permit, artifact, &"v1".parse().unwrap(), now()).await.unwrap();
        tx.commit().await.unwrap();
        let report = tree.import_with(&db, &crate::Options { again: true, ..options() }).await;
        assert_eq!(report.tags, 0);
        assert_eq!(here(&db, "library/app", "v1").await.unwrap().digest, second);
    })
    .await;
}

#[tokio::test]
async fn a_link_from_the_future_is_taken_for_the_oldest() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        let [first, second] = ["one", "two"].map(|seed| tree.image("library/app", seed));
        tree.tag("library/app", "v2", &second);
        tree.at(now().secs() + 1_000_000);
        tree.tag("library/app", "v1", &first);
        tree.import(&db).await;
        assert_eq!(here(&db, "library/app", "v1").await.unwrap().digest, first);
        delete_tag(&db, "library/app", "v1").await;
        let permit = push_permit(&db, "library/app").await;
        let artifact = here(&db, "library/app", "v2").await.unwrap().id;
        let mut tx = db.begin().await.unwrap();
        tags::create(&mut tx, &permit, artifact, &"v1".parse().unwrap(), now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(tree.import(&db).await.tags, 0);
        assert_eq!(here(&db, "library/app", "v1").await.unwrap().digest, second);
    })
    .await;
}

#[tokio::test]
async fn what_was_deleted_here_stays_deleted_until_it_is_asked_for_again() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        let [first, second] = ["one", "two"].map(|seed| tree.image("library/app", seed));
        tree.tag("library/app", "v1", &first);
        tree.tag("library/app", "v2", &second);
        tree.tag("library/app", "v3", &second);
        tree.import(&db).await;
        delete(&db, "library/app", &first).await;
        delete_tag(&db, "library/app", "v3").await;
        let report = tree.import(&db).await;
        // The manifest and its tag, and the other tag.
        assert_eq!((report.deleted, report.manifests, report.tags), (3, 0, 0));
        assert_eq!(report.problems, []);
        assert_eq!(tags_of(&db, "library/app").await, ["v2"]);
        let report = tree.import_with(&db, &crate::Options { again: true, ..options() }).await;
        assert_eq!((report.deleted, report.manifests, report.tags), (0, 1, 2));
        assert_eq!(tags_of(&db, "library/app").await, ["v1", "v2", "v3"]);
    })
    .await;
}

#[tokio::test]
async fn damage_is_told_each_time() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        tree.tag("library/app", "v1", &tree.image("library/app", "one"));
        tree.write(&Tree::tag_path("library/app", "v2"), b"");
        let first = tree.import(&db).await;
        assert_eq!(first.problems.len(), 1);
        let second = tree.import(&db).await;
        assert_eq!(first.problems, second.problems);
        assert_eq!(second.deleted, 0);
    })
    .await;
}

#[tokio::test]
async fn one_that_was_stopped_is_not_complete_and_goes_on() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        tree.tag("library/app", "v1", &tree.image("library/app", "one"));
        let (progress, stop) = (Progress::default(), Shutdown::new());
        stop.trigger();
        let report = crate::run(&tree.store, &db, &options(), &progress, &stop).await.unwrap();
        assert!(!report.complete);
        let report = tree.import(&db).await;
        assert!(report.complete);
        assert_eq!((report.manifests, report.tags, report.deleted), (1, 1, 0));
    })
    .await;
}

#[tokio::test]
async fn a_blob_that_is_here_under_another_key_keeps_that() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        tree.tag("library/app", "v1", &tree.image("library/app", "one"));
        domain::testing::project(&db, "team", false).await;
        let permit = push_permit(&db, "team/app").await;
        let (content, key) = (Bytes::from_static(b"layer of one"), blobs_key());
        let digest = Digest::of(&content);
        tree.store.put(&key, content, &digest).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let id = domain::repositories::ensure(&mut tx, &permit, now()).await.unwrap();
        blobs::record(&mut tx, id, &digest, 12, key.as_str(), now()).await.unwrap();
        tx.commit().await.unwrap();
        let report = tree.import(&db).await;
        assert_eq!((report.duplicates, report.blobs), (1, 1));
        let id = imports::repository(&db, &"library/app".parse().unwrap()).await.unwrap().unwrap();
        let blob = blobs::find(&db, id, &digest).await.unwrap().unwrap();
        assert_eq!(blob.object_key, key.as_str());
        assert!(tree.path(&Tree::blob_path(&digest)).exists());
        assert_eq!(collection::condemned(&db, None, 10).await.unwrap(), []);
    })
    .await;
}

fn blobs_key() -> ::blobs::Key {
    ::blobs::Key::fresh()
}

#[tokio::test]
async fn an_object_that_is_on_its_way_out_is_not_taken_for_a_blob() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        let image = tree.image("library/app", "one");
        tree.tag("library/app", "v1", &image);
        tree.import(&db).await;
        delete(&db, "library/app", &image).await;
        collect(&db).await;
        let condemned = collection::condemned(&db, None, 10).await.unwrap();
        assert_eq!(condemned.len(), 2);
        let report = tree.import_with(&db, &crate::Options { again: true, ..options() }).await;
        assert_eq!(report.blobs, 0);
        assert!(
            report.problems[0].reason.contains("was collected as garbage here"),
            "{:?}",
            report.problems
        );
        let id = imports::repository(&db, &"library/app".parse().unwrap()).await.unwrap().unwrap();
        let layer = Digest::of(b"layer of one");
        assert_eq!(blobs::find(&db, id, &layer).await.unwrap(), None);
        assert_eq!(collection::condemned(&db, None, 10).await.unwrap(), condemned);
    })
    .await;
}

#[tokio::test]
async fn a_blob_without_a_manifest_is_leased_and_then_collected_where_it_lies() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        tree.tag("library/app", "v1", &tree.image("library/app", "one"));
        tree.layer("library/app", b"left over");
        tree.import(&db).await;
        let digest = Digest::of(b"left over");
        let id = imports::repository(&db, &"library/app".parse().unwrap()).await.unwrap().unwrap();
        let blob = blobs::find(&db, id, &digest).await.unwrap().unwrap();
        assert_eq!(blob.leased_at, Some(now()));
        collect(&db).await;
        let condemned = collection::condemned(&db, None, 10).await.unwrap();
        let keys: Vec<String> = condemned.into_iter().map(|it| it.object_key).collect();
        assert_eq!(keys, [format!("docker/registry/v2/{}", Tree::blob_path(&digest))]);
        let key: ::blobs::Key = keys[0].parse().unwrap();
        tree.store.delete(&key).await.unwrap();
        assert!(!tree.path(&Tree::blob_path(&digest)).parent().unwrap().exists());
        assert!(tree.path("blobs/sha256").exists());
        // Its link is still in the tree, and no damage.
        assert_eq!(tree.import(&db).await.problems, []);
    })
    .await;
}

#[tokio::test]
async fn the_collector_removes_no_bytes_while_it_runs() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        tree.tag("library/app", "v1", &tree.image("library/app", "one"));
        let options = options();
        let (progress, stop) = (Progress::default(), Shutdown::new());
        let held = std::sync::Mutex::new(false);
        let importing = crate::run(&tree.store, &db, &options, &progress, &stop);
        let watching = async {
            loop {
                if backup::is_held(&db, now()).await.unwrap().is_some() {
                    *held.lock().unwrap() = true;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            report = importing => drop(report.unwrap()),
            () = watching => {}
        }
        assert!(*held.lock().unwrap());
        assert_eq!(backup::is_held(&db, now()).await.unwrap(), None);
    })
    .await;
}
