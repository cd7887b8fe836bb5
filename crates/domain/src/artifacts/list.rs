//! Artifacts as lists and pages show them: one statement for the page, one for its tags, one for its children.

use std::collections::BTreeMap;

use oci::{MediaType, Reference};

use super::{Artifact, Child, parse_annotations, parse_digest, parse_media_type, platform};
use crate::blobs::bytes;
use crate::db::on;
use crate::ids::{ArtifactId, ProjectId, RepositoryId};
use crate::listing::{Match, Page, Paging, Sort};
use crate::sql::{Sql, pattern};
use crate::{Db, Error, Result, Timestamp, tags};

/// A wish about an artifact's tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagFilter {
    /// `tags=*`
    Tagged,
    /// `tags=nil`
    Untagged,
    Match(Match),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    PushedAt,
    PulledAt,
    Size,
}

/// Whose artifacts a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Repository(RepositoryId),
    /// Of all its repositories.
    Project(ProjectId),
}

/// What a list of artifacts is asked for. Without a sort the latest push comes first.
///
/// As in Harbor, what is only part of an index is left out, unless it is asked for by digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub scope: Scope,
    pub tags: Option<TagFilter>,
    pub digest: Option<Match>,
    pub kind: Option<Match>,
    pub media_type: Option<Match>,
    pub config_media_type: Option<Match>,
    pub artifact_type: Option<Match>,
    pub sort: Vec<Sort<Field>>,
    pub paging: Paging,
}

impl Query {
    /// Everything of a repository.
    pub const fn all(repository: RepositoryId, paging: Paging) -> Self {
        Self::within(Scope::Repository(repository), paging)
    }

    /// Everything of a repository or a project.
    pub const fn within(scope: Scope, paging: Paging) -> Self {
        Self {
            scope,
            tags: None,
            digest: None,
            kind: None,
            media_type: None,
            config_media_type: None,
            artifact_type: None,
            sort: Vec::new(),
            paging,
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: ArtifactId,
    repository_id: RepositoryId,
    digest: String,
    kind: String,
    media_type: String,
    config_media_type: String,
    artifact_type: String,
    subject_digest: Option<String>,
    size: i64,
    annotations: String,
    os: String,
    architecture: String,
    variant: String,
    pushed_at: Timestamp,
    pulled_at: Option<Timestamp>,
}

impl TryFrom<Row> for Artifact {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.id,
            repository: row.repository_id,
            digest: parse_digest(&row.digest)?,
            kind: row.kind,
            media_type: parse_media_type(&row.media_type)?,
            config_media_type: row.config_media_type,
            artifact_type: row.artifact_type,
            subject: row.subject_digest.as_deref().map(parse_digest).transpose()?,
            size: bytes(row.size)?,
            annotations: parse_annotations(&row.annotations)?,
            platform: platform(row.os, row.architecture, row.variant),
            pushed_at: row.pushed_at,
            pulled_at: row.pulled_at,
            tags: Vec::new(),
            children: Vec::new(),
        })
    }
}

#[derive(sqlx::FromRow)]
struct ChildRow {
    parent_id: ArtifactId,
    child_id: ArtifactId,
    digest: String,
    os: String,
    architecture: String,
    variant: String,
    annotations: String,
    size: i64,
}

const COLUMNS: &str = "SELECT a.id, a.repository_id, a.digest, a.kind, a.media_type, a.config_media_type, \
    a.artifact_type, a.subject_digest, a.size, a.annotations, a.os, a.architecture, a.variant, \
    a.pushed_at, a.pulled_at FROM artifacts a WHERE ";

/// One page of artifacts, with tags and children.
pub async fn list(db: &Db, query: &Query) -> Result<Page<Artifact>> {
    let total = count(db, query).await?;
    let mut sql = Sql::new(COLUMNS);
    confine(&mut sql, query.scope);
    restrict(&mut sql, query);
    sql.push(" ORDER BY ");
    for sort in &query.sort {
        sql.push(column(sort.field)).push(sort.direction.sql()).push(", ");
    }
    sql.push("a.pushed_at DESC, a.id DESC LIMIT ").bind(query.paging.limit());
    sql.push(" OFFSET ").bind(query.paging.offset());
    Ok(Page { items: load(db, &sql).await?, total })
}

/// How many artifacts the query has on all pages.
pub async fn count(db: &Db, query: &Query) -> Result<i64> {
    let mut sql = Sql::new("SELECT COUNT(*) FROM artifacts a WHERE ");
    confine(&mut sql, query.scope);
    restrict(&mut sql, query);
    Ok(on!(db.read(), |pool| sql.builder().build_query_scalar().fetch_one(pool).await?))
}

