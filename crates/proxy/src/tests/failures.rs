//! Upstreams that are away, silent or wrong.

use std::time::Duration;

use super::harness::{Origin, Running, free_port};

fn two(first: &str, second: &str, options: &str) -> String {
    format!(
        "upstream both {{ server {first} max_fails=0; server {second} max_fails=0; }}
        server {{ listen 127.0.0.1:{{port}}; access_log off; {options}
        location / {{ proxy_pass http://both; }} }}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_reached_is_passed_over() {
    let origin = Origin::start().await;
    let dead = format!("127.0.0.1:{}", free_port());
    let front = Running::start(&two(&dead, &origin.address.to_string(), "")).await;
    for _ in 0..6 {
        let request =
            "POST /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab";
        let answer = front.ask(request).await;
        assert!(answer.text().contains("body: Ok(2)"), "{}", answer.text());
    }
    assert_eq!(origin.requests(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_take_turns() {
    let (one, other) = (Origin::start().await, Origin::start().await);
    let front =
        Running::start(&two(&one.address.to_string(), &other.address.to_string(), "")).await;
    for _ in 0..10 {
        front.get("/x").await;
    }
    assert_eq!((one.requests(), other.requests()), (5, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_asked_only_when_the_others_are_away() {
    let (one, backup) = (Origin::start().await, Origin::start().await);
    let http = |first: &str| {
        format!(
            "upstream both {{ server {first}; server {} backup; }}
            server {{ listen 127.0.0.1:{{port}}; access_log off; location / {{ proxy_pass http://both; }} }}",
            backup.address
        )
    };
    let front = Running::start(&http(&one.address.to_string())).await;
    front.get("/x").await;
    assert_eq!((one.requests(), backup.requests()), (1, 0));
    let front = Running::start(&http("127.0.0.1:1")).await;
    assert_eq!(front.get("/x").await.status, 200);
    assert_eq!(backup.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_504_and_what_was_sent_is_not_sent_again() {
    let (one, other) = (Origin::start().await, Origin::start().await);
    let options = "proxy_read_timeout 300ms;";
    let front =
        Running::start(&two(&one.address.to_string(), &other.address.to_string(), options)).await;
    let request =
        "POST /say/silence HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab";
    assert_eq!(front.ask(request).await.status, 504);
    assert_eq!(one.requests() + other.requests(), 1);
    assert_eq!(front.get("/say/silence").await.status, 504);
    assert_eq!(one.requests() + other.requests(), 3, "a GET is sent to each");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_can_lead_to_the_next_server() {
    let (one, other) = (Origin::start().await, Origin::start().await);
    let options = "proxy_next_upstream http_503;";
    let front =
        Running::start(&two(&one.address.to_string(), &other.address.to_string(), options)).await;
    assert_eq!(front.get("/say/status/503").await.status, 503);
    assert_eq!(one.requests() + other.requests(), 2);
    assert_eq!(front.get("/say/status/500").await.status, 500);
    assert_eq!(one.requests() + other.requests(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_takes_too_long_is_504() {
    // An address that is reserved for documentation: nobody answers, or the network says so at once.
    let http = "server { listen 127.0.0.1:{port}; access_log off; proxy_connect_timeout 200ms;
        location / { proxy_pass http://192.0.2.1:80; } }";
    let front = Running::start(http).await;
    let began = std::time::Instant::now();
    assert!(matches!(front.get("/").await.status, 502 | 504));
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_without_address_is_502() {
    let http = "server { listen 127.0.0.1:{port}; access_log off;
        location / { proxy_pass http://nowhere.invalid:80; } }";
    let front = Running::start(http).await;
    assert_eq!(front.get("/").await.status, 502);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_restarts_is_found_again() {
    let port = free_port();
    let http = format!(
        "server {{ listen 127.0.0.1:{{port}}; access_log off; location / {{ proxy_pass http://127.0.0.1:{port}; }} }}"
    );
    let front = Running::start(&http).await;
    for _ in 0..3 {
        assert_eq!(front.get("/").await.status, 502);
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let request = front.get("/");
        let serve = async {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut space = [0; 1024];
            assert!(tcp.read(&mut space).await.unwrap() > 0);
            tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nup").await.unwrap();
            // And away again, while its connection is kept in the pool.
        };
        let (answer, ()) = tokio::join!(request, serve);
        assert_eq!(answer.text(), "up");
        drop(listener);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
