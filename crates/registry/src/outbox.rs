//! Who is told of pushes, pulls, mounts and deletions: what handlers note for [`domain::events`].
//!
//! What changes something is noted in its own transaction. A pull changes nothing and must not cost a write: pulls are
//! gathered and written together every second, and before anybody changes something, so that the order is that of the
//! answers. A crash loses the pulls of the last second. Where nobody is to be told, nothing here costs anything.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::web::{ExternalUrl, Peer, RequestId, Shutdown, chain};
use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderValue};
use domain::events::{self, Action, Content, Event, Receiver, Request, Source, Target};
use domain::{Db, Timestamp, Tx};
use metrics::{counter, gauge};
use oci::{Digest, Manifest, RepositoryName};
use tokio::sync::watch;
use uuid::Uuid;

const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// Bytes of pulls that wait to be written at the most; a database that is away must not fill the memory.
const CAPACITY: usize = 16 * 1024 * 1024;
/// Bytes of a header that are told: it is a client's to choose, and what waits is bounded.
const HEADER: usize = 512;
/// Pulls that are written in one transaction.
const BATCH: usize = 1_000;

/// Who is told, and what.
#[derive(Debug)]
pub struct Telling {
    pub receivers: Vec<Receiver>,
    /// Whether receivers are told what a manifest points at.
    pub references: bool,
    pub source: Arc<Source>,
    /// What stands before `/v2` in URLs: `/images`, or nothing.
    pub prefix: String,
}

/// Cheap to clone; the default tells nobody.
#[derive(Clone, Default)]
pub struct Outbox(Option<Arc<Inner>>);

struct Inner {
    telling: Telling,
    pulls: Mutex<Pulls>,
    /// Held while pulls are on their way to the database: who changes something waits until they are there.
    flushing: tokio::sync::Mutex<()>,
    arrivals: watch::Sender<()>,
}

#[derive(Default)]
struct Pulls {
    events: Vec<Event>,
    weight: usize,
    lost: u64,
}

/// What is to be said once the transaction is committed.
#[must_use = "receivers wait until they are told that something is there"]
#[derive(Default)]
pub(crate) struct Told(Option<(Arc<Inner>, Vec<u64>)>);

/// One request's way to tell.
#[derive(Clone)]
pub(crate) struct Teller {
    outbox: Arc<Inner>,
    request: Arc<Request>,
    /// What URLs of content begin with.
    base: Arc<str>,
    actor: Arc<str>,
}

impl Outbox {
    /// Of nobody, if there are no receivers.
    pub fn new(telling: Telling) -> Self {
        if telling.receivers.is_empty() {
            return Self(None);
        }
        Self(Some(Arc::new(Inner {
            telling,
            pulls: Mutex::default(),
            flushing: tokio::sync::Mutex::default(),
            arrivals: watch::Sender::default(),
        })))
    }

    /// Changes when there is something to be delivered.
    pub fn arrivals(&self) -> watch::Receiver<()> {
        self.0.as_ref().map_or_else(
            || watch::Sender::default().subscribe(),
            |inner| inner.arrivals.subscribe(),
        )
    }

    /// Writes noted pulls every second, until the end; what is noted after that is [`Outbox::flush`]'s.
    pub async fn run(self, db: Db, stop: Shutdown) {
        while !stop.is_triggered() {
            tokio::select! {
                () = tokio::time::sleep(FLUSH_EVERY) => {}
                () = stop.triggered() => {}
            }
            self.flush(&db).await;
        }
    }

    /// Writes the pulls that were noted so far.
    pub async fn flush(&self, db: &Db) {
        let Some(inner) = &self.0 else { return };
        let _flushing = inner.flushing.lock().await;
        let mut waiting = inner.taken();
        while !waiting.is_empty() {
            let batch = waiting.get(..BATCH.min(waiting.len())).unwrap_or_default();
            match inner.write(db, batch).await {
                Ok(told) => told.done(),
                Err(error) => return inner.keep(waiting, &error),
            }
            waiting.drain(..batch.len());
        }
    }

    /// To be awaited before a transaction that others are told of, and not within one.
    pub(crate) async fn settle(&self, db: &Db) {
        if self.0.is_some() {
            // On the heap: what awaits this is mostly a pull, and need not carry it.
            Box::pin(self.flush(db)).await;
        }
    }

    /// How the request tells, if anybody is told.
    pub(crate) fn teller(
        &self,
        req: &HttpRequest,
        url: &ExternalUrl,
        actor: &str,
    ) -> Option<Teller> {
        let outbox = Arc::clone(self.0.as_ref()?);
        let base = url.join(&outbox.telling.prefix).into();
        Some(Teller { outbox, request: Arc::new(request(req)), base, actor: actor.into() })
    }
}

impl Inner {
    fn pulls(&self) -> std::sync::MutexGuard<'_, Pulls> {
        self.pulls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heeds(&self, action: Action) -> bool {
        self.telling.receivers.iter().any(|receiver| receiver.heeds(action))
    }

    /// What waits to be written. What had no room is told here.
    fn taken(&self) -> Vec<Event> {
        let Pulls { events, lost, .. } = mem::take(&mut *self.pulls());
        if lost > 0 {
            tracing::warn!(
                pulls = lost,
                "too many pulls waited for the database: some are told to nobody"
            );
        }
        for receiver in self.telling.receivers.iter().filter(|_| lost > 0) {
            let name = receiver.name.clone();
            counter!("registry_notifications_events_total", "type" => "Dropped", "endpoint" => name)
                .increment(lost);
        }
        events
    }