/// One artifact, with tags and children.
pub async fn find(
    db: &Db,
    repository: RepositoryId,
    reference: &Reference,
) -> Result<Option<Artifact>> {
    let mut sql = Sql::new(COLUMNS);
    confine(&mut sql, Scope::Repository(repository));
    match reference {
        Reference::Digest(digest) => {
            sql.push(" AND a.digest = ").bind(digest.as_str());
        }
        Reference::Tag(tag) => {
            sql.push(" AND a.id = (SELECT artifact_id FROM tags WHERE repository_id = ");
            sql.bind(repository.0).push(" AND name = ").bind(tag.as_str()).push(")");
        }
    }
    Ok(load(db, &sql).await?.pop())
}

fn confine(sql: &mut Sql, scope: Scope) {
    match scope {
        Scope::Repository(repository) => sql.push("a.repository_id = ").bind(repository.0),
        Scope::Project(project) => sql
            .push("a.repository_id IN (SELECT id FROM repositories WHERE deleted_at IS NULL AND project_id = ")
            .bind(project.0)
            .push(")"),
    };
}

fn restrict(sql: &mut Sql, query: &Query) {
    const TAGGED: &str = "EXISTS (SELECT 1 FROM tags t WHERE t.artifact_id = a.id";
    match &query.tags {
        None => {}
        Some(TagFilter::Tagged) => {
            sql.push(" AND ").push(TAGGED).push(")");
        }
        Some(TagFilter::Untagged) => {
            sql.push(" AND NOT ").push(TAGGED).push(")");
        }
        Some(TagFilter::Match(Match::Is(name))) => {
            sql.push(" AND ").push(TAGGED).push(" AND t.name = ").bind(name.as_str()).push(")");
        }
        Some(TagFilter::Match(Match::Like(part))) => {
            sql.push(" AND ").push(TAGGED).push(" AND LOWER(t.name) LIKE ");
            sql.bind(pattern(part)).push(r" ESCAPE '\')");
        }
    }
    if query.digest.is_none() {
        sql.push(" AND (")
            .push(TAGGED)
            .push(") OR NOT EXISTS (SELECT 1 FROM artifact_children c WHERE c.child_id = a.id))");
    }
    sql.and_match("a.digest", query.digest.as_ref())
        .and_match("a.kind", query.kind.as_ref())
        .and_match("a.media_type", query.media_type.as_ref())
        .and_match("a.config_media_type", query.config_media_type.as_ref())
        .and_match("a.artifact_type", query.artifact_type.as_ref());
}

const fn column(field: Field) -> &'static str {
    match field {
        Field::PushedAt => "a.pushed_at",
        // Where NULL sorts differs between engines.
        Field::PulledAt => "COALESCE(a.pulled_at, 0)",
        Field::Size => "a.size",
    }
}

async fn load(db: &Db, sql: &Sql) -> Result<Vec<Artifact>> {
    let rows: Vec<Row> =
        on!(db.read(), |pool| sql.builder().build_query_as().fetch_all(pool).await?);
    let mut artifacts: Vec<Artifact> =
        rows.into_iter().map(Artifact::try_from).collect::<Result<_>>()?;
    let ids: Vec<_> = artifacts.iter().map(|artifact| artifact.id).collect();
    let is_index = |artifact: &&Artifact| MediaType::is_index(artifact.media_type);
    let parents: Vec<_> = artifacts.iter().filter(is_index).map(|artifact| artifact.id).collect();
    let mut tags = tags::of_artifacts(db, &ids).await?;
    let mut children = children_of(db, &parents).await?;
    for artifact in &mut artifacts {
        artifact.tags = tags.remove(&artifact.id).unwrap_or_default();
        artifact.children = children.remove(&artifact.id).unwrap_or_default();
    }
    Ok(artifacts)
}

async fn children_of(db: &Db, parents: &[ArtifactId]) -> Result<BTreeMap<ArtifactId, Vec<Child>>> {
    let mut children: BTreeMap<ArtifactId, Vec<Child>> = BTreeMap::new();
    if parents.is_empty() {
        return Ok(children);
    }
    let mut sql = Sql::new(
        "SELECT c.parent_id, c.child_id, a.digest, c.os, c.architecture, c.variant, c.annotations, a.size \
         FROM artifact_children c JOIN artifacts a ON a.id = c.child_id WHERE c.parent_id IN ",
    );
    sql.list(parents.iter().map(|id| id.0)).push(" ORDER BY c.parent_id, c.position");
    let rows: Vec<ChildRow> =
        on!(db.read(), |pool| sql.builder().build_query_as().fetch_all(pool).await?);
    for row in rows {
        children.entry(row.parent_id).or_default().push(Child {
            artifact: row.child_id,
            digest: parse_digest(&row.digest)?,
            platform: platform(row.os, row.architecture, row.variant),
            annotations: parse_annotations(&row.annotations)?,
            size: bytes(row.size)?,
        });
    }
    Ok(children)
}
