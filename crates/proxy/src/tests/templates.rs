//! The templates that `prepare` renders: both programs take them, and clients get what they are promised.

use std::path::Path;
use std::process::Command;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, context};
use tempfile::TempDir;

use super::encrypted::certificate;
use super::harness::{Origin, Running, ask, free_port};

const HTTP: &str = include_str!("../../../../deploy/templates/proxy/nginx.http.conf");
const HTTPS: &str = include_str!("../../../../deploy/templates/proxy/nginx.https.conf");

/// As `prepare` renders, for a machine where the services are at `origin`.
fn rendered(
    template: &str,
    folder: &TempDir,
    trusted: &[&str],
    accel: bool,
    origin: &str,
) -> String {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().unwrap();
    environment.set_syntax(syntax);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let folder = folder.path().to_str().unwrap();
    let text = environment
        .render_str(
            template,
            context! {
                hostname => "harbor.test",
                external_http_port => 80,
                external_https_port => 8443,
                trusted_proxies => trusted.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>(),
                registries => ["registry"],
                accel => accel,
                http2 => true,
                ssl_certificate => format!("{folder}/server.crt"),
                ssl_certificate_key => format!("{folder}/server.key"),
            },
        )
        .unwrap();
    text.replace("registry:5000", origin)
        .replace("token:8080", origin)
        .replace("ui:8080", origin)
        .replace("/storage/", &format!("{folder}/storage/"))
}

fn write(folder: &TempDir, text: &str) -> std::path::PathBuf {
    let path = folder.path().join("nginx.conf");
    std::fs::write(&path, text).unwrap();
    path
}

fn nginx_accepts(path: &Path) {
    let output = Command::new("/usr/sbin/nginx").args(["-t", "-c"]).arg(path).output();
    let output = output.expect("nginx is installed: apt-get install nginx-light");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn both_programs_accept_every_template() {
    for template in [HTTP, HTTPS] {
        for trusted in [&[][..], &["10.0.0.0/8", "2001:db8::/32"][..]] {
            for accel in [true, false] {
                let folder = tempfile::tempdir().unwrap();
                certificate(folder.path(), &["harbor.test"]);
                let path =
                    write(&folder, &rendered(template, &folder, trusted, accel, "127.0.0.1:9"));
                crate::check(&path).unwrap_or_else(|error| panic!("{}", web::chain(&error)));
                nginx_accepts(&path);
            }
        }
    }
}

/// The HTTP template on a free port.
async fn front(trusted: &[&str], origin: &str, edit: impl Fn(String) -> String) -> Running {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("storage")).unwrap();
    std::fs::write(folder.path().join("storage/blob"), vec![b'b'; 3_000_000]).unwrap();
    let text = rendered(HTTP, &folder, trusted, true, origin);
    let text = text.replace("listen 80;", "listen 127.0.0.1:{port};");
    // What the harness writes around `http`.
    let http = text.split_once("http {").unwrap().1.rsplit_once('}').unwrap().0.to_owned();
    Running::start_in(folder, &edit(http)).await
}

