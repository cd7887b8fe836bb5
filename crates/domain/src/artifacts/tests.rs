//! What a push makes, what it refuses, and what deletion leaves.

mod lists;

use oci::{Digest, Manifest, Platform, Reference};

use super::{
    Push, Required, by_reference, delete, find, push as push_manifest, referrers, resolve,
};
use crate::ids::RepositoryId;
use crate::permit::RepositoryPermit;
use crate::testing::each_engine;
use crate::testing::images::{
    at, bytes, digest, image, index, permit, push, push_image, reference, upload,
};
use crate::{Db, Entity, Error, Result, blobs};

async fn repository(db: &Db, name: &str) -> RepositoryId {
    permit(db, name).await.repository().unwrap()
}

async fn remove(db: &Db, name: &str, digest: &Digest, secs: i64) -> Result<()> {
    let permit = permit(db, name).await;
    let mut tx = db.begin().await?;
    delete(&mut tx, &permit, digest, at(secs)).await?;
    tx.commit().await
}

async fn leased_at(db: &Db, name: &str, content: &[u8]) -> Option<crate::Timestamp> {
    let repository = repository(db, name).await;
    blobs::find(db, repository, &Digest::of(content)).await.unwrap().unwrap().leased_at
}

async fn limit(db: &Db, permit: &RepositoryPermit, bytes: i64) {
    let mut tx = db.begin().await.unwrap();
    crate::db::on!(tx.connection(), |connection| sqlx::query(
        "UPDATE projects SET storage_limit = $1 WHERE id = $2"
    )
    .bind(bytes)
    .bind(permit.project().id)
    .execute(connection)
    .await
    .map(drop)
    .unwrap());
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn what_is_pulled_is_what_was_pushed() {
    each_engine(async |db| {
        let manifest = push_image(&db, "library/a", "v1", "one", at(0)).await;
        let repository = repository(&db, "library/a").await;
        for name in [reference("v1"), digest(&manifest).into()] {
            let stored = by_reference(&db, repository, &name).await.unwrap().unwrap();
            assert_eq!(stored.content, bytes(&manifest));
            assert_eq!(stored.digest, digest(&manifest));
            assert_eq!(stored.media_type.as_str(), manifest["mediaType"]);
            assert_eq!(stored.tag.is_some(), name.tag().is_some());
            let resolved = resolve(&db, repository, &name).await.unwrap().unwrap();
            assert_eq!((resolved.id, resolved.digest), (stored.id, stored.digest));
            assert_eq!(resolved.size, stored.content.len() as u64);
        }
        assert!(by_reference(&db, repository, &reference("v2")).await.unwrap().is_none());
        assert_eq!(leased_at(&db, "library/a", b"layer one").await, None, "held");
    })
    .await;
}

#[tokio::test]
async fn every_missing_blob_is_named_and_nothing_is_left_behind() {
    each_engine(async |db| {
        upload(&db, "library/a", b"config", at(0)).await;
        upload(&db, "library/b", b"elsewhere", at(0)).await;
        let manifest = image(b"config", &[b"elsewhere", b"nowhere"]);
        let refused = push(&db, "library/a", "v1", &manifest, at(1)).await;
        let Err(Error::MissingContent { missing }) = refused else { panic!("{refused:?}") };
        let mut expected = [Digest::of(b"elsewhere"), Digest::of(b"nowhere")].map(String::from);
        expected.sort();
        assert_eq!(missing, expected);
        assert_eq!(leased_at(&db, "library/a", b"config").await, Some(at(0)));
        let name = permit(&db, "library/a").await;
        let published = crate::repositories::by_name(&db, name.name()).await.unwrap();
        assert!(published.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_descriptor_with_a_wrong_size_is_refused() {
    each_engine(async |db| {
        upload(&db, "library/a", b"config", at(0)).await;
        let mut manifest = image(b"config", &[]);
        manifest["config"]["size"] = 7.into();
        let refused = push(&db, "library/a", "v1", &manifest, at(1)).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "size", .. })), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn pushing_again_changes_only_the_time() {
    each_engine(async |db| {
        let manifest = push_image(&db, "library/a", "v1", "one", at(0)).await;
        let first = push(&db, "library/a", "v1", &manifest, at(1)).await.unwrap();
        let second = push(&db, "library/a", "", &manifest, at(2)).await.unwrap();
        assert_eq!(first, second);
        let repository = repository(&db, "library/a").await;
        let artifact = find(&db, repository, &reference("v1")).await.unwrap().unwrap();
        assert_eq!((artifact.id, artifact.pushed_at), (first.artifact, at(2)));
        assert_eq!(artifact.tags[0].pushed_at, at(1));
    })
    .await;
}

#[tokio::test]
async fn a_layer_listed_twice_is_one_blob() {
    each_engine(async |db| {
        upload(&db, "library/a", b"config", at(0)).await;
        upload(&db, "library/a", b"layer", at(0)).await;
        let manifest = image(b"config", &[b"layer", b"layer"]);
        push(&db, "library/a", "v1", &manifest, at(1)).await.unwrap();
        push(&db, "library/a", "v1", &manifest, at(2)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_image_with_very_many_layers_is_accepted() {
    each_engine(async |db| {
        let layers: Vec<String> = (0..2_100).map(|n| format!("layer {n}")).collect();
        let layers: Vec<&[u8]> = layers.iter().map(String::as_bytes).collect();
        let manifest = image(b"config", &layers);
        let refused = push(&db, "library/a", "v1", &manifest, at(0)).await;
        let Err(Error::MissingContent { missing }) = refused else { panic!("{refused:?}") };
        assert_eq!(missing.len(), 2_101);
        for content in layers.iter().chain([&b"config".as_slice()]) {
            upload(&db, "library/a", content, at(0)).await;
        }
        push(&db, "library/a", "v1", &manifest, at(1)).await.unwrap();
        assert_eq!(leased_at(&db, "library/a", b"layer 2099").await, None);
    })
    .await;
}

#[tokio::test]
async fn the_platform_of_the_config_is_kept() {
    each_engine(async |db| {
        upload(&db, "library/a", b"config", at(0)).await;
        let content = bytes(&image(b"config", &[]));
        let digest = Digest::of(&content);
        let platform = Platform {
            os: "linux".into(),
            architecture: "arm\0".into(),
            variant: Some("v7".into()),
            ..Platform::default()
        };
        let push = Push {
            tags: &["v1".parse().unwrap()],
            manifest: &Manifest::parse(None, &content).unwrap(),
            digest: &digest,
            content: &content,
            platform: Some(&platform),
            required: &Required::All,
        };
        let permit = permit(&db, "library/a").await;
        let mut tx = db.begin().await.unwrap();
        push_manifest(&mut tx, &permit, &push, at(1)).await.unwrap();
        tx.commit().await.unwrap();
        let id = permit.repository().unwrap();
        let artifact = find(&db, id, &reference("v1")).await.unwrap().unwrap();
        assert_eq!(artifact.platform.unwrap().to_string(), "linux/arm/v7");
    })
    .await;
}

#[tokio::test]
async fn an_index_needs_and_holds_what_it_lists() {
    each_engine(async |db| {
        let one = push_image(&db, "library/a", "", "one", at(0)).await;
        let two = push_image(&db, "library/a", "", "two", at(0)).await;
        let absent = image(b"x", &[]);
        let refused = push(&db, "library/a", "all", &index(&[&one, &absent]), at(1)).await;
        let Err(Error::MissingContent { missing }) = refused else { panic!("{refused:?}") };
        assert_eq!(missing, [digest(&absent).to_string()]);

        let all = index(&[&one, &two]);
        push(&db, "library/a", "all", &all, at(1)).await.unwrap();
        push(&db, "library/a", "all", &all, at(2)).await.unwrap();
        let repository = repository(&db, "library/a").await;
        let artifact = find(&db, repository, &reference("all")).await.unwrap().unwrap();
        let children: Vec<_> = artifact.children.iter().map(|child| child.digest.clone()).collect();
        assert_eq!(children, [digest(&one), digest(&two)]);
        let platform = artifact.children[0].platform.clone().unwrap();
        assert_eq!(platform.to_string(), "linux/arm64/v8");
        let sum: u64 = artifact.children.iter().map(|child| child.size).sum();
        assert_eq!(artifact.size, sum + bytes(&all).len() as u64);

        let held = remove(&db, "library/a", &digest(&one), 3).await;
        assert!(matches!(held, Err(Error::Precondition { .. })), "{held:?}");
        remove(&db, "library/a", &digest(&all), 3).await.unwrap();
        remove(&db, "library/a", &digest(&one), 4).await.unwrap();
        let gone = remove(&db, "library/a", &digest(&one), 4).await;
        assert!(matches!(gone, Err(Error::NotFound(Entity::Artifact))), "{gone:?}");
    })
    .await;
}

#[tokio::test]
async fn deletion_leases_what_no_other_artifact_holds() {
    each_engine(async |db| {
        for content in [b"config".as_slice(), b"shared", b"own"] {
            upload(&db, "library/a", content, at(0)).await;
        }
        let one = image(b"config", &[b"shared", b"own"]);
        push(&db, "library/a", "v1", &one, at(1)).await.unwrap();
        push(&db, "library/a", "v2", &image(b"config", &[b"shared"]), at(1)).await.unwrap();
        remove(&db, "library/a", &digest(&one), 5).await.unwrap();
        assert_eq!(leased_at(&db, "library/a", b"own").await, Some(at(5)));
        assert_eq!(leased_at(&db, "library/a", b"shared").await, None);
        let repository = repository(&db, "library/a").await;
        assert!(by_reference(&db, repository, &reference("v1")).await.unwrap().is_none());
        assert!(by_reference(&db, repository, &reference("v2")).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn referrers_are_found_by_subject_and_type() {
    each_engine(async |db| {
        let subject = push_image(&db, "library/a", "v1", "one", at(0)).await;
        upload(&db, "library/a", b"{}", at(0)).await;
        let mut signature = image(b"{}", &[]);
        signature["artifactType"] = "application/vnd.acme.signature".into();
        signature["annotations"] = serde_json::json!({"by": "carol"});
        signature["subject"] = serde_json::json!({
            "mediaType": subject["mediaType"],
            "digest": digest(&subject),
            "size": bytes(&subject).len(),
        });
        let pushed = push(&db, "library/a", "", &signature, at(1)).await.unwrap();
        assert_eq!(pushed.subject, Some(digest(&subject)));
        let id = repository(&db, "library/a").await;
        let of = async |artifact_type, after| {
            referrers(&db, id, &digest(&subject), artifact_type, after, 10).await.unwrap()
        };
        let all = of(None, None).await;
        let [found] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!(found.descriptor.digest, digest(&signature));
        assert_eq!(found.descriptor.size, bytes(&signature).len() as u64);
        assert_eq!(found.descriptor.annotations["by"], "carol");
        let artifact_type = found.descriptor.artifact_type.as_deref();
        assert_eq!(artifact_type, Some("application/vnd.acme.signature"));
        assert_eq!(of(artifact_type, None).await.len(), 1);
        assert!(of(Some("text/plain"), None).await.is_empty());
        assert!(of(None, Some(found.artifact)).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_push_over_the_limit_is_refused_and_an_old_one_is_not() {
    each_engine(async |db| {
        let old = push_image(&db, "library/a", "v1", "one", at(0)).await;
        let permit = permit(&db, "library/a").await;
        let used = i64::try_from(blobs::used(&db, permit.project().id).await.unwrap()).unwrap();
        limit(&db, &permit, used + 9).await;
        upload(&db, "library/b", b"config", at(0)).await;
        upload(&db, "library/b", b"four", at(0)).await;
        let over = push(&db, "library/b", "v1", &image(b"config", &[b"four"]), at(1)).await;
        let Err(Error::QuotaExceeded { adding, used: told, limit: bound }) = over else {
            panic!("{over:?}")
        };
        assert_eq!((adding, told, bound), (10, used, used + 9));
        push(&db, "library/b", "v1", &image(b"config", &[]), at(1)).await.unwrap();
        limit(&db, &permit, 1).await;
        push(&db, "library/a", "v2", &old, at(2)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn pushes_that_share_layers_do_not_stop_each_other() {
    each_engine(async |db| {
        let layers: Vec<Vec<u8>> = (0..12).map(|n| format!("layer {n}").into_bytes()).collect();
        for content in &layers {
            upload(&db, "library/a", content, at(0)).await;
        }
        let push_in_order = async |tag: &str, turn: usize| {
            let mut own: Vec<&[u8]> = layers.iter().map(Vec::as_slice).collect();
            own.rotate_left(turn);
            push(&db, "library/a", tag, &image(own[0], &own[1..]), at(1)).await.unwrap();
        };
        tokio::join!(
            Box::pin(push_in_order("a", 0)),
            Box::pin(push_in_order("b", 3)),
            Box::pin(push_in_order("c", 6)),
            Box::pin(push_in_order("d", 9)),
        );
        let tag = Reference::Tag("d".parse().unwrap());
        let id = repository(&db, "library/a").await;
        assert!(resolve(&db, id, &tag).await.unwrap().is_some());
    })
    .await;
}
