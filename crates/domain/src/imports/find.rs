//! What is known already of what an import finds: a statement for many.

use std::collections::BTreeMap;

use oci::{Digest, RepositoryName, Tag as Name};

use crate::db::on;
use crate::ids::RepositoryId;
use crate::sql::{CHUNK, Sql};
use crate::{Db, Result, Timestamp};

/// What rows say of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// There is one, with these bytes.
    Blob { size: u64, object_key: String },
    /// The object of that key is on its way out.
    Condemned,
}

/// When the last complete reading of the repository began, if there was one.
pub async fn seen(db: &Db, repository: &RepositoryName) -> Result<Option<Timestamp>> {
    const SQL: &str = "SELECT read_at FROM imports WHERE repository = $1";
    Ok(on!(db.read(), |pool| sqlx::query_scalar(SQL)
        .bind(repository.as_str())
        .fetch_optional(pool)
        .await?))
}

/// The live repository of that name, also one that nobody can see yet.
pub async fn repository(db: &Db, name: &RepositoryName) -> Result<Option<RepositoryId>> {
    const SQL: &str = "SELECT id FROM repositories WHERE name = $1 AND deleted_at IS NULL";
    Ok(on!(db.read(), |pool| sqlx::query_scalar(SQL)
        .bind(name.as_str())
        .fetch_optional(pool)
        .await?))
}

/// What is known of the blobs, each given with the key that its bytes would be adopted under.
pub async fn blobs(db: &Db, wanted: &[(&Digest, &str)]) -> Result<BTreeMap<String, Known>> {
    let mut known = BTreeMap::new();
    for chunk in wanted.chunks(CHUNK) {
        let mut sql = Sql::new("SELECT digest, size, object_key FROM blobs WHERE digest IN ");
        sql.list(chunk.iter().map(|(digest, _)| digest.as_str()));
        let rows: Vec<(String, i64, String)> =
            on!(db.read(), |pool| sql.builder().build_query_as().fetch_all(pool).await?);
        for (digest, size, object_key) in rows {
            let size = crate::blobs::bytes(size)?;
            known.insert(digest, Known::Blob { size, object_key });
        }
        let mut sql = Sql::new("SELECT object_key FROM condemned_objects WHERE object_key IN ");
        sql.list(chunk.iter().map(|(_, key)| *key));
        let keys: Vec<String> =
            on!(db.read(), |pool| sql.builder().build_query_scalar().fetch_all(pool).await?);
        let condemned = |(_, key): &&(&Digest, &str)| keys.iter().any(|found| found == key);
        for (digest, _) in chunk.iter().filter(condemned) {
            known.entry(digest.as_str().to_owned()).or_insert(Known::Condemned);
        }
    }
    Ok(known)
}

/// Those of the digests that are artifacts of the repository.
pub async fn artifacts(
    db: &Db,
    repository: RepositoryId,
    digests: &[&Digest],
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for chunk in digests.chunks(CHUNK) {
        let mut sql = Sql::new("SELECT digest FROM artifacts WHERE repository_id = ");
        sql.bind(repository.0).push(" AND digest IN ");
        sql.list(chunk.iter().map(|digest| digest.as_str()));
        let rows: Vec<String> =
            on!(db.read(), |pool| sql.builder().build_query_scalar().fetch_all(pool).await?);
        found.extend(rows);
    }
    Ok(found)
}

/// Those of the names that the repository has, with the time when each was last moved.
pub async fn tags(
    db: &Db,
    repository: RepositoryId,
    names: &[&Name],
) -> Result<BTreeMap<String, Timestamp>> {
    let mut found = BTreeMap::new();
    for chunk in names.chunks(CHUNK) {
        let mut sql = Sql::new("SELECT name, pushed_at FROM tags WHERE repository_id = ");
        sql.bind(repository.0).push(" AND name IN ");
        sql.list(chunk.iter().map(|name| name.as_str()));
        let rows: Vec<(String, Timestamp)> =
            on!(db.read(), |pool| sql.builder().build_query_as().fetch_all(pool).await?);
        found.extend(rows);
    }
    Ok(found)
}
