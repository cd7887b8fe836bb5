//! A blob on its way here: from the other registry into the store, and into the hands of those who follow.
//!
//! A transfer that breaks is gone on with where it broke. As with an upload there is a session in the database, by which
//! a collection finds what a process that died has left.

use std::time::Duration;

use blobs::{Committed, Error as StoreError, HashState, Key, Upload as Writer};
use bytes::Bytes;
use domain::permit::RepositoryPermit;
use domain::uploads::{self, Object, Upload};
use domain::{Entity, Tx, blobs as rows, cached, collection};
use futures_util::FutureExt;
use oci::{Digest, RepositoryName};
use tokio::sync::watch;
use tokio::time::sleep;
use web::Shutdown;
use web::client::Response;

use crate::Cache;
use crate::counts::{self, Kind};
use crate::error::{Error, Result};
use crate::flight::Stage;
use crate::spool::{Behind, Spool};
use crate::upstream::header;

/// What those who follow are told at the latest, if it comes faster than it is written.
const STEP: u64 = 256 * 1024;
/// Pauses before a broken transfer is gone on with; after as many breaks in a row it is given up.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
];
/// A transfer that brought at least this much before it broke has not broken in a row.
const PROGRESS: u64 = 64 * 1024;
/// What is left of the drain when a fetch is told to end; as for uploads.
const GRACE: Duration = Duration::from_millis(1500);

/// Until fetches must end.
pub(crate) async fn stopped(stop: &Shutdown) {
    stop.triggered().await;
    sleep(GRACE).await;
}

/// A transfer that broke: it may go on.
struct Broken(String);

/// Where the bytes go.
struct Sink<'a> {
    writer: Writer,
    behind: Behind,
    size: Option<u64>,
    told: u64,
    stage: &'a watch::Sender<Stage>,
}

impl Cache {
    pub(crate) async fn fetched_blob(
        &self,
        permit: &RepositoryPermit,
        digest: &Digest,
        stage: &watch::Sender<Stage>,
    ) -> Result<()> {
        let _slot = self.slots.acquire().await.map_err(|_closed| Error::Stopped)?;
        // The one that is left is for whoever may join.
        if stage.receiver_count() <= 1 {
            return Err(Error::Unwanted);
        }
        if self.is_adopted(permit, digest).await? {
            stage.send_replace(Stage::Here);
            return Ok(());
        }
        let answer = self.upstream.blob(permit.name(), digest, 0).await?;
        let size = answer.content_length();
        let session = self.opened(permit, digest).await?;
        let committed = self.kept(permit.name(), digest, (answer, size), &session, stage).await;
        match committed {
            Ok(committed) => self.note(permit, session, committed).await,
            Err(error) => {
                // Whatever came, it is of no use to anybody.
                self.discard(&session).await;
                Err(error)
            }
        }
    }

    /// Whether the bytes are here for the sake of another repository, and the other registry has them in this one, too.
    async fn is_adopted(&self, permit: &RepositoryPermit, digest: &Digest) -> Result<bool> {
        if let Some(repository) = permit.repository()
            && let Ok(Some(_)) = rows::find(&self.db, repository, digest).await
        {
            // Fetched by somebody since the caller looked.
            return Ok(true);
        }
        if rows::holders(&self.db, digest).await?.is_empty() {
            return Ok(false);
        }
        self.upstream.has_blob(permit.name(), digest).await?;
        let mut tx = self.db.begin().await?;
        let adopted = cached::adopt(&mut tx, permit, digest, self.clock.now()).await?;
        tx.commit_content().await?;
        Ok(adopted)
    }

    async fn opened(&self, permit: &RepositoryPermit, digest: &Digest) -> Result<Upload> {
        let state = HashState::new(digest.algorithm()).to_bytes();
        let mut tx = self.db.begin().await?;
        let object = Object { key: Key::fresh().to_string(), hash_state: state.into() };
        let session = uploads::open(&mut tx, permit, object, None, self.clock.now()).await?;
        tx.commit_aside().await?;
        session.ok_or_else(|| domain::Error::NotFound(Entity::Upload).into())
    }

