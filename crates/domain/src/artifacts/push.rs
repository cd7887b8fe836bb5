//! A push: one transaction that makes a manifest an artifact of its repository, or changes nothing.
//!
//! The number of statements does not depend on how many blobs or children the manifest has, up to what one
//! statement takes. What most pushes are is one batch ([`at_once`]).

mod at_once;

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use bytes::Bytes;
use oci::{Descriptor, Digest, Manifest, Platform, Tag};

use super::sparse::{self, Absent, Required};
use super::{kind, quota};
use crate::ids::{ArtifactId, BlobId, RepositoryId};
use crate::permit::RepositoryPermit;
use crate::sql::batch::{self, Answers};
use crate::sql::{Batch, CHUNK, Sql, Value};
use crate::{Db, Entity, Error, Result, Timestamp, Tx, audit, repositories, tags};

/// What is pushed.
#[derive(Clone, Copy, Debug)]
pub struct Push<'a> {
    /// What is to stand for it from now on, each once; none for a push by digest alone.
    pub tags: &'a [Tag],
    pub manifest: &'a Manifest,
    /// Of `content`, in the algorithm that the client used.
    pub digest: &'a Digest,
    /// The exact bytes.
    pub content: &'a [u8],
    /// What the config of an image says.
    pub platform: Option<&'a Platform>,
    /// Which of the manifests that an index lists must be there.
    pub required: &'a Required,
}

/// What the push made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    pub artifact: ArtifactId,
    pub repository: RepositoryId,
    pub digest: Digest,
    /// For the header `OCI-Subject`.
    pub subject: Option<Digest>,
}

/// A blob that the repository has.
pub(crate) struct Link {
    blob: BlobId,
    size: i64,
    is_leased: bool,
}

#[derive(sqlx::FromRow)]
struct LinkRow {
    id: BlobId,
    digest: String,
    size: i64,
    is_leased: bool,
}

impl LinkRow {
    fn into_entry(self) -> (String, Link) {
        (self.digest, Link { blob: self.id, size: self.size, is_leased: self.is_leased })
    }
}

#[derive(sqlx::FromRow)]
struct ChildRow {
    digest: String,
    id: ArtifactId,
    size: i64,
}

impl ChildRow {
    fn into_entry(self) -> (String, (ArtifactId, i64)) {
        (self.digest, (self.id, self.size))
    }
}

/// A manifest that an index lists and the repository has.
pub(crate) struct Entry<'a> {
    pub(crate) position: i64,
    pub(crate) descriptor: &'a Descriptor,
    pub(crate) child: ArtifactId,
    pub(crate) size: i64,
}

/// Makes the manifest an artifact of the permit's repository and moves the tags to it. Pushing again changes nothing else.
///
/// `MissingContent` if the repository lacks blobs or listed manifests that are required; a descriptor with a wrong size is `Invalid`.
pub async fn push(
    tx: &mut Tx,
    permit: &RepositoryPermit,
    push: &Push<'_>,
    now: Timestamp,
) -> Result<Pushed> {
    let place = place(tx, permit, push.manifest, now).await?;
    let repository = place.repository;
    let content = require_content(push, place.links, &place.children)?;
    let mut batch = Batch::default();
    let adding = hold_links(&mut batch, repository, &content.links);
    if let Some(limit) = place.limit {
        // What is held counts.
        mem::take(&mut batch).run(tx).await?;
        quota::check(tx, permit.project().id, limit, adding).await?;
    }
    record(&mut batch, permit, push, now);
    write(tx, batch, repository, push, &content, now).await
}

/// As [`push`], in a transaction of its own that is one go at the database, for what most pushes are; `None`, and
/// nothing is changed, if it is another one, or has to be refused.
pub async fn push_alone(
    db: &Db,
    permit: &RepositoryPermit,
    push: &Push<'_>,
    now: Timestamp,
) -> Result<Option<Pushed>> {
    at_once::push(db, permit, push, now).await
}

