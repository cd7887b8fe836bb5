//! A running collector over loopback: nothing is lost by a burst, a rotation, a full disk or a stop.

use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::read::GzDecoder;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use web::Shutdown;

use crate::collector::{self, Sockets};
use crate::{Error, Reopen, Settings, probe};

const SOON: Duration = Duration::from_secs(20);

struct Collector {
    address: SocketAddr,
    stop: Shutdown,
    running: JoinHandle<Result<(), Error>>,
}

impl Collector {
    fn start(directory: &Path, more: serde_json::Value) -> Self {
        let mut settings = serde_json::json!({"listen": "127.0.0.1:0", "directory": directory});
        let all = settings.as_object_mut().expect("an object");
        all.extend(more.as_object().expect("an object").clone());
        let settings: Settings = serde_json::from_value(settings).expect("valid");
        let sockets = Sockets::bind(settings.listen).expect("bound");
        let address = sockets.address().expect("an address");
        let stop = Shutdown::new();
        let running = collector::run(sockets, settings, stop.clone(), Reopen::default());
        #[expect(clippy::disallowed_methods, reason = "the test awaits what it returns")]
        let running = tokio::spawn(running);
        Self { address, stop, running }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("connected")
    }

    async fn stop(self) {
        self.stop.trigger();
        let ended = timeout(SOON, self.running).await.expect("it stops").expect("no panic");
        ended.expect("no error");
    }
}