    async fn kept(
        &self,
        name: &RepositoryName,
        digest: &Digest,
        (answer, size): (Response, Option<u64>),
        session: &Upload,
        stage: &watch::Sender<Stage>,
    ) -> Result<Committed> {
        let mut writer = self.store.create(&key_of(session)?, digest.algorithm());
        writer.open().await?;
        if let Some(size) = size {
            // A full store says so before a client is told that something comes.
            writer.reserve(size).await?;
        }
        let behind = match writer.growing().await? {
            Some(growing) => Behind::Object(growing),
            None => Behind::Spool(Spool::new().await?),
        };
        stage.send_replace(Stage::Coming { size, written: 0, behind: behind.clone() });
        let mut sink = Sink { writer, behind, size, told: 0, stage };
        self.transfer(name, digest, answer, &mut sink).await?;
        let Sink { writer, behind, .. } = sink;
        let committed = writer.commit(digest).await.map_err(|error| match error {
            StoreError::DigestMismatch { .. } => self.upstream.wrong(error.to_string()),
            error => error.into(),
        })?;
        stage.send_replace(Stage::Whole { size: committed.size, behind });
        Ok(committed)
    }

    /// All of it, in one piece or in several.
    async fn transfer(
        &self,
        name: &RepositoryName,
        digest: &Digest,
        answer: Response,
        sink: &mut Sink<'_>,
    ) -> Result<()> {
        let (mut next, mut pauses) = (Some(answer), PAUSES.iter());
        loop {
            let before = sink.offset();
            let broken = match self.received(name, digest, next.take(), sink).await {
                Ok(None) => return Ok(()),
                Ok(Some(Broken(reason))) => self.upstream.away(reason),
                Err(error) if error.is_passing() => error,
                Err(error) => return Err(error),
            };
            if sink.offset() >= before.saturating_add(PROGRESS) {
                pauses = PAUSES.iter();
            }
            let Some(pause) = pauses.next() else { return Err(broken) };
            tracing::warn!(%name, %digest, at = sink.offset(), error = %broken, "a fetch broke off");
            sleep(*pause).await;
        }
    }

    /// What comes until it ends or breaks: of `answer`, or of a new one from where it broke.
    async fn received(
        &self,
        name: &RepositoryName,
        digest: &Digest,
        answer: Option<Response>,
        sink: &mut Sink<'_>,
    ) -> Result<Option<Broken>> {
        let (answer, skip) = match answer {
            Some(answer) => (answer, 0),
            None => {
                let offset = sink.offset();
                let answer = self.upstream.blob(name, digest, offset).await?;
                let skip = if begins_at(&answer, offset) { 0 } else { offset };
                (answer, skip)
            }
        };
        match sink.take_all(answer, skip).await? {
            Ended::Whole => Ok(None),
            Ended::Broken(broken) => Ok(Some(broken)),
            Ended::TooLong => {
                Err(self.upstream.wrong(format!("{digest} has more bytes than were announced")))
            }
        }
    }

    /// The commit of a fetch, in one transaction: the session ends, and the blob is the repository's.
    async fn note(
        &self,
        permit: &RepositoryPermit,
        session: Upload,
        committed: Committed,
    ) -> Result<()> {
        let Committed { key, size, digest, stale, rest } = committed;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        uploads::end(&mut tx, &session).await?;
        let recorded = cached::record(&mut tx, permit, &digest, size, key.as_str(), now).await?;
        for key in stale.iter().chain(rest.as_ref()) {
            collection::condemn_object(&mut tx, key.as_str(), "", 0, now).await?;
        }
        tx.commit_content().await?;
        if recorded.healed {
            healed(&digest);
        }
        for key in stale.iter().chain(recorded.redundant.then_some(&key)) {
            self.remove(key).await;
        }
        Ok(())
    }

