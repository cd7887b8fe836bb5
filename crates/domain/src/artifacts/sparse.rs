//! Sparse indexes: what an index lists need not all be there, if the operator lets it.
//!
//! What is absent is noted by digest. When it is pushed it becomes a child of the index like any other, so that it can
//! neither be deleted nor collected from under it.

use std::fmt;
use std::str::FromStr;

use oci::{Descriptor, Digest, Platform};
use serde::{Serialize, Serializer};

use super::push::json;
use crate::ids::{ArtifactId, RepositoryId};
use crate::sql::{CHUNK, Sql, Value};
use crate::{Error, Result, Tx};

/// Which of the manifests that an index lists must be there when it is pushed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Required {
    #[default]
    All,
    /// None of them.
    Nothing,
    /// Those for one of these machines.
    Platforms(Vec<Machine>),
}

/// What an image runs on, as far as a requirement tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    pub os: String,
    pub architecture: String,
}

impl Required {
    pub fn demands(&self, entry: &Descriptor) -> bool {
        match self {
            Self::All => true,
            Self::Nothing => false,
            Self::Platforms(machines) => entry.platform.as_ref().is_some_and(|platform| {
                let is = |machine: &Machine| {
                    machine.os == platform.os && machine.architecture == platform.architecture
                };
                machines.iter().any(is)
            }),
        }
    }
}

/// `all`, `none`, or machines: `linux/amd64,linux/arm64`.
impl FromStr for Required {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let machine = |text: &str| match text.trim().split_once('/') {
            Some((os, architecture))
                if !os.is_empty() && !architecture.is_empty() && !architecture.contains('/') =>
            {
                Ok(Machine { os: os.to_owned(), architecture: architecture.to_owned() })
            }
            _ => Err(Error::invalid(
                "required_platforms",
                "must be \"all\", \"none\", or platforms such as \"linux/amd64,linux/arm64\"",
            )),
        };
        match text.trim() {
            "all" => Ok(Self::All),
            "none" => Ok(Self::Nothing),
            listed => listed.split(',').map(machine).collect::<Result<_>>().map(Self::Platforms),
        }
    }
}

impl fmt::Display for Required {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Nothing => f.write_str("none"),
            Self::Platforms(machines) => {
                for (index, Machine { os, architecture }) in machines.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma}{os}/{architecture}")?;
                }
                Ok(())
            }
        }
    }
}

impl Serialize for Required {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An entry whose manifest the repository does not have, at its place in the index.
pub(crate) struct Absent<'a> {
    pub(crate) position: i64,
    pub(crate) descriptor: &'a Descriptor,
}

pub(crate) async fn note(
    tx: &mut Tx,
    repository: RepositoryId,
    parent: ArtifactId,
    absent: &[Absent<'_>],
) -> Result<()> {
    for chunk in absent.chunks(CHUNK) {
        let mut rows = Vec::with_capacity(chunk.len());
        for entry in chunk {
            rows.push(row(repository, parent, entry)?);
        }
        let mut sql = Sql::new(
            "INSERT INTO absent_children \
             (parent_id, position, repository_id, digest, os, architecture, variant, annotations)",
        );
        sql.rows(rows);
        sql.push(" ON CONFLICT (parent_id, position) DO NOTHING");
        sql.execute(tx).await?;
    }
    Ok(())
}

fn row(repository: RepositoryId, parent: ArtifactId, absent: &Absent<'_>) -> Result<[Value; 8]> {
    let unknown = Platform::default();
    let platform = absent.descriptor.platform.as_ref().unwrap_or(&unknown);
    Ok([
        Value::from(parent.0),
        Value::from(absent.position),
        Value::from(repository.0),
        Value::from(absent.descriptor.digest.as_str()),
        Value::from(platform.os.as_str()),
        Value::from(platform.architecture.as_str()),
        Value::from(platform.variant.as_deref().unwrap_or_default()),
        Value::from(json(&absent.descriptor.annotations)?),
    ])
}

/// Where an index lacks a manifest.
#[derive(sqlx::FromRow)]
pub(crate) struct Place {
    parent_id: ArtifactId,
    position: i64,
    os: String,
    architecture: String,
    variant: String,
    annotations: String,
}

/// The statement that takes from the indexes of the repository the places at which they lack the manifest of that digest.
pub(crate) fn taking(repository: RepositoryId, digest: &Digest) -> Sql {
    let mut sql = Sql::new("DELETE FROM absent_children WHERE repository_id = ");
    sql.bind(repository.0).push(" AND digest = ").bind(digest.as_str());
    sql.push(" RETURNING parent_id, position, os, architecture, variant, annotations");
    sql
}

/// The query that gives a row if no index of the repository lacks the manifest of that digest.
pub(crate) fn not_awaiting(repository: RepositoryId, digest: &Digest) -> Sql {
    let mut sql =
        Sql::new("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM absent_children WHERE repository_id = ");
    sql.bind(repository.0).push(" AND digest = ").bind(digest.as_str()).push(")");
    sql
}

/// The artifact is there now: gives it the places that were [taken](taking). The repository's row must be held.
pub(crate) async fn fill(
    tx: &mut Tx,
    rows: Vec<Place>,
    child: ArtifactId,
    size: i64,
) -> Result<()> {
    for chunk in rows.chunks(CHUNK) {
        let children: Vec<[Value; 7]> = chunk.iter().map(|row| place(row, child)).collect();
        super::push::insert_children(tx, &children).await?;
        let mut sql = Sql::new("UPDATE artifacts SET size = size + ");
        sql.bind(size).push(" WHERE id IN ").list(chunk.iter().map(|row| row.parent_id.0));
        sql.execute(tx).await?;
    }
    Ok(())
}

fn place(row: &Place, child: ArtifactId) -> [Value; 7] {
    [
        Value::from(row.parent_id.0),
        Value::from(row.position),
        Value::from(child.0),
        Value::from(row.os.as_str()),
        Value::from(row.architecture.as_str()),
        Value::from(row.variant.as_str()),
        Value::from(row.annotations.as_str()),
    ]
}

#[cfg(test)]
mod tests;
