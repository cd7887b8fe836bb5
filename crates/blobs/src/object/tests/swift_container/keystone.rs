//! Tokens of Keystone: its answers as its documentation has them, written by hand, before a store of a few lines.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use s3s::Body;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use super::super::refusal;
use crate::contract::drivers::{content, open, put, read};
use crate::{Error, Key, Secret, Settings, Store, Swift, SwiftEndpoint};

const KEY: HeaderName = HeaderName::from_static("x-container-meta-temp-url-key");

/// Keystone and a store in one, at one address.
struct Keystone {
    url: String,
    seen: Arc<Seen>,
    _serving: JoinSet<()>,
}

#[derive(Default)]
struct Seen {
    /// What was asked for a token, last.
    login: Mutex<Value>,
    logins: AtomicUsize,
    /// The one token that is taken.
    valid: AtomicUsize,
    object: Mutex<Bytes>,
    /// The container's key for URLs.
    key: Mutex<Option<HeaderValue>>,
    /// Requests that change something.
    writes: AtomicUsize,
}

impl Keystone {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Seen::default());
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, url.clone(), Arc::clone(&seen)));
        Self { url, seen, _serving: serving }
    }

    fn settings(&self, path: &str) -> Swift {
        let url = format!("{}{path}", self.url).parse().unwrap();
        Swift {
            tenant: Some("shop".to_owned()),
            region: Some("north".to_owned()),
            ..Swift::container(url, "registry", Secret::new("secret"), "images")
        }
    }

    fn login(&self) -> Value {
        self.seen.login.lock().unwrap().clone()
    }
}

async fn serve(listener: TcpListener, url: String, seen: Arc<Seen>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (url, seen) = (url.clone(), Arc::clone(&seen));
        let answer = service_fn(move |req: Request<Incoming>| {
            let (url, seen) = (url.clone(), Arc::clone(&seen));
            async move { Ok::<_, std::convert::Infallible>(seen.answer(req, &url).await) }
        });
        connections.spawn(async move {
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            builder.serve_connection(TokioIo::new(stream), answer).await.ok();
        });
    }
}

impl Seen {
    async fn answer(&self, req: Request<Incoming>, url: &str) -> Response<Body> {
        let (parts, body) = req.into_parts();
        let mut body = Body::from(body);
        let body = body.store_all_limited(1 << 20).await.unwrap();
        match parts.uri.path() {
            "/v3/auth/tokens" | "/v2.0/tokens" => {
                *self.login.lock().unwrap() = serde_json::from_slice(&body).unwrap();
                self.logins.fetch_add(1, Ordering::Relaxed);
                self.token(url, parts.uri.path() == "/v3/auth/tokens")
            }
            _ => self.store(&parts, body),
        }
    }

    fn token(&self, url: &str, third: bool) -> Response<Body> {
        let token = format!("token-{}", self.valid.load(Ordering::Relaxed));
        let (north, south) = (format!("{url}/north/v1/AUTH_1"), format!("{url}/south/v1/AUTH_1"));
        let answer = Response::builder().status(201);
        let catalog = if third {
            let endpoint = |region: &str, interface: &str, url: &str| {
                json!({
                    "region": region, "region_id": region, "interface": interface, "url": url,
                })
            };
            json!({"token": {"catalog": [
                {"type": "image", "endpoints": [endpoint("north", "public", "http://127.0.0.1:1/")]},
                {"type": "object-store", "endpoints": [
                    endpoint("south", "public", &south), endpoint("north", "internal", &north),
                    endpoint("north", "public", &north),
                ]},
            ]}})
        } else {
            json!({"access": {"token": {"id": token}, "serviceCatalog": [
                {"type": "object-store", "endpoints": [
                    {"region": "south", "publicURL": south},
                    {"region": "north", "publicURL": north, "internalURL": north},
                ]},
            ]}})
        };
        answer.header("X-Subject-Token", token).body(Body::from(catalog.to_string())).unwrap()
    }