    async fn discard(&self, session: &Upload) {
        let discarded = async {
            let key = key_of(session)?;
            let mut tx = self.db.begin().await?;
            uploads::cancel(&mut tx, session, self.clock.now()).await?;
            tx.commit_aside().await?;
            self.remove(&key).await;
            Ok::<_, Error>(())
        };
        if let Err(error) = discarded.await {
            tracing::warn!(error = %web::chain(&error), "a fetch is left to the purge of uploads");
        }
    }

    /// Removes condemned bytes at once; if that fails the collector will.
    async fn remove(&self, key: &Key) {
        let removed = async {
            self.store.delete(key).await?;
            let mut tx: Tx = self.db.begin().await?;
            collection::forget(&mut tx, &[key.to_string()]).await?;
            tx.commit_aside().await?;
            Ok::<_, Error>(())
        };
        if let Err(error) = removed.await {
            tracing::warn!(%key, error = %web::chain(&error), "object is left to the collector");
        }
    }
}

enum Ended {
    Whole,
    Broken(Broken),
    TooLong,
}

impl Sink<'_> {
    fn offset(&self) -> u64 {
        self.writer.offset()
    }

    /// Takes the body but for its first `skip` bytes.
    async fn take_all(&mut self, mut body: Response, mut skip: u64) -> Result<Ended> {
        loop {
            let next = match body.chunk().now_or_never() {
                Some(next) => next,
                None => {
                    // Nothing comes at the moment: what has come need not wait for more.
                    self.tell().await?;
                    body.chunk().await
                }
            };
            let mut chunk = match next {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(error) => {
                    self.tell().await?;
                    return Ok(Ended::Broken(Broken(web::chain(&error.without_url()).to_string())));
                }
            };
            counts::pulled(Kind::Blob, chunk.len());
            let skipped = skip.min(chunk.len() as u64);
            skip -= skipped;
            drop(chunk.split_to(usize::try_from(skipped).unwrap_or(usize::MAX).min(chunk.len())));
            if !self.take(chunk).await? {
                return Ok(Ended::TooLong);
            }
        }
        self.tell().await?;
        match self.size {
            Some(size) if self.offset() < size => {
                Ok(Ended::Broken(Broken(format!("it ends after {} bytes", self.offset()))))
            }
            _ => Ok(Ended::Whole),
        }
    }

    /// False if there is more of it than there should be.
    async fn take(&mut self, chunk: Bytes) -> Result<bool> {
        let offset = self.offset();
        let end = offset.saturating_add(chunk.len() as u64);
        if self.size.is_some_and(|size| end > size) {
            return Ok(false);
        }
        if let Behind::Spool(spool) = &self.behind {
            spool.write(chunk.clone(), offset).await?;
        }
        self.writer.write(chunk).await?;
        if end - self.told >= STEP {
            self.tell().await?;
        }
        Ok(true)
    }

    /// Lets those who follow have what came.
    async fn tell(&mut self) -> Result<()> {
        if self.offset() == self.told {
            return Ok(());
        }
        let written = self.writer.flush().await?;
        self.told = written;
        let (size, behind) = (self.size, self.behind.clone());
        self.stage.send_replace(Stage::Coming { size, written, behind });
        Ok(())
    }
}

/// Whether the answer goes on from there; one that knows no ranges begins anew.
fn begins_at(answer: &Response, offset: u64) -> bool {
    let range = header(answer, "content-range").and_then(|range| range.strip_prefix("bytes "));
    let start = range.and_then(|range| range.split('-').next());
    answer.status().as_u16() == 206 && start.and_then(|start| start.parse().ok()) == Some(offset)
}

fn healed(digest: &Digest) {
    tracing::info!(%digest, "a damaged blob was fetched again");
}

fn key_of(session: &Upload) -> Result<Key> {
    let key = session.object_key.parse();
    Ok(key.map_err(|_invalid: blobs::KeyInvalid| domain::Error::Corrupt {
        column: "uploads.object_key",
    })?)
}
