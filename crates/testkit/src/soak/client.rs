//! A client of the soak: it asks first, then mounts, then sends, as clients do.

use bytes::Bytes;
use oci::Digest;
use reqwest::Method;
use serde_json::json;

use super::Pushed;
use super::layers::Layers;
use crate::image::{OCI_MANIFEST, descriptor};
use crate::{Actor, Answer};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

pub(crate) struct Client {
    actor: Actor,
    /// Any number; it chooses what the client does.
    random: u64,
    repositories: u64,
}

impl Client {
    pub(crate) fn new(actor: Actor, seed: u64, repositories: u64) -> Self {
        Self { actor, random: seed, repositories }
    }

    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.random >> 33
    }

    fn repository(&mut self) -> String {
        format!("library/soak-{}", self.next() % self.repositories)
    }

    async fn ask(&self, method: Method, path: &str, body: Option<(&str, Bytes)>) -> Answer {
        let request = self.actor.request(method, path);
        let request = match body {
            Some((kind, bytes)) => request.header("content-type", kind).body(bytes),
            None => request,
        };
        self.actor.send(request).await
    }

    /// Pushes an image of three shared layers and a config of its own.
    pub(crate) async fn push(&mut self, layers: &Layers, number: u64) -> Result<Pushed, String> {
        let repository = self.repository();
        let config = Bytes::from(json!({ "os": "linux", "number": number }).to_string());
        let mut blobs = vec![Digest::of(&config)];
        let mut described = Vec::new();
        for _ in 0..3 {
            let choice = self.next();
            let (digest, bytes) = layers.pick(choice).ok_or("there are no layers")?;
            self.provide(&repository, digest, bytes).await?;
            described.push(descriptor(LAYER, bytes));
            blobs.push(digest.clone());
        }
        self.upload(&repository, &blobs[0].clone(), &config).await?;
        let manifest = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": descriptor(CONFIG, &config), "layers": described,
        });
        let manifest = Bytes::from(manifest.to_string());
        let path = format!("/v2/{repository}/manifests/t{number}");
        let put = self.ask(Method::PUT, &path, Some((OCI_MANIFEST, manifest.clone()))).await;
        expect(put, 201)?;
        Ok(Pushed { repository, manifest: Digest::of(&manifest), blobs })
    }

    async fn provide(
        &mut self,
        repository: &str,
        digest: &Digest,
        bytes: &Bytes,
    ) -> Result<(), String> {
        let path = format!("/v2/{repository}/blobs/{digest}");
        if self.ask(Method::HEAD, &path, None).await.status == 200 {
            return Ok(());
        }
        let source = self.repository();
        let path = format!("/v2/{repository}/blobs/uploads/?mount={digest}&from={source}");
        let opened = self.ask(Method::POST, &path, None).await;
        match opened.status {
            201 => Ok(()),
            202 => self.close(&opened, digest, bytes).await,
            _ => expect(opened, 202),
        }
    }

    async fn upload(&self, repository: &str, digest: &Digest, bytes: &Bytes) -> Result<(), String> {
        let path = format!("/v2/{repository}/blobs/uploads/");
        let opened = self.ask(Method::POST, &path, None).await;
        match opened.status {
            202 => self.close(&opened, digest, bytes).await,
            _ => expect(opened, 202),
        }
    }

    async fn close(&self, opened: &Answer, digest: &Digest, bytes: &Bytes) -> Result<(), String> {
        let location = opened.header("location");
        let at = location.find("/v2/").ok_or("an upload has a location")?;
        let path = location.get(at..).unwrap_or_default();
        let path = format!("{path}?digest={digest}");
        let body = Some(("application/octet-stream", bytes.clone()));
        expect(self.ask(Method::PUT, &path, body).await, 201)
    }

    pub(crate) async fn delete(&self, image: &Pushed) -> Result<(), String> {
        let path = format!("/v2/{}/manifests/{}", image.repository, image.manifest);
        expect(self.ask(Method::DELETE, &path, None).await, 202)
    }

    /// Pulls the image and compares everything with its digest.
    pub(crate) async fn verify(&self, image: &Pushed) -> Result<(), String> {
        let Pushed { repository, manifest, blobs } = image;
        let mut paths = vec![(format!("/v2/{repository}/manifests/{manifest}"), manifest)];
        let blob = |digest| (format!("/v2/{repository}/blobs/{digest}"), digest);
        paths.extend(blobs.iter().map(blob));
        for (path, digest) in paths {
            let answer = self.ask(Method::GET, &path, None).await;
            if answer.status == 200 && Digest::of(&answer.body) == *digest {
                continue;
            }
            expect(answer, 200)?;
            return Err(format!("{path} has other bytes"));
        }
        Ok(())
    }
}

fn expect(answer: Answer, status: u16) -> Result<(), String> {
    match answer.status == status {
        true => Ok(()),
        false => Err(format!("{}: {} {}", answer.what, answer.status, answer.text())),
    }
}
