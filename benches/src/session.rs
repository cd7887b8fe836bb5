//! One client's connection to a registry, with the distribution specification's verbs.
//!
//! A verb fails on any answer that a client would not accept; what succeeds is counted in `tally`.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::arguments::RunArguments;
use crate::content::{Blob, Pool};
use crate::http::{Address, Connection, Dialer, Head, Request, Sink};
use crate::tokens::{self, Challenge, Tokens};

pub(crate) const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// What docker and containerd say they understand.
const ACCEPT_MANIFEST: &str = "Accept: application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json\r\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum UploadStyle {
    /// POST, PATCH with the bytes, PUT: docker, skopeo, podman.
    Patch,
    /// POST, PUT with the bytes: containerd, `BuildKit`, crane.
    Put,
}

impl fmt::Display for UploadStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Patch => "patch",
            Self::Put => "put",
        })
    }
}

/// A repository's name with the scopes under which tokens for it are kept.
pub(crate) struct Repository {
    pub(crate) name: String,
    pull: String,
    push: String,
}

impl Repository {
    pub(crate) fn new(name: String) -> Self {
        let pull = format!("repository:{name}:pull");
        let push = format!("repository:{name}:pull,push");
        Self { name, pull, push }
    }
}

/// What all connections of one client share.
pub(crate) struct Registry {
    dialer: Dialer,
    tokens: Tokens,
    ca: PathBuf,
    upload: UploadStyle,
    verify: bool,
}

impl Registry {
    pub(crate) fn new(arguments: &RunArguments) -> Result<Self> {
        let address = Address::parse(&arguments.target)?;
        Ok(Self {
            dialer: Dialer::new(address, &arguments.ca, arguments.copy)?,
            tokens: Tokens::new(arguments.user.as_deref(), arguments.password.as_deref()),
            ca: arguments.ca.clone(),
            upload: arguments.upload,
            verify: arguments.verify,
        })
    }
}

/// What a session has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    /// Bytes of bodies, in either direction.
    pub(crate) bytes: u64,
}

pub(crate) struct Session<'a> {
    registry: &'a Registry,
    pool: &'a Pool,
    connection: Connection<'a>,
    pub(crate) tally: Tally,
}

impl<'a> Session<'a> {
    pub(crate) fn new(registry: &'a Registry, pool: &'a Pool) -> Self {
        let connection = Connection::new(&registry.dialer);
        Self { registry, pool, connection, tally: Tally::default() }
    }

    /// Whether the repository has the blob; asked with the rights of a push, as docker does before one.
    pub(crate) fn has_blob(&mut self, repository: &Repository, digest: &str) -> Result<bool> {
        let path = format!("/v2/{}/blobs/{digest}", repository.name);
        let request = Request { method: "HEAD", path: &path, headers: "", body: &[] };
        let head = self.send(&repository.push, &request, &mut Sink::counting())?;
        match head.status {
            200 => Ok(true),
            404 => Ok(false),
            status => bail!("HEAD {path} was answered {status}"),
        }
    }

    pub(crate) fn push_blob(&mut self, repository: &Repository, blob: &Blob) -> Result<()> {
        let path = format!("/v2/{}/blobs/uploads/", repository.name);
        let bytes = blob.pieces(self.pool);
        let mut location = self.upload(repository, "POST", &path, &[], 202)?;
        if self.registry.upload == UploadStyle::Patch {
            location = self.upload(repository, "PATCH", &location, &bytes, 202)?;
        }
        let separator = if location.contains('?') { '&' } else { '?' };
        let path = format!("{location}{separator}digest={}", blob.digest);
        let body = match self.registry.upload {
            UploadStyle::Patch => &[],
            UploadStyle::Put => bytes.as_slice(),
        };
        self.upload(repository, "PUT", &path, body, 201)?;
        Ok(())
    }

    /// One request of an upload; the path that its answer tells to go on with.
    fn upload(
        &mut self,
        repository: &Repository,
        method: &'static str,
        path: &str,
        body: &[&[u8]],
        expected: u16,
    ) -> Result<String> {
        let headers = "Content-Type: application/octet-stream\r\n";
        let request = Request { method, path, headers, body };
        let mut answer = Sink::keeping();
        let head = self.send(&repository.push, &request, &mut answer)?;
        expect(&request, &head, expected, &answer)?;
        self.own_path(&head.location.context("an answer to an upload has no Location")?)
    }

    /// The path of a `Location`, which may be relative, or absolute as the server believes to be called.
    fn own_path(&self, location: &str) -> Result<String> {
        if location.starts_with('/') {
            return Ok(location.to_owned());
        }
        let address = Address::parse(location)?;
        if address.authority != self.registry.dialer.authority() {
            bail!("Location {location} leads away from {}", self.registry.dialer);
        }
        Ok(address.path)
    }

    pub(crate) fn pull_blob(&mut self, repository: &Repository, blob: &Blob) -> Result<()> {
        let path = format!("/v2/{}/blobs/{}", repository.name, blob.digest);
        let request = Request { method: "GET", path: &path, headers: "", body: &[] };
        self.pull(repository, &request, &blob.digest, blob.size)
    }

    pub(crate) fn pull_manifest(
        &mut self,
        repository: &Repository,
        reference: &str,
        digest: &str,
        size: u64,
    ) -> Result<()> {
        let path = format!("/v2/{}/manifests/{reference}", repository.name);
        let request = Request { method: "GET", path: &path, headers: ACCEPT_MANIFEST, body: &[] };
        self.pull(repository, &request, digest, size)
    }

