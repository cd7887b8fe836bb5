//! The rows: appended, read in order, removed.

use std::sync::Arc;

use super::{Action, Content, Event, Receiver, Request, Source, Target};
use crate::blobs::bytes;
use crate::db::on;
use crate::sql::{Sql, Value};
use crate::{Db, Error, Result, Timestamp, Tx};

/// Rows of one statement: each has many values.
const ROWS: usize = 1_000;

/// An event that a receiver has not been told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Names the row for [`delivered`].
    pub row: i64,
    pub event: Event,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    event: String,
    at: Timestamp,
    action: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
    media_type: Option<String>,
    size: Option<i64>,
    url: Option<String>,
    from_repository: Option<String>,
    content: String,
    actor: String,
    request_id: String,
    request_addr: String,
    request_host: String,
    request_method: String,
    request_agent: String,
    source_addr: String,
    source_instance: String,
}

/// Notes the events, in their order, for every receiver that wants them; tells how many each of them got.
pub async fn append(tx: &mut Tx, receivers: &[Receiver], events: &[Event]) -> Result<Vec<u64>> {
    let mut counts = Vec::with_capacity(receivers.len());
    let mut rows = Vec::new();
    for receiver in receivers {
        let before = rows.len();
        for event in events.iter().filter(|event| receiver.wants(event)) {
            rows.push(values(receiver, event)?);
        }
        counts.push((rows.len() - before) as u64);
    }
    for chunk in rows.chunks(ROWS) {
        let mut sql = Sql::new(
            "INSERT INTO events (receiver, event, at, action, repository, tag, digest, media_type, size, \
             url, from_repository, content, actor, request_id, request_addr, request_host, request_method, \
             request_agent, source_addr, source_instance)",
        );
        sql.rows(chunk.iter().cloned());
        sql.execute(tx).await?;
    }
    Ok(counts)
}

fn values(receiver: &Receiver, event: &Event) -> Result<[Value; 20]> {
    let Event { target, request, source, .. } = event;
    let content = target.content.as_ref();
    let size = content.map(|content| i64::try_from(content.size)).transpose();
    let size = size.map_err(|_large| Error::invalid("size", "too large"))?;
    let references = content.map_or_else(Default::default, |content| &*content.references);
    let references = serde_json::to_string(references)
        .map_err(|_unserializable| Error::invalid("references", "not JSON"))?;
    Ok([
        Value::from(receiver.name.as_str()),
        Value::from(event.id.to_string()),
        Value::from(event.at.micros()),
        Value::from(event.action.as_str()),
        Value::from(target.repository.as_str()),
        Value::from(target.tag.as_deref()),
        Value::from(target.digest.as_deref()),
        Value::from(content.map(|content| content.media_type.as_str())),
        Value::from(size),
        Value::from(content.map(|content| content.url.as_str())),
        Value::from(target.from_repository.as_deref()),
        Value::from(references),
        Value::from(&*event.actor),
        Value::from(request.id.as_str()),
        Value::from(request.addr.as_str()),
        Value::from(request.host.as_str()),
        Value::from(request.method.as_str()),
        Value::from(request.agent.as_str()),
        Value::from(source.addr.as_str()),
        Value::from(source.instance.as_str()),
    ])
}

/// The oldest events that the receiver has not been told of, at most `n`.
pub async fn waiting(db: &Db, receiver: &str, n: u32) -> Result<Vec<Waiting>> {
    const SQL: &str = "SELECT id, event, at, action, repository, tag, digest, media_type, size, url, \
        from_repository, content, actor, request_id, request_addr, request_host, request_method, \
        request_agent, source_addr, source_instance FROM events WHERE receiver = $1 ORDER BY id LIMIT $2";
    let rows: Vec<Row> = on!(db.read(), |pool| sqlx::query_as(SQL)
        .bind(receiver)
        .bind(i64::from(n))
        .fetch_all(pool)
        .await?);
    rows.into_iter().map(Waiting::try_from).collect()
}

/// Forgets what the receiver has been told.
pub async fn delivered(tx: &mut Tx, rows: &[i64]) -> Result<()> {
    for chunk in rows.chunks(ROWS) {
        let mut sql = Sql::new("DELETE FROM events WHERE id IN ");
        sql.list(chunk.iter().copied());
        sql.execute(tx).await?;
    }
    Ok(())
}

impl TryFrom<Row> for Waiting {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let corrupt = |column| Error::Corrupt { column };
        let content = match (row.media_type, row.size, row.url) {
            (Some(media_type), Some(size), Some(url)) => {
                let references = serde_json::from_str(&row.content)
                    .map_err(|_invalid| corrupt("events.content"))?;
                Some(Content { media_type, size: bytes(size)?, url, references })
            }
            _ => None,
        };
        let action: Action = row.action.parse().map_err(|_invalid| corrupt("events.action"))?;
        let target = Target {
            repository: row.repository,
            tag: row.tag,
            digest: row.digest,
            content,
            from_repository: row.from_repository,
        };
        let request = Request {
            id: row.request_id,
            addr: row.request_addr,
            host: row.request_host,
            method: row.request_method,
            agent: row.request_agent,
        };
        let source = Source { addr: row.source_addr, instance: row.source_instance };
        let event = Event {
            id: row.event.parse().map_err(|_invalid| corrupt("events.event"))?,
            at: row.at,
            action,
            target,
            actor: row.actor.into(),
            request: Arc::new(request),
            source: Arc::new(source),
        };
        Ok(Self { row: row.id, event })
    }
}
