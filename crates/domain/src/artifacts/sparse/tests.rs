//! An index whose images are not all there, and what becomes of it when they come.

use oci::{Descriptor, Digest, Platform};

use super::{Machine, Required};
use crate::artifacts::{delete, find};
use crate::testing::each_engine;
use crate::testing::images::{
    at, bytes, digest, image, index, permit, push, push_requiring, reference, upload,
};
use crate::{Db, Error, Result};

const REPOSITORY: &str = "library/a";

async fn remove(db: &Db, digest: &Digest) -> Result<()> {
    let permit = permit(db, REPOSITORY).await;
    let mut tx = db.begin().await?;
    delete(&mut tx, &permit, digest, at(9)).await?;
    tx.commit().await
}

async fn children(db: &Db, tag: &str) -> (Vec<Digest>, u64) {
    let repository = permit(db, REPOSITORY).await.repository().unwrap();
    let found = find(db, repository, &reference(tag)).await.unwrap().unwrap();
    (found.children.into_iter().map(|child| child.digest).collect(), found.size)
}

#[tokio::test]
async fn what_an_index_lists_need_not_be_there_if_nothing_is_required() {
    each_engine(async |db| {
        let (config, other) = (b"{\"n\":1}", b"{\"n\":2}");
        upload(&db, REPOSITORY, config, at(0)).await;
        upload(&db, REPOSITORY, other, at(0)).await;
        let (here, later) = (image(config, &[]), image(other, &[]));
        push(&db, REPOSITORY, "here", &here, at(1)).await.unwrap();
        let sparse = index(&[&later, &here]);
        let refused = push(&db, REPOSITORY, "all", &sparse, at(2)).await.unwrap_err();
        let Error::MissingContent { missing } = refused else { panic!("{refused}") };
        assert_eq!(missing, [digest(&later).to_string()]);

        push_requiring(&db, &Required::Nothing, REPOSITORY, "all", &sparse, at(2)).await.unwrap();
        let (listed, size) = children(&db, "all").await;
        assert_eq!(listed, [digest(&here)]);

        // What comes later takes its place, and is held by the index from then on.
        push(&db, REPOSITORY, "later", &later, at(3)).await.unwrap();
        let (listed, grown) = children(&db, "all").await;
        assert_eq!(listed, [digest(&later), digest(&here)]);
        assert_eq!(grown, size + (bytes(&later).len() + other.len()) as u64);
        assert!(matches!(remove(&db, &digest(&later)).await, Err(Error::Precondition { .. })));
        push(&db, REPOSITORY, "later", &later, at(4)).await.unwrap();
        assert_eq!(children(&db, "all").await, (listed, grown));

        remove(&db, &digest(&sparse)).await.unwrap();
        remove(&db, &digest(&later)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_absent_of_a_deleted_index_are_forgotten() {
    each_engine(async |db| {
        let later = image(b"{}", &[]);
        let sparse = index(&[&later]);
        push_requiring(&db, &Required::Nothing, REPOSITORY, "all", &sparse, at(2)).await.unwrap();
        remove(&db, &digest(&sparse)).await.unwrap();
        upload(&db, REPOSITORY, b"{}", at(3)).await;
        push(&db, REPOSITORY, "later", &later, at(3)).await.unwrap();
        remove(&db, &digest(&later)).await.unwrap();
    })
    .await;
}

#[test]
fn a_requirement_is_read_as_it_is_written() {
    for text in ["all", "none", "linux/amd64", "linux/amd64,windows/arm64"] {
        assert_eq!(text.parse::<Required>().unwrap().to_string(), text);
    }
    for text in ["", "some", "linux", "linux/", "linux/arm/v7", "linux/amd64,"] {
        assert!(text.parse::<Required>().is_err(), "{text:?}");
    }
}

#[test]
fn only_images_of_listed_machines_are_required() {
    let machine = |os: &str, architecture: &str| Machine {
        os: os.to_owned(),
        architecture: architecture.to_owned(),
    };
    let required = Required::Platforms(vec![machine("linux", "amd64"), machine("linux", "arm64")]);
    let entry = |platform: Option<(&str, &str)>| Descriptor {
        platform: platform.map(|(os, architecture)| Platform {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            ..Platform::default()
        }),
        ..Descriptor::new("application/vnd.oci.image.manifest.v1+json", Digest::of(b""), 0)
    };
    assert!(required.demands(&entry(Some(("linux", "arm64")))));
    assert!(!required.demands(&entry(Some(("windows", "amd64")))));
    assert!(!required.demands(&entry(None)));
    assert!(Required::All.demands(&entry(None)));
    assert!(!Required::Nothing.demands(&entry(Some(("linux", "arm64")))));
}
