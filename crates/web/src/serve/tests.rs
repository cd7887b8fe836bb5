//! A whole server on a port of the system's choice: ids, panics, draining, TLS.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use actix_web::web::Data;
use reqwest::{Certificate, Client, ClientBuilder, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::{Body, Routes, ServeSettings, Shutdown, TlsSettings, error, run, serve};

type Served = JoinHandle<Result<(), serve::Error>>;

fn start(routes: Routes, settings: ServeSettings) -> (SocketAddr, Shutdown, Served) {
    let listener = serve::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap();
    let stop = Shutdown::new();
    let serving = serve(listener, settings, routes, stop.clone()).unwrap();
    (address, stop, Handle::current().spawn(serving))
}

fn client(builder: ClientBuilder) -> Client {
    // Installed once per process; the other tests' attempts fail, and need not care.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    builder.no_proxy().build().unwrap()
}

async fn receive(mut body: Body) -> Result<String, crate::body::Error> {
    let mut bytes = 0;
    while let Some(chunk) = body.next().await {
        bytes += chunk?.len();
    }
    Ok(bytes.to_string())
}

async fn panics() -> &'static str {
    run(async { panic!("on purpose") }).await
}

async fn slow(started: Data<mpsc::UnboundedSender<&'static str>>) -> &'static str {
    let started = started.get_ref().clone();
    run(async move {
        started.send("begun").ok();
        tokio::time::sleep(Duration::from_millis(300)).await;
        started.send("committed").ok();
    })
    .await;
    "done"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named() {
    let first = serve::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let taken = first.local_addr().unwrap();
    let failure = serve::bind(taken).unwrap_err();
    assert!(matches!(failure, serve::Error::InUse { address } if address == taken));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_request_id_and_nosniff() {
    let routes = Routes::new().get("/", || async { "hello" });
    let (address, _stop, _served) = start(routes, ServeSettings::default());
    let client = client(Client::builder());
    for path in ["", "missing"] {
        let req = client.get(format!("http://{address}/{path}")).header("x-request-id", "mine");
        let response = req.send().await.unwrap();
        assert_eq!(response.headers()["x-request-id"], "mine");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_a_500_with_the_request_id_and_the_server_lives_on() {
    let routes = Routes::new().get("/api/panics", panics).fallback("/api", error::harbor_json);
    let (address, _stop, _served) = start(routes, ServeSettings::default());
    let client = client(Client::builder());
    for _ in 0..2 {
        let req = client.get(format!("http://{address}/api/panics")).header("x-request-id", "oops");
        let response = req.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()["x-request-id"], "oops");
        let body = response.text().await.unwrap();
        assert!(body.contains("internal error (request oops)"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_actix_says_of_our_mistakes_is_not_for_clients() {
    let routes = Routes::new()
        .get("/api/forgotten", |_never_given: Data<u8>| async { "hello" })
        .fallback("/api", error::harbor_json);
    let (address, _stop, _served) = start(routes, ServeSettings::default());
    let req = client(Client::builder()).get(format!("http://{address}/api/forgotten"));
    let response = req.header("x-request-id", "oops").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let expected =
        "{\"errors\":[{\"code\":\"UNKNOWN\",\"message\":\"internal error (request oops)\"}]}\n";
    assert_eq!(response.text().await.unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_begun_is_committed_though_the_client_leaves() {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let (address, _stop, _served) =
        start(Routes::new().get("/slow", slow).data(sender), ServeSettings::default());
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert_eq!(receiver.recv().await, Some("begun"));
    drop(socket);
    assert_eq!(receiver.recv().await, Some("committed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_flight_is_finished_before_the_server_stops() {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let (address, stop, served) =
        start(Routes::new().get("/slow", slow).data(sender), ServeSettings::default());
    let client = client(Client::builder());
    let request = Handle::current().spawn(client.get(format!("http://{address}/slow")).send());
    assert_eq!(receiver.recv().await, Some("begun"));
    stop.trigger();
    assert_eq!(request.await.unwrap().unwrap().text().await.unwrap(), "done");
    served.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_upload_does_not_hold_up_the_end() {
    let (address, stop, served) = start(Routes::new().put("/", receive), ServeSettings::default());
    let mut socket = TcpStream::connect(address).await.unwrap();
    let head = b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc";
    socket.write_all(head).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    stop.trigger();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    served.await.unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_is_not_limited() {
    let (address, _stop, _served) =
        start(Routes::new().put("/", receive), ServeSettings::default());
    let request = client(Client::builder()).put(format!("http://{address}/"));
    let response = request.body(vec![0; 8 << 20]).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), (8 << 20).to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_pattern_not_by_path() {
    crate::metrics::install();
    let routes = Routes::of("counted").get("/counted/{name}", || async { "hello" });
    let (address, _stop, _served) = start(routes, ServeSettings::default());
    let client = client(Client::builder());
    for name in ["ann", "bob"] {
        client.get(format!("http://{address}/counted/{name}")).send().await.unwrap();
    }
    let expected = "harbor_http_requests_total{service=\"counted\",method=\"GET\",\
                    pattern=\"/counted/{name}\",status=\"200\"} 2";
    let rendered = crate::metrics::render();
    assert!(rendered.contains(expected), "{rendered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_certificate_it_speaks_tls() {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/serve/testdata");
    let cert = files.join("cert.pem");
    let tls = Some(TlsSettings {
        cert: cert.clone(),
        key: files.join("key.pem"),
        client_cas: Vec::new(),
    });
    let routes = Routes::new().get("/", |url: crate::ExternalUrl| async move { url.to_string() });
    let (address, _stop, _served) = start(routes, ServeSettings { tls, ..Default::default() });
    let root = Certificate::from_pem(&tokio::fs::read(cert).await.unwrap()).unwrap();
    let client = client(Client::builder().tls_certs_only([root]));
    let url = format!("https://localhost:{}", address.port());
    let response = client.get(&url).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), url);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_certificate_is_named_before_anything_is_served() {
    let listener = serve::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let tls = Some(TlsSettings {
        cert: "/nowhere/cert.pem".into(),
        key: "/nowhere/key.pem".into(),
        client_cas: Vec::new(),
    });
    let settings = ServeSettings { tls, ..Default::default() };
    let failure = serve(listener, settings, Routes::new(), Shutdown::new()).err();
    let message = failure.unwrap().to_string();
    assert_eq!(message, "cannot read the certificate /nowhere/cert.pem");
}