const OUTER: &str = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: outer.test\r\n\
                     Forwarded: host=evil.test\r\nX-Accel-Redirect: /x\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_claims_is_replaced() {
    let origin = Origin::start().await;
    let front = front(&[], &origin.address.to_string(), |http| http).await;
    let request =
        format!("GET /v2/ HTTP/1.1\r\nHost: h.test:81\r\n{OUTER}Connection: close\r\n\r\n");
    let answer = front.ask(&request).await;
    assert_eq!(answer.received("x-forwarded-proto").as_deref(), Some("http"));
    assert_eq!(answer.received("x-forwarded-for").as_deref(), Some("127.0.0.1"));
    assert_eq!(answer.received("x-real-ip").as_deref(), Some("127.0.0.1"));
    assert_eq!(answer.received("host").as_deref(), Some("h.test:81"));
    for name in ["x-forwarded-host", "forwarded", "x-accel-redirect", "connection"] {
        assert_eq!(answer.received(name), None, "{name}");
    }
    assert_eq!(answer.received("x-request-id").map(|id| id.len()), Some(32));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_trusted_outer_proxy_says_is_passed_on() {
    let origin = Origin::start().await;
    let front = front(&["127.0.0.0/8"], &origin.address.to_string(), |http| http).await;
    let request = format!("GET /v2/ HTTP/1.1\r\nHost: h.test\r\n{OUTER}Connection: close\r\n\r\n");
    let answer = front.ask(&request).await;
    assert_eq!(answer.received("x-forwarded-proto").as_deref(), Some("https"));
    assert_eq!(answer.received("x-forwarded-for").as_deref(), Some("192.0.2.7"));
    assert_eq!(answer.received("x-forwarded-host").as_deref(), Some("outer.test"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_lines_the_scheme_of_an_outer_proxy_passes_through() {
    let origin = Origin::start().await;
    let edit = |http: String| {
        let kept = http.lines().filter(|line| !line.contains("proxy_set_header X-Forwarded-Proto"));
        kept.collect::<Vec<_>>().join("\n")
    };
    let front = front(&[], &origin.address.to_string(), edit).await;
    let request = format!("GET /v2/ HTTP/1.1\r\nHost: h.test\r\n{OUTER}Connection: close\r\n\r\n");
    let answer = front.ask(&request).await;
    assert_eq!(answer.received("x-forwarded-proto").as_deref(), Some("https"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_away_is_told_in_the_words_of_each_client() {
    let front = front(&[], "127.0.0.1:1", |http| http).await;
    let registry = front.get("/v2/library/app/tags/list").await;
    assert_eq!(registry.status, 502);
    assert_eq!(registry.header("content-type"), Some("application/json"));
    assert!(registry.text().starts_with(r#"{"errors":[{"code":"UNAVAILABLE","message":"#));
    assert_eq!(registry.header("docker-distribution-api-version"), Some("registry/2.0"));
    let api = front.get("/api/v2.0/health").await;
    assert!(api.text().starts_with(r#"{"errors":[{"code":"UNKNOWN","message":"#), "{}", api.text());
    let token = front.get("/service/token").await;
    assert_eq!((token.status, token.header("content-type")), (502, Some("application/json")));
    let page = front.get("/harbor/projects").await;
    assert_eq!((page.status, page.header("content-type")), (502, Some("text/html")));
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_lead_where_harbor_s_do() {
    let origin = Origin::start().await;
    let front = front(&[], &origin.address.to_string(), |http| http).await;
    for (path, status) in [
        ("/v1/_ping", 404),
        ("/service/notifications", 404),
        ("/_objects/blob", 404),
        ("/v2", 200),
        ("/v2/", 200),
        ("/service/token?x", 200),
        ("/api/v2.0/projects", 200),
        ("/", 200),
    ] {
        assert_eq!(front.get(path).await.status, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_the_registry_names_comes_from_the_proxy_with_the_registry_s_headers() {
    let origin = Origin::start().await;
    let front = front(&[], &origin.address.to_string(), |http| http).await;
    let answer = front.get("/v2/say/accel/blob").await;
    assert_eq!((answer.status, answer.body.len()), (200, 3_000_000));
    assert_eq!(answer.header("docker-content-digest"), Some("sha256:0123"));
    assert_eq!(answer.header("etag"), Some("\"sha256:0123\""));
    assert_eq!(answer.header("cache-control"), Some("private, max-age=31536000"));
    for name in ["x-accel-redirect", "x-secret"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    let lost = front.get("/v2/say/accel/lost").await;
    assert_eq!(lost.status, 503);
    assert!(lost.text().contains("UNAVAILABLE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_leads_to_https_on_the_port_outside() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), &["harbor.test"]);
    let (plain, tls) = (free_port(), free_port());
    let text = rendered(HTTPS, &folder, &[], false, "127.0.0.1:1")
        .replace("listen 80;", &format!("listen 127.0.0.1:{plain};"))
        .replace("listen 443 ", &format!("listen 127.0.0.1:{tls} "));
    let path = write(&folder, &text);
    let stop = web::Shutdown::new();
    let proxy = crate::Proxy::bind(&path).unwrap();
    let stopping = stop.clone();
    let running = async move { proxy.run(crate::Reload::new(), stopping).await.unwrap() };
    let ended = web::tasks::spawn(&stop, "proxy", running);
    let request =
        b"GET /harbor/x?y=1 HTTP/1.1\r\nHost: Harbor.test:80\r\nConnection: close\r\n\r\n";
    let answer = ask(([127, 0, 0, 1], plain).into(), request).await;
    assert_eq!(answer.status, 301);
    assert_eq!(answer.header("location"), Some("https://harbor.test:8443/harbor/x?y=1"));
    stop.trigger();
    ended.await.unwrap();
}