    fn store(&self, parts: &http::request::Parts, body: Bytes) -> Response<Body> {
        let status =
            |status: StatusCode| Response::builder().status(status).body(Body::empty()).unwrap();
        let valid = format!("token-{}", self.valid.load(Ordering::Relaxed));
        if parts.headers.get("x-auth-token").is_none_or(|token| *token != valid) {
            return status(StatusCode::UNAUTHORIZED);
        }
        if !parts.uri.path().starts_with("/north/v1/AUTH_1/images") {
            return status(StatusCode::NOT_FOUND);
        }
        if !matches!(parts.method.as_str(), "GET" | "HEAD") {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
        let mut key = self.key.lock().unwrap();
        match parts.method.as_str() {
            "HEAD" if parts.uri.path().ends_with("/images") => {
                let mut answer = status(StatusCode::NO_CONTENT);
                answer.headers_mut().extend(key.clone().map(|key| (KEY, key)));
                answer
            }
            "POST" => {
                *key = parts.headers.get(KEY).cloned();
                status(StatusCode::NO_CONTENT)
            }
            "PUT" => {
                *self.object.lock().unwrap() = body;
                status(StatusCode::CREATED)
            }
            "GET" => Response::new(Body::from(self.object.lock().unwrap().clone())),
            _ => status(StatusCode::NO_CONTENT),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_both_versions_lead_to_the_store_of_the_region() {
    let keystone = Keystone::start().await;
    let bytes = content(1000, 1);
    for path in ["/v3", "/v3/", "/v3/auth/tokens", "/v2.0"] {
        for endpointtype in [SwiftEndpoint::Public, SwiftEndpoint::Internal] {
            let store = open(&Swift { endpointtype, ..keystone.settings(path) }).await;
            let key = put(&store, &bytes).await;
            assert_eq!(read(&store, &key).await, bytes, "{path}");
        }
    }
    for path in ["/v3", "/v2.0"] {
        let elsewhere = Swift { region: Some("west".to_owned()), ..keystone.settings(path) };
        assert_eq!(refusal(elsewhere).await, "region");
        let admin = Swift { endpointtype: SwiftEndpoint::Admin, ..keystone.settings(path) };
        assert_eq!(refusal(admin).await, "region");
    }
    let south = Swift { region: Some("south".to_owned()), ..keystone.settings("/v3") };
    assert_eq!(refusal(south).await, "container");
}

#[tokio::test(flavor = "multi_thread")]
async fn keystone_is_told_who_asks_and_for_what() {
    let keystone = Keystone::start().await;
    let text = |text: &str| Some(text.to_owned());
    let user = |domain: Value| {
        json!({"methods": ["password"], "password": {
            "user": {"name": "registry", "domain": domain, "password": "secret"},
        }})
    };
    let plain = keystone.settings("/v3");
    open(&plain).await;
    assert_eq!(
        keystone.login(),
        json!({"auth": {
            "identity": user(json!({"id": "default"})),
            "scope": {"project": {"name": "shop", "domain": {"id": "default"}}},
        }})
    );
    open(&Swift { domain: text("d"), tenantdomainid: text("t"), ..plain.clone() }).await;
    assert_eq!(
        keystone.login(),
        json!({"auth": {
            "identity": user(json!({"name": "d"})),
            "scope": {"project": {"name": "shop", "domain": {"id": "t"}}},
        }})
    );
    open(&Swift { domainid: text("d"), tenantid: text("7"), ..plain.clone() }).await;
    assert_eq!(
        keystone.login(),
        json!({"auth": {
            "identity": user(json!({"id": "d"})), "scope": {"project": {"id": "7"}},
        }})
    );
    open(&Swift { trustid: text("9"), ..plain }).await;
    assert_eq!(keystone.login()["auth"]["scope"], json!({"OS-TRUST:trust": {"id": "9"}}));
    open(&Swift { tenantid: text("7"), tenant: None, ..keystone.settings("/v2.0") }).await;
    assert_eq!(
        keystone.login(),
        json!({"auth": {
            "passwordCredentials": {"username": "registry", "password": "secret"}, "tenantId": "7",
        }})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_has_ended_is_replaced() {
    let keystone = Keystone::start().await;
    let store = open(&keystone.settings("/v3")).await;
    let bytes = content(1000, 2);
    let key = put(&store, &bytes).await;
    let logins = keystone.seen.logins.load(Ordering::Relaxed);
    keystone.seen.valid.fetch_add(1, Ordering::Relaxed);
    assert_eq!(read(&store, &key).await, bytes);
    assert_eq!(read(&store, &key).await, bytes);
    assert_eq!(keystone.seen.logins.load(Ordering::Relaxed), logins + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_urls_that_is_there_already_is_not_replaced() {
    let keystone = Keystone::start().await;
    let with = |key: &str| {
        let secretkey = Some(Secret::new(key));
        Swift { secretkey, tempurlcontainerkey: true, ..keystone.settings("/v3") }
    };
    for _start in 0..2 {
        open(&with("ours")).await;
    }
    assert_eq!(refusal(with("another")).await, "secretkey");
    assert_eq!(*keystone.seen.key.lock().unwrap(), Some(HeaderValue::from_static("ours")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_opened_for_reading_is_not_written() {
    let keystone = Keystone::start().await;
    let settings = Swift {
        secretkey: Some(Secret::new("ours")),
        tempurlcontainerkey: true,
        ..keystone.settings("/v3")
    };
    let bytes = content(1000, 3);
    *keystone.seen.object.lock().unwrap() = bytes.clone();
    let store =
        Store::open_for_reading(&Settings::Swift(Box::new(settings.clone()))).await.unwrap();
    assert_eq!(store.read_all(&Key::fresh(), 1000).await.unwrap(), bytes);
    let container = "absent".to_owned();
    let absent = Settings::Swift(Box::new(Swift { container, ..settings }));
    let refusal = Store::open_for_reading(&absent).await.unwrap_err();
    assert!(matches!(refusal, Error::Misconfigured { setting: "container", .. }), "{refusal}");
    assert_eq!(keystone.seen.writes.load(Ordering::Relaxed), 0);
}
