//! Tags: names that move from artifact to artifact.

use std::collections::BTreeMap;

use oci::{Digest, Tag as Name};

use crate::audit;
use crate::db::on;
use crate::ids::{ArtifactId, RepositoryId, TagId};
use crate::permit::RepositoryPermit;
use crate::repositories;
use crate::sql::Sql;
use crate::{Db, Entity, Error, Result, Timestamp, Tx, error};

/// A name and the artifact it stands for at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    pub id: TagId,
    pub repository: RepositoryId,
    pub artifact: ArtifactId,
    pub name: Name,
    pub pushed_at: Timestamp,
    pub pulled_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: TagId,
    repository_id: RepositoryId,
    artifact_id: ArtifactId,
    name: String,
    pushed_at: Timestamp,
    pulled_at: Option<Timestamp>,
}

impl TryFrom<Row> for Tag {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.id,
            repository: row.repository_id,
            artifact: row.artifact_id,
            name: parse(&row.name)?,
            pushed_at: row.pushed_at,
            pulled_at: row.pulled_at,
        })
    }
}

/// The names after `last` in bytewise order, at most `n`.
pub async fn names(
    db: &Db,
    repository: RepositoryId,
    last: Option<&str>,
    n: u32,
) -> Result<Vec<Name>> {
    const SQL: &str =
        "SELECT name FROM tags WHERE repository_id = $1 AND name > $2 ORDER BY name LIMIT $3";
    let names: Vec<String> = on!(db.read(), |pool| sqlx::query_scalar(SQL)
        .bind(repository)
        .bind(last.unwrap_or(""))
        .bind(i64::from(n))
        .fetch_all(pool)
        .await?);
    names.iter().map(|name| parse(name)).collect()
}

/// The tags of an artifact, latest push first.
pub async fn of_artifact(db: &Db, artifact: ArtifactId) -> Result<Vec<Tag>> {
    Ok(of_artifacts(db, &[artifact]).await?.remove(&artifact).unwrap_or_default())
}

/// The tags of the artifacts of one page, latest push first, in one statement.
pub(crate) async fn of_artifacts(
    db: &Db,
    artifacts: &[ArtifactId],
) -> Result<BTreeMap<ArtifactId, Vec<Tag>>> {
    let mut tags: BTreeMap<ArtifactId, Vec<Tag>> = BTreeMap::new();
    if artifacts.is_empty() {
        return Ok(tags);
    }
    let mut sql = Sql::new(
        "SELECT id, repository_id, artifact_id, name, pushed_at, pulled_at FROM tags \
         WHERE artifact_id IN ",
    );
    sql.list(artifacts.iter().map(|id| id.0)).push(" ORDER BY pushed_at DESC, id DESC");
    let rows: Vec<Row> =
        on!(db.read(), |pool| sql.builder().build_query_as().fetch_all(pool).await?);
    for row in rows {
        tags.entry(row.artifact_id).or_default().push(row.try_into()?);
    }
    Ok(tags)
}

/// The names of an artifact as the transaction sees them, in bytewise order.
pub(crate) async fn names_of(tx: &mut Tx, artifact: ArtifactId) -> Result<Vec<Name>> {
    const SQL: &str = "SELECT name FROM tags WHERE artifact_id = $1 ORDER BY name";
    let names: Vec<String> = on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(artifact)
        .fetch_all(connection)
        .await?);
    names.iter().map(|name| parse(name)).collect()
}

/// Gives the artifact one more name; `Conflict` if the name is taken.
pub async fn create(
    tx: &mut Tx,
    permit: &RepositoryPermit,
    artifact: ArtifactId,
    name: &Name,
    now: Timestamp,
) -> Result<TagId> {
    const SQL: &str = "INSERT INTO tags (repository_id, name, artifact_id, pushed_at) \
        SELECT repository_id, $3, id, $4 FROM artifacts WHERE id = $2 AND repository_id = $1 \
        RETURNING id";
    let repository = repositories::lock(tx, permit.repository()).await?;
    let id: Option<TagId> = on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(repository)
        .bind(artifact)
        .bind(name.as_str())
        .bind(now)
        .fetch_optional(connection)
        .await
        .map_err(error::conflict(Entity::Tag))?);
    let id = id.ok_or(Error::NotFound(Entity::Artifact))?;
    audit::record(tx, permit, "create", "tag", &resource(permit, name), now).await?;
    Ok(id)
}

/// The statement that lets the names, at most [`CHUNK`](crate::sql::CHUNK) and each there once, stand for the artifact of
/// that digest from now on, whatever they stood for.
pub(crate) fn pointing(
    repository: RepositoryId,
    names: &[Name],
    digest: &Digest,
    now: Timestamp,
) -> Sql {
    let mut sql =
        Sql::new("INSERT INTO tags (repository_id, name, artifact_id, pushed_at) VALUES ");
    for (index, name) in names.iter().enumerate() {
        sql.push(if index > 0 { ", (" } else { "(" }).bind(repository.0);
        sql.push(", ").bind(name.as_str());
        sql.push(", (SELECT id FROM artifacts WHERE repository_id = ").bind(repository.0);
        sql.push(" AND digest = ").bind(digest.as_str()).push("), ").bind(now.micros()).push(")");
    }
    sql.push(
        " ON CONFLICT (repository_id, name) DO UPDATE \
         SET artifact_id = excluded.artifact_id, pushed_at = excluded.pushed_at",
    );
    sql
}

/// Removes the name alone: its siblings and the artifact stay.
pub async fn delete(
    tx: &mut Tx,
    permit: &RepositoryPermit,
    name: &Name,
    now: Timestamp,
) -> Result<()> {
    const SQL: &str = "DELETE FROM tags WHERE repository_id = $1 AND name = $2";
    let repository = repositories::lock(tx, permit.repository()).await?;
    let done = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(repository)
        .bind(name.as_str())
        .execute(connection)
        .await?
        .rows_affected());
    if done == 0 {
        return Err(Error::NotFound(Entity::Tag));
    }
    audit::record(tx, permit, "delete", "tag", &resource(permit, name), now).await
}

fn resource(permit: &RepositoryPermit, name: &Name) -> String {
    format!("{}:{name}", permit.name())
}

fn parse(name: &str) -> Result<Name> {
    name.parse().map_err(|_invalid| Error::Corrupt { column: "tags.name" })
}

#[cfg(test)]
mod tests;
