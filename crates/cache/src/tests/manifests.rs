//! Tags that are looked up, manifests that are fetched, and a registry that is away.

use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use domain::artifacts;
use futures_util::future::join_all;
use oci::{Digest, MediaType, Reference, Tag};
use serde_json::json;

use super::origin::{Answer, Origin, Request};
use super::{Fixture, NAME, cache_of, settings};
use crate::{Error, Freshness, Settings};

fn image(seed: &str) -> Bytes {
    let blob = |media_type: &str| json!({"mediaType": media_type, "digest": Digest::of(seed.as_bytes()), "size": 1});
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OciManifest.as_str(),
        "config": blob("application/vnd.oci.image.config.v1+json"),
        "layers": [blob("application/vnd.oci.image.layer.v1.tar")],
    });
    manifest.to_string().into()
}

fn index(children: &[&Bytes]) -> Bytes {
    let entry = |content: &&Bytes| {
        json!({
            "mediaType": MediaType::OciManifest.as_str(),
            "digest": Digest::of(content),
            "size": content.len(),
            "platform": {"os": "linux", "architecture": "arm64"},
        })
    };
    let index = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OciIndex.as_str(),
        "manifests": children.iter().map(entry).collect::<Vec<_>>(),
    });
    index.to_string().into()
}

fn tag() -> Tag {
    "latest".parse().unwrap()
}

/// A registry that has whatever the test puts there, under any name.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Bytes>>);

impl Shelf {
    fn put(&self, content: &Bytes) {
        *self.0.lock().unwrap() = content.clone();
    }

    fn answer(&self, request: &Request) -> Answer {
        let content = self.0.lock().unwrap().clone();
        let known = request.header("if-none-match").map(|tag| tag.trim_matches('"').to_owned());
        if known == Some(Digest::of(&content).to_string()) {
            return Answer::of(304);
        }
        Answer::manifest(&content)
    }
}

async fn shelf(content: &Bytes) -> (Shelf, Origin) {
    let shelf = Shelf::default();
    shelf.put(content);
    let answering = shelf.clone();
    let origin = Origin::start(move |request| answering.answer(request)).await;
    (shelf, origin)
}

/// As [`settings`], and each pull asks.
fn forgetful(origin: &Origin) -> Settings {
    Settings { freshness: Duration::ZERO, ..settings(origin) }
}

impl Fixture {
    async fn refresh(&self) -> Result<Freshness, Error> {
        self.cache.refresh(&self.permit(NAME).await, &tag()).await
    }

    async fn manifest(&self, reference: &Reference) -> Option<Bytes> {
        let repository = self.permit(NAME).await.repository()?;
        let found = artifacts::by_reference(&self.db, repository, reference).await.unwrap();
        found.map(|stored| stored.content.into())
    }

    async fn tagged(&self) -> Option<Bytes> {
        self.manifest(&Reference::Tag(tag())).await
    }
}

#[tokio::test]
async fn a_tag_is_fetched_once_and_then_asked_for_by_head() {
    let image = image("a");
    let (_, origin) = shelf(&image).await;
    let fixture = cache_of(forgetful(&origin)).await;
    assert_eq!(fixture.refresh().await.unwrap(), Freshness::New);
    assert_eq!(fixture.tagged().await.unwrap(), image);
    assert_eq!(fixture.refresh().await.unwrap(), Freshness::Fresh);
    let lines: Vec<String> = origin.asked().into_iter().map(|request| request.line).collect();
    let digest = Digest::of(&image);
    assert_eq!(
        lines,
        [
            format!("HEAD /v2/{NAME}/manifests/latest"),
            format!("GET /v2/{NAME}/manifests/{digest}"),
            format!("HEAD /v2/{NAME}/manifests/latest"),
        ]
    );
    let accept = origin.asked()[0].header("accept").unwrap().to_owned();
    assert!(accept.contains(MediaType::OciIndex.as_str()) && !accept.contains("v1+prettyjws"));
}

#[tokio::test]
async fn what_was_found_out_counts_for_a_while() {
    let (_, origin) = shelf(&image("a")).await;
    let fixture = cache_of(settings(&origin)).await;
    let name = NAME.parse().unwrap();
    assert_eq!(fixture.cache.known(&name, &tag()), None);
    fixture.refresh().await.unwrap();
    assert_eq!(fixture.cache.known(&name, &tag()), Some(Freshness::Fresh));
    let forgetful = cache_of(forgetful(&origin)).await;
    forgetful.refresh().await.unwrap();
    assert_eq!(forgetful.cache.known(&name, &tag()), None);
}

