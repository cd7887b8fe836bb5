//! Connections, bodies and the life of the process.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::harness::{Origin, Running, parse};

fn to(origin: &Origin, options: &str) -> String {
    format!(
        "log_format ids '$request_id $status $body_bytes_sent $upstream_status \"$request\" $request_length';
        server {{ listen 127.0.0.1:{{port}}; access_log {{folder}}/access.log ids; client_max_body_size 0; {options}
        location / {{ proxy_pass http://{}; proxy_set_header X-Request-Id $request_id; }} }}",
        origin.address
    )
}

/// The access log, once it has a line with each of `words`.
async fn logged(front: &Running, words: &[&str]) -> String {
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let text = std::fs::read_to_string(front.path("access.log")).unwrap_or_default();
        if words.iter().all(|word| text.contains(word)) {
            return text;
        }
    }
    panic!("no {words:?} in the access log");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_to_an_upstream_are_used_again() {
    let origin = Origin::start().await;
    let front = Running::start(&to(&origin, "")).await;
    for _ in 0..20 {
        assert_eq!(front.get("/x").await.status, 200);
    }
    assert_eq!(origin.requests(), 20);
    let connections = origin.connections.load(std::sync::atomic::Ordering::SeqCst);
    assert!(connections <= 3, "{connections} connections for 20 requests one after the other");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_answers_and_bodies_pass_whole() {
    let origin = Origin::start().await;
    let front = Running::start(&to(&origin, "")).await;
    let answer = front.get("/say/bytes/20000000").await;
    assert_eq!((answer.status, answer.body.len()), (200, 20_000_000));
    let mut request =
        b"PUT /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 9000000\r\n\r\n"
            .to_vec();
    request.resize(request.len() + 9_000_000, b'b');
    let answer = super::harness::ask(front.address, &request).await;
    assert!(answer.text().contains("body: Ok(9000000)"), "{}", answer.text());
    logged(&front, &["200 20000000 200 \"GET /say/bytes/20000000 HTTP/1.1\"", "9000"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_passes_and_its_framing_is_ours() {
    let origin = Origin::start().await;
    let front = Running::start(&to(&origin, "")).await;
    let head = "POST /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n";
    let answer = front.ask(&format!("{head}\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")).await;
    assert!(answer.text().contains("body: Ok(5)"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_framed_twice_is_refused_and_ends_its_connection() {
    let origin = Origin::start().await;
    let front = Running::start(&to(&origin, "")).await;
    // What follows would be a second request to whoever believes the length.
    let request = "POST /first HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\
                   GET /second HTTP/1.1\r\nHost: h\r\n\r\n";
    let answer = front.ask(request).await;
    assert_eq!(answer.status, 400);
    assert!(!answer.text().contains("/second"), "{}", answer.text());
    assert_eq!(origin.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_are_refused_with_400() {
    let origin = Origin::start().await;
    let front = Running::start(&to(&origin, "")).await;
    for head in [
        "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nA b: c\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n",
        "GET / HTTP/1.1\r\nHost : h\r\n",
    ] {
        assert_eq!(
            front.ask(&format!("{head}Connection: close\r\n\r\n")).await.status,
            400,
            "{head}"
        );
    }
    assert_eq!(origin.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_for_permission_to_send_gets_it() {
    let origin = Origin::start().await;
    let front = Running::start(&to(&origin, "")).await;
    let mut tcp = TcpStream::connect(front.address).await.unwrap();
    let head = "PUT /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    tcp.write_all(head.as_bytes()).await.unwrap();
    let mut permission = [0; 25];
    tcp.read_exact(&mut permission).await.unwrap();
    assert_eq!(&permission, b"HTTP/1.1 100 Continue\r\n\r\n");
    tcp.write_all(b"abc").await.unwrap();
    let mut rest = Vec::new();
    tcp.read_to_end(&mut rest).await.unwrap();
    let answer = parse(&rest);
    assert!(answer.text().contains("body: Ok(3)") && answer.received("expect").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_answered_in_order() {
    let front = Running::start(
        "server { listen 127.0.0.1:{port}; access_log off; location / { return 200 \"<$uri>\"; } }",
    )
    .await;
    let one = |path: &str, close: &str| format!("GET {path} HTTP/1.1\r\nHost: h\r\n{close}\r\n");
    let request =
        format!("{}{}{}", one("/a", ""), one("/b", ""), one("/c", "Connection: close\r\n"));
    let mut tcp = TcpStream::connect(front.address).await.unwrap();
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    tcp.read_to_string(&mut text).await.unwrap();
    let places: Vec<usize> =
        ["</a>", "</b>", "</c>"].iter().map(|it| text.find(it).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_head_and_an_idle_connection_are_ended() {
    let http = "server { listen 127.0.0.1:{port}; access_log off; client_header_timeout 300ms;
        keepalive_timeout 500ms; return 200 fine; }";
    let front = Running::start(http).await;
    for begin in ["", "GET / HTTP/1.1\r\nHo", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"] {
        let mut tcp = TcpStream::connect(front.address).await.unwrap();
        tcp.write_all(begin.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(5), tcp.read_to_end(&mut bytes)).await;
        assert!(ended.is_ok(), "{begin:?} holds its connection");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_coming_is_given_up() {
    let origin = Origin::start().await;
    let front = Running::start(&to(&origin, "client_body_timeout 300ms;")).await;
    let request = "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc";
    assert_eq!(front.ask(request).await.status, 408);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_is_logged_as_499_and_its_upstream_is_told() {
    let origin = Origin::start().await;
    let front = Running::start(&to(&origin, "")).await;
    let mut tcp = TcpStream::connect(front.address).await.unwrap();
    tcp.write_all(b"GET /say/silence HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(tcp);
    logged(&front, &[" 499 0 "]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_id_is_in_the_log_and_at_the_upstream() {
    let origin = Origin::start().await;
    let front = Running::start(&to(&origin, "")).await;
    let answer = front
        .ask("GET /x HTTP/1.1\r\nHost: h\r\nX-Request-Id: mine\r\nConnection: close\r\n\r\n")
        .await;
    let id = answer.received("x-request-id").unwrap();
    logged(&front, &[id.as_str()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_line_cannot_be_forged() {
    let http = r#"log_format agents 'agent="$http_user_agent"';
        server { listen 127.0.0.1:{port}; access_log {folder}/access.log agents; return 200 fine; }"#;
    let front = Running::start(http).await;
    front
        .ask("GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: a\"\t\\b\r\nConnection: close\r\n\r\n")
        .await;
    logged(&front, &[r#"agent="a\x22\x09\x5Cb""#]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_changes_answers_and_loses_none() {
    let http = |word: &str| {
        format!("server {{ listen 127.0.0.1:{{port}}; access_log off; return 200 {word}; }}")
    };
    let front = Running::start(&http("old")).await;
    let mut seen = Vec::new();
    for round in 0..300 {
        if round == 100 {
            front.rewrite(&http("new"));
        }
        let answer = front.get("/").await;
        assert_eq!(answer.status, 200, "request {round}");
        seen.push(answer.text());
    }
    seen.dedup();
    assert_eq!(seen, ["old", "new"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_a_mistake_changes_nothing() {
    let front =
        Running::start("server { listen 127.0.0.1:{port}; access_log off; return 200 old; }").await;
    front.rewrite("server { listen 127.0.0.1:{port}; access_log off; retrun 200 new; }");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(front.get("/").await.text(), "old");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_flight_is_finished_before_the_end() {
    let origin = Origin::start().await;
    let front = Running::start(&to(&origin, "")).await;
    let mut tcp = TcpStream::connect(front.address).await.unwrap();
    let head = "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc";
    tcp.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    front.stop.trigger();
    tokio::time::sleep(Duration::from_millis(200)).await;
    tcp.write_all(b"def").await.unwrap();
    let mut bytes = Vec::new();
    tcp.read_to_end(&mut bytes).await.unwrap();
    assert!(parse(&bytes).text().contains("body: Ok(6)"));
    for _ in 0..100 {
        if front.ended.is_finished() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the proxy did not end");
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_come_and_go_with_the_file() {
    let other = super::harness::free_port();
    let one = "server { listen 127.0.0.1:{port}; access_log off; return 200 one; }";
    let both =
        format!("{one} server {{ listen 127.0.0.1:{other}; access_log off; return 200 two; }}");
    let front = Running::start(one).await;
    let second = ([127, 0, 0, 1], other).into();
    assert!(TcpStream::connect(second).await.is_err());
    front.rewrite(&both);
    let mut kept = connected(second).await;
    kept.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    let mut some = [0; 12];
    kept.read_exact(&mut some).await.unwrap();
    assert_eq!(&some, b"HTTP/1.1 200");
    front.rewrite(one);
    // An idle connection of an address that is gone is ended.
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), kept.read_to_end(&mut rest)).await;
    assert!(ended.is_ok() && String::from_utf8_lossy(&rest).ends_with("two"));
    assert!(TcpStream::connect(second).await.is_err());
    assert_eq!(front.get("/").await.text(), "one");
}

async fn connected(address: std::net::SocketAddr) -> TcpStream {
    for _ in 0..250 {
        match TcpStream::connect(address).await {
            Ok(tcp) => return tcp,
            Err(_refused) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    panic!("nobody listens on {address}");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_clients_than_allowed_are_turned_away_and_the_others_served() {
    // The harness allows 256.
    let front =
        Running::start("server { listen 127.0.0.1:{port}; access_log off; return 200 fine; }")
            .await;
    let mut idle = Vec::new();
    for _ in 0..256 {
        idle.push(connected(front.address).await);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut late = connected(front.address).await;
    let mut bytes = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), late.read_to_end(&mut bytes)).await;
    assert!(ended.is_ok() && bytes.is_empty());
    let mut first = idle.remove(0);
    first.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await.unwrap();
    first.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(parse(&bytes).text(), "fine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_reaches_a_client_that_is_still_sending() {
    let origin = Origin::start().await;
    let front = Running::start(&to(
        &origin,
        "location /limit { client_max_body_size 1k; proxy_pass http://127.0.0.1:1; }",
    ))
    .await;
    let mut request = b"PUT /limit HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n".to_vec();
    request.resize(request.len() + 3_000_000, b'b');
    let answer = super::harness::ask(front.address, &request).await;
    assert_eq!(answer.status, 413);
}
