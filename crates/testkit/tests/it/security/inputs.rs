//! What is sent is taken as it is: nothing in it is inflated, fetched or believed about its own length.

use std::io::{ErrorKind, Write};
use std::net::TcpListener;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use oci::Digest;
use reqwest::Method;
use serde_json::json;
use testkit::image::{OCI_MANIFEST, descriptor};
use testkit::{Image, TestApp};

/// A thousand times as long when it is unpacked.
fn bomb(of: &[u8]) -> Bytes {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..1024 {
        packed.write_all(&of.repeat(8192)).unwrap();
    }
    packed.finish().unwrap().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_sent_is_inflated() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let packed = bomb(b" ");
    let put = admin.registry(Method::PUT, "library/app", "/manifests/1").await;
    let put = put.header("content-type", OCI_MANIFEST).header("content-encoding", "gzip");
    let refused = admin.send(put.body(packed.clone())).await.expect(400);
    assert_eq!(refused.code(), "MANIFEST_INVALID");

    let create = admin.request(Method::POST, "/api/v2.0/projects");
    let create = create.header("content-type", "application/json");
    admin.send(create.header("content-encoding", "gzip").body(packed.clone())).await.expect(400);

    // A blob is what was sent, whatever a header says of it.
    admin.push_blob("library/app", &packed).await.created();
    let pulled = admin.pull_blob("library/app", &Digest::of(&packed)).await.ok();
    assert_eq!((pulled.body, pulled.headers.get("content-encoding")), (packed, None));
}

/// CVE-2020-15157 (containerd), on the other side: a registry that fetched such a URL would fetch any.
#[tokio::test(flavor = "multi_thread")]
async fn no_url_in_a_manifest_is_ever_fetched() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let url = format!("http://{}/layer", elsewhere.local_addr().unwrap());
    let config = Bytes::from_static(b"{\"os\":\"windows\"}");
    admin.push_blob("library/app", &config).await.created();
    let mut layer = descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", b"x");
    layer["urls"] = json!([url]);
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": docker,
        "config": descriptor("application/vnd.docker.container.image.v1+json", &config),
        "layers": [layer],
    });
    let manifest = Bytes::from(manifest.to_string());
    admin.push_manifest("library/app", "1", docker, &manifest).await.created();
    admin.pull_manifest("library/app", "1").await.ok();
    admin.pull_blob("library/app", &Digest::of(b"x")).await.not_found();
    let path = "/projects/library/repositories/app/artifacts/1";
    admin.api(Method::GET, path, None).await.ok();
    app.signed_in("admin").await.get("/projects/library/repositories/app").await.ok();
    app.collect(0).await;
    let asked = elsewhere.accept().map(|(_, peer)| peer);
    assert_eq!(asked.unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// CVE-2023-2253 (distribution), in every list of the API.
#[tokio::test(flavor = "multi_thread")]
async fn no_client_chooses_how_long_a_page_of_the_api_is() {
    let app = TestApp::start().await;
    let admin = app.admin();
    admin.push("library/app:1", &Image::unique()).await.created();
    for list in ["/projects", "/users", "/robots", "/audit-logs", "/repositories", "/schedules"] {
        for size in ["101", "1000000", "99999999999999999999", "-1", "x"] {
            let answer = admin.api(Method::GET, &format!("{list}?page_size={size}"), None).await;
            let refused = [400, 422].contains(&answer.status);
            let clamped = answer.status == 200
                && answer.json().as_array().is_some_and(|page| page.len() <= 100);
            assert!(refused || clamped, "{list} {size}: {} {}", answer.status, answer.text());
        }
    }
}

/// GHSA-j7jh-fmcm-xxwv (Harbor), where every installation had the same key.
#[tokio::test(flavor = "multi_thread")]
async fn two_installations_have_no_key_in_common() {
    let (one, other) = (TestApp::start().await, TestApp::start().await);
    let keys = |app: &TestApp| {
        let ring = app.instance.keys.current();
        ring.verifying().iter().map(|key| key.kid().to_owned()).collect::<Vec<_>>()
    };
    assert!(!keys(&one).is_empty());
    assert!(keys(&one).iter().all(|kid| !keys(&other).contains(kid)));
}
