//! A project's storage limit, held by whoever adds to what the project uses.

use crate::blobs;
use crate::db::on;
use crate::ids::ProjectId;
use crate::{Error, Result, Tx};

/// The project's limit in bytes, if it has one; then its row is held, so that two pushes cannot share the last free byte.
pub(crate) async fn hold_limit(tx: &mut Tx, project: ProjectId) -> Result<Option<i64>> {
    const SQL: &str = "UPDATE projects SET storage_limit = storage_limit \
        WHERE id = $1 AND storage_limit >= 0 RETURNING storage_limit";
    Ok(on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(project)
        .fetch_optional(connection)
        .await?))
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
