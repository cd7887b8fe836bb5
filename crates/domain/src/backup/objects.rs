//! The objects that rows name: what a backup must have, in the order of the rows.

use crate::blobs::bytes;
use crate::db::on;
use crate::ids::BlobId;
use crate::{Result, Tx};

/// An object that a blob's row names.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Object {
    pub id: BlobId,
    pub object_key: String,
    pub digest: String,
    pub size: i64,
}

/// How many there are, and how large they are together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Objects {
    pub count: u64,
    pub bytes: u64,
}

/// At most `limit` objects, of the rows after `after`.
pub async fn objects(tx: &mut Tx, after: Option<BlobId>, limit: u32) -> Result<Vec<Object>> {
    const SQL: &str =
        "SELECT id, object_key, digest, size FROM blobs WHERE id > $1 ORDER BY id LIMIT $2";
    Ok(on!(tx.connection(), |connection| sqlx::query_as(SQL)
        .bind(after.map_or(i64::MIN, |id| id.0))
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await?))
}

pub async fn totals(tx: &mut Tx) -> Result<Objects> {
    const SQL: &str = "SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM blobs";
    let (count, sum): (i64, i64) =
        on!(tx.connection(), |connection| sqlx::query_as(SQL).fetch_one(connection).await?);
    Ok(Objects { count: bytes(count)?, bytes: bytes(sum)? })
}

/// An artifact that needs the blob, as `library/app:v1` or `library/app@sha256:…`; the newest of them.
pub async fn holder(tx: &mut Tx, blob: BlobId) -> Result<Option<String>> {
    const SQL: &str = "SELECT r.name, a.digest, \
        (SELECT MIN(t.name) FROM tags t WHERE t.artifact_id = a.id) \
        FROM artifact_blobs ab JOIN artifacts a ON a.id = ab.artifact_id \
        JOIN repositories r ON r.id = a.repository_id \
        WHERE ab.blob_id = $1 ORDER BY a.id DESC LIMIT 1";
    let row: Option<(String, String, Option<String>)> = on!(tx.connection(), |connection| {
        sqlx::query_as(SQL).bind(blob).fetch_optional(connection).await?
    });
    Ok(row.map(|(repository, digest, tag)| match tag {
        Some(tag) => format!("{repository}:{tag}"),
        None => format!("{repository}@{digest}"),
    }))
}