/// The texts of a service's lines, from the oldest rotated file to the current one.
fn texts(directory: &Path, service: &str) -> Vec<String> {
    let mut numbered: Vec<(usize, PathBuf)> = Vec::new();
    let mut waiting = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let rest = name.strip_prefix(service).and_then(|rest| rest.strip_prefix(".log"));
        match rest {
            Some(rest) if rest.ends_with(".gz") => {
                let number = rest.trim_start_matches('.').trim_end_matches(".gz").parse();
                numbered.push((number.expect("a number"), path));
            }
            Some(rest) if rest.starts_with(".rotated-") => waiting.push(path),
            _ => {}
        }
    }
    numbered.sort();
    waiting.sort();
    let mut all = String::new();
    for (_, path) in numbered.into_iter().rev() {
        let file = fs::File::open(path).expect("a file");
        GzDecoder::new(file).read_to_string(&mut all).expect("gzip");
    }
    for path in waiting {
        all += &fs::read_to_string(path).expect("text");
    }
    all += &fs::read_to_string(directory.join(format!("{service}.log"))).unwrap_or_default();
    all.lines().map(|line| line.split_once("]: ").expect("a heading").1.to_owned()).collect()
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..400 {
        if holds() {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {what}");
}

fn message(service: &str, text: &str) -> String {
    format!("<30>Jul 24 11:17:46 {service}[7]: {text}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_over_tcp_is_kept_in_order_through_rotations() {
    const LINES: usize = 100_000;
    let directory = TempDir::new().expect("a directory");
    let settings = serde_json::json!({"rotate_size": "200k", "rotate_count": 10_000});
    let collector = Collector::start(directory.path(), settings);
    for _ in 0..2 {
        let mut connection = collector.connect().await;
        let burst: String =
            (0..LINES / 2).map(|n| message("registry", &format!("line {n}"))).collect();
        connection.write_all(burst.as_bytes()).await.expect("sent");
        connection.shutdown().await.expect("sent");
        // The collector ends the connection when it has written everything.
        assert_eq!(connection.read(&mut [0]).await.expect("ended"), 0);
    }
    collector.stop().await;
    let expected: Vec<_> =
        (0..2).flat_map(|_| (0..LINES / 2).map(|n| format!("line {n}"))).collect();
    assert!(texts(directory.path(), "registry") == expected, "each line once, in order");
    let rotated = fs::read_dir(directory.path()).expect("a directory").count();
    assert!(rotated > 10, "it was rotated under load: {rotated} files");
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrams_are_taken_at_the_same_address() {
    let directory = TempDir::new().expect("a directory");
    let collector = Collector::start(directory.path(), serde_json::json!({}));
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("bound");
    for number in 0..1000 {
        let message = message("ui", &format!("line {number}"));
        socket.send_to(message.as_bytes(), collector.address).await.expect("sent");
    }
    collector.stop().await;
    let expected: Vec<_> = (0..1000).map(|number| format!("line {number}")).collect();
    assert_eq!(texts(directory.path(), "ui"), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_is_silent() {
    let directory = TempDir::new().expect("a directory");
    let collector = Collector::start(directory.path(), serde_json::json!({}));
    probe(collector.address, SOON).await.expect("healthy");
    collector.stop().await;
    assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_is_held_back_and_nothing_more_is_read() {
    let above = TempDir::new().expect("a directory");
    let obstacle = above.path().join("harbor");
    fs::write(&obstacle, "a file where the directory should be").expect("written");
    let collector = Collector::start(&obstacle, serde_json::json!({}));
    let mut connection = collector.connect().await;
    let line = message("ui", &"x".repeat(10_000));
    let mut sent = 0;
    while timeout(Duration::from_secs(1), connection.write_all(line.as_bytes())).await.is_ok() {
        sent += 1;
        assert!(sent < 10_000, "it reads although it cannot write");
    }
    let asked = probe(collector.address, Duration::from_millis(500)).await;
    assert_eq!(asked.map_err(|error| error.kind()), Err(std::io::ErrorKind::TimedOut));
    fs::remove_file(&obstacle).expect("removed");
    eventually("the lines are written", || {
        obstacle.is_dir() && texts(&obstacle, "ui").len() >= sent
    })
    .await;
    probe(collector.address, SOON).await.expect("healthy");
    drop(connection);
    collector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_although_it_cannot_write() {
    let above = TempDir::new().expect("a directory");
    let obstacle = above.path().join("harbor");
    fs::write(&obstacle, "a file where the directory should be").expect("written");
    let collector = Collector::start(&obstacle, serde_json::json!({}));
    let mut connection = collector.connect().await;
    connection.write_all(message("ui", "text").as_bytes()).await.expect("sent");
    sleep(Duration::from_millis(300)).await;
    collector.stop().await;
}

/// The texts that a server gets over one connection, until there are so many or it ends.
async fn forwarded(server: &TcpListener, count: usize) -> Vec<String> {
    let (mut stream, _) = timeout(SOON, server.accept()).await.expect("soon").expect("accepted");
    let mut bytes = Vec::new();
    let mut texts = Vec::new();
    let mut piece = [0; 4096];
    while texts.len() < count {
        let read = timeout(SOON, stream.read(&mut piece)).await.expect("soon").expect("read");
        bytes.extend_from_slice(&piece[..read]);
        let mut frames = crate::framing::Frames::default();
        texts.clear();
        let mut at = 0;
        while let (used, Some(frame)) = frames.next(&bytes[at..], read == 0) {
            let message = crate::message::Message::parse(frame.bytes).expect("RFC 5424");
            texts.push(String::from_utf8_lossy(message.text).into_owned());
            at += used;
        }
        if read == 0 {
            break;
        }
    }
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_forwarded_and_again_when_the_server_is_back() {
    let directory = TempDir::new().expect("a directory");
    let server = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let address = server.local_addr().expect("an address");
    let settings = serde_json::json!({"forward": format!("tcp://{address}")});
    let collector = Collector::start(directory.path(), settings);
    let mut connection = collector.connect().await;
    connection.write_all(message("ui", "one").as_bytes()).await.expect("sent");
    assert_eq!(forwarded(&server, 1).await, ["one"]);
    drop(server);
    // While it is away they wait: that the connection has ended is seen before anything is sent into it.
    for text in ["two", "three", "four"] {
        connection.write_all(message("ui", text).as_bytes()).await.expect("sent");
        sleep(Duration::from_millis(200)).await;
    }
    let server = TcpListener::bind(address).await.expect("bound");
    assert_eq!(forwarded(&server, 3).await, ["two", "three", "four"]);
    drop(connection);
    collector.stop().await;
    assert_eq!(texts(directory.path(), "ui"), ["one", "two", "three", "four"]);
}
