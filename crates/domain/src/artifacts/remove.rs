//! Deletion: the artifact and its tags go, its blobs become leased unless another artifact holds them.

use oci::{Digest, Tag};

use crate::db::on;
use crate::ids::{ArtifactId, RepositoryId};
use crate::permit::RepositoryPermit;
use crate::sql::{CHUNK, Sql};
use crate::{Entity, Error, Result, Timestamp, Tx, audit, repositories, tags};

/// Deletes the artifact with all its tags, and tells which those were; `Precondition` while an index lists it.
pub async fn delete(
    tx: &mut Tx,
    permit: &RepositoryPermit,
    digest: &Digest,
    now: Timestamp,
) -> Result<Vec<Tag>> {
    const FIND: &str = "SELECT a.id, (SELECT COUNT(*) FROM artifact_children c WHERE c.child_id = a.id) \
        FROM artifacts a WHERE a.repository_id = $1 AND a.digest = $2";
    let repository = repositories::lock(tx, permit.repository()).await?;
    let found: Option<(ArtifactId, i64)> = on!(tx.connection(), |connection| sqlx::query_as(FIND)
        .bind(repository)
        .bind(digest.as_str())
        .fetch_optional(connection)
        .await?);
    let (id, parents) = found.ok_or(Error::NotFound(Entity::Artifact))?;
    if parents > 0 {
        return Err(Error::precondition(format!(
            "the artifact {digest} is part of an index: delete that first"
        )));
    }
    let names = tags::names_of(tx, id).await?;
    remove(tx, repository, &[id], now).await?;
    audit::record(tx, permit, "delete", "artifact", &format!("{}@{digest}", permit.name()), now)
        .await?;
    Ok(names)
}

/// Removes artifacts that no index lists. The repository's row must be held.
pub(crate) async fn remove(
    tx: &mut Tx,
    repository: RepositoryId,
    artifacts: &[ArtifactId],
    now: Timestamp,
) -> Result<()> {
    for chunk in artifacts.chunks(CHUNK) {
        let ids = || chunk.iter().map(|id| id.0);
        let mut lease = Sql::new("UPDATE repository_blobs SET leased_at = ");
        lease.bind(now.micros()).push(" WHERE repository_id = ").bind(repository.0);
        lease.push(" AND blob_id IN (SELECT blob_id FROM artifact_blobs WHERE artifact_id IN ");
        lease.list(ids()).push(
            ") AND NOT EXISTS (SELECT 1 FROM artifact_blobs o \
                WHERE o.repository_id = repository_blobs.repository_id \
                AND o.blob_id = repository_blobs.blob_id AND o.artifact_id NOT IN ",
        );
        lease.list(ids()).push(")");
        // Tags, links to blobs and places in indexes go with the row.
        let mut delete = Sql::new("DELETE FROM artifacts WHERE id IN ");
        delete.list(ids());
        for sql in [lease, delete] {
            sql.execute(tx).await?;
        }
    }
    Ok(())
}
