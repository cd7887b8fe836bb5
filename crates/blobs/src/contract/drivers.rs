//! An empty store of each driver, and what the tests of all of them do.
//!
//! S3 is a server in this process that checks every signature, and the one that `TEST_S3_ENDPOINT` names, if it does.

use std::{
    env, fs, mem,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use oci::Digest;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use s3s::{
    Body,
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_rustls::TlsAcceptor;
use uuid::Uuid;

use crate::{
    Chunks, Error, Key, Memory, Result, S3, Secret, Settings, Store, Upload, driver::Driver,
    settings::Filesystem,
};

pub(crate) const MIB: usize = 1 << 20;
const BUCKET: &str = "images";

/// Runs `check` on an empty store of each driver.
pub(crate) async fn each(check: impl AsyncFn(&Store)) {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("made/when/opened");
    for settings in [Settings::Filesystem(Filesystem { root }), Settings::Memory(Memory::default())]
    {
        check(&Store::open(&settings).await.unwrap()).await;
    }
    each_bucket(async |settings| check(&open(settings).await).await).await;
}

/// Runs `check` with the settings of an empty bucket of each server.
pub(crate) async fn each_bucket(check: impl AsyncFn(&S3)) {
    let server = Server::start().await;
    check(&server.settings()).await;
    if let Some(settings) = named_server() {
        check(&settings).await;
    }
}

pub(crate) async fn open(settings: &S3) -> Store {
    Store::open(&Settings::S3(Box::new(settings.clone()))).await.unwrap()
}

pub(crate) fn is_bucket(store: &Store) -> bool {
    matches!(store.driver(), Driver::Object(_))
}

/// A server that somebody started: `tests/e2e/lib/radosgw.sh` starts Ceph's.
#[expect(clippy::disallowed_methods, reason = "tests are told by the environment alone")]
pub(crate) fn named_server() -> Option<S3> {
    let named = |name: &str| env::var(format!("TEST_S3_{name}")).ok();
    let endpoint = named("ENDPOINT")?.parse().expect("TEST_S3_ENDPOINT is a URL");
    let mut settings = S3::bucket(&named("BUCKET").expect("TEST_S3_BUCKET is a bucket"));
    settings.regionendpoint = Some(endpoint);
    settings.accesskey = named("ACCESSKEY");
    settings.secretkey = named("SECRETKEY").map(Secret::new);
    settings.rootdirectory = format!("/test/{}", Uuid::new_v4());
    install_tls();
    Some(settings)
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
}

impl Server {
    pub(crate) const ACCESS: &str = "platform";
    pub(crate) const SECRET: &str = "not-to-be-told";

    pub(crate) async fn start() -> Self {
        Self::start_behind(None).await
    }

    /// Behind TLS, with a certificate that only an authority of its own has signed, whose certificate is in the file.
    pub(crate) async fn start_with_tls() -> (Self, S3) {
        let (acceptor, authority) = own_tls();
        let server = Self::start_behind(Some(acceptor)).await;
        let cafile = server.directory.path().join("ca.pem");
        fs::write(&cafile, authority).unwrap();
        let endpoint = format!("https://{}", server.address).parse().unwrap();
        let plain = server.settings();
        (server, S3 { regionendpoint: Some(endpoint), cafile: Some(cafile), ..plain })
    }

    async fn start_behind(tls: Option<TlsAcceptor>) -> Self {
        install_tls();
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join(BUCKET)).unwrap();
        let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(directory.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(Self::ACCESS, Self::SECRET));
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
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
        let answer = service_fn(move |req: hyper::Request<hyper::body::Incoming>| {
            let (service, seen) = (service.clone(), Arc::clone(&seen));
            async move {
                let request = format!("{} {}", req.method(), req.uri().query().unwrap_or_default());
                seen.requests.lock().unwrap().push(request);
                let less = |failing: usize| failing.checked_sub(1);
                match seen.failing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) {
                    Ok(_) => {
                        Ok(hyper::Response::builder().status(503).body(Body::empty()).unwrap())
                    }
                    Err(_) => service.call(req.map(Body::from)).await,
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

fn install_tls() {
    // Whether another test of this process was first.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
}

/// Bytes without a period that chunk or block boundaries could hide in.
pub(crate) fn content(length: usize, seed: u32) -> Bytes {
    let mut state = seed | 1;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

pub(crate) async fn gather(mut chunks: Chunks) -> Result<Bytes> {
    let mut all = Vec::new();
    let announced = chunks.remaining();
    while let Some(chunk) = chunks.next().await {
        all.extend(chunk?);
    }
    assert_eq!(all.len() as u64, announced);
    Ok(all.into())
}

pub(crate) async fn read(store: &Store, key: &Key) -> Bytes {
    gather(store.reader(key).await.unwrap().all()).await.unwrap()
}

pub(crate) async fn write(upload: &mut Upload, bytes: &Bytes) {
    for chunk in bytes.chunks(80_000) {
        upload.write(Bytes::copy_from_slice(chunk)).await.unwrap();
    }
}

pub(crate) async fn put(store: &Store, bytes: &Bytes) -> Key {
    let key = Key::fresh();
    store.put(&key, bytes.clone(), &Digest::of(bytes)).await.unwrap();
    key
}

/// Every key there is.
pub(crate) async fn keys(store: &Store) -> Vec<Key> {
    let page = store.list(None).next_page(10_000).await.unwrap();
    page.into_iter().map(|entry| entry.key).collect()
}

/// Does what a caller does once its row is written.
pub(crate) async fn settle(store: &Store, stale: &[Key]) -> Result<(), Error> {
    for key in stale {
        store.delete(key).await?;
    }
    Ok(())
}
