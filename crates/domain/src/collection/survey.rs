//! What a collection would keep and remove, by name: for whoever wants to read it before, or to check it after.

use super::estimate::{Going, push_released};
use super::untagged::push_garbage;
use crate::db::on;
use crate::ids::{ArtifactId, BlobId, RepositoryId};
use crate::sql::Sql;
use crate::{Db, Result, Timestamp};

/// An artifact of a repository that is not deleted.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Surveyed {
    pub id: ArtifactId,
    pub repository_id: RepositoryId,
    pub repository: String,
    pub digest: String,
}

/// Which artifacts.
#[derive(Clone, Copy, Debug)]
pub enum Artifacts {
    All,
    /// Those that nothing names, and that were neither pushed nor pulled since.
    Untagged {
        since: Timestamp,
    },
    /// The others.
    Named {
        since: Timestamp,
    },
}

const ARTIFACTS: &str = "SELECT a.id, a.repository_id, r.name AS repository, a.digest FROM artifacts a \
    JOIN repositories r ON r.id = a.repository_id AND r.deleted_at IS NULL WHERE ";

/// At most `limit` artifacts behind `after`, repository by repository.
pub async fn artifacts(
    db: &Db,
    which: Artifacts,
    after: Option<&Surveyed>,
    limit: u32,
) -> Result<Vec<Surveyed>> {
    let mut sql = Sql::new(ARTIFACTS);
    let (repository, digest) =
        after.map_or((0, ""), |after| (after.repository_id.0, after.digest.as_str()));
    sql.push("(a.repository_id, a.digest) > (").bind(repository);
    sql.push(", ").bind(digest).push(")");
    match which {
        Artifacts::All => {}
        Artifacts::Untagged { since } => {
            sql.push(" AND ");
            push_garbage(&mut sql, since);
        }
        Artifacts::Named { since } => {
            sql.push(" AND NOT (");
            push_garbage(&mut sql, since);
            sql.push(")");
        }
    }
    sql.push(" ORDER BY a.repository_id, a.digest LIMIT ").bind(i64::from(limit));
    Ok(on!(db.read(), |pool| sql.builder().build_query_as().fetch_all(pool).await?))
}

/// The digests of the blobs that these artifacts reference.
pub async fn blobs_of(db: &Db, artifacts: &[Surveyed]) -> Result<Vec<(ArtifactId, String)>> {
    if artifacts.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(
        "SELECT ab.artifact_id, b.digest FROM artifact_blobs ab JOIN blobs b ON b.id = ab.blob_id \
         WHERE ab.artifact_id IN ",
    );
    sql.list(artifacts.iter().map(|artifact| artifact.id.0));
    sql.push(" ORDER BY ab.artifact_id, b.digest");
    Ok(on!(db.read(), |pool| sql.builder().build_query_as().fetch_all(pool).await?))
}

/// At most `limit` blobs with an id above `after` that a collection with these cutoffs would remove; `deleted` is that of
/// deleted repositories.
///
/// With `untagged`, and nothing kept for being recent, also those that only untagged artifacts reference.
pub async fn garbage(
    db: &Db,
    cutoff: Timestamp,
    deleted: Timestamp,
    untagged: bool,
    after: Option<BlobId>,
    limit: u32,
) -> Result<Vec<(BlobId, String)>> {
    let mut sql = Sql::new("SELECT b.id, b.digest FROM blobs b WHERE b.id > ");
    sql.bind(after.map_or(0, |id| id.0));
    sql.push(
        " AND NOT EXISTS (SELECT 1 FROM repository_blobs rb \
            JOIN repositories r ON r.id = rb.repository_id WHERE rb.blob_id = b.id AND NOT ",
    );
    let going = Going { cutoff, deleted, at_once: untagged };
    push_released(&mut sql, &going);
    sql.push(") ORDER BY b.id LIMIT ").bind(i64::from(limit));
    Ok(on!(db.read(), |pool| sql.builder().build_query_as().fetch_all(pool).await?))
}
