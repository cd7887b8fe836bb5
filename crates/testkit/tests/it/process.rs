//! The process: how it starts, what it refuses to start on, how it stops.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use oci::Digest;
use reqwest::Method;
use testkit::image::unique_bytes;
use testkit::{Image, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_on_the_same_data_is_refused() {
    let app = TestApp::start().await;
    let told = app.refusal(|_| {}).await;
    assert!(told.contains("another harbor (process "), "{told}");
    assert!(told.contains("stop it first, or choose another directory"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named() {
    let app = TestApp::start().await;
    let other = tempfile::tempdir().unwrap();
    let address = app.address;
    let told = app
        .refusal(|settings| {
            other.path().join("data").clone_into(&mut settings.store.data);
            settings.listen = address;
        })
        .await;
    assert!(told.contains(&format!("cannot listen on {address}: the address is in use")), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_cannot_hold_data_is_refused_with_what_to_do() {
    let app = TestApp::start().await;
    let file = app.data().join("admin_password");
    for place in [file.clone(), file.join("below"), "/proc/harbor".into()] {
        let told = app.refusal(|settings| place.clone_into(&mut settings.store.data)).await;
        assert!(told.contains("--data"), "{told}");
        assert!(told.contains(&place.display().to_string()), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_answer_is_named_without_its_password() {
    let app = TestApp::start().await;
    let other = tempfile::tempdir().unwrap();
    let told = app
        .refusal(|settings| {
            other.path().join("data").clone_into(&mut settings.store.data);
            let url = "postgres://harbor:s3cret@127.0.0.1:1/harbor";
            settings.store.database_url = Some(url.parse().unwrap());
        })
        .await;
    assert!(told.contains("cannot open the PostgreSQL database: check --database-url"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_be_read_is_named() {
    let app = TestApp::start().await;
    let other = tempfile::tempdir().unwrap();
    let told = app
        .refusal(|settings| {
            other.path().join("data").clone_into(&mut settings.store.data);
            settings.listen = SocketAddr::from(([127, 0, 0, 1], 0));
            settings.cert = Some(other.path().join("no.crt"));
            settings.key = Some(other.path().join("no.key"));
        })
        .await;
    assert!(told.contains("cannot read the certificate"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_in_time_during_an_upload_and_keeps_what_came() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let blob = unique_bytes(2 * 1024 * 1024);
    let location = admin.open_upload("library/app").await;
    let half = blob.len() / 2;
    let sending = admin.begin_to_send(&location, &blob[..half], blob.len()).await;
    let began = Instant::now();
    let app = app.restart().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop(sending);
    let admin = app.admin();
    let received = admin.received(&location).await;
    assert!(received <= half, "{received}");
    admin.send_chunk(&location, received, &blob[received..]).await.accepted();
    let digest = Digest::of(&blob);
    admin.close_upload(&location, &digest, bytes::Bytes::new()).await.created();
    assert!(admin.pull_blob("library/app", &digest).await.ok().body == blob);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_at_once_when_nothing_is_under_way() {
    let app = TestApp::start().await;
    app.admin().push("library/app:1", &Image::unique()).await.created();
    let took = app.stop().await;
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_on_existing_data_in_under_a_second() {
    let app = TestApp::start().await;
    for n in 0..20 {
        app.admin().push(&format!("library/app:{n}"), &Image::unique()).await.created();
    }
    let app = app.restart().await;
    assert!(app.started_in < Duration::from_secs(1), "{:?}", app.started_in);
    app.admin().pull("library/app:7").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_tells_whether_it_lives_and_is_ready() {
    TestApp::on_each_engine(async |app| {
        let anyone = app.anonymous();
        let health = anyone.api(Method::GET, "/health", None).await.ok().json();
        assert_eq!(health["status"], "healthy", "{health}");
        for component in health["components"].as_array().unwrap() {
            assert_eq!(component["status"], "healthy", "{health}");
        }
        let ping = anyone.api(Method::GET, "/ping", None).await.ok();
        assert_eq!(ping.text().trim_matches('"'), "Pong");
    })
    .await;
}
