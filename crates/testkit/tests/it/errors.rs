//! Refusals in the specification's words, as a table.

use std::fmt::Write;

use oci::Digest;
use reqwest::Method;
use testkit::{Answer, Image, TestApp};

const UNKNOWN: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

fn describe(table: &mut String, answer: &Answer) {
    let body = match answer.body.is_empty() {
        true => String::new(),
        false => {
            let error = &answer.json()["errors"][0];
            let detail = if error["detail"].is_null() {
                String::new()
            } else {
                format!(" {}", error["detail"])
            };
            format!(" {} {}{detail}", error["code"].as_str().unwrap(), error["message"])
        }
    };
    let what = answer.what.replace(UNKNOWN, "sha256:000…");
    let body = body.replace(UNKNOWN, "sha256:000…");
    writeln!(table, "{what}\n    {}{body}", answer.status).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_speak_the_specification() {
    let app = TestApp::start().await.leaving_uploads(1);
    let admin = app.admin();
    admin.push("library/app:1", &Image::unique()).await.created();
    let location = admin.open_upload("library/app").await;
    let upload = location.rsplit_once('/').unwrap().1.to_owned();
    let requests = [
        (Method::GET, "/v2/library/app/manifests/2", ""),
        (Method::GET, "/v2/library/none/manifests/1", ""),
        (Method::GET, "/v2/library/app/manifests/-bad", ""),
        (Method::GET, "/v2/library/app/manifests/sha256:bad", ""),
        (Method::GET, &format!("/v2/library/app/manifests/{UNKNOWN}"), ""),
        (Method::HEAD, "/v2/library/app/manifests/2", ""),
        (Method::DELETE, "/v2/library/app/manifests/2", ""),
        (Method::PUT, "/v2/library/app/manifests/2", "{}"),
        (Method::PUT, "/v2/library/app/manifests/2", "not json"),
        (Method::GET, "/v2/library/APP/manifests/1", ""),
        (Method::GET, "/v2/app/manifests/1", ""),
        (Method::GET, &format!("/v2/library/app/blobs/{UNKNOWN}"), ""),
        (Method::HEAD, &format!("/v2/library/app/blobs/{UNKNOWN}"), ""),
        (Method::DELETE, &format!("/v2/library/app/blobs/{UNKNOWN}"), ""),
        (Method::GET, "/v2/library/app/blobs/sha256:bad", ""),
        (Method::POST, "/v2/library/app/blobs/uploads/?digest=bad", ""),
        (Method::POST, "/v2/library/app/blobs/uploads/?mount=bad&from=library/x", ""),
        (Method::PUT, &format!("/v2/library/app/blobs/uploads/{upload}"), ""),
        (Method::PATCH, "/v2/library/app/blobs/uploads/00000000-0000-4000-8000-000000000000", "x"),
        (Method::GET, "/v2/library/none/tags/list", ""),
        (Method::GET, "/v2/library/app/tags/list?n=x", ""),
        (Method::PUT, "/v2/library/app/tags/list", ""),
        (Method::GET, "/v2/library/app/nothing", ""),
        (Method::POST, "/v2/none/app/blobs/uploads/", ""),
        (Method::GET, "/v2/none/app/manifests/1", ""),
    ];
    let mut table = String::new();
    for (method, path, body) in requests {
        let request = admin.request(method, path).body(body.to_owned());
        describe(&mut table, &admin.send(request).await);
    }
    insta::assert_snapshot!(table.replace(&upload, "UPLOAD"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_tells_where_a_token_comes_from() {
    let app = TestApp::start().await;
    app.project("secret", false).await;
    let stranger = app.anonymous();
    let digest = Digest::of(b"x");
    let mut table = String::new();
    for (method, path) in [
        (Method::GET, "/v2/".to_owned()),
        (Method::GET, "/v2/secret/app/manifests/1".to_owned()),
        (Method::HEAD, "/v2/secret/app/manifests/1".to_owned()),
        (Method::HEAD, format!("/v2/secret/app/blobs/{digest}")),
        (Method::POST, "/v2/secret/app/blobs/uploads/".to_owned()),
        (Method::POST, "/v2/library/app/blobs/uploads/".to_owned()),
        (Method::DELETE, "/v2/library/app/manifests/1".to_owned()),
        (Method::GET, "/v2/no-such-project/app/manifests/1".to_owned()),
        (Method::GET, "/v2/_catalog".to_owned()),
    ] {
        let answer = stranger.send(stranger.plain(method, &path)).await.unauthorized();
        let challenge = answer.header("www-authenticate").replace(&app.registry(), "REGISTRY");
        writeln!(table, "{}\n    {challenge}", answer.what).unwrap();
    }
    insta::assert_snapshot!(table.replace(digest.as_str(), "DIGEST"));
}
