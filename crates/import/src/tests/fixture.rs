//! A tree in distribution's form, written file by file, with times of its own.

use std::cell::Cell;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use blobs::Store;
use domain::artifacts::{self, Stored};
use domain::testing::now;
use domain::{Clock, Db, imports, tags};
use oci::Digest;
use serde_json::{Value, json};
use tempfile::TempDir;
use web::Shutdown;

use crate::{Options, Progress, Report, by_project};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

pub(super) struct Tree {
    directory: TempDir,
    pub(super) store: Store,
    /// What the next file is dated, in seconds.
    time: Cell<u64>,
}

impl Tree {
    pub(super) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().to_owned();
        let settings = blobs::Settings::Filesystem(blobs::Filesystem { root });
        let store = Store::open(&settings).await.unwrap();
        Self { directory, store, time: Cell::new(1_700_000_000) }
    }

    /// Files are dated this from here on.
    pub(super) fn at(&self, secs: i64) {
        self.time.set(u64::try_from(secs).unwrap());
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join("docker/registry/v2").join(path)
    }

    pub(super) fn write(&self, path: &str, content: &[u8]) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(self.time.get());
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    }

    pub(super) fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).unwrap();
    }

    /// All files with their sizes and times.
    pub(super) fn files(&self) -> Vec<(PathBuf, u64, SystemTime)> {
        let mut files = Vec::new();
        let mut folders = vec![self.directory.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let metadata = entry.metadata().unwrap();
                match metadata.is_dir() {
                    true => folders.push(entry.path()),
                    false => {
                        files.push((entry.path(), metadata.len(), metadata.modified().unwrap()));
                    }
                }
            }
        }
        files.sort();
        files
    }

    pub(super) fn blob_path(digest: &Digest) -> String {
        format!("blobs/sha256/{}/{}/data", digest.hex().split_at(2).0, digest.hex())
    }

    pub(super) fn revision_path(name: &str, digest: &Digest) -> String {
        format!("repositories/{name}/_manifests/revisions/sha256/{}/link", digest.hex())
    }

    pub(super) fn layer_path(name: &str, digest: &Digest) -> String {
        format!("repositories/{name}/_layers/sha256/{}/link", digest.hex())
    }

    pub(super) fn tag_path(name: &str, tag: &str) -> String {
        format!("repositories/{name}/_manifests/tags/{tag}/current/link")
    }

    pub(super) fn blob(&self, content: &[u8]) -> Digest {
        let digest = Digest::of(content);
        self.write(&Self::blob_path(&digest), content);
        digest
    }

    pub(super) fn layer(&self, name: &str, content: &[u8]) -> Value {
        let digest = self.blob(content);
        self.write(&Self::layer_path(name, &digest), digest.as_str().as_bytes());
        let media_type = "application/vnd.oci.image.layer.v1.tar";
        json!({"mediaType": media_type, "digest": digest, "size": content.len()})
    }

    pub(super) fn manifest(&self, name: &str, manifest: &Value) -> Digest {
        self.revision(name, manifest.to_string().as_bytes())
    }

    /// Whatever is to be served as a manifest.
    pub(super) fn revision(&self, name: &str, content: &[u8]) -> Digest {
        let digest = self.blob(content);
        self.write(&Self::revision_path(name, &digest), digest.as_str().as_bytes());
        digest
    }

    /// An image with a config and one layer, `layer of <seed>`.
    pub(super) fn image(&self, name: &str, seed: &str) -> Digest {
        let config = json!({"os": "linux", "architecture": "arm64", "seed": seed}).to_string();
        let mut config = self.layer(name, config.as_bytes());
        config["mediaType"] = "application/vnd.oci.image.config.v1+json".into();
        let layer = self.layer(name, format!("layer of {seed}").as_bytes());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
        });
        self.manifest(name, &manifest)
    }

    pub(super) fn index(&self, name: &str, children: &[Digest]) -> Digest {
        let entries: Vec<Value> = children.iter().map(|child| self.descriptor(child)).collect();
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
        self.manifest(name, &index)
    }

    pub(super) fn signature(&self, name: &str, subject: &Digest) -> Digest {
        let config = self.layer(name, b"{}");
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/x.signature",
            "config": config, "layers": [], "subject": self.descriptor(subject),
        });
        self.manifest(name, &manifest)
    }

    fn descriptor(&self, manifest: &Digest) -> Value {
        let content = self.content(manifest);
        let document: Value = serde_json::from_slice(&content).unwrap();
        json!({"mediaType": document["mediaType"], "digest": manifest, "size": content.len()})
    }

    #[expect(clippy::disallowed_methods, reason = "a test may wait for a disk")]
    pub(super) fn content(&self, digest: &Digest) -> Vec<u8> {
        fs::read(self.path(&Self::blob_path(digest))).unwrap()
    }

    pub(super) fn tag(&self, name: &str, tag: &str, digest: &Digest) {
        let link = digest.as_str().as_bytes();
        self.write(&Self::tag_path(name, tag), link);
        let folder = format!("repositories/{name}/_manifests/tags/{tag}/index/sha256");
        self.write(&format!("{folder}/{}/link", digest.hex()), link);
    }

    pub(super) async fn import(&self, db: &Db) -> Report {
        self.import_with(db, &options()).await
    }

    pub(super) async fn import_with(&self, db: &Db, options: &Options) -> Report {
        let (progress, stop) = (Progress::default(), Shutdown::new());
        crate::run(&self.store, db, options, &progress, &stop).await.unwrap()
    }
}

/// Of a platform, long after the tree was written.
pub(super) fn options() -> Options {
    Options { clock: Clock::manual(now()), ..Options::new(by_project(None)) }
}

/// What the tag or digest stands for.
pub(super) async fn here(db: &Db, name: &str, reference: &str) -> Option<Stored> {
    let id = imports::repository(db, &name.parse().unwrap()).await.unwrap()?;
    artifacts::by_reference(db, id, &reference.parse().unwrap()).await.unwrap()
}

pub(super) async fn tags_of(db: &Db, name: &str) -> Vec<String> {
    let Some(id) = imports::repository(db, &name.parse().unwrap()).await.unwrap() else {
        return Vec::new();
    };
    let names = tags::names(db, id, None, 10_000).await.unwrap();
    names.into_iter().map(|name| name.to_string()).collect()
}
