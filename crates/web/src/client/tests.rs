//! The address rule on URLs, names and redirects, against a server of our own.

use std::net::SocketAddr;

use actix_web::HttpResponse;
use reqwest::Method;
use url::Url;

use crate::client::{Client, Error, Settings, collect};
use crate::{Routes, ServeSettings, Shutdown, chain, serve};

fn client(allowed: &[&str]) -> Client {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let allowed = allowed.iter().map(|network| network.parse().unwrap()).collect();
    Client::new(Settings { allowed, ..Settings::default() }).unwrap()
}

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn start() -> SocketAddr {
    let routes = Routes::new()
        .get("/hello", || async { "hello" })
        .get("/inward", || async {
            HttpResponse::Found().insert_header(("location", "http://169.254.169.254/")).finish()
        })
        .get("/loop", || async {
            HttpResponse::Found().insert_header(("location", "/loop")).finish()
        });
    let listener = serve::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap();
    let serving = serve(listener, ServeSettings::default(), routes, Shutdown::new()).unwrap();
    drop(tokio::runtime::Handle::current().spawn(serving));
    address
}

#[track_caller]
fn forbidden(text: &str) {
    let refused = client(&[]).request(Method::GET, url(text));
    assert!(matches!(refused, Err(Error::Forbidden { .. })), "{text}");
}

#[tokio::test]
async fn an_address_in_the_url_is_checked() {
    forbidden("http://127.0.0.1/");
    forbidden("http://[::ffff:10.0.0.1]/");
    forbidden("http://0x7f.1/");
    forbidden("http://169.254.169.254/latest/meta-data");
    forbidden("ftp://example.com/");
    forbidden("file:///etc/passwd");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_checked_by_what_it_resolves_to() {
    let address = start();
    let target = url(&format!("http://localhost:{}/hello", address.port()));
    let request = client(&[]).request(Method::GET, target.clone()).unwrap();
    let failure = request.send().await.unwrap_err();
    assert!(chain(&failure).to_string().contains("no address that may be reached"));
    let request = client(&["127.0.0.0/8"]).request(Method::GET, target).unwrap();
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_goes_through_the_same_door() {
    let address = start();
    for path in ["inward", "loop"] {
        let target = url(&format!("http://{address}/{path}"));
        let request = client(&["127.0.0.0/8"]).request(Method::GET, target).unwrap();
        assert!(request.send().await.unwrap_err().is_redirect(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_read_up_to_a_limit() {
    let address = start();
    let target = url(&format!("http://{address}/hello"));
    for (limit, fits) in [(5, true), (4, false)] {
        let request = client(&["127.0.0.1"]).request(Method::GET, target.clone()).unwrap();
        let answer = collect(request.send().await.unwrap(), limit).await;
        assert_eq!(answer.is_ok(), fits, "{limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_that_was_named_is_reached_wherever_it_is_and_no_other() {
    let address = start();
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let named = |home: &str| {
        Client::new(Settings { home: Some(home.to_owned()), ..Settings::default() }).unwrap()
    };
    for (home, host) in [("127.0.0.1", "127.0.0.1"), ("localhost", "LOCALHOST")] {
        let target = url(&format!("http://{host}:{}/hello", address.port()));
        let request = named(home).request(Method::GET, target).unwrap();
        assert_eq!(request.send().await.unwrap().text().await.unwrap(), "hello");
    }
    let inward = url(&format!("http://{address}/inward"));
    let refused = named("127.0.0.1").request(Method::GET, inward).unwrap().send().await;
    assert!(refused.unwrap_err().is_redirect());
    assert!(named("127.0.0.1").request(Method::GET, url("http://127.0.0.2/")).is_err());
    let by_name = url(&format!("http://localhost:{}/hello", address.port()));
    assert!(named("127.0.0.1").request(Method::GET, by_name).unwrap().send().await.is_err());
}
