//! Uploads in every way that the distribution specification knows.

use std::path::Path;
use std::time::Duration;

use auth::Action;
use bytes::Bytes;
use domain::uploads;
use futures_util::future::join_all;
use futures_util::stream;
use oci::{Algorithm, Digest};
use reqwest::{Body, Method};
use testkit::image::unique_bytes;
use testkit::{Actor, Image, TestApp};

const REPOSITORY: &str = "library/uploads";

async fn assert_stored(actor: &Actor, digest: &Digest, bytes: &[u8]) {
    let pulled = actor.pull_blob(REPOSITORY, digest).await.ok();
    assert_eq!(pulled.body, bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_sent_in_one_post() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let blob = unique_bytes(1000);
    let digest = Digest::of(&blob);
    let path = format!("/blobs/uploads/?digest={digest}");
    let request = admin.registry(Method::POST, REPOSITORY, &path).await;
    let answer = admin.send(request.body(blob.clone())).await.created();
    assert_eq!(answer.header("location"), format!("/v2/{REPOSITORY}/blobs/{digest}"));
    assert_eq!(answer.header("docker-content-digest"), digest.as_str());
    assert_stored(&admin, &digest, &blob).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_in_order_become_a_blob() {
    TestApp::on_each_engine(async |app| {
        let admin = app.admin();
        let blob = unique_bytes(300_000);
        let location = admin.open_upload(REPOSITORY).await;
        for first in (0..blob.len()).step_by(100_000) {
            let chunk = &blob[first..first + 100_000];
            let answer = admin.send_chunk(&location, first, chunk).await.accepted();
            assert_eq!(answer.header("range"), format!("0-{}", first + 99_999));
            assert_eq!(answer.header("location"), location);
        }
        let digest = Digest::of(&blob);
        admin.close_upload(&location, &digest, Bytes::new()).await.created();
        assert_stored(&admin, &digest, &blob).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_chunk_may_come_with_the_put() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let blob = unique_bytes(5000);
    let location = admin.open_upload(REPOSITORY).await;
    admin.send_chunk(&location, 0, &blob[..2000]).await.accepted();
    admin.close_upload(&location, &Digest::of(&blob), blob.slice(2000..)).await.created();
    assert_stored(&admin, &Digest::of(&blob), &blob).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_out_of_order_is_told_where_to_continue() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let blob = unique_bytes(40);
    let location = admin.open_upload(REPOSITORY).await;
    admin.send_chunk(&location, 0, &blob[..10]).await.accepted();
    for first in [20, 0, 9, 11] {
        let refused = admin.send_chunk(&location, first, &blob[first..first + 10]).await;
        assert_eq!(refused.clone().expect(416).header("range"), "0-9");
        assert_eq!(refused.code(), "RANGE_INVALID");
    }
    admin.send_chunk(&location, 10, &blob[10..]).await.accepted();
    admin.close_upload(&location, &Digest::of(&blob), Bytes::new()).await.created();
    assert_stored(&admin, &Digest::of(&blob), &blob).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_chunk_that_does_not_begin_at_zero_is_refused() {
    let app = TestApp::start().await.leaving_uploads(1);
    let location = app.admin().open_upload(REPOSITORY).await;
    app.admin().send_chunk(&location, 7, b"seven").await.expect(416);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_unknown_length_are_streamed() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let blob = unique_bytes(4 * 1024 * 1024);
    let location = admin.open_upload(REPOSITORY).await;
    let pieces: Vec<_> = (0..64)
        .map(|n| Ok::<_, std::io::Error>(blob.slice(n * 65_536..(n + 1) * 65_536)))
        .collect();
    let answer = admin.stream(&location, Body::wrap_stream(stream::iter(pieces))).await.accepted();
    assert_eq!(answer.header("range"), format!("0-{}", blob.len() - 1));
    admin.close_upload(&location, &Digest::of(&blob), Bytes::new()).await.created();
    assert_stored(&admin, &Digest::of(&blob), &blob).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_after_its_connection_broke() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let blob = unique_bytes(400_000);
    let location = admin.open_upload(REPOSITORY).await;
    admin.break_off(&location, &blob[..150_000], blob.len()).await;
    // What came in the very last moment may be lost; what is acknowledged is not.
    let received = admin.wait_for_bytes(&location).await;
    assert!(received <= 150_000, "{received}");
    admin.send_chunk(&location, received, &blob[received..]).await.accepted();
    admin.close_upload(&location, &Digest::of(&blob), Bytes::new()).await.created();
    assert_stored(&admin, &Digest::of(&blob), &blob).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_after_a_restart() {
    let mut app = TestApp::start().await;
    for size in [3_000, 300_000] {
        let blob = unique_bytes(size);
        let location = app.admin().open_upload(REPOSITORY).await;
        let half = size / 2;
        app.admin().send_chunk(&location, 0, &blob[..half]).await.accepted();
        app = app.restart().await;
        let admin = app.admin();
        let range = format!("0-{}", half - 1);
        assert_eq!(admin.upload_status(&location).await.expect(204).header("range"), range);
        admin.close_upload(&location, &Digest::of(&blob), blob.slice(half..)).await.created();
        assert_stored(&admin, &Digest::of(&blob), &blob).await;
    }
}

/// Files below a directory.
fn files(directory: &Path) -> usize {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn few_bytes_are_no_file_before_they_are_a_blob() {
    TestApp::on_each_engine(async |app| {
        let admin = app.admin();
        let objects = app.instance.objects.clone().unwrap();
        let before = files(&objects);
        let blob = unique_bytes(40_000);
        let digest = Digest::of(&blob);
        let location = admin.open_upload(REPOSITORY).await;
        for (first, next) in [(0, 1), (1, 5_000), (5_000, 16_000)] {
            let answer = admin.send_chunk(&location, first, &blob[first..next]).await.accepted();
            assert_eq!(answer.header("range"), format!("0-{}", next - 1));
        }
        admin.stream(&location, Body::from("")).await.accepted();
        assert_eq!(files(&objects), before);
        // More than a row keeps, and again few.
        for (first, next) in [(16_000, 30_000), (30_000, 30_005)] {
            let answer = admin.send_chunk(&location, first, &blob[first..next]).await.accepted();
            assert_eq!(answer.header("range"), format!("0-{}", next - 1));
            assert_eq!(files(&objects), before + 1);
        }
        let refused = admin.send_chunk(&location, 16_000, &blob[16_000..]).await.expect(416);
        assert_eq!(refused.header("range"), "0-30004");
        admin.close_upload(&location, &digest, blob.slice(30_005..)).await.created();
        assert_stored(&admin, &digest, &blob).await;
        assert_eq!(files(&objects), before + 1);
    })
    .await;
}

/// As a request leaves them whose client is gone before it is answered.
async fn moved_unnoticed(app: &TestApp, location: &str, content: &Bytes) {
    let permit = app.repository_permit(REPOSITORY, Action::Push).await;
    let id = location.rsplit('/').next().unwrap().parse().unwrap();
    let upload = uploads::by_id(&app.instance.db, &permit, id).await.unwrap();
    uploads::keep(&app.instance.db, &upload, content, app.now()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_remembered_of_an_upload_is_not_believed() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let blob = unique_bytes(3_000);
    // Of a client that goes on with one token the rights are remembered, too.
    let token = admin.token(&[&format!("repository:{REPOSITORY}:pull,push")]).await;
    let send = async |method, path: &str, range: Option<&str>, body: Bytes| {
        let request = admin.plain(method, path).bearer_auth(&token).body(body);
        let request = match range {
            Some(range) => request.header("content-range", range),
            None => request,
        };
        admin.send(request).await
    };
    let open = format!("/v2/{REPOSITORY}/blobs/uploads/");
    for range in [Some("2000-2999"), None] {
        let opened = send(Method::POST, &open, None, Bytes::new()).await.accepted();
        let location = opened.header("location");
        send(Method::PATCH, location, Some("0-999"), blob.slice(..1_000)).await.accepted();
        moved_unnoticed(&app, location, &blob.slice(..2_000)).await;
        let digest = Digest::of(&blob);
        let path = format!("{location}?digest={digest}");
        let answer = send(Method::PUT, &path, range, blob.slice(2_000..)).await;
        if range.is_none() {
            // Who does not say where it goes on is told, and nothing is given up.
            assert_eq!(answer.expect(416).header("range"), "0-1999");
            send(Method::PUT, &path, range, blob.slice(2_000..)).await.created();
        } else {
            answer.created();
        }
        assert_stored(&admin, &digest, &blob).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn few_bytes_of_a_broken_connection_are_kept() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let blob = unique_bytes(9_000);
    let location = admin.open_upload(REPOSITORY).await;
    admin.send_chunk(&location, 0, &blob[..2_000]).await.accepted();
    let mut received = 2_000;
    // Of a connection that is gone before anybody reads from it nothing is kept.
    for _ in 0..50 {
        let socket = admin.begin_to_send(&location, &blob[2_000..5_000], 7_000).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(socket);
        tokio::time::sleep(Duration::from_millis(50)).await;
        received = admin.received(&location).await;
        if received > 2_000 {
            break;
        }
    }
    assert!((2_001..=5_000).contains(&received), "{received}");
    admin.send_chunk(&location, received, &blob[received..]).await.accepted();
    admin.close_upload(&location, &Digest::of(&blob), Bytes::new()).await.created();
    assert_stored(&admin, &Digest::of(&blob), &blob).await;
}

/// Takes their last bytes from all files below a directory.
fn shorten(directory: &Path) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            shorten(&path);
        } else {
            std::fs::File::options().write(true).open(path).unwrap().set_len(10).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_acknowledged_bytes_are_lost_has_ended() {
    let app = TestApp::start().await;
    app.expect_error("acknowledged bytes of an upload are lost");
    let admin = app.admin();
    let blob = unique_bytes(30_000);
    let location = admin.open_upload(REPOSITORY).await;
    admin.send_chunk(&location, 0, &blob[..20_000]).await.accepted();
    shorten(&app.instance.objects.as_ref().unwrap().join("objects"));
    let rest = blob.slice(20_000..);
    let lost = admin.close_upload(&location, &Digest::of(&blob), rest).await;
    assert_eq!(lost.code(), "BLOB_UPLOAD_INVALID");
    admin.upload_status(&location).await.not_found();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_tells_how_far_it_is_until_it_is_cancelled() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let location = admin.open_upload(REPOSITORY).await;
    let fresh = admin.upload_status(&location).await.expect(204);
    assert_eq!(fresh.header("range"), "0-0");
    assert_eq!(fresh.header("location"), location);
    assert!(location.ends_with(fresh.header("docker-upload-uuid")));
    admin.send_chunk(&location, 0, b"twelve bytes").await.accepted();
    assert_eq!(admin.upload_status(&location).await.expect(204).header("range"), "0-11");
    admin.cancel_upload(&location).await.expect(204);
    let gone = admin.upload_status(&location).await.not_found();
    assert_eq!(gone.code(), "BLOB_UPLOAD_UNKNOWN");
    admin.cancel_upload(&location).await.not_found();
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_what_was_promised_are_not_kept() {
    TestApp::on_each_engine(async |app| {
        let admin = app.admin();
        let promised = Digest::of(b"something else");
        for size in [10, 600_000] {
            let location = admin.open_upload(REPOSITORY).await;
            let refused = admin.close_upload(&location, &promised, unique_bytes(size)).await;
            assert_eq!(refused.expect(400).code(), "DIGEST_INVALID");
            admin.upload_status(&location).await.not_found();
        }
        admin.head_blob(REPOSITORY, &promised).await.not_found();
        assert_eq!(app.stored_objects().await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_without_a_digest_changes_nothing() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let location = admin.open_upload(REPOSITORY).await;
    for query in
        ["", "?digest=", "?digest=sha256:short", "?digest=md5:d41d8cd98f00b204e9800998ecf8427e"]
    {
        let path = format!("{location}{query}");
        let request =
            admin.registry(Method::PUT, REPOSITORY, path.split_once(REPOSITORY).unwrap().1);
        let refused = admin.send(request.await.body("bytes")).await.expect(400);
        assert_eq!(refused.code(), "DIGEST_INVALID", "{query}");
    }
    let blob = Bytes::from_static(b"bytes");
    admin.close_upload(&location, &Digest::of(&blob), blob).await.created();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_may_be_named_by_its_sha512() {
    let app = TestApp::start().await;
    let admin = app.admin();
    for size in [77, 700_000] {
        let blob = unique_bytes(size);
        let digest = Digest::of_with(Algorithm::Sha512, &blob);
        let location = admin.open_upload(REPOSITORY).await;
        let created = admin.close_upload(&location, &digest, blob.clone()).await.created();
        assert_eq!(created.header("docker-content-digest"), digest.as_str());
        assert_stored(&admin, &digest, &blob).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sha512_may_be_asked_for_after_the_chunks() {
    let app = TestApp::start().await;
    let admin = app.admin();
    for size in [9_000, 90_000] {
        let blob = unique_bytes(size);
        let digest = Digest::of_with(Algorithm::Sha512, &blob);
        let location = admin.open_upload(REPOSITORY).await;
        admin.send_chunk(&location, 0, &blob).await.accepted();
        admin.close_upload(&location, &digest, Bytes::new()).await.created();
        assert_stored(&admin, &digest, &blob).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sha512_may_be_announced_before_the_chunks() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let open = async |algorithm| {
        let path = format!("/blobs/uploads/?digest-algorithm={algorithm}");
        admin.send(admin.registry(Method::POST, REPOSITORY, &path).await).await
    };
    for (promised, size) in [Algorithm::Sha512, Algorithm::Sha256]
        .into_iter()
        .flat_map(|it| [(it, 9_000), (it, 90_000)])
    {
        let blob = unique_bytes(size);
        let digest = Digest::of_with(promised, &blob);
        let opened = open("sha512").await.accepted();
        let location = opened.header("location").to_owned();
        admin.send_chunk(&location, 0, &blob.slice(..size / 2)).await.accepted();
        let rest = blob.slice(size / 2..);
        let created = admin.close_upload(&location, &digest, rest).await.created();
        assert_eq!(created.header("docker-content-digest"), digest.as_str());
        assert_stored(&admin, &digest, &blob).await;
    }
    let refused = open("md5").await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.code(), "DIGEST_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_empty_blob_is_a_blob() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let digest = Digest::of(b"");
    let location = admin.open_upload(REPOSITORY).await;
    admin.close_upload(&location, &digest, Bytes::new()).await.created();
    let found = admin.head_blob(REPOSITORY, &digest).await.ok();
    assert_eq!(found.header("content-length"), "0");
    assert_stored(&admin, &digest, b"").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_upload_of_an_unknown_name() {
    let app = TestApp::start().await;
    for id in ["a1b2c3d4-0000-4000-8000-000000000000", "not-a-uuid", "..%2f..%2fetc"] {
        let location = format!("/v2/{REPOSITORY}/blobs/uploads/{id}");
        let answer = app.admin().upload_status(&location).await.not_found();
        assert_eq!(answer.code(), "BLOB_UPLOAD_UNKNOWN", "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_clients_push_the_same_blob_and_one_copy_stays() {
    TestApp::on_each_engine(async |app| {
        let blob = unique_bytes(100_000);
        let clients: Vec<_> = (0..16).map(|_| app.admin()).collect();
        let pushes = clients.iter().map(|client| client.push_blob(REPOSITORY, &blob));
        for answer in join_all(pushes).await {
            answer.created();
        }
        assert_stored(&app.admin(), &Digest::of(&blob), &blob).await;
        assert_eq!(app.stored_objects().await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_chunks_for_one_offset_one_counts() {
    TestApp::on_each_engine(async |app| {
        let admin = app.admin();
        for (one, two) in [(200_000, 200_000), (2_000, 2_000), (2_000, 200_000)] {
            let (one, two) = (unique_bytes(one), unique_bytes(two));
            let location = admin.open_upload(REPOSITORY).await;
            let (first, second) = futures_util::join!(
                admin.send_chunk(&location, 0, &one),
                admin.send_chunk(&location, 0, &two)
            );
            let (winner, loser) = match first.status {
                202 => (&one, second),
                _ => {
                    second.accepted();
                    (&two, first)
                }
            };
            assert!([416, 429].contains(&loser.status), "{}: {}", loser.status, loser.text());
            let range = format!("0-{}", winner.len() - 1);
            assert_eq!(admin.upload_status(&location).await.expect(204).header("range"), range);
            admin.close_upload(&location, &Digest::of(winner), Bytes::new()).await.created();
            assert_stored(&admin, &Digest::of(winner), winner).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_small_images_are_pushed_at_once() {
    TestApp::on_each_engine(async |app| {
        let admin = app.admin();
        let images: Vec<_> =
            (0..100).map(|n| (format!("library/crowd-{}:{n}", n % 7), Image::unique())).collect();
        for answer in join_all(images.iter().map(|(name, image)| admin.push(name, image))).await {
            answer.created();
        }
        for (name, image) in &images {
            assert_eq!(admin.pull(name).await.ok().body, image.manifest);
        }
    })
    .await;
}
