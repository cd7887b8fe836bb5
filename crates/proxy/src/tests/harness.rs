//! An upstream that tells what it got, a proxy in front of it, and a client that says exactly what it is told to.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use web::Shutdown;

use crate::{Proxy, Reload};

/// An upstream; its answers are asked for by path.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<AtomicUsize>,
    pub(crate) connections: Arc<AtomicUsize>,
    stop: Shutdown,
}

impl Origin {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, connections) =
            (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let stop = Shutdown::new();
        let (counted, opened, stopping) =
            (Arc::clone(&requests), Arc::clone(&connections), stop.clone());
        let accepting = async move {
            loop {
                let tcp = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap().0,
                    () = stopping.triggered() => return,
                };
                opened.fetch_add(1, Ordering::SeqCst);
                let counted = Arc::clone(&counted);
                let service = service_fn(move |request| {
                    counted.fetch_add(1, Ordering::SeqCst);
                    async move { Ok::<_, Infallible>(told(request).await) }
                });
                let ended = stopping.clone();
                let driven = async move {
                    tokio::select! {
                        _ended = http1::Builder::new().serve_connection(TokioIo::new(tcp), service) => {}
                        () = ended.triggered() => {}
                    }
                };
                drop(web::tasks::spawn(&stopping, "origin connection", driven));
            }
        };
        drop(web::tasks::spawn(&stop, "origin", accepting));
        Self { address, requests, connections, stop }
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.stop.trigger();
    }
}

type Told = Response<BoxBody<Bytes, Infallible>>;

async fn told(request: Request<Incoming>) -> Told {
    let path = request.uri().path().rsplit_once("/say/").map(|(_, what)| what.to_owned());
    let Some(what) = path else { return echo(request).await };
    let mut words = what.split('/');
    let (verb, word) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let full = |text: String| Full::new(Bytes::from(text)).boxed();
    match verb {
        "status" => {
            let mut response = Response::new(full(format!("status {word}\n")));
            *response.status_mut() = word.parse().unwrap_or(StatusCode::OK);
            response
        }
        "accel" => Response::builder()
            .header("X-Accel-Redirect", format!("/_objects/{}", what.trim_start_matches("accel/")))
            .header("Content-Type", "application/octet-stream")
            .header("Cache-Control", "private, max-age=31536000")
            .header("Etag", "\"sha256:0123\"")
            .header("Docker-Content-Digest", "sha256:0123")
            .header("X-Secret", "for the proxy alone")
            .body(full(String::new()))
            .unwrap(),
        "silence" => std::future::pending().await,
        "bytes" => large(word.parse().unwrap_or(0)),
        "location" => Response::builder()
            .status(302)
            .header("Location", "http://backend/elsewhere")
            .body(full(String::new()))
            .unwrap(),
        _ => Response::builder().status(404).body(full("what?\n".to_owned())).unwrap(),
    }
}

/// So many bytes, in pieces, without a length.
fn large(size: usize) -> Told {
    let pieces = futures_util::stream::unfold(size, |left| async move {
        let piece = left.min(64 * 1024);
        (piece > 0).then(|| (Ok(Frame::data(Bytes::from(vec![b'x'; piece]))), left - piece))
    });
    Response::new(BodyExt::boxed(StreamBody::new(Box::pin(pieces))))
}

/// What came: the request line, headers in order of their names, and how much of a body.
async fn echo(request: Request<Incoming>) -> Told {
    let (parts, body) = request.into_parts();
    let mut lines: Vec<String> = parts
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    lines.sort();
    let length = body.collect().await.map(|body| body.to_bytes().len());
    let text = format!("{} {}\n{}\nbody: {length:?}\n", parts.method, parts.uri, lines.join("\n"));
    Response::builder()
        .header("Content-Type", "text/x-echo")
        .header("X-From", "origin")
        .body(Full::new(Bytes::from(text)).boxed())
        .unwrap()
}

/// Below the ports that the system itself hands out: one of those may be a client's before it is listened on.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 16_000).unwrap();
    let candidates = (0..16_000).map(|_| NEXT.fetch_add(1, Ordering::Relaxed));
    let mut ports = candidates.map(|next| 10_000 + first.wrapping_add(next) % 16_000);
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// A running proxy with its own folder.
pub(crate) struct Running {
    pub(crate) folder: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) reload: Reload,
    pub(crate) stop: Shutdown,
    pub(crate) ended: JoinHandle<()>,
}

impl Running {
    /// `http` is what stands in the `http` block; `{folder}` and `{port}` are filled in.
    pub(crate) async fn start(http: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start_in(folder, http).await
    }

    pub(crate) async fn start_in(folder: TempDir, http: &str) -> Self {
        let port = free_port();
        let path = folder.path().join("nginx.conf");
        std::fs::write(&path, whole(&folder, port, http)).unwrap();
        let proxy = Proxy::bind(&path).unwrap_or_else(|error| panic!("{}", web::chain(&error)));
        let (reload, stop) = (Reload::new(), Shutdown::new());
        let (wish, stopping) = (reload.clone(), stop.clone());
        let running = async move { proxy.run(wish, stopping).await.unwrap() };
        let ended = web::tasks::spawn(&Shutdown::new(), "proxy", running);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Self { folder, address, reload, stop, ended }
    }

    pub(crate) fn rewrite(&self, http: &str) {
        let path = self.folder.path().join("nginx.conf");
        std::fs::write(path, whole(&self.folder, self.address.port(), http)).unwrap();
        self.reload.trigger();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// One request on a connection of its own.
    pub(crate) async fn ask(&self, request: &str) -> Answer {
        ask(self.address, request.as_bytes()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: harbor.test\r\nConnection: close\r\n\r\n"))
            .await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.trigger();
    }
}

pub(crate) fn whole(folder: &TempDir, port: u16, http: &str) -> String {
    let text = format!(
        "user root;\nworker_processes 1;\npid {{folder}}/nginx.pid;\nerror_log {{folder}}/error.log;\n\
         events {{ worker_connections 256; }}\nhttp {{\n{http}\n}}\n"
    );
    text.replace("{folder}", folder.path().to_str().unwrap()).replace("{port}", &port.to_string())
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In order of their names, which are in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Of an echo.
    pub(crate) fn received(&self, name: &str) -> Option<String> {
        let start = format!("{name}: ");
        self.text().lines().find_map(|line| line.strip_prefix(&start).map(str::to_owned))
    }
}

/// Sends bytes and reads until the other side ends the connection; `Connection: close` belongs into the request.
pub(crate) async fn ask(address: SocketAddr, request: &[u8]) -> Answer {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(request).await.unwrap();
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), tcp.read_to_end(&mut bytes)).await;
    read.expect("an answer in time").ok();
    parse(&bytes)
}

pub(crate) fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(end) = end else {
        return Answer { status: 0, headers: Vec::new(), body: bytes.to_vec() };
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    headers.sort();
    let mut body = bytes[end + 4..].to_vec();
    if headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked") {
        body = unchunked(&body);
    }
    Answer { status, headers, body }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        if size == 0 || rest.len() < line + 2 + size {
            break;
        }
        body.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 4 + size..];
    }
    body
}
