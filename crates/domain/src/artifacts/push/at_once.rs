//! What most pushes are, in one batch: an image, into a project without a limit, whose blobs are all there, and for which
//! no index waits.
//!
//! Each hop to SQLite and back costs more than its statements, and PostgreSQL need not be asked for ids that it is then
//! sent again. The order is that of any push: the repository's row is held before its blobs are looked at.

use std::collections::BTreeMap;

use super::{Push, Pushed, attaching, pushed, record, total_size, writing};
use crate::artifacts::{quota, sparse};
use crate::db::Remembered;
use crate::ids::RepositoryId;
use crate::permit::RepositoryPermit;
use crate::sql::{Batch, Sql, Value};
use crate::{Db, Result, Timestamp, repositories};

/// Blobs of one manifest at the most; of more the statements would seldom be found among those prepared.
const MOST: usize = 128;

/// `None`, and nothing is changed, if it is another push than most, or one that is refused.
pub(super) async fn push(
    db: &Db,
    permit: &RepositoryPermit,
    push: &Push<'_>,
    now: Timestamp,
) -> Result<Option<Pushed>> {
    let Some((repository, blobs)) = permit.repository().zip(blobs_of(push)) else {
        return Ok(None);
    };
    let mut batch = Batch::default();
    // Of the rows that are held the project's comes first: one with a limit is none of these pushes.
    batch.only_if(quota::without_limit(permit.project().id));
    batch.add(repositories::showing(repository, now));
    // One for which an index waits takes its place there, whose row it has to know. Asked for while the repository is held,
    // as indexes hold it.
    batch.only_if(sparse::not_awaiting(repository, push.digest));
    batch.only_if(having(repository, &blobs));
    batch.add(holding(repository, &blobs));
    record(&mut batch, permit, push, now);
    let attaching = attaching(repository, push.digest, &naming(&blobs));
    let size = total_size(push, &[]);
    let artifact = writing(&mut batch, (repository, push), [attaching], size, now)?;
    let answers = batch.run_alone(db, Remembered::ContentEnds).await?;
    if !answers.is_whole() {
        return Ok(None);
    }
    pushed(&answers, artifact, (repository, push)).map(Some)
}

/// A blob's digest and size.
type Wanted<'a> = (&'a str, i64);

/// The blobs of an image. The last is repeated until there are as many as a power of two, so that few texts serve all
/// images.
fn blobs_of<'a>(push: &Push<'a>) -> Option<Vec<Wanted<'a>>> {
    let manifest = push.manifest;
    if manifest.children().next().is_some() {
        return None;
    }
    let mut sizes = BTreeMap::new();
    for blob in manifest.blobs() {
        let size = i64::try_from(blob.size).ok()?;
        if sizes.insert(blob.digest.as_str(), size).is_some_and(|other| other != size) {
            return None;
        }
    }
    let mut blobs: Vec<_> = sizes.into_iter().collect();
    let last = *blobs.last()?;
    blobs.resize(blobs.len().next_power_of_two(), last);
    (blobs.len() <= MOST).then_some(blobs)
}

fn digests<'a>(blobs: &[Wanted<'a>]) -> impl Iterator<Item = &'a str> {
    blobs.iter().map(|(digest, _)| *digest)
}

/// Which `b` they are.
fn naming(blobs: &[Wanted<'_>]) -> Sql {
    let mut sql = Sql::new("b.digest IN ");
    sql.list(digests(blobs));
    sql
}

/// The query that gives a row if the repository is there and has all of the blobs, whole and of those sizes.
fn having(repository: RepositoryId, blobs: &[Wanted<'_>]) -> Sql {
    let mut sql = Sql::new("SELECT 1 FROM repositories r WHERE r.id = ");
    sql.bind(repository.0).push(" AND r.deleted_at IS NULL AND (SELECT COUNT(*) FROM (");
    sql.rows(blobs.iter().map(|(digest, size)| [Value::from(*digest), Value::from(*size)]));
    // CROSS: SQLite then takes them in this order, each by its index.
    sql.push(
        ") w CROSS JOIN blobs b CROSS JOIN repository_blobs rb \
         WHERE b.digest = w.column1 AND b.size = w.column2 AND b.damaged_at IS NULL \
         AND rb.blob_id = b.id AND rb.repository_id = ",
    );
    let all = i64::try_from(blobs.len()).unwrap_or(i64::MAX);
    sql.bind(repository.0).push(") = ").bind(all);
    sql
}

/// The statement that turns leases of the blobs into holds.
fn holding(repository: RepositoryId, blobs: &[Wanted<'_>]) -> Sql {
    let mut sql = Sql::new("UPDATE repository_blobs SET leased_at = NULL WHERE repository_id = ");
    sql.bind(repository.0);
    sql.push(" AND blob_id IN (SELECT id FROM blobs WHERE digest IN ").list(digests(blobs));
    // Plus: not by the index of leases, of which there may be many.
    sql.push(") AND +leased_at IS NOT NULL");
    sql
}

#[cfg(test)]
mod tests;
