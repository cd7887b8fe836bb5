//! Referrers: what says something about a manifest.

use oci::Digest;
use reqwest::Method;
use testkit::{Actor, Answer, Image, TestApp};

const REPOSITORY: &str = "library/signed";
const SIGNATURE: &str = "application/vnd.example.signature";
const SBOM: &str = "application/vnd.example.sbom+json";

async fn referrers(actor: &Actor, subject: &Digest, query: &str) -> Answer {
    let path = format!("/referrers/{subject}{query}");
    actor.send(actor.registry(Method::GET, REPOSITORY, &path).await).await.ok()
}

fn digests(answer: &Answer) -> Vec<String> {
    let index = answer.json();
    assert_eq!(index["mediaType"], "application/vnd.oci.image.index.v1+json");
    let manifests = index["manifests"].as_array().unwrap();
    manifests.iter().map(|entry| entry["digest"].as_str().unwrap().to_owned()).collect()
}

async fn refer(actor: &Actor, image: &Image) -> Answer {
    for blob in image.blobs() {
        actor.push_blob(REPOSITORY, blob).await.created();
    }
    let digest = image.digest();
    actor.push_manifest(REPOSITORY, digest.as_str(), image.media_type, &image.manifest).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_refers_to_an_image_is_listed_with_it_and_can_be_filtered() {
    TestApp::on_each_engine(async |app| {
        let admin = app.admin();
        let image = Image::unique();
        // The subject need not be there first.
        let signature = Image::about(&image, SIGNATURE);
        let pushed = refer(&admin, &signature).await.created();
        assert_eq!(pushed.header("oci-subject"), image.digest().as_str());
        admin.push("library/signed:1", &image).await.created();
        let sbom = Image::about(&image, SBOM);
        refer(&admin, &sbom).await.created();

        let all = referrers(&admin, &image.digest(), "").await;
        assert_eq!(all.header("content-type"), "application/vnd.oci.image.index.v1+json");
        assert_eq!(all.header("oci-filters-applied"), "");
        assert_eq!(digests(&all).len(), 2);
        assert_eq!(all.json()["manifests"][0]["artifactType"], SIGNATURE);
        assert_eq!(all.json()["manifests"][0]["size"], signature.manifest.len());

        let filtered = format!("?artifactType={}", SBOM.replace('+', "%2B"));
        let filtered = referrers(&admin, &image.digest(), &filtered).await;
        assert_eq!(filtered.header("oci-filters-applied"), "artifactType");
        assert_eq!(digests(&filtered), [sbom.digest().as_str()]);

        admin.delete_manifest(REPOSITORY, sbom.digest().as_str()).await.accepted();
        let left = referrers(&admin, &image.digest(), "").await;
        assert_eq!(digests(&left), [signature.digest().as_str()]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_refers_to_what_nobody_spoke_of() {
    let app = TestApp::start().await;
    let unknown = Digest::of(b"unknown");
    assert!(digests(&referrers(&app.admin(), &unknown, "").await).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_referrers_come_in_pages() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let image = Image::unique();
    let mut pushed = Vec::new();
    for _ in 0..103 {
        let signature = Image::about(&image, SIGNATURE);
        refer(&admin, &signature).await.created();
        pushed.push(signature.digest().as_str().to_owned());
    }
    let mut listed = Vec::new();
    let mut query = format!("?artifactType={SIGNATURE}");
    loop {
        let page = referrers(&admin, &image.digest(), &query).await;
        listed.extend(digests(&page));
        let link = page.header("link").to_owned();
        if link.is_empty() {
            break;
        }
        let path = link.trim_start_matches('<').split('>').next().unwrap();
        query = format!("?{}", path.split_once('?').unwrap().1);
        assert!(query.contains("artifactType="), "{query}");
    }
    pushed.sort();
    listed.sort();
    assert_eq!(listed, pushed);
}
