//! The other registry: requests to it, and what its answers mean.
//!
//! Credentials go to its own origin, and to its token service if that is of the same host, or one that is known or was
//! named ([`tokens`]). Redirects, to wherever blobs are stored, carry none: the client drops them with the origin. Every
//! address but the registry's own must be a public one, or in a network that the operator named.

mod challenge;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use oci::{Digest, Manifest, MediaType, Reference, RepositoryName};
use tokio::time::timeout;
use url::Url;
use web::client::{self, Client, Method, RequestBuilder, Response};

use crate::counts::{self, Kind};
use crate::error::{Error, Result};
use crate::settings::Settings;
use challenge::Challenge;
use tokens::{Proof, Proofs};

/// The longest wait for the beginning of an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Where something can be served instead.
const IMPATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Upstream {
    client: Client,
    /// Without a slash at its end.
    base: String,
    shown: Arc<str>,
    proofs: Proofs,
}

/// What a tag stands for at the other registry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pointed {
    /// Still at what was known.
    Unchanged,
    To(Digest),
    /// It does not say without sending all of it.
    Untold,
}

/// A manifest as it came.
pub(crate) struct Sent {
    pub(crate) content_type: Option<String>,
    pub(crate) digest: Option<Digest>,
    pub(crate) content: Bytes,
}

/// One thing that is asked for.
#[derive(Clone)]
pub(crate) struct Question<'a> {
    pub(crate) method: Method,
    pub(crate) name: &'a RepositoryName,
    /// Below the name.
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) patience: Duration,
}

impl<'a> Question<'a> {
    pub(crate) fn get(name: &'a RepositoryName, path: String) -> Self {
        Self { method: Method::GET, name, path, headers: Vec::new(), patience: PATIENCE }
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Upstream {
    pub(crate) fn new(settings: Settings) -> Result<Self, client::Error> {
        let client = Client::new(client::Settings {
            allowed: settings.networks.clone(),
            home: settings.url.host_str().map(ToOwned::to_owned),
            ..client::Settings::default()
        })?;
        let base = settings.url.as_str().trim_end_matches('/').to_owned();
        let shown: Arc<str> = base.as_str().into();
        let proofs = Proofs::new(client.clone(), Arc::clone(&shown), settings);
        Ok(Self { client, base, shown, proofs })
    }

    pub(crate) fn shown(&self) -> Arc<str> {
        Arc::clone(&self.shown)
    }

    /// What a tag stands for, without its manifest: Docker Hub counts such questions as no pull.
    pub(crate) async fn pointed(
        &self,
        name: &RepositoryName,
        reference: &Reference,
        known: Option<&Digest>,
    ) -> Result<Pointed> {
        let mut question = manifest(name, reference);
        question.method = Method::HEAD;
        if let Some(known) = known {
            question = question.header("if-none-match", format!("\"{known}\""));
            question.patience = IMPATIENCE;
        }
        let answer = self.ask(question).await?;
        if answer.status().as_u16() == 304 {
            return Ok(Pointed::Unchanged);
        }
        Ok(match digest_in(&answer) {
            Some(digest) if Some(&digest) == known => Pointed::Unchanged,
            Some(digest) => Pointed::To(digest),
            None => Pointed::Untold,
        })
    }

    pub(crate) async fn manifest(
        &self,
        name: &RepositoryName,
        reference: &Reference,
    ) -> Result<Sent> {
        let answer = self.ask(manifest(name, reference)).await?;
        let content_type = header(&answer, "content-type").map(ToOwned::to_owned);
        let digest = digest_in(&answer);
        let content = self.collected(answer, Manifest::MAX_SIZE).await?;
        counts::pulled(Kind::Manifest, content.len());
        Ok(Sent { content_type, digest, content })
    }

    /// Whether the blob is in the repository.
    pub(crate) async fn has_blob(&self, name: &RepositoryName, digest: &Digest) -> Result<()> {
        let mut question = Question::get(name, format!("blobs/{digest}"));
        question.method = Method::HEAD;
        self.ask(question).await.map(drop)
    }

    /// The bytes of the blob from `offset` on, or from the beginning if it does not know ranges: see its status.
    pub(crate) async fn blob(
        &self,
        name: &RepositoryName,
        digest: &Digest,
        offset: u64,
    ) -> Result<Response> {
        let mut question = Question::get(name, format!("blobs/{digest}"));
        if offset > 0 {
            question = question.header("range", format!("bytes={offset}-"));
        }
        self.ask(question).await
    }

    /// The whole of an answer, if it is not larger than it should be.
    pub(crate) async fn collected(&self, answer: Response, limit: usize) -> Result<Bytes> {
        client::collect(answer, limit).await.map_err(|error| match error {
            client::Error::TooLarge { .. } => self.wrong(error.to_string()),
            error => self.away(web::chain(&error).to_string()),
        })
    }

    /// Asks, with what proved to be needed before; if that was not enough, with what the answer wants.
    pub(crate) async fn ask(&self, question: Question<'_>) -> Result<Response> {
        let proof = self.proofs.known(question.name);
        let answer = self.send(&question, proof.as_ref()).await?;
        if answer.status().as_u16() != 401 {
            return self.judged(answer);
        }
        let challenge = Challenge::of(answer.headers().get_all("www-authenticate").iter());
        let proof = self.proofs.renewed(question.name, challenge, proof).await?;
        let answer = self.send(&question, Some(&proof)).await?;
        self.judged(answer)
    }

    async fn send(&self, question: &Question<'_>, proof: Option<&Proof>) -> Result<Response> {
        let Question { method, name, path, headers, patience } = question;
        let url: Url = format!("{}/v2/{name}/{path}", self.base)
            .parse()
            .map_err(|error: url::ParseError| self.away(error.to_string()))?;
        let request = self.client.request(method.clone(), url);
        let mut request: RequestBuilder =
            request.map_err(|error| self.away(web::chain(&error).to_string()))?;
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if let Some(proof) = proof {
            request = proof.put(request);
        }
        match timeout(*patience, request.send()).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.away(web::chain(&error.without_url()).to_string())),
            Err(_late) => Err(self.away(format!("no answer in {} seconds", patience.as_secs()))),
        }
    }

    fn judged(&self, answer: Response) -> Result<Response> {
        let status = answer.status();
        let registry = self.shown();
        match status.as_u16() {
            200..=299 | 304 => Ok(answer),
            404 => Err(Error::NotFound { registry }),
            401 | 403 => Err(Error::Refused { registry, reason: self.proofs.refusal(status) }),
            429 => {
                let seconds = header(&answer, "retry-after").and_then(|value| value.parse().ok());
                Err(Error::TooMany { registry, retry_after: seconds })
            }
            500.. => Err(self.away(format!("it answers {status}"))),
            _ => Err(self.wrong(format!("it answers {status}"))),
        }
    }

    pub(crate) fn away(&self, reason: String) -> Error {
        Error::Away { registry: self.shown(), reason }
    }

    pub(crate) fn wrong(&self, reason: String) -> Error {
        Error::Wrong { registry: self.shown(), reason }
    }
}

fn manifest<'a>(name: &'a RepositoryName, reference: &Reference) -> Question<'a> {
    let accepted = MediaType::ALL.map(MediaType::as_str).join(", ");
    Question::get(name, format!("manifests/{reference}")).header("accept", accepted)
}

pub(crate) fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer.headers().get(name).and_then(|value| value.to_str().ok())
}

fn digest_in(answer: &Response) -> Option<Digest> {
    header(answer, "docker-content-digest").and_then(|value| value.parse().ok())
}