    fn note(&self, event: Event) {
        if !self.telling.receivers.iter().any(|receiver| receiver.wants(&event)) {
            return;
        }
        let mut pulls = self.pulls();
        let weight = event.weight();
        if pulls.weight + weight > CAPACITY {
            pulls.lost += 1;
            return;
        }
        pulls.weight += weight;
        pulls.events.push(event);
    }

    /// Puts back what could not be written, before what came meanwhile.
    fn keep(&self, mut events: Vec<Event>, error: &domain::Error) {
        tracing::warn!(error = %chain(error), pulls = events.len(), "events of pulls wait for the database");
        let mut pulls = self.pulls();
        events.append(&mut pulls.events);
        pulls.weight = events.iter().map(Event::weight).sum();
        pulls.events = events;
    }

    async fn write(self: &Arc<Self>, db: &Db, events: &[Event]) -> domain::Result<Told> {
        let mut tx = db.begin().await?;
        let told = self.append(&mut tx, events).await?;
        tx.commit_aside().await?;
        Ok(told)
    }

    async fn append(self: &Arc<Self>, tx: &mut Tx, events: &[Event]) -> domain::Result<Told> {
        let counts = events::append(tx, &self.telling.receivers, events).await?;
        Ok(Told(Some((Arc::clone(self), counts))))
    }
}

impl Told {
    /// After the commit.
    pub(crate) fn done(self) {
        let Some((outbox, counts)) = self.0 else { return };
        for (receiver, count) in outbox.telling.receivers.iter().zip(counts) {
            let name = receiver.name.clone();
            counter!("registry_notifications_events_total", "type" => "Events", "endpoint" => name.clone())
                .increment(count);
            // The gauge counts as floats do, exactly up to 2^53.
            gauge!("registry_notifications_pending_total", "endpoint" => name)
                .increment(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
        }
        outbox.arrivals.send_replace(());
    }
}

impl Teller {
    /// Notes in the transaction what was done to each of the targets.
    pub(crate) async fn tell<T: IntoIterator<Item = Target>>(
        &self,
        tx: &mut Tx,
        action: Action,
        targets: impl FnOnce() -> T,
        now: Timestamp,
    ) -> domain::Result<Told> {
        if !self.outbox.heeds(action) {
            return Ok(Told::default());
        }
        let events: Vec<_> =
            targets().into_iter().map(|target| self.event(action, target, now)).collect();
        self.outbox.append(tx, &events).await
    }

    /// Notes a pull.
    pub(crate) fn pulled(&self, target: impl FnOnce(&Self) -> Target, now: Timestamp) {
        if self.outbox.heeds(Action::Pull) {
            self.outbox.note(self.event(Action::Pull, target(self), now));
        }
    }

    fn event(&self, action: Action, target: Target, now: Timestamp) -> Event {
        Event {
            id: Uuid::new_v4(),
            at: now,
            action,
            target,
            actor: Arc::clone(&self.actor),
            request: Arc::clone(&self.request),
            source: Arc::clone(&self.outbox.telling.source),
        }
    }

    pub(crate) fn blob(&self, name: &RepositoryName, digest: &Digest, size: u64) -> Target {
        let content = Content {
            // A registry knows no more of a blob.
            media_type: "application/octet-stream".to_owned(),
            size,
            url: format!("{}/v2/{name}/blobs/{digest}", self.base),
            references: Vec::new(),
        };
        Target { content: Some(content), ..gone(name, digest) }
    }

    pub(crate) fn manifest(
        &self,
        name: &RepositoryName,
        digest: &Digest,
        media_type: &str,
        bytes: &[u8],
    ) -> Target {
        let content = Content {
            media_type: media_type.to_owned(),
            size: bytes.len() as u64,
            url: format!("{}/v2/{name}/manifests/{digest}", self.base),
            references: match self.outbox.telling.references {
                true => references(media_type, bytes),
                false => Vec::new(),
            },
        };
        Target { content: Some(content), ..gone(name, digest) }
    }
}

/// What was deleted has a name and a digest, and nothing more is told of it.
pub(crate) fn gone(name: &RepositoryName, digest: &Digest) -> Target {
    let digest = Some(digest.to_string());
    Target { repository: name.to_string(), digest, ..Target::default() }
}

/// Everything that the manifest points at, in its order.
fn references(media_type: &str, bytes: &[u8]) -> Vec<oci::Descriptor> {
    // It was accepted once.
    let Ok(manifest) = Manifest::parse(Some(media_type), bytes) else { return Vec::new() };
    match manifest.kind {
        oci::Kind::Image { config, layers } => std::iter::once(*config).chain(layers).collect(),
        oci::Kind::Index { manifests } => manifests,
    }
}

fn request(req: &HttpRequest) -> Request {
    let text = |name| {
        let bytes = req.headers().get(name).map(HeaderValue::as_bytes).unwrap_or_default();
        String::from_utf8_lossy(bytes.get(..HEADER).unwrap_or(bytes)).into_owned()
    };
    Request {
        id: RequestId::current().map(|id| id.to_string()).unwrap_or_default(),
        addr: address(req),
        host: text(header::HOST),
        method: req.method().to_string(),
        agent: text(header::USER_AGENT),
    }
}

/// The client's address: with its port if it is connected to us itself; nothing on a socket of this machine.
fn address(req: &HttpRequest) -> String {
    let Some(socket) = req.peer_addr() else { return String::new() };
    match Peer::of(req) {
        Some(Peer(ip)) if ip != socket.ip().to_canonical() => ip.to_string(),
        _ => std::net::SocketAddr::new(socket.ip().to_canonical(), socket.port()).to_string(),
    }
}

#[cfg(test)]
mod tests;
