//! TLS: names, protocols, HTTP/2, and new certificates without a lost connection.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::harness::{Origin, Running};

/// `server.crt` and `server.key` for `names`, signed by themselves; what is in the certificate.
pub(crate) fn certificate(folder: &Path, names: &[&str]) -> Vec<u8> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    std::fs::write(folder.join("server.crt"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("server.key"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().to_vec()
}

/// Takes any certificate: the tests look at it themselves.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

async fn shake(
    front: &Running,
    name: &str,
    versions: &[&'static SupportedProtocolVersion],
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let tcp = TcpStream::connect(front.address).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

fn shown(stream: &TlsStream<TcpStream>) -> Vec<u8> {
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

/// One certificate in `{folder}`, another in `{folder}/b`.
const TWO: &str = r#"
    ssl_session_tickets off;
    server { listen 127.0.0.1:{port} ssl http2; server_name a.test;
        ssl_certificate {folder}/server.crt; ssl_certificate_key {folder}/server.key; return 200 "a $ssl_protocol"; }
    server { listen 127.0.0.1:{port} ssl; server_name *.b.test;
        ssl_certificate {folder}/b/server.crt; ssl_certificate_key {folder}/b/server.key; return 200 "b $scheme"; }"#;

async fn two() -> (Running, Vec<u8>, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let a = certificate(folder.path(), &["a.test"]);
    std::fs::create_dir(folder.path().join("b")).unwrap();
    let b = certificate(&folder.path().join("b"), &["x.b.test"]);
    (Running::start_in(folder, TWO).await, a, b)
}

const BOTH: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12, &rustls::version::TLS13];

#[tokio::test(flavor = "multi_thread")]
async fn each_name_gets_its_certificate_and_a_strange_one_the_default() {
    let (front, a, b) = two().await;
    for (name, certificate) in [("a.test", &a), ("x.b.test", &b), ("other.test", &a)] {
        let stream = shake(&front, name, BOTH, &[]).await.unwrap();
        assert_eq!(&shown(&stream), certificate, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_is_spoken_to_whoever_offers_it() {
    let (front, _, _) = two().await;
    let stream = shake(&front, "a.test", BOTH, &[b"h2", b"http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, driver) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    drop(web::tasks::spawn(
        &front.stop,
        "client",
        async move { driver.await.ok().unwrap_or_default() },
    ));
    for _ in 0..3 {
        let request = Request::get("https://a.test/").body(Empty::<Bytes>::new()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "a TLSv1.3");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_taken_at_a_reload_and_old_connections_go_on() {
    let (front, a, _) = two().await;
    let old = shake(&front, "a.test", BOTH, &[]).await.unwrap();
    let (mut sender, driver) =
        hyper::client::conn::http1::handshake(TokioIo::new(old)).await.unwrap();
    drop(web::tasks::spawn(
        &front.stop,
        "client",
        async move { driver.await.ok().unwrap_or_default() },
    ));
    let new = certificate(front.folder.path(), &["a.test"]);
    assert_ne!(a, new);
    front.reload.trigger();
    for _ in 0..100 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        if shown(&shake(&front, "a.test", BOTH, &[]).await.unwrap()) == new {
            let request =
                Request::get("/").header("Host", "a.test").body(Empty::<Bytes>::new()).unwrap();
            assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
            return;
        }
    }
    panic!("the new certificate was not taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protocol_that_is_not_listed_is_not_spoken() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), &["a.test"]);
    let http = "server { listen 127.0.0.1:{port} ssl; ssl_protocols TLSv1.3;
        ssl_certificate {folder}/server.crt; ssl_certificate_key {folder}/server.key; return 200 fine; }";
    let front = Running::start_in(folder, http).await;
    assert!(shake(&front, "a.test", &[&rustls::version::TLS12], &[]).await.is_err());
    assert!(shake(&front, "a.test", &[&rustls::version::TLS13], &[]).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_over_http_2_arrives_whole() {
    let origin = Origin::start().await;
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), &["a.test"]);
    let http = format!(
        "server {{ listen 127.0.0.1:{{port}} ssl http2; client_max_body_size 0;
        ssl_certificate {{folder}}/server.crt; ssl_certificate_key {{folder}}/server.key;
        location / {{ proxy_pass http://{}; }} }}",
        origin.address
    );
    let front = Running::start_in(folder, &http).await;
    let stream = shake(&front, "a.test", BOTH, &[b"h2"]).await.unwrap();
    let (mut sender, driver) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    drop(web::tasks::spawn(
        &front.stop,
        "client",
        async move { driver.await.ok().unwrap_or_default() },
    ));
    let body = http_body_util::Full::new(Bytes::from(vec![b'u'; 5_000_000]));
    let request = Request::put("https://a.test/up")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .body(body)
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let text = answer.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(text.contains("body: Ok(5000000)") && text.contains("cookie: a=1; b=2"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_takes_ends_its_connection_over_http_2_as_well() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), &["a.test"]);
    std::fs::write(folder.path().join("large"), vec![b'l'; 8_000_000]).unwrap();
    let http = "send_timeout 1s; server { listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {folder}/server.crt; ssl_certificate_key {folder}/server.key;
        location / { root {folder}; } }";
    let front = Running::start_in(folder, http).await;
    let stream = shake(&front, "a.test", BOTH, &[b"h2"]).await.unwrap();
    let (mut sender, driver) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(65_535)
        .handshake(TokioIo::new(stream))
        .await
        .unwrap();
    let (tell, ended) = tokio::sync::oneshot::channel();
    drop(web::tasks::spawn(&front.stop, "client", async move {
        driver.await.ok().unwrap_or_default();
        tell.send(()).unwrap();
    }));
    let request = Request::get("https://a.test/large").body(Empty::<Bytes>::new()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    tokio::time::timeout(std::time::Duration::from_secs(20), ended).await.unwrap().unwrap();
}
