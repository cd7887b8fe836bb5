//! Lists of the other registry, passed on page by page.

use bytes::Bytes;
use oci::Digest;

use super::origin::{Answer, Origin};
use super::{NAME, cache_of, settings};
use crate::{Error, Referrers, Tags};

const INDEX: &[u8] =
    br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;

#[tokio::test]
async fn a_page_of_tags_is_asked_for_as_the_client_asks() {
    let origin = Origin::start(|_| {
        Answer::bytes(200, r#"{"name":"x","tags":["b","c"]}"#)
            .with("link", "</v2/x/tags/list?last=c&n=2>; rel=\"next\"")
    })
    .await;
    let fixture = cache_of(settings(&origin)).await;
    let tags = fixture.cache.tags(&NAME.parse().unwrap(), Some("a"), 2).await.unwrap();
    let names = vec!["b".to_owned(), "c".to_owned()];
    assert_eq!(tags, Tags { names, next: Some("c".to_owned()) });
    assert_eq!(origin.asked()[0].line, format!("GET /v2/{NAME}/tags/list?n=2&last=a"));
}

#[tokio::test]
async fn a_repository_without_tags_has_none() {
    let origin = Origin::start(|_| Answer::bytes(200, r#"{"name":"x","tags":null}"#)).await;
    let fixture = cache_of(settings(&origin)).await;
    let tags = fixture.cache.tags(&NAME.parse().unwrap(), None, 100).await.unwrap();
    assert_eq!(tags, Tags { names: Vec::new(), next: None });
}

#[tokio::test]
async fn referrers_are_passed_on_with_their_filter_and_their_next_page() {
    let origin = Origin::start(|_| {
        Answer::bytes(200, INDEX)
            .with("oci-filters-applied", "artifactType")
            .with("link", "</v2/x/referrers/sha256:0?token=7&artifactType=a%2Fb>; rel=\"next\"")
    })
    .await;
    let fixture = cache_of(settings(&origin)).await;
    let (name, digest) = (NAME.parse().unwrap(), Digest::of(b"subject"));
    let found = fixture.cache.referrers(&name, &digest, "artifactType=a%2Fb").await.unwrap();
    let wanted = Referrers {
        index: Bytes::from_static(INDEX),
        next: Some("token=7&artifactType=a%2Fb".to_owned()),
        is_filtered: true,
    };
    assert_eq!(found, wanted);
    let line = format!("GET /v2/{NAME}/referrers/{digest}?artifactType=a%2Fb");
    assert_eq!(origin.asked()[0].line, line);
}

#[tokio::test]
async fn what_is_no_list_is_not_passed_on() {
    let origin = Origin::start(|_| Answer::bytes(200, "<script>")).await;
    let fixture = cache_of(settings(&origin)).await;
    let (name, digest) = (NAME.parse().unwrap(), Digest::of(b"subject"));
    let referrers = fixture.cache.referrers(&name, &digest, "").await;
    assert!(matches!(referrers, Err(Error::Invalid { .. })), "{referrers:?}");
    let tags = fixture.cache.tags(&name, None, 100).await;
    assert!(matches!(tags, Err(Error::Wrong { .. })), "{tags:?}");
}
