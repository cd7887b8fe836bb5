//! The scrub and the quarantine, as the page of garbage collection shows them.

use auth::{Action, Resource};
use domain::listing::Paging;
use domain::quarantine::{self, Damage, Quarantined};
use domain::queue::{self, NewJob, Task, Trigger};
use domain::{permit, scrub};

use super::answer::Answer;
use super::error::Error;
use super::form::Form;
use super::format::{self, Moment};
use super::visit::Visit;

/// Damaged blobs on the page; the API lists all.
const SHOWN: u32 = 100;

pub(crate) struct Scrub {
    /// When the last pass ended, or the present one began.
    pub(crate) ended: Option<Moment>,
    pub(crate) began: Option<Moment>,
    pub(crate) checked: String,
    pub(crate) quarantined: i64,
    pub(crate) rows: Vec<DamagedLine>,
}

pub(crate) struct DamagedLine {
    pub(crate) digest: String,
    pub(crate) short: String,
    pub(crate) damage: String,
    pub(crate) size: String,
    /// The first of those that have it.
    pub(crate) repository: String,
    pub(crate) more: i64,
    pub(crate) since: Moment,
}

/// What there is to be said of it.
pub(super) async fn told(visit: &Visit) -> Result<Scrub, Error> {
    let db = &visit.app.db;
    let pass = scrub::latest(db).await?;
    let page = quarantine::list(db, Paging::first(SHOWN)).await?;
    let began = pass.filter(|pass| pass.ended_at.is_none()).map(|pass| pass.began_at);
    Ok(Scrub {
        ended: pass.and_then(|pass| pass.ended_at).map(|at| visit.moment(at)),
        began: began.map(|at| visit.moment(at)),
        checked: pass.map(|pass| format::size(pass.bytes)).unwrap_or_default(),
        quarantined: page.total,
        rows: page.items.into_iter().map(|blob| DamagedLine::new(visit, blob)).collect(),
    })
}

/// `POST /gc/scrub`
pub(super) async fn run(visit: Visit, _form: Form) -> Result<Answer, Error> {
    permit::authorize_system(&visit.principal, Resource::GarbageCollection, Action::Create)?;
    let task = Task::Scrub { bytes_per_sec: scrub::BYTES_PER_SEC };
    let job = NewJob::now(&task, Trigger::Manual, visit.principal.name(), visit.now);
    let mut tx = visit.app.db.begin().await?;
    match queue::enqueue(&mut tx, &job, visit.now).await {
        Ok(id) => {
            tx.commit().await?;
            Ok(Answer::done("/gc", "flash-job-started", &format!("#{id}")))
        }
        Err(domain::Error::Conflict(_)) => Ok(Answer::undone("/gc", "fault-busy", "")),
        Err(error) => Err(error.into()),
    }
}

impl DamagedLine {
    fn new(visit: &Visit, blob: Quarantined) -> Self {
        let short = blob.digest.chars().take("sha256:".len() + 12).collect();
        Self {
            short,
            digest: blob.digest,
            damage: visit.ui.t(damage_key(blob.damage)),
            size: format::size_of(blob.size),
            more: blob.repositories.saturating_sub(1),
            repository: blob.repository.unwrap_or_default(),
            since: visit.moment(blob.since),
        }
    }
}

const fn damage_key(damage: Damage) -> &'static str {
    match damage {
        Damage::Missing => "damage-missing",
        Damage::Size => "damage-size",
        Damage::Content => "damage-content",
        Damage::Unreadable => "damage-unreadable",
    }
}
