//! Tags move, and go alone.

use oci::Tag;

use super::{create, delete, names, of_artifact};
use crate::artifacts::{by_reference, resolve};
use crate::ids::ArtifactId;
use crate::testing::each_engine;
use crate::testing::images::{at, digest, permit, push, push_image, reference};
use crate::{Entity, Error};

fn tag(name: &str) -> Tag {
    name.parse().unwrap()
}

#[tokio::test]
async fn names_come_in_bytewise_order_in_pages() {
    each_engine(async |db| {
        for name in ["b", "B", "a.1", "a-1", "_z", "a_1"] {
            push_image(&db, "library/a", name, "one", at(0)).await;
        }
        let repository = permit(&db, "library/a").await.repository().unwrap();
        let text = async |last: Option<&str>, n| {
            let page = names(&db, repository, last, n).await.unwrap();
            page.iter().map(Tag::to_string).collect::<Vec<_>>()
        };
        assert_eq!(text(None, 10).await, ["B", "_z", "a-1", "a.1", "a_1", "b"]);
        assert_eq!(text(Some("_z"), 2).await, ["a-1", "a.1"]);
        assert!(text(Some("b"), 2).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_push_moves_the_tag() {
    each_engine(async |db| {
        let one = push_image(&db, "library/a", "latest", "one", at(0)).await;
        let two = push_image(&db, "library/a", "latest", "two", at(1)).await;
        let repository = permit(&db, "library/a").await.repository().unwrap();
        let now = resolve(&db, repository, &reference("latest")).await.unwrap().unwrap();
        assert_eq!(now.digest, digest(&two));
        assert!(now.tag.is_some());
        let old = resolve(&db, repository, &digest(&one).into()).await.unwrap().unwrap();
        assert_eq!(old.tag, None);
        assert!(of_artifact(&db, old.id).await.unwrap().is_empty());
        assert_eq!(of_artifact(&db, now.id).await.unwrap()[0].pushed_at, at(1));
    })
    .await;
}

#[tokio::test]
async fn a_second_name_is_made_once() {
    each_engine(async |db| {
        let one = push_image(&db, "library/a", "v1", "one", at(0)).await;
        let permit = permit(&db, "library/a").await;
        let repository = permit.repository().unwrap();
        let artifact = resolve(&db, repository, &digest(&one).into()).await.unwrap().unwrap().id;
        let mut tx = db.begin().await.unwrap();
        create(&mut tx, &permit, artifact, &tag("stable"), at(1)).await.unwrap();
        let unknown = create(&mut tx, &permit, ArtifactId(9_999), &tag("other"), at(1)).await;
        assert!(matches!(unknown, Err(Error::NotFound(Entity::Artifact))), "{unknown:?}");
        tx.commit().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let taken = create(&mut tx, &permit, artifact, &tag("v1"), at(1)).await;
        assert!(matches!(taken, Err(Error::Conflict(Entity::Tag))), "{taken:?}");
        drop(tx);
        let tags = of_artifact(&db, artifact).await.unwrap();
        let names: Vec<_> = tags.iter().map(|tag| tag.name.as_str()).collect();
        assert_eq!(names, ["stable", "v1"], "latest first");
    })
    .await;
}

#[tokio::test]
async fn a_tag_is_deleted_alone() {
    each_engine(async |db| {
        let one = push_image(&db, "library/a", "v1", "one", at(0)).await;
        push(&db, "library/a", "v2", &one, at(1)).await.unwrap();
        let permit = permit(&db, "library/a").await;
        let repository = permit.repository().unwrap();
        let mut tx = db.begin().await.unwrap();
        delete(&mut tx, &permit, &tag("v1"), at(2)).await.unwrap();
        let again = delete(&mut tx, &permit, &tag("v1"), at(2)).await;
        assert!(matches!(again, Err(Error::NotFound(Entity::Tag))), "{again:?}");
        tx.commit().await.unwrap();
        assert!(by_reference(&db, repository, &reference("v1")).await.unwrap().is_none());
        assert!(by_reference(&db, repository, &reference("v2")).await.unwrap().is_some());
        let mut tx = db.begin().await.unwrap();
        delete(&mut tx, &permit, &tag("v2"), at(3)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(by_reference(&db, repository, &digest(&one).into()).await.unwrap().is_some());
    })
    .await;
}
