//! Repositories, artifacts and tags, with images that were really recorded.

use domain::artifacts::{self, Push};
use domain::{blobs, repositories, testing};
use oci::{Digest, Manifest, Platform, Tag};
use serde_json::{Value, json};

use super::browser::Portal;

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const NAME: &str = "team/tools/builder";
const HERE: &str = "/projects/team/repositories/tools/builder";

/// Records the blobs, then the manifest under `tag`; tells its digest.
async fn push(portal: &Portal, tag: &str, blobs: &[&[u8]], manifest: &Value) -> Digest {
    let (db, now) = (portal.db(), portal.app.clock.now());
    let permit = testing::push_permit(db, NAME).await;
    let content = manifest.to_string().into_bytes();
    let digest = Digest::of(&content);
    let tags: Option<Tag> = tag.parse().ok();
    let parsed = Manifest::parse(None, &content).unwrap();
    let platform = Platform {
        os: "linux".to_owned(),
        architecture: "amd64".to_owned(),
        ..Platform::default()
    };
    let push = Push {
        tags: tags.as_slice(),
        manifest: &parsed,
        digest: &digest,
        content: &content,
        platform: parsed.config().map(|_| &platform),
        required: &artifacts::Required::All,
    };
    let mut tx = db.begin().await.unwrap();
    let repository = repositories::ensure(&mut tx, &permit, now).await.unwrap();
    for blob in blobs {
        let (key, size) = (format!("{tag}/{}", Digest::of(blob)), blob.len() as u64);
        blobs::record(&mut tx, repository, &Digest::of(blob), size, &key, now).await.unwrap();
    }
    artifacts::push(&mut tx, &permit, &push, now).await.unwrap();
    tx.commit().await.unwrap();
    digest
}

fn blob(media_type: &str, content: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(content), "size": content.len()})
}

async fn push_image(portal: &Portal, tag: &str, seed: &str) -> (Digest, usize) {
    let layer = format!("layer {seed}");
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": blob("application/vnd.oci.image.config.v1+json", b"{}"),
        "layers": [blob("application/vnd.oci.image.layer.v1.tar", layer.as_bytes())],
        "annotations": {"org.example.note": "<b>bold</b>"},
    });
    let digest = push(portal, tag, &[b"{}", layer.as_bytes()], &manifest).await;
    (digest, manifest.to_string().len())
}

async fn portal() -> Portal {
    let portal = Portal::start().await;
    testing::project(portal.db(), "team", true).await;
    portal
}

#[actix_web::test]
async fn a_repository_tells_what_it_holds_and_how_to_pull_it() {
    let portal = portal().await;
    let (digest, _) = push_image(&portal, "1.0", "a").await;
    push_image(&portal, "latest", "a").await;
    let mut stranger = portal.browser();
    stranger.get("/projects/team").await.shows(HERE).shows("tools/builder").hides("delete");
    let seen = stranger.get(HERE).await;
    seen.is(200)
        .shows(digest.short())
        .shows("docker pull localhost:8080/team/tools/builder:latest");
    seen.shows(">1.0<").shows("linux/amd64").shows("just now").hides("Delete repository");
    stranger.get(&format!("{HERE}?tags=untagged")).await.shows("No artifacts");
    stranger.get("/projects/team/repositories/absent").await.is(404);

    let seen = stranger.get(&format!("{HERE}/artifacts/{digest}")).await;
    seen.is(200).shows("application/vnd.oci.image.layer.v1.tar").shows("&#60;b&#62;bold");
    seen.shows("&#34;schemaVersion&#34;: 2").hides("Delete tag").hides("Add tag");
}

#[actix_web::test]
async fn a_tag_is_deleted_alone() {
    let portal = portal().await;
    let (digest, _) = push_image(&portal, "1.0", "a").await;
    push_image(&portal, "latest", "a").await;
    let mut admin = portal.signed_in("admin").await;
    let artifact = format!("{HERE}/artifacts/{digest}");
    admin.get(&format!("{artifact}/tags/1.0/delete")).await.shows("its other tags stay");
    admin.post(&format!("{artifact}/tags/1.0/delete"), &[]).await.leads_to(&artifact);
    admin.get(&artifact).await.shows(">latest<").hides(">1.0<");
    admin.post(&format!("{artifact}/tags/1.0/delete"), &[]).await.is(404);

    let tags = format!("{artifact}/tags");
    admin.post(&tags, &[("tag", "no blank")]).await.leads_to(&artifact);
    admin.get(&artifact).await.shows("A tag has 1 to 128");
    admin.post(&tags, &[("tag", "latest")]).await.leads_to(&artifact);
    admin.get(&artifact).await.shows("This is taken already.");
    admin.post(&tags, &[("tag", "2.0")]).await.leads_to(&artifact);
    admin.get(&artifact).await.shows(">2.0<").shows(">latest<");
}

#[actix_web::test]
async fn a_tag_that_moved_is_not_deleted_from_its_old_page() {
    let portal = portal().await;
    let (old, _) = push_image(&portal, "latest", "a").await;
    let (new, _) = push_image(&portal, "latest", "b").await;
    let mut admin = portal.signed_in("admin").await;
    let path = |digest| format!("{HERE}/artifacts/{digest}/tags/latest/delete");
    admin.post(&path(&old), &[]).await.is(404);
    admin.post(&path(&new), &[]).await.is(303);
}

#[actix_web::test]
async fn an_index_shows_its_children_which_stay_as_long_as_it() {
    let portal = portal().await;
    let (child, size) = push_image(&portal, "amd64", "a").await;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": IMAGE, "digest": child, "size": size,
            "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"},
        }],
    });
    let index = push(&portal, "multi", &[], &manifest).await;
    let mut admin = portal.signed_in("admin").await;
    let path = |digest: &Digest| format!("{HERE}/artifacts/{digest}");
    admin.get(&path(&index)).await.shows("Images in this index").shows("linux/arm64/v8");
    admin.post(&format!("{}/delete", path(&child)), &[]).await.leads_to(&path(&child));
    admin.get(&path(&child)).await.shows("part of an index");
    admin.get(&format!("{}/delete", path(&index))).await.shows("multi");
    admin.post(&format!("{}/delete", path(&index)), &[]).await.leads_to(HERE);
    admin.post(&format!("{}/delete", path(&child)), &[]).await.leads_to(HERE);
    admin.get(HERE).await.is(200).shows("No artifacts");
}

#[actix_web::test]
async fn a_project_with_repositories_says_why_it_stays() {
    let portal = portal().await;
    push_image(&portal, "1.0", "a").await;
    let mut admin = portal.signed_in("admin").await;
    let reason = "The project has 1 repository. Delete it first.";
    admin.get("/projects/team/settings").await.shows(reason);
    admin
        .get("/projects/team/delete")
        .await
        .shows(reason)
        .hides("action=\"/projects/team/delete\"><");
    admin.post("/projects/team/delete", &[]).await.leads_to("/projects/team/settings");
    admin.get("/projects/team/settings").await.shows("delete them first");
    admin.get(&format!("{HERE}/-/delete")).await.shows("with all its artifacts and tags?");
    admin.post(&format!("{HERE}/-/delete"), &[]).await.leads_to("/projects/team");
    admin.get("/projects/team/settings").await.hides(reason);
    admin.post("/projects/team/delete", &[]).await.leads_to("/projects");
}
