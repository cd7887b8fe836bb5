//! A project's storage limit, held by whoever adds to what the project uses.

use crate::blobs;
use crate::ids::ProjectId;
use crate::sql::{Batch, Sql};
use crate::{Error, Result, Tx};

/// The project's limit in bytes, if it has one; then its row is held, so that two pushes cannot share the last free byte.
pub(crate) async fn hold_limit(tx: &mut Tx, project: ProjectId) -> Result<Option<i64>> {
    let mut batch = Batch::default();
    let limit = batch.add(holding_limit(project));
    Ok(batch.run(tx).await?.row(limit)?.map(|(limit,)| limit))
}

/// The statement of [`hold_limit`].
pub(crate) fn holding_limit(project: ProjectId) -> Sql {
    let mut sql = Sql::new("UPDATE projects SET storage_limit = storage_limit WHERE id = ");
    sql.bind(project.0).push(" AND storage_limit >= 0 RETURNING storage_limit");
    sql
}

/// The query that gives a row unless the project has a limit.
pub(crate) fn without_limit(project: ProjectId) -> Sql {
    let mut sql = Sql::new("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM projects WHERE id = ");
    sql.bind(project.0).push(" AND storage_limit >= 0)");
    sql
}

/// Nothing new is always accepted, also over a limit that was lowered.
pub(crate) async fn check(tx: &mut Tx, project: ProjectId, limit: i64, adding: i64) -> Result<()> {
    if adding == 0 {
        return Ok(());
    }
    let used = blobs::used_within(tx, project).await?;
    if used > limit {
        return Err(Error::QuotaExceeded { adding, used: used.saturating_sub(adding), limit });
    }
    Ok(())
}
