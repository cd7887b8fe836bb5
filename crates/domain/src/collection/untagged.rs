//! Step 2: artifacts that no tag names, no index lists and that say nothing about another artifact.

use std::collections::BTreeMap;

use super::Stats;
use crate::artifacts;
use crate::db::on;
use crate::ids::{ArtifactId, RepositoryId};
use crate::repositories;
use crate::sql::Sql;
use crate::{Db, Entity, Error, Result, Timestamp, Tx};

/// What makes an artifact `a` garbage. A signature is none while what it signs is there.
pub(super) fn push_garbage(sql: &mut Sql, cutoff: Timestamp) {
    sql.push("a.pushed_at <= ").bind(cutoff.micros());
    sql.push(" AND (a.pulled_at IS NULL OR a.pulled_at <= ").bind(cutoff.micros());
    sql.push(
        ") AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.artifact_id = a.id) \
         AND NOT EXISTS (SELECT 1 FROM artifact_children c WHERE c.child_id = a.id) \
         AND NOT EXISTS (SELECT 1 FROM artifacts s \
            WHERE s.repository_id = a.repository_id AND s.digest = a.subject_digest)",
    );
}

/// Deletes, of at most `limit` artifacts with an id above `after`, those that were neither pushed nor pulled since
/// `cutoff` and that nothing names; tells where to go on.
///
/// Deleting an index may make garbage of what it lists: repeat until a pass finds none.
pub async fn delete_untagged(
    db: &Db,
    cutoff: Timestamp,
    after: Option<ArtifactId>,
    limit: u32,
    now: Timestamp,
) -> Result<(Stats, Option<ArtifactId>)> {
    let candidates = candidates(db, cutoff, after, limit).await?;
    let last = candidates.last().map(|(id, _)| *id);
    let mut by_repository: BTreeMap<RepositoryId, Vec<ArtifactId>> = BTreeMap::new();
    for (id, repository) in candidates {
        by_repository.entry(repository).or_default().push(id);
    }
    let mut stats = Stats::default();
    for (repository, ids) in by_repository {
        let mut tx = db.begin().await?;
        match delete_within(&mut tx, repository, &ids, cutoff, now).await {
            Ok(artifacts) => stats.artifacts += artifacts,
            // Deleted meanwhile, with all that it has.
            Err(Error::NotFound(Entity::Repository)) => continue,
            Err(error) => return Err(error),
        }
        tx.commit().await?;
    }
    Ok((stats, last))
}

async fn candidates(
    db: &Db,
    cutoff: Timestamp,
    after: Option<ArtifactId>,
    limit: u32,
) -> Result<Vec<(ArtifactId, RepositoryId)>> {
    let mut sql = Sql::new(
        "SELECT a.id, a.repository_id FROM artifacts a \
         JOIN repositories r ON r.id = a.repository_id AND r.deleted_at IS NULL WHERE a.id > ",
    );
    sql.bind(after.map_or(0, |id| id.0)).push(" AND ");
    push_garbage(&mut sql, cutoff);
    sql.push(" ORDER BY a.id LIMIT ").bind(i64::from(limit));
    Ok(on!(db.read(), |pool| sql.builder().build_query_as().fetch_all(pool).await?))
}

async fn delete_within(
    tx: &mut Tx,
    repository: RepositoryId,
    ids: &[ArtifactId],
    cutoff: Timestamp,
    now: Timestamp,
) -> Result<u64> {
    repositories::lock(tx, Some(repository)).await?;
    // Asked again: a push may have named them while we waited for the repository.
    let mut sql = Sql::new("SELECT a.id FROM artifacts a WHERE a.id IN ");
    sql.list(ids.iter().map(|id| id.0)).push(" AND ");
    push_garbage(&mut sql, cutoff);
    let garbage: Vec<ArtifactId> = on!(tx.connection(), |connection| sql
        .builder()
        .build_query_scalar()
        .fetch_all(connection)
        .await?);
    artifacts::remove(tx, repository, &garbage, now).await?;
    Ok(garbage.len() as u64)
}