/// Makes the artifact with its tags, what it points at, and its places in the indexes that wait for it. What is in `batch`
/// goes first.
pub(crate) async fn write(
    tx: &mut Tx,
    mut batch: Batch,
    repository: RepositoryId,
    push: &Push<'_>,
    content: &Content<'_>,
    now: Timestamp,
) -> Result<Pushed> {
    let size = total_size(push, &content.entries);
    let attaching = content.links.chunks(CHUNK).map(|links| {
        let mut blobs = Sql::new("b.id IN ");
        blobs.list(links.iter().map(|link| link.blob.0));
        attaching(repository, push.digest, &blobs)
    });
    let artifact = writing(&mut batch, (repository, push), attaching, size, now)?;
    let awaiting = batch.add(sparse::taking(repository, push.digest));
    let answers = batch.run(tx).await?;
    let pushed = pushed(&answers, artifact, (repository, push))?;
    sparse::fill(tx, answers.rows(awaiting)?, pushed.artifact, size).await?;
    attach_children(tx, pushed.artifact, &content.entries).await?;
    sparse::note(tx, repository, pushed.artifact, &content.absent).await?;
    Ok(pushed)
}

/// Adds the artifact, whose place this gives, its blobs and its tags.
fn writing(
    batch: &mut Batch,
    (repository, push): (RepositoryId, &Push<'_>),
    attaching: impl IntoIterator<Item = Sql>,
    size: i64,
    now: Timestamp,
) -> Result<batch::Place> {
    let artifact = batch.add(upsert(repository, push, size, now)?);
    for sql in attaching {
        batch.add(sql);
    }
    for tags in push.tags.chunks(CHUNK) {
        batch.add(tags::pointing(repository, tags, push.digest, now));
    }
    Ok(artifact)
}

fn pushed(
    answers: &Answers,
    artifact: batch::Place,
    (repository, push): (RepositoryId, &Push<'_>),
) -> Result<Pushed> {
    let (artifact,) = answers.row(artifact)?.ok_or(Error::NotFound(Entity::Artifact))?;
    Ok(Pushed {
        artifact,
        repository,
        digest: push.digest.clone(),
        subject: push.manifest.subject.as_ref().map(|subject| subject.digest.clone()),
    })
}

/// Where a manifest is pushed to, and what it finds there.
pub(crate) struct Place {
    pub(crate) repository: RepositoryId,
    /// Of the project, in bytes.
    limit: Option<i64>,
    pub(crate) links: BTreeMap<String, Link>,
    pub(crate) children: Children,
}

/// Artifacts by their digests, each with its size.
pub(crate) type Children = BTreeMap<String, (ArtifactId, i64)>;

/// Holds the rows of the project, if it has a limit, and of the repository, which is made visible, until the end of the
/// transaction.
pub(crate) async fn place(
    tx: &mut Tx,
    permit: &RepositoryPermit,
    manifest: &Manifest,
    now: Timestamp,
) -> Result<Place> {
    if let Some(known) = permit.repository()
        && let Some(place) = look(tx, permit, known, manifest, now).await?
    {
        return Ok(place);
    }
    let made = repositories::ensure(tx, permit, now).await?;
    let place = look(tx, permit, made, manifest, now).await?;
    place.ok_or(Error::NotFound(Entity::Repository))
}

/// `None` if the repository is gone.
async fn look(
    tx: &mut Tx,
    permit: &RepositoryPermit,
    repository: RepositoryId,
    manifest: &Manifest,
    now: Timestamp,
) -> Result<Option<Place>> {
    let mut batch = Batch::default();
    let limit = batch.add(quota::holding_limit(permit.project().id));
    let shown = batch.add(repositories::showing(repository, now));
    let mut add = |digests: Vec<&str>, of: fn(RepositoryId, &[&str]) -> Sql| -> Vec<batch::Place> {
        digests.chunks(CHUNK).map(|chunk| batch.add(of(repository, chunk))).collect()
    };
    let links = add(distinct(manifest.blobs()), links_of);
    let children = add(distinct(manifest.children()), artifacts_of);
    let answers = batch.run(tx).await?;
    if answers.changed(shown) == 0 {
        return Ok(None);
    }
    let limit = answers.row(limit)?.map(|(limit,): (i64,)| limit);
    let mut place = Place { repository, limit, links: BTreeMap::new(), children: Children::new() };
    for chunk in links {
        place.links.extend(answers.rows(chunk)?.into_iter().map(LinkRow::into_entry));
    }
    for chunk in children {
        place.children.extend(answers.rows(chunk)?.into_iter().map(ChildRow::into_entry));
    }
    Ok(Some(place))
}

/// Adds the lines of the log.
fn record(batch: &mut Batch, permit: &RepositoryPermit, push: &Push<'_>, now: Timestamp) {
    let resources = resources(permit, push);
    let acts: Vec<_> =
        resources.iter().map(|it| audit::of(permit, "create", "artifact", it)).collect();
    for acts in acts.chunks(CHUNK) {
        batch.add(audit::appending(acts, now));
    }
}

/// The names under which the push is in the log.
fn resources(permit: &RepositoryPermit, push: &Push<'_>) -> Vec<String> {
    match push.tags {
        [] => vec![format!("{}@{}", permit.name(), push.digest)],
        tags => tags.iter().map(|tag| format!("{}:{tag}", permit.name())).collect(),
    }
}

/// What a manifest points at.
pub(crate) struct Content<'a> {
    pub(crate) links: Vec<Link>,
    pub(crate) entries: Vec<Entry<'a>>,
    pub(crate) absent: Vec<Absent<'a>>,
}

/// The blobs and manifests that the manifest needs; all that are missing are named.
fn require_content<'a>(
    push: &Push<'a>,
    links: BTreeMap<String, Link>,
    children: &Children,
) -> Result<Content<'a>> {
    let manifest = push.manifest;
    let mut missing = BTreeSet::new();
    for blob in manifest.blobs() {
        match links.get(blob.digest.as_str()) {
            Some(link) => same_size(blob, link.size)?,
            None => drop(missing.insert(blob.digest.to_string())),
        }
    }
    let (entries, absent) = listed(manifest, children);
    let demanded = absent.iter().filter(|absent| push.required.demands(absent.descriptor));
    missing.extend(demanded.map(|absent| absent.descriptor.digest.to_string()));
    if !missing.is_empty() {
        return Err(Error::MissingContent { missing: missing.into_iter().collect() });
    }
    Ok(Content { links: links.into_values().collect(), entries, absent })
}