#[tokio::test]
async fn a_tag_moves_as_it_does_at_the_other_registry() {
    let (old, new) = (image("old"), image("new"));
    let (shelf, origin) = shelf(&old).await;
    let fixture = cache_of(forgetful(&origin)).await;
    fixture.refresh().await.unwrap();
    shelf.put(&new);
    assert_eq!(fixture.refresh().await.unwrap(), Freshness::New);
    assert_eq!(fixture.tagged().await.unwrap(), new);
    // Back to what is here: nothing is fetched.
    shelf.put(&old);
    assert_eq!(fixture.refresh().await.unwrap(), Freshness::Fresh);
    assert_eq!(fixture.tagged().await.unwrap(), old);
    assert_eq!(origin.count("GET "), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_one_question() {
    let (_, origin) = shelf(&image("a")).await;
    let fixture = cache_of(settings(&origin)).await;
    let answers = join_all((0..20).map(|_| fixture.refresh())).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(origin.count("GET "), 1);
}

#[tokio::test]
async fn of_an_index_nothing_is_fetched_but_what_is_asked_for() {
    let (arm, amd) = (image("arm"), image("amd"));
    let index = index(&[&arm, &amd]);
    let contents = [index.clone(), arm.clone(), amd];
    let origin = Origin::start(move |request| {
        let wanted = contents[1..]
            .iter()
            .find(|content| request.line.ends_with(Digest::of(content).as_str()));
        match wanted {
            Some(manifest) => Answer::manifest(manifest),
            None => Answer::bytes(200, contents[0].clone())
                .with("content-type", MediaType::OciIndex.as_str())
                .with("docker-content-digest", Digest::of(&contents[0]).to_string()),
        }
    })
    .await;
    let fixture = cache_of(settings(&origin)).await;
    fixture.refresh().await.unwrap();
    assert_eq!(fixture.tagged().await.unwrap(), index);
    assert_eq!(origin.count("GET "), 1);
    let digest = Digest::of(&arm);
    fixture.cache.bring(&fixture.permit(NAME).await, &digest).await.unwrap();
    assert_eq!(fixture.manifest(&Reference::Digest(digest)).await.unwrap(), arm);
    assert_eq!(origin.count("GET "), 2);
}

#[tokio::test]
async fn while_the_other_registry_is_away_what_is_here_is_served_and_told_to_be_stale() {
    let image = image("a");
    let status = Arc::new(AtomicU16::new(200));
    let (answering, sent) = (Arc::clone(&status), image.clone());
    let origin = Origin::start(move |_| match answering.load(Ordering::Relaxed) {
        200 => Answer::manifest(&sent),
        status => Answer::of(status).with("retry-after", "7"),
    })
    .await;
    let fixture = cache_of(forgetful(&origin)).await;
    fixture.refresh().await.unwrap();
    for away in [500, 502, 503, 429] {
        status.store(away, Ordering::Relaxed);
        assert_eq!(fixture.refresh().await.unwrap(), Freshness::Stale, "{away}");
        assert_eq!(fixture.tagged().await.unwrap(), image);
        let absent = "absent".parse().unwrap();
        let error = fixture.cache.refresh(&fixture.permit(NAME).await, &absent).await;
        assert!(error.unwrap_err().is_passing());
    }
    // That is not away: the right to it was taken from us.
    status.store(403, Ordering::Relaxed);
    let refused = fixture.refresh().await;
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_registry_that_nobody_listens_for_is_away() {
    let image = image("a");
    let (_, origin) = shelf(&image).await;
    let gone = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let fixture = cache_of(forgetful(&origin)).await;
    fixture.refresh().await.unwrap();
    let moved = Settings { url: gone.parse().unwrap(), ..forgetful(&origin) };
    let (db, store) = (&fixture.db, &fixture.store);
    let stop = web::Shutdown::new();
    let cache = crate::Cache::new(moved, db, store, &domain::Clock::System, &stop).unwrap();
    let answer = cache.refresh(&fixture.permit(NAME).await, &tag()).await;
    assert_eq!(answer.unwrap(), Freshness::Stale);
}

#[tokio::test]
async fn a_tag_that_is_gone_there_is_gone_here() {
    let image = image("a");
    let is_gone = Arc::new(AtomicBool::new(false));
    let (answering, sent) = (Arc::clone(&is_gone), image.clone());
    let origin = Origin::start(move |_| match answering.load(Ordering::Relaxed) {
        true => Answer::of(404),
        false => Answer::manifest(&sent),
    })
    .await;
    let fixture = cache_of(forgetful(&origin)).await;
    fixture.refresh().await.unwrap();
    is_gone.store(true, Ordering::Relaxed);
    let refused = fixture.refresh().await;
    assert!(matches!(refused, Err(Error::NotFound { .. })), "{refused:?}");
    assert_eq!(fixture.tagged().await, None);
    // By its digest it is what it was.
    assert!(fixture.manifest(&Reference::Digest(Digest::of(&image))).await.is_some());
}

#[tokio::test]
async fn a_registry_that_tells_no_digest_is_asked_for_all_of_it() {
    let image = image("a");
    let sent = image.clone();
    let origin = Origin::start(move |_| Answer::bytes(200, sent.clone())).await;
    let fixture = cache_of(forgetful(&origin)).await;
    assert_eq!(fixture.refresh().await.unwrap(), Freshness::New);
    assert_eq!(fixture.tagged().await.unwrap(), image);
    assert_eq!(origin.count(&format!("GET /v2/{NAME}/manifests/latest")), 1);
}

#[tokio::test]
async fn a_manifest_that_is_another_than_it_says_is_not_kept() {
    let (image, other) = (image("a"), image("b"));
    let promised = Digest::of(&other).to_string();
    let origin = Origin::start(move |_| {
        Answer::bytes(200, image.clone()).with("docker-content-digest", promised.clone())
    })
    .await;
    let fixture = cache_of(settings(&origin)).await;
    let refused = fixture.refresh().await;
    assert!(matches!(refused, Err(Error::Wrong { .. })), "{refused:?}");
    assert_eq!(fixture.tagged().await, None);
}

#[tokio::test]
async fn schema_1_is_refused_by_its_name() {
    let origin = Origin::start(|_| {
        Answer::bytes(200, &br#"{"schemaVersion": 1}"#[..])
            .with("content-type", "application/vnd.docker.distribution.manifest.v1+prettyjws")
    })
    .await;
    let fixture = cache_of(settings(&origin)).await;
    let refused = fixture.refresh().await.unwrap_err();
    assert!(matches!(refused, Error::Invalid { .. }));
    assert!(refused.to_string().contains("schema 1"), "{refused}");
}
