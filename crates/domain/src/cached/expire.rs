//! The end of what was fetched long ago: the next client that asks has it fetched anew.

use std::collections::BTreeMap;

use crate::db::on;
use crate::ids::{ArtifactId, RepositoryId};
use crate::sql::Sql;
use crate::{Db, Entity, Error, Result, Timestamp, artifacts, repositories};

/// Forgets at most `limit` manifests that were fetched before `cutoff`, with their tags; tells how many.
///
/// What an index here lists goes after the index: repeat until a pass forgets none. Their blobs become leased unless
/// another manifest holds them, and the collector takes those that nobody asked for since.
pub async fn expire(db: &Db, cutoff: Timestamp, limit: u32, now: Timestamp) -> Result<u64> {
    let mut by_repository: BTreeMap<RepositoryId, Vec<ArtifactId>> = BTreeMap::new();
    for (id, repository) in candidates(db, cutoff, limit).await? {
        by_repository.entry(repository).or_default().push(id);
    }
    let mut expired = 0;
    for (repository, ids) in by_repository {
        match expire_within(db, repository, &ids, cutoff, now).await {
            Ok(count) => expired += count,
            // Deleted meanwhile, with all that it has.
            Err(Error::NotFound(Entity::Repository)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(expired)
}

async fn expire_within(
    db: &Db,
    repository: RepositoryId,
    ids: &[ArtifactId],
    cutoff: Timestamp,
    now: Timestamp,
) -> Result<u64> {
    let mut tx = db.begin().await?;
    repositories::lock(&mut tx, Some(repository)).await?;
    // Asked again: one may have been fetched anew, or listed by a new index, while we waited for the repository.
    let mut sql = Sql::new("SELECT a.id FROM artifacts a ");
    push_expired(&mut sql, cutoff);
    sql.push(" AND a.id IN ").list(ids.iter().map(|id| id.0));
    let expired: Vec<ArtifactId> = on!(tx.connection(), |connection| sql
        .builder()
        .build_query_scalar()
        .fetch_all(connection)
        .await?);
    artifacts::remove(&mut tx, repository, &expired, now).await?;
    tx.commit().await?;
    Ok(expired.len() as u64)
}

async fn candidates(
    db: &Db,
    cutoff: Timestamp,
    limit: u32,
) -> Result<Vec<(ArtifactId, RepositoryId)>> {
    let mut sql = Sql::new(
        "SELECT a.id, a.repository_id FROM artifacts a \
         JOIN repositories r ON r.id = a.repository_id AND r.deleted_at IS NULL ",
    );
    push_expired(&mut sql, cutoff);
    sql.push(" ORDER BY c.fetched_at LIMIT ").bind(i64::from(limit));
    Ok(on!(db.read(), |pool| sql.builder().build_query_as().fetch_all(pool).await?))
}

fn push_expired(sql: &mut Sql, cutoff: Timestamp) {
    sql.push("JOIN cached_artifacts c ON c.artifact_id = a.id WHERE c.fetched_at <= ");
    sql.bind(cutoff.micros());
    sql.push(" AND NOT EXISTS (SELECT 1 FROM artifact_children l WHERE l.child_id = a.id)");
}