/// What an index lists and the repository has, and what it has not, each at its place.
pub(crate) fn listed<'a>(
    manifest: &'a Manifest,
    children: &Children,
) -> (Vec<Entry<'a>>, Vec<Absent<'a>>) {
    let (mut entries, mut absent) = (Vec::new(), Vec::new());
    for (position, descriptor) in (0_i64..).zip(manifest.children()) {
        match children.get(descriptor.digest.as_str()) {
            Some(&(child, size)) => entries.push(Entry { position, descriptor, child, size }),
            None => absent.push(Absent { position, descriptor }),
        }
    }
    (entries, absent)
}

pub(crate) fn distinct<'a>(descriptors: impl Iterator<Item = &'a Descriptor>) -> Vec<&'a str> {
    let digests: BTreeSet<_> = descriptors.map(|descriptor| descriptor.digest.as_str()).collect();
    digests.into_iter().collect()
}

fn same_size(descriptor: &Descriptor, stored: i64) -> Result<()> {
    if i64::try_from(descriptor.size) == Ok(stored) {
        return Ok(());
    }
    let reason =
        format!("{} has {stored} bytes, the manifest says {}", descriptor.digest, descriptor.size);
    Err(Error::invalid("size", reason))
}

fn links_of(repository: RepositoryId, digests: &[&str]) -> Sql {
    let mut sql = Sql::new(
        "SELECT b.id, b.digest, b.size, rb.leased_at IS NOT NULL AS is_leased FROM blobs b \
         JOIN repository_blobs rb ON rb.blob_id = b.id \
         WHERE b.damaged_at IS NULL AND rb.repository_id = ",
    );
    sql.bind(repository.0).push(" AND b.digest IN ").list(digests.iter().copied());
    sql
}

fn artifacts_of(repository: RepositoryId, digests: &[&str]) -> Sql {
    let mut sql = Sql::new("SELECT digest, id, size FROM artifacts WHERE repository_id = ");
    sql.bind(repository.0).push(" AND digest IN ").list(digests.iter().copied());
    sql
}

/// The artifacts of those digests that the repository has.
pub(crate) async fn children_of(
    tx: &mut Tx,
    repository: RepositoryId,
    digests: &[&str],
) -> Result<Children> {
    let mut batch = Batch::default();
    let places: Vec<_> =
        digests.chunks(CHUNK).map(|chunk| batch.add(artifacts_of(repository, chunk))).collect();
    let answers = batch.run(tx).await?;
    let mut artifacts = Children::new();
    for place in places {
        artifacts.extend(answers.rows(place)?.into_iter().map(ChildRow::into_entry));
    }
    Ok(artifacts)
}

