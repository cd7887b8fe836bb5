//! Metadata of projects: a text under a known key, each with its rule.

use std::collections::BTreeMap;

use crate::db::on;
use crate::ids::ProjectId;
use crate::permit::Permit;
use crate::sql::{Sql, Value};
use crate::{Db, Entity, Error, Result, Timestamp, Tx, audit};

const PUBLIC: &str = "public";

const SWITCHES: [&str; 7] = [
    PUBLIC,
    "enable_content_trust",
    "enable_content_trust_cosign",
    "prevent_vul",
    "auto_scan",
    "auto_sbom_generation",
    "reuse_sys_cve_allowlist",
];
const SEVERITIES: [&str; 7] =
    ["none", "unknown", "negligible", "low", "medium", "high", "critical"];
/// Meaningful only for a proxy of another registry; Harbor drops them from other projects without a word.
const OF_PROXIES: [&str; 6] = [
    "proxy_speed_kb",
    "max_upstream_conn",
    "proxy_cache_local_on_not_found",
    "proxy_referrer_api",
    "proxy_cache_filter_pattern",
    "proxy_cache_filter_kind",
];

/// The project's metadata, `public` included.
pub async fn metadata(db: &Db, project: ProjectId) -> Result<BTreeMap<String, String>> {
    const SQL: &str = "SELECT public FROM projects WHERE id = $1";
    let public: Option<bool> =
        on!(db.read(), |pool| sqlx::query_scalar(SQL).bind(project).fetch_optional(pool).await?);
    let public = public.ok_or(Error::NotFound(Entity::Project))?;
    let mut metadata = of_projects(db, &[project]).await?.remove(&project).unwrap_or_default();
    metadata.insert(PUBLIC.to_owned(), public.to_string());
    Ok(metadata)
}

/// The rows of many projects, without `public`, in one statement.
pub(super) async fn of_projects(
    db: &Db,
    projects: &[ProjectId],
) -> Result<BTreeMap<ProjectId, BTreeMap<String, String>>> {
    let mut metadata: BTreeMap<ProjectId, BTreeMap<String, String>> = BTreeMap::new();
    if projects.is_empty() {
        return Ok(metadata);
    }
    let mut sql =
        Sql::new("SELECT project_id, key, value FROM project_metadata WHERE project_id IN ");
    sql.list(projects.iter().map(|project| project.0));
    let rows: Vec<(ProjectId, String, String)> =
        on!(db.read(), |pool| sql.builder().build_query_as().fetch_all(pool).await?);
    for (project, key, value) in rows {
        metadata.entry(project).or_default().insert(key, value);
    }
    Ok(metadata)
}

/// Adds one pair; `Conflict` if the key is there.
pub async fn create_metadata(
    tx: &mut Tx,
    permit: &Permit,
    key: &str,
    value: &str,
    now: Timestamp,
) -> Result<()> {
    const TAKEN: &str = "SELECT COUNT(*) FROM project_metadata WHERE project_id = $1 AND key = $2";
    if !is_known(key) {
        return Err(unknown(key));
    }
    let taken: i64 = on!(tx.connection(), |connection| sqlx::query_scalar(TAKEN)
        .bind(permit.project().id)
        .bind(key)
        .fetch_one(connection)
        .await?);
    if taken > 0 || key == PUBLIC {
        return Err(Error::Conflict(Entity::Metadata));
    }
    set(tx, permit, key, value).await?;
    audit::record(tx, permit, "create", "metadata", key, now).await
}

/// Gives a key another value, or its first.
pub async fn update_metadata(
    tx: &mut Tx,
    permit: &Permit,
    key: &str,
    value: &str,
    now: Timestamp,
) -> Result<()> {
    set(tx, permit, key, value).await?;
    audit::record(tx, permit, "update", "metadata", key, now).await
}

/// Removes a pair. `public` is a property of every project and cannot go.
pub async fn delete_metadata(
    tx: &mut Tx,
    permit: &Permit,
    key: &str,
    now: Timestamp,
) -> Result<()> {
    const SQL: &str = "DELETE FROM project_metadata WHERE project_id = $1 AND key = $2";
    if key == PUBLIC {
        return Err(Error::invalid("metadata", "\"public\" cannot be removed"));
    }
    if !is_known(key) {
        return Err(Error::NotFound(Entity::Metadata));
    }
    let done = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(permit.project().id)
        .bind(key)
        .execute(connection)
        .await?
        .rows_affected());
    if done == 0 {
        return Err(Error::NotFound(Entity::Metadata));
    }
    audit::record(tx, permit, "delete", "metadata", key, now).await
}

async fn set(tx: &mut Tx, permit: &Permit, key: &str, value: &str) -> Result<()> {
    const PUBLISH: &str = "UPDATE projects SET public = $2 WHERE id = $1";
    let project = permit.project().id;
    if key == PUBLIC {
        let public = switch(PUBLIC, value)? == "true";
        on!(tx.connection(), |connection| sqlx::query(PUBLISH)
            .bind(project)
            .bind(public)
            .execute(connection)
            .await
            .map(drop)?);
        return Ok(());
    }
    let pair = BTreeMap::from([(key.to_owned(), value.to_owned())]);
    let pair = accepted(&pair)?;
    store(tx, project, &pair).await
}

/// The pairs to store, in the form they are stored in: without `public`, which is a column, and what only proxies have.
pub(super) fn accepted(pairs: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    let mut stored = BTreeMap::new();
    for (key, value) in pairs {
        let key = key.as_str();
        if key == PUBLIC || OF_PROXIES.contains(&key) {
            continue;
        }
        let value = match SWITCHES.into_iter().find(|known| *known == key) {
            Some(known) => switch(known, value)?,
            None if key == "severity" => severity(value)?,
            None => return Err(unknown(key)),
        };
        stored.insert(key.to_owned(), value);
    }
    Ok(stored)
}

fn is_known(key: &str) -> bool {
    key == "severity" || SWITCHES.contains(&key)
}

fn unknown(key: &str) -> Error {
    Error::invalid("metadata", format!("{key:?} is not a known key"))
}

/// As Go reads a truth, because clients of Harbor send what it reads.
fn switch(key: &str, value: &str) -> Result<String> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok("true".to_owned()),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok("false".to_owned()),
        _ => Err(Error::invalid("metadata", format!("{key:?} must be \"true\" or \"false\""))),
    }
}

fn severity(value: &str) -> Result<String> {
    let folded = value.to_ascii_lowercase();
    if SEVERITIES.contains(&folded.as_str()) {
        return Ok(folded);
    }
    Err(Error::invalid(
        "metadata",
        format!("\"severity\" must be one of {}", SEVERITIES.join(", ")),
    ))
}

pub(super) async fn store(
    tx: &mut Tx,
    project: ProjectId,
    pairs: &BTreeMap<String, String>,
) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let mut sql = Sql::new("INSERT INTO project_metadata (project_id, key, value)");
    sql.rows(pairs.iter().map(|(key, value)| {
        [Value::from(project.0), Value::from(key.as_str()), Value::from(value.as_str())]
    }));
    sql.push(" ON CONFLICT (project_id, key) DO UPDATE SET value = excluded.value");
    sql.execute(tx).await?;
    Ok(())
}