    fn pull(
        &mut self,
        repository: &Repository,
        request: &Request<'_>,
        digest: &str,
        size: u64,
    ) -> Result<()> {
        let mut sink = if self.registry.verify { Sink::hashing() } else { Sink::counting() };
        let head = self.send(&repository.pull, request, &mut sink)?;
        expect(request, &head, 200, &sink)?;
        if sink.received() != size {
            bail!("{} has {} bytes, not {size}", request.path, sink.received());
        }
        if sink.digest().is_some_and(|received| received != digest) {
            bail!("what came from {} has another digest than {digest}", request.path);
        }
        Ok(())
    }

    /// The size of the manifest is checked: a client that was told a wrong one fails its pull.
    pub(crate) fn head_manifest(
        &mut self,
        repository: &Repository,
        reference: &str,
        size: u64,
    ) -> Result<()> {
        let path = format!("/v2/{}/manifests/{reference}", repository.name);
        let request = Request { method: "HEAD", path: &path, headers: ACCEPT_MANIFEST, body: &[] };
        let head = self.send(&repository.pull, &request, &mut Sink::counting())?;
        expect(&request, &head, 200, &Sink::counting())?;
        match head.length {
            Some(length) if length == size => Ok(()),
            length => bail!("HEAD {path} tells {length:?} bytes instead of {size}"),
        }
    }

    pub(crate) fn put_manifest(
        &mut self,
        repository: &Repository,
        reference: &str,
        manifest: &[u8],
    ) -> Result<()> {
        let path = format!("/v2/{}/manifests/{reference}", repository.name);
        let headers = format!("Content-Type: {IMAGE_MANIFEST}\r\n");
        let request = Request { method: "PUT", path: &path, headers: &headers, body: &[manifest] };
        let mut answer = Sink::keeping();
        let head = self.send(&repository.push, &request, &mut answer)?;
        expect(&request, &head, 201, &answer)
    }

    /// `query` is empty or starts with a question mark.
    pub(crate) fn list_tags(&mut self, repository: &Repository, query: &str) -> Result<()> {
        let path = format!("/v2/{}/tags/list{query}", repository.name);
        let request = Request { method: "GET", path: &path, headers: "", body: &[] };
        let mut sink = Sink::counting();
        let head = self.send(&repository.pull, &request, &mut sink)?;
        expect(&request, &head, 200, &sink)
    }

    /// What the registry demands of an unknown client, if it demands anything.
    pub(crate) fn challenge(&mut self) -> Result<Option<Challenge>> {
        let request = Request { method: "GET", path: "/v2/", headers: "", body: &[] };
        let head = self.attempt(&request, None, &mut Sink::counting())?;
        match (head.status, head.challenge) {
            (401, Some(challenge)) => Challenge::parse(&challenge).map(Some),
            (200, _) => Ok(None),
            (status, _) => bail!("GET /v2/ was answered {status} without a Bearer challenge"),
        }
    }

    pub(crate) fn fetch_push_token(
        &mut self,
        challenge: &Challenge,
        repository: &Repository,
    ) -> Result<()> {
        self.fetch_token(challenge, &repository.push).map(drop)
    }

    /// Sends with the token held for `scope`; a challenge is answered once, with a new token.
    fn send(&mut self, scope: &str, request: &Request<'_>, sink: &mut Sink) -> Result<Head> {
        let token = self.registry.tokens.held(scope);
        let head = self.attempt(request, token.as_deref(), sink)?;
        match &head.challenge {
            Some(challenge) if head.status == 401 => {
                let token = self.fetch_token(&Challenge::parse(challenge)?, scope)?;
                self.registry.tokens.hold(scope, &token);
                sink.clear();
                self.attempt(request, Some(&token), sink)
            }
            Some(_) | None => Ok(head),
        }
    }

    fn fetch_token(&mut self, challenge: &Challenge, scope: &str) -> Result<Arc<str>> {
        let address = challenge.address(scope)?;
        let basic = self.registry.tokens.basic();
        let path = address.path.clone();
        let request = Request { method: "GET", path: &path, headers: "", body: &[] };
        let mut answer = Sink::keeping();
        let head = if address.authority == self.registry.dialer.authority() {
            self.attempt(&request, basic, &mut answer)?
        } else {
            let dialer = Dialer::new(address, &self.registry.ca, true)?;
            let headers = basic.unwrap_or_default();
            Connection::new(&dialer).send(&Request { headers, ..request }, &mut answer)?
        };
        expect(&request, &head, 200, &answer)?;
        match answer {
            Sink::Keep(bytes) => tokens::bearer(&bytes),
            Sink::Count(_) | Sink::Hash(..) => bail!("the answer of the token service was lost"),
        }
    }

    fn attempt(
        &mut self,
        request: &Request<'_>,
        authorization: Option<&str>,
        sink: &mut Sink,
    ) -> Result<Head> {
        let headers = format!("{}{}", authorization.unwrap_or_default(), request.headers);
        let head = self.connection.send(&Request { headers: &headers, ..*request }, sink)?;
        self.tally.requests += 1;
        self.tally.bytes += request.body_length() + sink.received();
        Ok(head)
    }
}

fn expect(request: &Request<'_>, head: &Head, status: u16, answer: &Sink) -> Result<()> {
    if head.status == status {
        return Ok(());
    }
    let body = match answer {
        Sink::Keep(bytes) => String::from_utf8_lossy(bytes),
        Sink::Count(_) | Sink::Hash(..) => "".into(),
    };
    bail!("{} {} was answered {} {body}", request.method, request.path, head.status)
}

#[cfg(test)]
mod tests;
