//! The last lines of the services, and the authority's certificate, over HTTP.

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use super::client::Server;

#[actix_web::test]
async fn administrators_read_what_services_logged() {
    let mut server = Server::start().await;
    server.get("admin", "/system/logs").await.is(404);
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("registry.log"), "one id=1\ntwo id=2\nthree id=1\n").unwrap();
    server.app.service_logs = Some(directory.path().to_owned());
    let listed = server.get("admin", "/system/logs").await.is(200).json();
    assert_eq!((&listed[0]["name"], &listed[0]["size"]), (&json!("registry"), &json!(29)));
    let lines = server.get("admin", "/system/logs/registry?lines=2").await.is(200);
    assert_eq!(lines.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(lines.text, "two id=2\nthree id=1\n");
    let lines = server.get("admin", "/system/logs/registry?q=ID%3D1").await.is(200);
    assert_eq!(lines.text, "one id=1\nthree id=1\n");
    for absent in ["proxy", "..%2Fregistry", "registry.log", "%00"] {
        server.get("admin", &format!("/system/logs/{absent}")).await.is(404);
    }
    server.get("alice", "/system/logs").await.is(403);
    server.get("alice", "/system/logs/registry").await.is(403);
    server.get("", "/system/logs/registry").await.is(401);
}

#[actix_web::test]
async fn anybody_gets_the_certificate_of_the_authority() {
    let mut server = Server::start().await;
    server.get("", "/systeminfo/getcert").await.is(404);
    assert_eq!(server.get("alice", "/systeminfo").await.json()["has_ca_root"], json!(false));
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("ca.crt");
    fs::write(&file, "-----BEGIN CERTIFICATE-----\n").unwrap();
    server.app.ca_certificate = Some(file.clone());
    let certificate = server.get("", "/systeminfo/getcert").await.is(200);
    assert_eq!(certificate.text, "-----BEGIN CERTIFICATE-----\n");
    assert_eq!(certificate.header("content-disposition"), "attachment; filename=ca.crt");
    assert_eq!(certificate.header("content-type"), "application/octet-stream");
    assert_eq!(server.get("alice", "/systeminfo").await.json()["has_ca_root"], json!(true));
    fs::remove_file(&file).unwrap();
    server.get("", "/systeminfo/getcert").await.is(404);
}
