//! Pulls: appended as they happen, folded into counters and last-pulled times by a job.
//!
//! No pull waits for another: nothing on its path updates a row that others use.

use std::collections::BTreeMap;

use oci::{Digest, Reference, RepositoryName};

use crate::artifacts::Stored;
use crate::db::on;
use crate::ids::{ArtifactId, ProjectId, RepositoryId, TagId};
use crate::permit::RepositoryPermit;
use crate::sql::{CHUNK, Sql, Value};
use crate::{Entity, Error, Result, Timestamp, Tx};

/// Somebody got a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    pub project: ProjectId,
    pub repository: RepositoryId,
    pub name: RepositoryName,
    pub artifact: ArtifactId,
    pub tag: Option<TagId>,
    /// As it was asked for.
    pub reference: Reference,
    pub actor: String,
    pub at: Timestamp,
}

impl Pull {
    /// The pull of `stored`, which was asked for as `reference`.
    pub fn new(
        permit: &RepositoryPermit,
        stored: &Stored,
        reference: &Reference,
        at: Timestamp,
    ) -> Result<Self> {
        Ok(Self {
            project: permit.project().id,
            repository: permit.repository().ok_or(Error::NotFound(Entity::Repository))?,
            name: permit.name().clone(),
            artifact: stored.id,
            tag: stored.tag,
            reference: reference.clone(),
            actor: permit.actor().to_owned(),
            at,
        })
    }

    fn resource(&self) -> String {
        match &self.reference {
            Reference::Tag(tag) => format!("{}:{tag}", self.name),
            Reference::Digest(digest) => at_digest(&self.name, digest),
        }
    }
}

fn at_digest(name: &RepositoryName, digest: &Digest) -> String {
    format!("{name}@{digest}")
}

#[derive(Clone, Copy, Default)]
struct Sum {
    pulls: i64,
    last: Timestamp,
}

impl Sum {
    fn add(&mut self, pulls: i64, at: Timestamp) {
        self.pulls = self.pulls.saturating_add(pulls);
        self.last = self.last.max(at);
    }
}

/// Appends a batch of pulls, to be folded later, and a line in the audit log for each.
pub async fn append(tx: &mut Tx, pulls: &[Pull]) -> Result<()> {
    let mut sums: BTreeMap<(RepositoryId, ArtifactId, Option<TagId>), Sum> = BTreeMap::new();
    for pull in pulls {
        sums.entry((pull.repository, pull.artifact, pull.tag)).or_default().add(1, pull.at);
    }
    let deltas: Vec<_> = sums
        .into_iter()
        .map(|((repository, artifact, tag), sum)| {
            [
                Value::from(repository.0),
                Value::from(artifact.0),
                Value::from(tag.map(|tag| tag.0)),
                Value::from(sum.pulls),
                Value::from(sum.last.micros()),
            ]
        })
        .collect();
    for chunk in deltas.chunks(CHUNK) {
        let mut sql = Sql::new(
            "INSERT INTO pull_deltas (repository_id, artifact_id, tag_id, pulls, pulled_at)",
        );
        sql.rows(chunk.iter().cloned());
        sql.execute(tx).await?;
    }
    for chunk in pulls.chunks(CHUNK) {
        let mut sql = Sql::new(
            "INSERT INTO audit_logs (project_id, username, operation, resource_type, resource, at)",
        );
        sql.rows(chunk.iter().map(|pull| {
            [
                Value::from(pull.project.0),
                Value::from(pull.actor.as_str()),
                Value::from("pull"),
                Value::from("artifact"),
                Value::from(pull.resource()),
                Value::from(pull.at.micros()),
            ]
        }));
        sql.execute(tx).await?;
    }
    Ok(())
}

/// Folds at most `limit` appended rows into the counters; tells how many there were.
pub async fn fold(tx: &mut Tx, limit: u32) -> Result<u64> {
    const TAKE: &str = "DELETE FROM pull_deltas WHERE id IN (\
        SELECT id FROM pull_deltas ORDER BY id LIMIT $1) \
        RETURNING repository_id, artifact_id, tag_id, pulls, pulled_at";
    let rows: Vec<(i64, i64, Option<i64>, i64, Timestamp)> =
        on!(tx.connection(), |connection| sqlx::query_as(TAKE)
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?);
    let (mut repositories, mut artifacts, mut tags) =
        (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for &(repository, artifact, tag, pulls, at) in &rows {
        add(&mut repositories, repository, pulls, at);
        add(&mut artifacts, artifact, pulls, at);
        if let Some(tag) = tag {
            add(&mut tags, tag, pulls, at);
        }
    }
    // Repositories first: whoever changes an artifact or tag of one holds its row.
    let updates = [
        (
            repositories,
            "UPDATE repositories SET pulls = repositories.pulls + v.pulls FROM v \
            WHERE repositories.id = v.id",
        ),
        (
            artifacts,
            "UPDATE artifacts SET pulled_at = v.at FROM v \
            WHERE artifacts.id = v.id AND (artifacts.pulled_at IS NULL OR artifacts.pulled_at < v.at)",
        ),
        (
            tags,
            "UPDATE tags SET pulled_at = v.at FROM v \
            WHERE tags.id = v.id AND (tags.pulled_at IS NULL OR tags.pulled_at < v.at)",
        ),
    ];
    for (sums, update) in updates {
        let sums: Vec<_> = sums.into_iter().collect();
        for chunk in sums.chunks(CHUNK) {
            let mut sql = Sql::new("WITH v (id, pulls, at) AS (");
            sql.rows(chunk.iter().map(|(id, sum)| {
                [Value::from(*id), Value::from(sum.pulls), Value::from(sum.last.micros())]
            }));
            sql.push(") ").push(update);
            sql.execute(tx).await?;
        }
    }
    Ok(rows.len() as u64)
}

fn add(sums: &mut BTreeMap<i64, Sum>, id: i64, pulls: i64, at: Timestamp) {
    sums.entry(id).or_default().add(pulls, at);
}

#[cfg(test)]
mod tests;
