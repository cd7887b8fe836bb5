//! Small uploads as they stood when they were acknowledged last, so that their next request need not ask the database.
//!
//! What is remembered is never believed: a session is moved by compare-and-set only, and whoever is about to refuse a
//! request, or to give a session up, for what it finds here asks the database first.

use std::time::Duration;

use domain::Db;
use domain::permit::RepositoryPermit;
use domain::uploads::{Upload, UploadId};
use moka::sync::Cache;

/// Bytes of sessions kept at the most.
const CAPACITY: u64 = 16 * 1024 * 1024;
/// What an entry takes beside its content, about.
const OVERHEAD: usize = 1024;
/// A client that thinks for longer may be looked for in the database.
const KEPT: Duration = Duration::from_secs(10);

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Underway(Cache<UploadId, Entry>);

/// Who opened a session that is being moved.
pub(crate) struct Remembered(String);

#[derive(Clone)]
struct Entry {
    /// Who opened it.
    principal: String,
    upload: Upload,
}

impl Default for Underway {
    fn default() -> Self {
        let weight = |_: &UploadId, entry: &Entry| {
            u32::try_from(OVERHEAD + entry.upload.content.len()).unwrap_or(u32::MAX)
        };
        let sessions = Cache::builder().max_capacity(CAPACITY).weigher(weight);
        Self(sessions.time_to_live(KEPT).build())
    }
}

impl Underway {
    /// The session, if it is one of this repository and this caller.
    pub(crate) fn get(&self, permit: &RepositoryPermit, id: UploadId) -> Option<Upload> {
        let entry = self.0.get(&id)?;
        let is_theirs = permit.repository() == Some(entry.upload.repository)
            && permit.actor() == entry.principal;
        is_theirs.then_some(entry.upload)
    }

    /// Where another replica may move sessions none is remembered: it would mostly be wrong.
    pub(crate) fn opened(&self, db: &Db, permit: &RepositoryPermit, upload: &Upload) {
        if db.has_one_server() {
            let entry = Entry { principal: permit.actor().to_owned(), upload: upload.clone() };
            self.0.insert(upload.id, entry);
        }
    }

    /// Forgets the session while it is moved.
    pub(crate) fn take(&self, id: UploadId) -> Option<Remembered> {
        self.0.remove(&id).map(|entry| Remembered(entry.principal))
    }

    /// What was taken was acknowledged as it is here.
    pub(crate) fn moved(&self, Remembered(principal): Remembered, upload: Upload) {
        self.0.insert(upload.id, Entry { principal, upload });
    }

    pub(crate) fn forget(&self, id: UploadId) {
        self.0.invalidate(&id);
    }
}
