//! Garbage collection: run, schedule, history; and the scrub beside it.

use askama::Template;
use auth::{Action, Resource};
use domain::queue::{self, Job, NewJob, Task, Trigger};
use domain::schedules::{self, Cron};
use domain::{Timestamp, permit};

use super::answer::Answer;
use super::error::Error;
use super::form::Form;
use super::format::{self, Moment};
use super::jobs;
use super::pager::Pager;
use super::scrub::{self, Scrub};
use super::visit::Visit;
use crate::viewer::Shell;

pub(crate) struct Kind {
    pub(crate) value: &'static str,
    pub(crate) label: String,
}

pub(crate) struct RunLine {
    pub(crate) id: i64,
    pub(crate) dry_run: bool,
    pub(crate) state: &'static str,
    pub(crate) state_label: String,
    pub(crate) trigger: String,
    pub(crate) freed: String,
    pub(crate) blobs: String,
    pub(crate) manifests: String,
    pub(crate) created: Moment,
}

#[derive(Template)]
#[template(path = "gc/show.html")]
pub(crate) struct GcPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) form: Form,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) next_run: Option<Moment>,
    pub(crate) scrub: Scrub,
    pub(crate) rows: Vec<RunLine>,
    pub(crate) pager: Pager,
    pub(crate) live: bool,
}

/// The schedule is named as its task, here as in the API.
const SCHEDULE: &str = queue::Kind::CollectGarbage.as_str();
/// How long a promise holds: a client may take that long between uploading a layer and naming it.
const WINDOW_SECS: u64 = domain::blobs::LEASE.as_secs();

/// `GET /gc`
pub(super) async fn show(visit: Visit) -> Result<Answer, Error> {
    permit::authorize_system(&visit.principal, Resource::GarbageCollection, Action::List)?;
    let schedule = schedules::by_name(&visit.app.db, SCHEDULE).await?;
    let form = match &schedule {
        Some(schedule) => Form::default()
            .with("kind", schedule.kind.as_str())
            .with("cron", schedule.cron.as_str())
            .with("delete_untagged", deletes_untagged(&schedule.task).to_string()),
        None => Form::default().with("kind", "None"),
    };
    Answer::page(&page(&visit, form, schedule.and_then(|schedule| schedule.next_run)).await?)
}

/// `POST /gc/run`
pub(super) async fn run(visit: Visit, form: Form) -> Result<Answer, Error> {
    permit::authorize_system(&visit.principal, Resource::GarbageCollection, Action::Create)?;
    let task = task(form.ticked("dry_run"), form.ticked("delete_untagged"));
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

/// `POST /gc/schedule`
pub(super) async fn schedule(visit: Visit, mut form: Form) -> Result<Answer, Error> {
    permit::authorize_system(&visit.principal, Resource::GarbageCollection, Action::Update)?;
    let kind = KINDS.iter().find(|kind| kind.as_str() == form.value("kind"));
    let cron = match kind {
        Some(kind) => kind.cron().unwrap_or_else(|| form.word("cron")).parse::<Cron>().map(Some),
        None => Ok(None),
    };
    let Ok(cron) = cron else {
        form.fail("cron", visit.ui.t("fault-cron"));
        return Answer::faulty(&page(&visit, form, None).await?);
    };
    let mut tx = visit.app.db.begin().await?;
    match (kind, cron) {
        (Some(kind), Some(cron)) => {
            let task = task(false, form.ticked("delete_untagged"));
            schedules::set(&mut tx, SCHEDULE, *kind, &cron, &task, visit.now).await?;
        }
        _ => schedules::clear(&mut tx, SCHEDULE).await?,
    }
    tx.commit().await?;
    Ok(Answer::done("/gc", "flash-schedule-saved", ""))
}

const KINDS: [schedules::Kind; 4] = [
    schedules::Kind::Hourly,
    schedules::Kind::Daily,
    schedules::Kind::Weekly,
    schedules::Kind::Custom,
];

const fn task(dry_run: bool, delete_untagged: bool) -> Task {
    Task::CollectGarbage { dry_run, delete_untagged, window_secs: WINDOW_SECS }
}

async fn page(visit: &Visit, form: Form, next: Option<Timestamp>) -> Result<GcPage<'_>, Error> {
    let kind = Some(queue::Kind::CollectGarbage);
    let query = queue::Query { kind, state: None, paging: visit.paging() };
    let page = queue::list(&visit.app.db, &query).await?;
    Ok(GcPage {
        ui: &visit.ui,
        form,
        kinds: kinds(visit),
        next_run: next.map(|at| visit.moment(at)),
        scrub: scrub::told(visit).await?,
        live: page.items.iter().any(|job| !job.state.is_final()),
        pager: visit.pager(page.items.len(), page.total),
        rows: page.items.iter().map(|job| RunLine::new(visit, job)).collect(),
    })
}

fn deletes_untagged(task: &Task) -> bool {
    matches!(task, Task::CollectGarbage { delete_untagged: true, .. })
}

fn kinds(visit: &Visit) -> Vec<Kind> {
    let choices = [
        ("None", "repeat-none"),
        ("Hourly", "repeat-hourly"),
        ("Daily", "repeat-daily"),
        ("Weekly", "repeat-weekly"),
        ("Custom", "repeat-custom"),
    ];
    choices.map(|(value, key)| Kind { value, label: visit.ui.t(key) }).into()
}

impl RunLine {
    fn new(visit: &Visit, job: &Job) -> Self {
        // What `jobs` says of a collection, in Harbor's words.
        let told = |name: &str| job.result.as_ref()?.get(name)?.as_i64();
        let count = |name| told(name).map_or_else(|| "–".to_owned(), |count| count.to_string());
        Self {
            id: job.id.0,
            dry_run: matches!(job.task, Task::CollectGarbage { dry_run: true, .. }),
            state: job.state.as_str(),
            state_label: visit.ui.t(jobs::state_key(job.state)),
            trigger: visit.ui.t(jobs::trigger_key(job.trigger)),
            freed: told("freed_space").map_or_else(|| "–".to_owned(), format::size),
            blobs: count("purged_blobs"),
            manifests: count("purged_manifests"),
            created: visit.moment(job.created_at),
        }
    }
}
