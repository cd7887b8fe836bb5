//! The other registry, byte by byte: what it is asked is noted, and what it answers is the test's to say.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use oci::{Digest, MediaType};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use url::Url;

#[derive(Clone, Debug)]
pub(super) struct Request {
    /// `GET /v2/…`
    pub(super) line: String,
    pub(super) headers: BTreeMap<String, String>,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Where a range that is asked for begins.
    pub(super) fn start(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.trim_end_matches('-').parse().ok()
    }
}

pub(super) enum Piece {
    Bytes(Bytes),
    /// Nothing more comes until the test says so.
    Wait(Arc<Notify>),
}

pub(super) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    pieces: Vec<Piece>,
    /// The length that is announced.
    length: Option<usize>,
}

impl Answer {
    pub(super) fn of(status: u16) -> Self {
        Self { status, headers: Vec::new(), pieces: Vec::new(), length: Some(0) }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn bytes(status: u16, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { length: Some(bytes.len()), pieces: vec![Piece::Bytes(bytes)], ..Self::of(status) }
    }

    /// Announces `length` bytes, whatever the pieces are; `None` announces nothing.
    pub(super) fn pieces(length: Option<usize>, pieces: Vec<Piece>) -> Self {
        Self { length, pieces, ..Self::of(200) }
    }

    pub(super) fn manifest(content: &Bytes) -> Self {
        Self::bytes(200, content.clone())
            .with("content-type", MediaType::OciManifest.as_str())
            .with("docker-content-digest", Digest::of(content).to_string())
    }
}

#[derive(Clone)]
pub(super) struct Origin {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl Origin {
    pub(super) async fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1", answer).await
    }

    pub(super) async fn at(
        host: &str,
        answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let origin = Self { address: listener.local_addr().unwrap(), asked: Arc::default() };
        let (asked, answer) = (Arc::clone(&origin.asked), Arc::new(answer));
        drop(Handle::current().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
                drop(Handle::current().spawn(async move {
                    // A client that goes away is none of its matter.
                    drop(serve(stream, &asked, &*answer).await);
                }));
            }
        }));
        origin
    }

    pub(super) fn url(&self) -> Url {
        format!("http://{}", self.address).parse().unwrap()
    }

    pub(super) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }

    /// How many requests there were that begin so.
    pub(super) fn count(&self, line: &str) -> usize {
        self.asked().iter().filter(|request| request.line.starts_with(line)).count()
    }
}

async fn serve(
    stream: TcpStream,
    asked: &Mutex<Vec<Request>>,
    answer: &(dyn Fn(&Request) -> Answer + Send + Sync),
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let Some((first, rest)) = lines.split_first() else { return Ok(()) };
    let header = |line: &String| {
        line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
    };
    let line = first.trim_end_matches(" HTTP/1.1").to_owned();
    let request = Request { line, headers: rest.iter().filter_map(header).collect() };
    asked.lock().unwrap().push(request.clone());
    let Answer { status, headers, pieces, length } = answer(&request);
    let mut head = format!("HTTP/1.1 {status} So\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(length) = length {
        head.push_str(&format!("content-length: {length}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    let pieces = if request.line.starts_with("HEAD ") { Vec::new() } else { pieces };
    for piece in pieces {
        stream.flush().await?;
        match piece {
            Piece::Bytes(bytes) => stream.write_all(&bytes).await?,
            Piece::Wait(until) => until.notified().await,
        }
    }
    stream.shutdown().await
}
