//! What one caller and one request may take: refused with what the limit is and when to come again, counted by limit,
//! and no hindrance to anybody else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use auth::Role;
use oci::Digest;
use reqwest::Method;
use testkit::image::unique_bytes;
use testkit::{Answer, TestApp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// Whether metrics have counted a refusal by `limit`.
fn counted(limit: &str) -> bool {
    let count = format!("harbor_limited_requests_total{{limit=\"{limit}\"}}");
    web::metrics::render().lines().any(|line| line.starts_with(&count))
}

#[track_caller]
fn told_to_wait(refused: &Answer) {
    assert_eq!((refused.status, refused.header("retry-after").is_empty()), (429, false));
}

/// How many are answered before one is told to wait, and what that is told.
async fn until_refused(ask: impl AsyncFn() -> Answer) -> (usize, Answer) {
    refused_within(100, ask).await.expect("a hundred requests in a moment were answered")
}

async fn refused_within(most: usize, ask: impl AsyncFn() -> Answer) -> Option<(usize, Answer)> {
    for answered in 0..most {
        let answer = ask().await;
        if answer.status == 429 {
            told_to_wait(&answer);
            return Some((answered, answer));
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_longer_than_any_request_of_a_client_is_refused_unread() {
    web::metrics::install();
    let app = TestApp::start().await;
    let admin = app.admin();
    let long = admin.get(&format!("/v2/?{}", "a".repeat(9000))).await.expect(414);
    assert_eq!(long.message(), "the URL has 9005 bytes, at most 8192 are accepted");
    let long = admin.get(&format!("/api/v2.0/projects?q={}", "a".repeat(9000))).await.expect(414);
    assert!(long.message().contains("at most 8192"), "{}", long.text());
    let request = admin.request(Method::GET, "/v2/").header("x-large", "a".repeat(70_000));
    let large = admin.send(request).await.expect(431);
    assert!(large.message().contains("at most 65536 are accepted"), "{}", large.text());
    // actix refuses these itself, and says so in the log; the program's own filter leaves that out.
    app.expect_error("message head is too large");
    let mut many = admin.request(Method::GET, "/v2/");
    for number in 0..100 {
        many = many.header(format!("x-{number}"), "1");
    }
    admin.send(many).await.expect(431);
    assert!(counted("url") && counted("headers"));
    // On another connection: actix closes that one, and does not say so in its answer.
    app.admin().get("/v2/").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_is_told_when_to_come_back_and_nobody_else_is() {
    web::metrics::install();
    let app = TestApp::start_limited("requests=1,burst=5").await;
    let ann = app.member("ann", "library", Role::Developer).await;
    let (before, refused) =
        until_refused(async || ann.get("/v2/library/app/tags/list").await).await;
    assert!(before >= 5, "{before} of a burst of five");
    assert_eq!(refused.code(), "TOOMANYREQUESTS");
    // It is the caller who is counted, wherever they ask and whatever they prove it by: there is no other burst.
    let (more, _) = until_refused(async || ann.api(Method::GET, "/projects", None).await).await;
    let (again, _) =
        until_refused(async || ann.ask_token(&["repository:library/app:pull"]).await).await;
    assert!(more < 5 && again < 5, "{more}, {again}");
    assert!(counted("requests"));
    app.admin().get("/v2/").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_many_uploads_open_finishes_one_first() {
    web::metrics::install();
    let app = TestApp::start_limited("uploads=2").await.leaving_uploads(3);
    let (admin, ann) = (app.admin(), app.member("ann", "library", Role::Developer).await);
    let first = admin.open_upload("library/a").await;
    admin.open_upload("library/b").await;
    let request = admin.registry(Method::POST, "library/a", "/blobs/uploads/").await;
    let refused = admin.send(request).await;
    told_to_wait(&refused);
    assert!(
        refused.message().contains("at most 2 of your uploads may be open: finish or cancel some")
    );
    ann.open_upload("library/a").await;
    let blob = unique_bytes(10);
    admin.close_upload(&first, &Digest::of(&blob), blob).await.created();
    admin.open_upload("library/a").await;
    assert!(counted("uploads"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_many_uploads_at_once_waits_for_one_to_end() {
    web::metrics::install();
    let app = TestApp::start_limited("transfers=1").await.leaving_uploads(2);
    let (admin, ann) = (app.admin(), app.member("ann", "library", Role::Developer).await);
    let (first, second) =
        (admin.open_upload("library/a").await, admin.open_upload("library/a").await);
    let sent = AtomicUsize::new(0);
    let send = async || {
        let answer = admin.send_chunk(&second, sent.load(Ordering::Relaxed), b"chunk").await;
        if answer.status == 202 {
            sent.fetch_add(5, Ordering::Relaxed);
        }
        answer
    };
    let (sending, refused) = loop {
        // It is refused itself if one of the others is faster.
        let sending = admin.begin_to_send(&first, &unique_bytes(100), 200).await;
        if let Some((_, refused)) = refused_within(20, &send).await {
            break (sending, refused);
        }
    };
    assert!(refused.message().starts_with("at most 1 of your uploads may be sent at a time"));
    let other = ann.open_upload("library/a").await;
    ann.send_chunk(&other, 0, b"chunk").await.accepted();
    ann.cancel_upload(&other).await;
    drop(sending);
    // The server notices in a moment that nobody sends any more.
    let began = Instant::now();
    while send().await.status == 429 {
        assert!(began.elapsed() < Duration::from_secs(10), "the place was not given back");
        sleep(Duration::from_millis(20)).await;
    }
    assert!(counted("transfers"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_drips_is_cut_off_and_who_is_slow_and_steady_is_not() {
    web::metrics::install();
    let app = TestApp::start_limited("body_timeout=1,body_rate=20").await.leaving_uploads(2);
    let admin = app.admin();
    let (dripped, steady) =
        (admin.open_upload("library/a").await, admin.open_upload("library/a").await);
    let dripping = admin.begin_to_send(&dripped, b"a", 1000).await;
    let steadily = admin.begin_to_send(&steady, &unique_bytes(100), 1600).await;
    // Every write would put off a time-out that counts silence alone.
    let (cut, kept) = tokio::join!(trickle(dripping, 1), trickle(steadily, 100));
    assert!(cut.starts_with("HTTP/1.1 408"), "{cut}");
    assert!(cut.contains("in 1s at least 20 bytes must come"), "{cut}");
    assert!(kept.starts_with("HTTP/1.1 202"), "{kept}");
    assert!(counted("slow-body"));
}

/// Sends fifteen times so many bytes, five times a second, until there is an answer; tells it.
async fn trickle(mut socket: TcpStream, bytes: usize) -> String {
    let mut answer = vec![0; 4096];
    let mut sent = 0;
    loop {
        // What is sent to a connection that the server has closed would take its answer away.
        let patience = Duration::from_millis(if sent < 15 { 200 } else { 10_000 });
        if let Ok(read) = timeout(patience, socket.read(&mut answer)).await {
            return String::from_utf8_lossy(&answer[..read.unwrap()]).into_owned();
        }
        assert!(sent < 15, "no answer");
        socket.write_all(&unique_bytes(bytes)).await.unwrap();
        sent += 1;
    }
}
