//! Somebody who uses the platform: with a name and password or without, and the verbs of a client.

use std::time::Duration;

use bytes::Bytes;
use oci::Digest;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::image::{OCI_INDEX, OCI_MANIFEST};
use crate::{Answer, Image, Index};

const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Actor {
    base: String,
    login: Option<(String, String)>,
    http: Client,
}

impl Actor {
    pub(crate) fn new(base: String, login: Option<(String, String)>) -> Self {
        Self { base, login, http: client() }
    }

    /// A request with this actor's name and password.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.login {
            Some((name, password)) => request.basic_auth(name, Some(password)),
            None => request,
        }
    }

    /// A request without any credentials.
    pub fn plain(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// Sends, and reads the answer whole.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        send(&self.http, request).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a head as it is, with the password; tells the first bytes of the answer. No library tidies the path.
    pub async fn raw(&self, head: &str) -> String {
        let request = self.request(Method::GET, "/").build().expect("a request");
        let host = request.url().authority();
        let mut socket = TcpStream::connect(host).await.expect("the server listens");
        let mut text = format!("{head}\r\nconnection: close\r\n");
        if !head.contains("\r\nhost:") {
            text.push_str(&format!("host: {host}\r\n"));
        }
        if let Some(login) = request.headers().get("authorization") {
            text.push_str(&format!("authorization: {}\r\n", login.to_str().expect("text")));
        }
        text.push_str("\r\n");
        socket.write_all(text.as_bytes()).await.expect("the server reads");
        let mut answer = Vec::new();
        socket.take(16 * 1024).read_to_end(&mut answer).await.expect("the server answers");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A call of the REST API below `/api/v2.0`.
    pub async fn api(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.request(method, &format!("/api/v2.0{path}"));
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.send(request).await
    }

    /// Asks the token service for `scopes`.
    pub async fn ask_token(&self, scopes: &[&str]) -> Answer {
        let mut path = "/service/token?service=harbor-registry".to_owned();
        for scope in scopes {
            path.push_str("&scope=");
            path.push_str(scope);
        }
        self.get(&path).await
    }

    /// A token for `scopes`, whatever of them it allows.
    pub async fn token(&self, scopes: &[&str]) -> String {
        let answer = self.ask_token(scopes).await.ok();
        answer.json()["token"].as_str().expect("there is a token").to_owned()
    }

    /// A request to the registry with a token for all that a client asks for when it pushes to `repository`.
    pub async fn registry(&self, method: Method, repository: &str, path: &str) -> RequestBuilder {
        let scope = format!("repository:{repository}:pull,push,delete");
        let token = self.token(&[&scope]).await;
        self.plain(method, &format!("/v2/{repository}{path}")).bearer_auth(token)
    }

    /// Sends a blob as most clients do: POST, then PUT.
    pub async fn push_blob(&self, repository: &str, bytes: &Bytes) -> Answer {
        let opening = self.registry(Method::POST, repository, "/blobs/uploads/").await;
        let opened = self.send(opening).await;
        if opened.status != 202 {
            return opened;
        }
        let location = format!("{}?digest={}", opened.header("location"), Digest::of(bytes));
        let path = location.rsplit_once("/blobs/").expect("uploads are below /blobs/").1;
        let closing = self.registry(Method::PUT, repository, &format!("/blobs/{path}")).await;
        self.send(closing.body(bytes.clone())).await
    }

    pub async fn push_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        manifest: &Bytes,
    ) -> Answer {
        let path = format!("/manifests/{reference}");
        let request = self.registry(Method::PUT, repository, &path).await;
        self.send(request.header("content-type", media_type).body(manifest.clone())).await
    }

    /// Pushes as `docker push` does; `name` is `repository:tag`. The first refusal ends it.
    pub async fn push(&self, name: &str, image: &Image) -> Answer {
        let (repository, tag) = name.split_once(':').expect("an image name has a tag");
        for blob in image.blobs() {
            let answer = self.push_blob(repository, blob).await;
            if answer.status != 201 {
                return answer;
            }
        }
        self.push_manifest(repository, tag, image.media_type, &image.manifest).await
    }

    pub async fn push_index(&self, name: &str, index: &Index) -> Answer {
        let (repository, tag) = name.split_once(':').expect("an image name has a tag");
        for image in &index.images {
            let digest = image.digest();
            self.push(&format!("{repository}:{tag}-part"), image).await.created();
            self.push_manifest(repository, digest.as_str(), OCI_MANIFEST, &image.manifest)
                .await
                .created();
        }
        self.push_manifest(repository, tag, OCI_INDEX, &index.manifest).await
    }

    /// The manifest of `repository:tag` or `repository@digest`.
    pub async fn pull(&self, name: &str) -> Answer {
        let (repository, reference) =
            name.split_once('@').or_else(|| name.split_once(':')).expect("a name with a reference");
        self.pull_manifest(repository, reference).await
    }

    pub async fn pull_manifest(&self, repository: &str, reference: &str) -> Answer {
        let path = format!("/manifests/{reference}");
        let request = self.registry(Method::GET, repository, &path).await;
        self.send(request.header("accept", ACCEPT)).await
    }

    pub async fn pull_blob(&self, repository: &str, digest: &Digest) -> Answer {
        let request = self.registry(Method::GET, repository, &format!("/blobs/{digest}")).await;
        self.send(request).await
    }

    pub async fn head_blob(&self, repository: &str, digest: &Digest) -> Answer {
        let request = self.registry(Method::HEAD, repository, &format!("/blobs/{digest}")).await;
        self.send(request).await
    }

    /// Deletes a tag or, by digest, an artifact, through the registry.
    pub async fn delete_manifest(&self, repository: &str, reference: &str) -> Answer {
        let path = format!("/manifests/{reference}");
        self.send(self.registry(Method::DELETE, repository, &path).await).await
    }
}

/// A client that follows nothing and remembers nothing.
pub(crate) fn client() -> Client {
    Client::builder()
        .timeout(Duration::from_secs(60))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("a client can be made")
}

pub(crate) async fn send(http: &Client, request: RequestBuilder) -> Answer {
    let request = request.build().expect("the request is well-formed");
    let what = format!("{} {}", request.method(), request.url().path());
    let response = http.execute(request).await;
    let response = response.unwrap_or_else(|error| panic!("{what} is not answered: {error:?}"));
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await.expect("the answer has an end");
    Answer { what, status, headers, body }
}
