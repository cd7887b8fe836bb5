//! Referrers: artifacts that say something about another, as signatures and bills of materials do.

use oci::{Descriptor, Digest};

use super::{parse_annotations, parse_digest};
use crate::blobs::bytes;
use crate::db::on;
use crate::ids::{ArtifactId, RepositoryId};
use crate::sql::Sql;
use crate::{Db, Result};

/// An artifact that names the subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    /// Where the next page goes on.
    pub artifact: ArtifactId,
    /// As dist-spec "Listing Referrers" wants it.
    pub descriptor: Descriptor,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: ArtifactId,
    digest: String,
    media_type: String,
    artifact_type: String,
    annotations: String,
    size: i64,
}

/// The artifacts of the repository that name `subject`, of one type or of all, after `after`, at most `n`.
///
/// The subject itself need not exist.
pub async fn referrers(
    db: &Db,
    repository: RepositoryId,
    subject: &Digest,
    artifact_type: Option<&str>,
    after: Option<ArtifactId>,
    n: u32,
) -> Result<Vec<Referrer>> {
    let mut sql = Sql::new(
        "SELECT id, digest, media_type, artifact_type, annotations, \
         CAST(LENGTH(content) AS BIGINT) AS size FROM artifacts WHERE repository_id = ",
    );
    sql.bind(repository.0).push(" AND subject_digest = ").bind(subject.as_str());
    sql.push(" AND id > ").bind(after.map_or(0, |id| id.0));
    if let Some(artifact_type) = artifact_type {
        sql.push(" AND artifact_type = ").bind(artifact_type);
    }
    sql.push(" ORDER BY id LIMIT ").bind(i64::from(n));
    let rows: Vec<Row> =
        on!(db.read(), |pool| sql.builder().build_query_as().fetch_all(pool).await?);
    rows.into_iter().map(referrer).collect()
}

fn referrer(row: Row) -> Result<Referrer> {
    let mut descriptor =
        Descriptor::new(&row.media_type, parse_digest(&row.digest)?, bytes(row.size)?);
    descriptor.annotations = parse_annotations(&row.annotations)?;
    descriptor.artifact_type = Some(row.artifact_type).filter(|kind| !kind.is_empty());
    Ok(Referrer { artifact: row.id, descriptor })
}