/// Turns leases into holds; tells how many bytes were only leased before.
pub(crate) fn hold_links(batch: &mut Batch, repository: RepositoryId, links: &[Link]) -> i64 {
    let leased: Vec<&Link> = links.iter().filter(|link| link.is_leased).collect();
    for chunk in leased.chunks(CHUNK) {
        let mut sql =
            Sql::new("UPDATE repository_blobs SET leased_at = NULL WHERE repository_id = ");
        sql.bind(repository.0).push(" AND blob_id IN ").list(chunk.iter().map(|link| link.blob.0));
        batch.add(sql);
    }
    leased.iter().fold(0, |sum: i64, link| sum.saturating_add(link.size))
}

fn total_size(push: &Push<'_>, entries: &[Entry<'_>]) -> i64 {
    let own = (push.content.len() as u64).saturating_add(push.manifest.size());
    let own = i64::try_from(own).unwrap_or(i64::MAX);
    entries.iter().fold(own, |sum, entry| sum.saturating_add(entry.size))
}

fn upsert(repository: RepositoryId, push: &Push<'_>, size: i64, now: Timestamp) -> Result<Sql> {
    let manifest = push.manifest;
    let unknown = Platform::default();
    let platform = push.platform.unwrap_or(&unknown);
    let mut sql = Sql::new(
        "INSERT INTO artifacts (repository_id, digest, kind, media_type, artifact_type, \
         config_media_type, subject_digest, size, annotations, os, architecture, variant, pushed_at, content)",
    );
    sql.rows([[
        Value::from(repository.0),
        Value::from(push.digest.as_str()),
        Value::from(kind::of(manifest)),
        Value::from(manifest.media_type.as_str()),
        Value::from(manifest.artifact_type().unwrap_or_default()),
        Value::from(manifest.config().map_or("", |config| config.media_type.as_str())),
        Value::from(manifest.subject.as_ref().map(|subject| subject.digest.as_str())),
        Value::from(size),
        Value::from(json(&manifest.annotations)?),
        Value::from(platform.os.as_str()),
        Value::from(platform.architecture.as_str()),
        Value::from(platform.variant.as_deref().unwrap_or_default()),
        Value::from(now.micros()),
        Value::from(Bytes::copy_from_slice(push.content)),
    ]]);
    sql.push(
        " ON CONFLICT (repository_id, digest) DO UPDATE SET pushed_at = excluded.pushed_at \
         RETURNING id",
    );
    Ok(sql)
}

/// The statement that gives the artifact of that digest its blobs: those `b` of which `blobs` is true.
fn attaching(repository: RepositoryId, digest: &Digest, blobs: &Sql) -> Sql {
    let mut sql = Sql::new(
        "INSERT INTO artifact_blobs (artifact_id, blob_id, repository_id) \
         SELECT a.id, b.id, a.repository_id FROM artifacts a JOIN blobs b ON ",
    );
    sql.append(blobs).push(" WHERE a.repository_id = ").bind(repository.0);
    sql.push(" AND a.digest = ").bind(digest.as_str());
    sql.push(" ON CONFLICT (artifact_id, blob_id) DO NOTHING");
    sql
}

async fn attach_children(tx: &mut Tx, artifact: ArtifactId, entries: &[Entry<'_>]) -> Result<()> {
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        rows.push(child_row(artifact, entry)?);
    }
    insert_children(tx, &rows).await
}

pub(crate) async fn insert_children(tx: &mut Tx, rows: &[[Value; 7]]) -> Result<()> {
    for chunk in rows.chunks(CHUNK) {
        let mut sql = Sql::new(
            "INSERT INTO artifact_children \
             (parent_id, position, child_id, os, architecture, variant, annotations)",
        );
        sql.rows(chunk.iter().cloned());
        sql.push(" ON CONFLICT (parent_id, position) DO NOTHING");
        sql.execute(tx).await?;
    }
    Ok(())
}

pub(crate) fn child_row(parent: ArtifactId, entry: &Entry<'_>) -> Result<[Value; 7]> {
    let unknown = Platform::default();
    let platform = entry.descriptor.platform.as_ref().unwrap_or(&unknown);
    Ok([
        Value::from(parent.0),
        Value::from(entry.position),
        Value::from(entry.child.0),
        Value::from(platform.os.as_str()),
        Value::from(platform.architecture.as_str()),
        Value::from(platform.variant.as_deref().unwrap_or_default()),
        Value::from(json(&entry.descriptor.annotations)?),
    ])
}

pub(crate) fn json(annotations: &BTreeMap<String, String>) -> Result<String> {
    serde_json::to_string(annotations)
        .map_err(|_unserializable| Error::invalid("annotations", "not JSON"))
}
