//! Manifests of every kind: pushed, pulled, replaced, deleted, refused.

use bytes::Bytes;
use oci::{Algorithm, Digest};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::image::{OCI_INDEX, OCI_MANIFEST, descriptor};
use testkit::{Actor, Answer, Image, Index, TestApp};

const REPOSITORY: &str = "library/app";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// Docker's schema 2 of the same blobs.
fn docker_manifest(image: &Image) -> Bytes {
    let layers: Vec<Value> = image.layers.iter().map(|it| descriptor(DOCKER_LAYER, it)).collect();
    let config = descriptor(DOCKER_CONFIG, &image.config);
    // Indented as Docker writes it: the bytes are kept, not the meaning.
    let manifest = json!({
        "schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": config, "layers": layers,
    });
    serde_json::to_string_pretty(&manifest).unwrap().into()
}

async fn push_blobs(actor: &Actor, image: &Image) {
    for blob in image.blobs() {
        actor.push_blob(REPOSITORY, blob).await.created();
    }
}

async fn push(actor: &Actor, reference: &str, media_type: &str, manifest: &Bytes) -> Answer {
    actor.push_manifest(REPOSITORY, reference, media_type, manifest).await
}

async fn request(actor: &Actor, method: Method, reference: &str, header: (&str, &str)) -> Answer {
    let path = format!("/manifests/{reference}");
    let request = actor.registry(method, REPOSITORY, &path).await;
    actor.send(request.header(header.0, header.1)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_images_and_lists_come_back_as_they_were() {
    TestApp::on_each_engine(async |app| {
        let admin = app.admin();
        let image = Image::unique();
        push_blobs(&admin, &image).await;
        let manifest = docker_manifest(&image);
        let pushed = push(&admin, "v2", DOCKER_MANIFEST, &manifest).await.created();
        let digest = Digest::of(&manifest);
        assert_eq!(pushed.header("docker-content-digest"), digest.as_str());
        assert_eq!(pushed.header("location"), format!("/v2/{REPOSITORY}/manifests/{digest}"));
        let list = json!({
            "schemaVersion": 2, "mediaType": DOCKER_LIST,
            "manifests": [descriptor(DOCKER_MANIFEST, &manifest)],
        });
        let list = Bytes::from(list.to_string());
        push(&admin, "list", DOCKER_LIST, &list).await.created();
        for (tag, media_type, bytes) in
            [("v2", DOCKER_MANIFEST, &manifest), ("list", DOCKER_LIST, &list)]
        {
            let pulled = admin.pull_manifest(REPOSITORY, tag).await.ok();
            assert_eq!(&pulled.body, bytes);
            assert_eq!(pulled.header("content-type"), media_type);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_without_tag_is_pulled_by_digest() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let image =
        Image::of(json!({ "artifactType": "application/vnd.example" }), "{}".into(), vec![]);
    push_blobs(&admin, &image).await;
    for digest in [image.digest(), Digest::of_with(Algorithm::Sha512, &image.manifest)] {
        let pushed = push(&admin, digest.as_str(), OCI_MANIFEST, &image.manifest).await.created();
        assert_eq!(pushed.header("docker-content-digest"), digest.as_str());
        let pulled = admin.pull_manifest(REPOSITORY, digest.as_str()).await.ok();
        assert_eq!(pulled.body, image.manifest);
        assert_eq!(pulled.header("docker-content-digest"), digest.as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_under_another_digest_is_refused() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let (image, other) = (Image::unique(), Image::unique());
    push_blobs(&admin, &image).await;
    let refused = push(&admin, other.digest().as_str(), OCI_MANIFEST, &image.manifest).await;
    assert_eq!(refused.expect(400).code(), "DIGEST_INVALID");
    admin.pull_manifest(REPOSITORY, other.digest().as_str()).await.not_found();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_moves_and_what_it_named_stays() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let (old, new) = (Image::unique(), Image::unique());
    admin.push("library/app:latest", &old).await.created();
    admin.push("library/app:latest", &new).await.created();
    assert_eq!(admin.pull("library/app:latest").await.ok().body, new.manifest);
    let by_digest = format!("library/app@{}", old.digest());
    assert_eq!(admin.pull(&by_digest).await.ok().body, old.manifest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_is_pushed_by_digest_with_several_tags_at_once() {
    TestApp::on_each_engine(async |app| {
        let admin = app.admin();
        let image = Image::unique();
        push_blobs(&admin, &image).await;
        let put = async |reference: &str, query: &str| {
            let path = format!("/manifests/{reference}?{query}");
            let request = admin.registry(Method::PUT, REPOSITORY, &path).await;
            let request = request.header("content-type", image.media_type);
            admin.send(request.body(image.manifest.clone())).await
        };
        let digest = image.digest();
        for (reference, query) in [
            (digest.as_str(), "tag=1.2&tag=not%20a%20tag".to_owned()),
            (digest.as_str(), (0..33).map(|tag| format!("tag=t{tag}&")).collect()),
            ("1.2", "tag=latest".to_owned()),
        ] {
            let refused = put(reference, &query).await;
            assert_eq!(refused.code(), "TAG_INVALID", "{query}");
        }
        admin.pull_manifest(REPOSITORY, "1.2").await.not_found();
        let created = put(digest.as_str(), "tag=1.2.3&tag=1.2&tag=latest&tag=1.2").await.created();
        let told: Vec<_> = created.headers.get_all("oci-tag").iter().collect();
        assert_eq!(told, ["1.2.3", "1.2", "latest"]);
        assert_eq!(created.header("docker-content-digest"), digest.as_str());
        for tag in ["1.2.3", "1.2", "latest"] {
            assert_eq!(admin.pull_manifest(REPOSITORY, tag).await.ok().body, image.manifest);
        }
        assert!(!put(digest.as_str(), "").await.created().headers.contains_key("oci-tag"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn head_tells_what_get_sends_and_what_is_known_is_not_sent() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let image = Image::unique();
    admin.push("library/app:1", &image).await.created();
    let get = admin.pull_manifest(REPOSITORY, "1").await.ok();
    let head = request(&admin, Method::HEAD, "1", ("accept", "*/*")).await.ok();
    assert!(head.body.is_empty());
    for name in ["content-length", "content-type", "docker-content-digest", "etag"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    let known = ("if-none-match", get.header("etag"));
    for method in [Method::GET, Method::HEAD] {
        assert!(request(&admin, method, "1", known).await.expect(304).body.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_tag_leaves_its_siblings_and_a_deleted_artifact_none() {
    TestApp::on_each_engine(async |app| {
        let admin = app.admin();
        let image = Image::unique();
        for tag in ["one", "two", "three"] {
            admin.push(&format!("{REPOSITORY}:{tag}"), &image).await.created();
        }
        admin.delete_manifest(REPOSITORY, "two").await.accepted();
        admin.pull_manifest(REPOSITORY, "two").await.not_found();
        admin.pull_manifest(REPOSITORY, "one").await.ok();
        admin.delete_manifest(REPOSITORY, "two").await.not_found();
        admin.delete_manifest(REPOSITORY, image.digest().as_str()).await.accepted();
        for reference in ["one", "three", image.digest().as_str()] {
            let gone = admin.pull_manifest(REPOSITORY, reference).await.not_found();
            assert_eq!(gone.code(), "MANIFEST_UNKNOWN");
        }
        let again = admin.delete_manifest(REPOSITORY, image.digest().as_str()).await;
        assert_eq!(again.not_found().code(), "MANIFEST_UNKNOWN");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_of_an_index_cannot_be_deleted_from_under_it() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let index = Index::of(vec![Image::unique()]);
    admin.push_index("library/app:multi", &index).await.created();
    let child = index.images[0].digest();
    let refused = admin.delete_manifest(REPOSITORY, child.as_str()).await.denied();
    assert!(refused.message().contains("part of an index"), "{}", refused.message());
    admin.delete_manifest(REPOSITORY, index.digest().as_str()).await.accepted();
    admin.delete_manifest(REPOSITORY, child.as_str()).await.accepted();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_manifest_names_must_be_there() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let image = Image::unique();
    admin.push_blob(REPOSITORY, &image.config).await.created();
    let refused = push(&admin, "1", OCI_MANIFEST, &image.manifest).await.expect(400);
    assert_eq!(refused.code(), "MANIFEST_BLOB_UNKNOWN");
    let missing = json!([{ "digest": Digest::of(&image.layers[0]) }]);
    assert_eq!(refused.json()["errors"][0]["detail"], missing);
    // A blob of another repository does not count: access is by repository and digest.
    admin.push_blob("library/other", &image.layers[0]).await.created();
    push(&admin, "1", OCI_MANIFEST, &image.manifest).await.expect(400);
    admin.push_blob(REPOSITORY, &image.layers[0]).await.created();
    push(&admin, "1", OCI_MANIFEST, &image.manifest).await.created();

    let index = Index::of(vec![Image::unique()]);
    let refused = push(&admin, "i", OCI_INDEX, &index.manifest).await.expect(400);
    assert_eq!(refused.code(), "MANIFEST_BLOB_UNKNOWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_may_be_sparse_if_an_administrator_lets_it() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let images = vec![
        Image::for_platform("linux", "amd64", vec![]),
        Image::for_platform("linux", "arm64", vec![]),
    ];
    let index = Index::of(images);
    admin.push(&format!("{REPOSITORY}:amd64"), &index.images[0]).await.created();
    push(&admin, "multi", OCI_INDEX, &index.manifest).await.expect(400);
    app.set("required_platforms", json!("linux/amd64")).await;
    push(&admin, "multi", OCI_INDEX, &index.manifest).await.created();
    assert_eq!(admin.pull_manifest(REPOSITORY, "multi").await.ok().body, index.manifest);
    let absent = index.images[1].digest();
    admin.pull_manifest(REPOSITORY, absent.as_str()).await.not_found();
    // What comes later belongs to the index that waited for it.
    admin.push(&format!("{REPOSITORY}:arm64"), &index.images[1]).await.created();
    admin.delete_manifest(REPOSITORY, absent.as_str()).await.denied();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_images_alone_gets_that_of_linux_amd64_for_the_tag_of_an_index() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let images = vec![
        Image::for_platform("linux", "arm64", vec![]),
        Image::for_platform("linux", "amd64", vec![]),
    ];
    let index = Index::of(images);
    admin.push_index(&format!("{REPOSITORY}:multi"), &index).await.created();
    let both = format!("{OCI_MANIFEST}, {OCI_INDEX}");
    let image = &index.images[1];
    for (accept, reference, expected) in [
        (OCI_MANIFEST, "multi", &image.manifest),
        ("*/*", "multi", &index.manifest),
        (&both, "multi", &index.manifest),
        // No image of this kind is in it.
        (DOCKER_MANIFEST, "multi", &index.manifest),
        (OCI_MANIFEST, index.digest().as_str(), &index.manifest),
    ] {
        let pulled = request(&admin, Method::GET, reference, ("accept", accept)).await.ok();
        assert!(pulled.body == *expected, "{accept} {reference}: {}", pulled.text());
        assert_eq!(pulled.header("docker-content-digest"), Digest::of(expected).as_str());
    }
    let head = request(&admin, Method::HEAD, "multi", ("accept", OCI_MANIFEST)).await.ok();
    assert_eq!(head.header("docker-content-digest"), image.digest().as_str());
    assert_eq!(head.header("content-type"), OCI_MANIFEST);
    assert_eq!(head.header("vary"), "Accept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_may_have_four_mebibytes_and_no_more() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let padded = |size: usize| {
        let image = Image::of(json!({ "annotations": { "a": "" } }), "{}".into(), vec![]);
        let padding = "x".repeat(size - image.manifest.len());
        Image::of(json!({ "annotations": { "a": padding } }), "{}".into(), vec![])
    };
    let (largest, larger) = (padded(4 * 1024 * 1024), padded(4 * 1024 * 1024 + 1));
    push_blobs(&admin, &largest).await;
    push(&admin, "large", OCI_MANIFEST, &largest.manifest).await.created();
    assert!(admin.pull_manifest(REPOSITORY, "large").await.ok().body == largest.manifest);
    let refused = push(&admin, "larger", OCI_MANIFEST, &larger.manifest).await.expect(413);
    assert_eq!(refused.code(), "MANIFEST_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn schema_1_is_refused_with_what_to_do() {
    let app = TestApp::start().await;
    let manifest = json!({ "schemaVersion": 1, "name": REPOSITORY, "tag": "1", "fsLayers": [] });
    let manifest = Bytes::from(manifest.to_string());
    for media_type in [
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/json",
    ] {
        let refused = push(&app.admin(), "1", media_type, &manifest).await.expect(400);
        assert_eq!(refused.code(), "MANIFEST_INVALID");
        assert!(refused.message().contains("skopeo copy --format v2s2"), "{}", refused.message());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_readers_cannot_take_a_manifest_for_different_things() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let image = Image::unique();
    push_blobs(&admin, &image).await;
    let text = String::from_utf8(image.manifest.to_vec()).unwrap();
    let body = text.trim_end_matches('}');
    let refused = [
        (OCI_INDEX, text.clone()),
        (OCI_MANIFEST, format!("{body}, \"manifests\": []}}")),
        (OCI_MANIFEST, format!("{body}, \"schemaVersion\": 2}}")),
        (OCI_MANIFEST, format!("{body}, \"Layers\": []}}")),
        (OCI_MANIFEST, text.replace("\"schemaVersion\":2", "\"schemaVersion\":3")),
        (OCI_MANIFEST, format!("{text} ")[..text.len() - 1].to_owned()),
        (OCI_MANIFEST, format!("{body}, \"x\": {}1{}}}", "[".repeat(300), "]".repeat(300))),
        ("text/html", text.clone()),
        ("application/vnd.oci.image.config.v1+json", "{}".to_owned()),
    ];
    for (media_type, manifest) in refused {
        let answer = push(&admin, "x", media_type, &manifest.clone().into()).await.expect(400);
        assert_eq!(answer.code(), "MANIFEST_INVALID", "{media_type} {manifest}");
    }
    push(&admin, "x", OCI_MANIFEST, &image.manifest).await.created();
}
