//! A server of S3 in this process, and one that takes Google's credentials instead.
//!
//! Google's XML interface is that of S3 but for who may ask: a token that the account's key has signed, or a URL that it has.

use std::{
    fs, mem,
    net::SocketAddr,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use data_encoding::BASE64URL_NOPAD;
use http::header::AUTHORIZATION;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256};
use s3s::{
    Body,
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use serde_json::json;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::{Gcs, S3, Secret};

const BUCKET: &str = "images";

/// A service account of Google's.
pub(crate) struct Account(KeyPair);

impl Account {
    pub(crate) const EMAIL: &str = "registry@project.iam.gserviceaccount.com";

    /// The one of this process: a key takes a while to make.
    pub(crate) fn own() -> &'static Self {
        static OWN: LazyLock<Account> =
            LazyLock::new(|| Account(KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap()));
        &OWN
    }

    /// Its key as Google lets it be downloaded.
    pub(crate) fn key_file(&self) -> String {
        let key = json!({
            "type": "service_account", "private_key_id": "1", "private_key": self.0.serialize_pem(),
            "client_email": Self::EMAIL,
        });
        key.to_string()
    }

    pub(crate) fn has_signed(&self, text: &str, signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.0.public_key_raw());
        key.verify(text.as_bytes(), signature).is_ok()
    }

    /// Whether a header has a token that is signed by it.
    fn has_sent(&self, authorization: &str) -> bool {
        let token = authorization.strip_prefix("Bearer ");
        token.and_then(|token| token.rsplit_once('.')).is_some_and(|(text, signature)| {
            let signature = BASE64URL_NOPAD.decode(signature.as_bytes());
            signature.is_ok_and(|signature| self.has_signed(text, &signature))
        })
    }
}

/// A server of S3 in this process, gone with it.
pub(crate) struct Server {
    address: SocketAddr,
    directory: TempDir,
    seen: Arc<Seen>,
    _serving: JoinSet<()>,
}

/// What the server was asked, and how it is to answer.
#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<String>>,
    failing: AtomicUsize,
    google: bool,
}

impl Seen {
    /// What there is to answer without the service.
    fn refusal(&self, req: &mut hyper::Request<Incoming>) -> Option<u16> {
        let request = format!("{} {}", req.method(), req.uri().query().unwrap_or_default());
        self.requests.lock().unwrap().push(request);
        let less = |failing: usize| failing.checked_sub(1);
        if self.failing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
            return Some(503);
        }
        let sent = self.google.then(|| req.headers_mut().remove(AUTHORIZATION))?;
        let sent = sent.is_some_and(|sent| Account::own().has_sent(sent.to_str().unwrap()));
        (!sent).then_some(403)
    }
}

impl Server {
    pub(crate) const ACCESS: &str = "platform";
    pub(crate) const SECRET: &str = "not-to-be-told";

    pub(crate) async fn start() -> Self {
        Self::start_behind(None, false).await
    }

    pub(crate) async fn start_as_google() -> Self {
        Self::start_behind(None, true).await
    }

    /// Behind TLS, with a certificate that only an authority of its own has signed, whose certificate is in the file.
    pub(crate) async fn start_with_tls() -> (Self, S3) {
        let (acceptor, authority) = own_tls();
        let server = Self::start_behind(Some(acceptor), false).await;
        let cafile = server.directory.path().join("ca.pem");
        fs::write(&cafile, authority).unwrap();
        let endpoint = format!("https://{}", server.address).parse().unwrap();
        let plain = server.settings();
        (server, S3 { regionendpoint: Some(endpoint), cafile: Some(cafile), ..plain })
    }

    async fn start_behind(tls: Option<TlsAcceptor>, google: bool) -> Self {
        install_tls();
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join(BUCKET)).unwrap();
        let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(directory.path()).unwrap());
        if !google {
            service.set_auth(SimpleAuth::from_single(Self::ACCESS, Self::SECRET));
        }
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen { google, ..Seen::default() });
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, tls, service, Arc::clone(&seen)));
        Self { address, directory, seen, _serving: serving }
    }

    pub(crate) fn settings(&self) -> S3 {
        S3 {
            regionendpoint: Some(format!("http://{}", self.address).parse().unwrap()),
            accesskey: Some(Self::ACCESS.to_owned()),
            secretkey: Some(Secret::new(Self::SECRET)),
            rootdirectory: "/harbor/images".to_owned(),
            ..S3::bucket(BUCKET)
        }
    }

    pub(crate) fn google(&self) -> Gcs {
        Gcs {
            endpoint: Some(format!("http://{}", self.address).parse().unwrap()),
            credentials: Some(Secret::new(Account::own().key_file())),
            rootdirectory: "/harbor/images".to_owned(),
            ..Gcs::bucket(BUCKET)
        }
    }

    /// Names of the parts of multipart uploads that were neither completed nor aborted.
    pub(crate) fn parts(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with(".upload")).collect()
    }

    /// Method and query of every request since the last look.
    pub(crate) fn requests(&self) -> Vec<String> {
        mem::take(&mut *self.seen.requests.lock().unwrap())
    }

    /// The next `count` requests are answered with 503.
    pub(crate) fn fail(&self, count: usize) {
        self.seen.failing.store(count, Ordering::Relaxed);
    }
}

async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    service: S3Service,
    seen: Arc<Seen>,
) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (service, seen) = (service.clone(), Arc::clone(&seen));
        let answer = service_fn(move |mut req: hyper::Request<Incoming>| {
            let (service, seen) = (service.clone(), Arc::clone(&seen));
            async move {
                match seen.refusal(&mut req) {
                    Some(status) => {
                        Ok(hyper::Response::builder().status(status).body(Body::empty()).unwrap())
                    }
                    None => service.call(req.map(Body::from)).await,
                }
            }
        });
        let tls = tls.clone();
        connections.spawn(async move {
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            let ended = match tls {
                None => builder.serve_connection(TokioIo::new(stream), answer).await,
                // A client that does not trust us goes away.
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => builder.serve_connection(TokioIo::new(stream), answer).await,
                    Err(_) => Ok(()),
                },
            };
            if let Err(error) = ended {
                tracing::debug!(error, "a connection ended");
            }
        });
    }
}

/// A certificate for this host, and that of the authority that signed it, in PEM.
fn own_tls() -> (TlsAcceptor, String) {
    install_tls();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer_key = KeyPair::generate().unwrap();
    let root = authority.self_signed(&issuer_key).unwrap();
    let issuer = Issuer::new(authority, issuer_key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key.into())
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), root.pem())
}

pub(super) fn install_tls() {
    // Whether another test of this process was first.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
}
