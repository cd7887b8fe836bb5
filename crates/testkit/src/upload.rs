//! The verbs of an upload, step by step, as the distribution specification has them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use oci::Digest;
use reqwest::{Body, Method, RequestBuilder};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::{Actor, Answer};

impl Actor {
    /// Opens an upload; tells where it is.
    pub async fn open_upload(&self, repository: &str) -> String {
        let request = self.registry(Method::POST, repository, "/blobs/uploads/").await;
        self.send(request).await.accepted().header("location").to_owned()
    }

    /// Sends a chunk that says where it belongs; `first` is its offset.
    pub async fn send_chunk(&self, location: &str, first: usize, chunk: &[u8]) -> Answer {
        let range = format!("{first}-{}", first + chunk.len() - 1);
        let request = self.at(Method::PATCH, location).await.header("content-range", range);
        self.send(request.body(chunk.to_vec())).await
    }

    /// Sends bytes without saying how many they are or where they belong.
    pub async fn stream(&self, location: &str, body: Body) -> Answer {
        self.send(self.at(Method::PATCH, location).await.body(body)).await
    }

    /// Ends an upload with its last bytes, if any.
    pub async fn close_upload(&self, location: &str, digest: &Digest, rest: Bytes) -> Answer {
        let location = format!("{location}?digest={digest}");
        self.send(self.at(Method::PUT, &location).await.body(rest)).await
    }

    pub async fn upload_status(&self, location: &str) -> Answer {
        self.send(self.at(Method::GET, location).await).await
    }

    pub async fn cancel_upload(&self, location: &str) -> Answer {
        self.send(self.at(Method::DELETE, location).await).await
    }

    /// Begins to send `announced` bytes, and goes away after `bytes`.
    pub async fn break_off(&self, location: &str, bytes: &[u8], announced: usize) {
        drop(self.begin_to_send(location, bytes, announced).await);
    }

    /// Sends the first `bytes` of `announced`; the connection is open until it is dropped.
    pub async fn begin_to_send(&self, location: &str, bytes: &[u8], announced: usize) -> TcpStream {
        let request = self.at(Method::PATCH, location).await.build().expect("a request");
        let token = request.headers().get("authorization").expect("it has a token");
        let host = request.url().authority();
        let head = format!(
            "PATCH {location} HTTP/1.1\r\nhost: {host}\r\nauthorization: {}\r\n\
             content-type: application/octet-stream\r\ncontent-length: {announced}\r\n\r\n",
            token.to_str().expect("tokens are text")
        );
        let mut socket = TcpStream::connect(host).await.expect("the server listens");
        socket.write_all(head.as_bytes()).await.expect("the server reads");
        socket.write_all(bytes).await.expect("the server reads");
        socket.flush().await.expect("the server reads");
        socket
    }

    /// Waits until the server has acknowledged something of the upload; tells how many bytes.
    pub async fn wait_for_bytes(&self, location: &str) -> usize {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            match self.received(location).await {
                0 => tokio::task::yield_now().await,
                received => return received,
            }
        }
        panic!("nothing of {location} is acknowledged");
    }

    /// How many bytes of the upload are acknowledged.
    pub async fn received(&self, location: &str) -> usize {
        let status = self.upload_status(location).await.expect(204);
        let last = status.header("range").strip_prefix("0-").expect("a range begins at 0");
        match last.parse().expect("a range ends with a number") {
            0 => 0,
            last => 1_usize.saturating_add(last),
        }
    }

    /// Mounts a blob of another repository, with a token for `scopes`.
    pub async fn mount(&self, digest: &Digest, from: &str, to: &str, scopes: &[&str]) -> Answer {
        let path = format!("/v2/{to}/blobs/uploads/?mount={digest}&from={from}");
        let token = self.token(scopes).await;
        self.send(self.plain(Method::POST, &path).bearer_auth(token)).await
    }

    /// A request to a path that the registry told, below a repository.
    async fn at(&self, method: Method, location: &str) -> RequestBuilder {
        let path = location.strip_prefix("/v2/").expect("locations are below /v2/");
        let (repository, rest) = path.rsplit_once("/blobs/").expect("and below a repository");
        self.registry(method, repository, &format!("/blobs/{rest}")).await
    }
}
