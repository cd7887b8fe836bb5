//! Small images for tests: made, uploaded and pushed in a line.

use oci::{Digest, Manifest, Reference, RepositoryName, Tag};
use serde_json::{Value, json};

use super::{admin, project, push_permit};
use crate::artifacts::{self, Push, Pushed};
use crate::blobs::{self, Recorded};
use crate::ids::RepositoryId;
use crate::permit::RepositoryPermit;
use crate::{Db, Result, Timestamp, Tx, projects, repositories};

/// Noon of some day; tests count from it.
pub(crate) const fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + secs)
}

pub(crate) fn reference(text: &str) -> Reference {
    text.parse().expect("a reference")
}

/// A permit to push; the project is made, public, if it is not there.
pub(crate) async fn permit(db: &Db, name: &str) -> RepositoryPermit {
    let path: RepositoryName = name.parse().expect("a repository's name");
    if projects::by_key(db, &admin(), path.project()).await.unwrap().is_none() {
        project(db, path.project(), true).await;
    }
    push_permit(db, name).await
}

/// Uploads bytes to the repository under a fresh key.
pub(crate) async fn upload(db: &Db, name: &str, content: &[u8], now: Timestamp) -> Recorded {
    let key = format!("objects/{}", uuid::Uuid::new_v4());
    let permit = permit(db, name).await;
    let mut tx = db.begin().await.unwrap();
    let repository = repositories::ensure(&mut tx, &permit, now).await.unwrap();
    let size = content.len() as u64;
    let recorded =
        blobs::record(&mut tx, repository, &Digest::of(content), size, &key, now).await.unwrap();
    tx.commit().await.unwrap();
    recorded
}

/// Makes the repository of the permit, visible as if a manifest had been pushed.
pub(crate) async fn publish(
    tx: &mut Tx,
    permit: &RepositoryPermit,
    now: Timestamp,
) -> RepositoryId {
    let id = repositories::ensure(tx, permit, now).await.unwrap();
    assert_eq!(repositories::showing(id, now).execute(tx).await.unwrap(), 1);
    id
}

fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(content), "size": content.len()})
}

/// A manifest of an image with this config and these layers.
pub(crate) fn image(config: &[u8], layers: &[&[u8]]) -> Value {
    let layer = |content: &&[u8]| descriptor("application/vnd.oci.image.layer.v1.tar", content);
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", config),
        "layers": layers.iter().map(layer).collect::<Vec<_>>(),
    })
}

/// An index of these manifests.
pub(crate) fn index(manifests: &[&Value]) -> Value {
    let entry = |manifest: &&Value| {
        let mut entry = descriptor("application/vnd.oci.image.manifest.v1+json", &bytes(manifest));
        entry["platform"] = json!({"os": "linux", "architecture": "arm64", "variant": "v8"});
        entry
    };
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": manifests.iter().map(entry).collect::<Vec<_>>(),
    })
}

pub(crate) fn bytes(manifest: &Value) -> Vec<u8> {
    manifest.to_string().into_bytes()
}

pub(crate) fn digest(manifest: &Value) -> Digest {
    Digest::of(&bytes(manifest))
}

/// Pushes the manifest by tag, or by digest if `tag` is empty.
pub(crate) async fn push(
    db: &Db,
    name: &str,
    tag: &str,
    manifest: &Value,
    now: Timestamp,
) -> Result<Pushed> {
    push_requiring(db, &artifacts::Required::All, name, tag, manifest, now).await
}

/// As [`push`], where an index may list what is not there.
pub(crate) async fn push_requiring(
    db: &Db,
    required: &artifacts::Required,
    name: &str,
    tag: &str,
    manifest: &Value,
    now: Timestamp,
) -> Result<Pushed> {
    let content = bytes(manifest);
    let digest = Digest::of(&content);
    let tag: Option<Tag> = (!tag.is_empty()).then(|| tag.parse().expect("a tag"));
    let parsed = Manifest::parse(None, &content).expect("a manifest");
    let push = Push {
        tags: tag.as_slice(),
        manifest: &parsed,
        digest: &digest,
        content: &content,
        platform: None,
        required,
    };
    let permit = permit(db, name).await;
    if let Some(pushed) = artifacts::push_alone(db, &permit, &push, now).await? {
        return Ok(pushed);
    }
    let mut tx = db.begin().await?;
    let pushed = artifacts::push(&mut tx, &permit, &push, now).await?;
    tx.commit().await?;
    Ok(pushed)
}

/// Uploads and pushes an image with one layer made of `seed`; gives its manifest.
pub(crate) async fn push_image(
    db: &Db,
    name: &str,
    tag: &str,
    seed: &str,
    now: Timestamp,
) -> Value {
    let (config, layer) = (format!("{{\"config\":\"{seed}\"}}"), format!("layer {seed}"));
    upload(db, name, config.as_bytes(), now).await;
    upload(db, name, layer.as_bytes(), now).await;
    let manifest = image(config.as_bytes(), &[layer.as_bytes()]);
    push(db, name, tag, &manifest, now).await.unwrap();
    manifest
}
