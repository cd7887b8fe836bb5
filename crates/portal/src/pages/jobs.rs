//! Work in the background: history, progress, logs.

use askama::Template;
use auth::{Action, Resource};
use domain::ids::JobId;
use domain::queue::{self, Job, Kind, State, Trigger};
use domain::{Entity, permit};
use serde_json::Value;

use super::answer::Answer;
use super::error::Error;
use super::form::Form;
use super::format::{self, Moment};
use super::pager::Pager;
use super::visit::Visit;
use crate::viewer::Shell;

pub(crate) struct JobLine {
    pub(crate) id: i64,
    pub(crate) kind: String,
    pub(crate) state: &'static str,
    pub(crate) state_label: String,
    pub(crate) trigger: String,
    pub(crate) creator: String,
    pub(crate) created: Moment,
    /// Empty before the start.
    pub(crate) duration: String,
}

pub(crate) struct JobLogLine {
    pub(crate) iso: String,
    pub(crate) clock: String,
    pub(crate) text: String,
}

#[derive(Template)]
#[template(path = "jobs/list.html")]
pub(crate) struct ListPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) rows: Vec<JobLine>,
    pub(crate) pager: Pager,
    /// Whether the page refreshes itself.
    pub(crate) live: bool,
}

#[derive(Template)]
#[template(path = "jobs/show.html")]
pub(crate) struct ShowPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) job: JobLine,
    pub(crate) started: Option<Moment>,
    pub(crate) finished: Option<Moment>,
    /// `1 / 3`.
    pub(crate) attempts: String,
    pub(crate) error: Option<String>,
    /// Progress while it runs, the result at the end.
    pub(crate) facts: Vec<(String, String)>,
    pub(crate) log: Vec<JobLogLine>,
    pub(crate) older_log: Option<String>,
    pub(crate) may_cancel: bool,
    pub(crate) cancelling: bool,
    pub(crate) live: bool,
}

/// Lines of a log on one page.
const LOG_LINES: u32 = 1000;

/// `GET /jobs`
pub(super) async fn list(visit: Visit) -> Result<Answer, Error> {
    permit::authorize_system(&visit.principal, Resource::JobserviceMonitor, Action::List)?;
    let query = queue::Query { paging: visit.paging(), ..queue::Query::default() };
    let page = queue::list(&visit.app.db, &query).await?;
    let live = page.items.iter().any(|job| !job.state.is_final());
    let pager = visit.pager(page.items.len(), page.total);
    let rows = page.items.iter().map(|job| JobLine::new(&visit, job)).collect();
    Answer::page(&ListPage { ui: &visit.ui, rows, pager, live })
}

/// `GET /jobs/{id}`
pub(super) async fn show(visit: Visit) -> Result<Answer, Error> {
    permit::authorize_system(&visit.principal, Resource::JobserviceMonitor, Action::List)?;
    let job = find(&visit).await?;
    let after = visit.parameter("after").parse().ok();
    let log = queue::log(&visit.app.db, job.id, after, LOG_LINES).await?;
    let older_log = match log.last() {
        Some(last) if log.len() >= LOG_LINES as usize => {
            Some(format!("/jobs/{}?after={}", job.id, last.id))
        }
        _ => None,
    };
    let live = !job.state.is_final() && after.is_none();
    Answer::page(&ShowPage {
        ui: &visit.ui,
        job: JobLine::new(&visit, &job),
        started: job.started_at.map(|at| visit.moment(at)),
        finished: job.finished_at.map(|at| visit.moment(at)),
        attempts: format!("{} / {}", job.attempts, job.max_attempts),
        error: job.error.clone(),
        facts: facts(&visit, &job),
        log: log.into_iter().map(|line| JobLogLine::new(&visit, line)).collect(),
        older_log,
        may_cancel: !job.state.is_final() && !job.cancel_requested,
        cancelling: !job.state.is_final() && job.cancel_requested,
        live,
    })
}

/// `POST /jobs/{id}/cancel`
pub(super) async fn cancel(visit: Visit, _form: Form) -> Result<Answer, Error> {
    permit::authorize_system(&visit.principal, Resource::JobserviceMonitor, Action::Stop)?;
    let job = find(&visit).await?;
    let mut tx = visit.app.db.begin().await?;
    queue::stop(&mut tx, job.id, visit.now).await?;
    tx.commit().await?;
    let id = job.id.to_string();
    Ok(Answer::done(format!("/jobs/{id}"), "flash-job-cancelled", &format!("#{id}")))
}

async fn find(visit: &Visit) -> Result<Job, Error> {
    let id = visit.segment("id").parse().map_err(|_not_a_number| Error::missing(Entity::Job))?;
    let job = queue::by_id(&visit.app.db, JobId(id)).await?;
    job.ok_or(Error::missing(Entity::Job))
}

impl JobLine {
    pub(super) fn new(visit: &Visit, job: &Job) -> Self {
        let ended = job.finished_at.unwrap_or(visit.now);
        let duration = job.started_at.map(|started| format::span(ended.since(started)));
        Self {
            id: job.id.0,
            kind: visit.ui.t(kind_key(job.task.kind())),
            state: job.state.as_str(),
            state_label: visit.ui.t(state_key(job.state)),
            trigger: visit.ui.t(trigger_key(job.trigger)),
            creator: job.creator.clone(),
            created: visit.moment(job.created_at),
            duration: duration.unwrap_or_default(),
        }
    }
}

impl JobLogLine {
    fn new(visit: &Visit, line: queue::LogLine) -> Self {
        let moment = visit.moment(line.at);
        Self { clock: moment.clock().to_owned(), iso: moment.iso, text: line.line }
    }
}

/// What the job tells of itself: its result, or how far it is.
fn facts(visit: &Visit, job: &Job) -> Vec<(String, String)> {
    let told = job.result.as_ref().unwrap_or(&job.progress);
    let Some(fields) = told.as_object() else { return Vec::new() };
    let known = fields.iter().filter_map(|(name, value)| {
        let text = match value {
            Value::Number(number) if name == "freed_space" || name == "checked_bytes" => {
                format::size(number.as_i64().unwrap_or_default())
            }
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.clone(),
            Value::Bool(answer) => visit.ui.t(if *answer { "yes" } else { "no" }),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        Some((visit.ui.t_or(&format!("fact-{}", name.replace('_', "-")), name), text))
    });
    known.collect()
}

fn kind_key(kind: Kind) -> &'static str {
    match kind {
        Kind::CollectGarbage => "job-gc",
        Kind::PurgeUploads => "job-purge-uploads",
        Kind::PurgeAudit => "job-purge-audit",
        Kind::PurgeSessions => "job-purge-sessions",
        Kind::PurgeJobs => "job-purge-jobs",
        Kind::Scrub => "job-scrub",
    }
}

pub(super) fn state_key(state: State) -> &'static str {
    match state {
        State::Pending => "state-pending",
        State::Running => "state-running",
        State::Success => "state-success",
        State::Error => "state-error",
        State::Stopped => "state-stopped",
    }
}

pub(super) fn trigger_key(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Manual => "trigger-manual",
        Trigger::Schedule => "trigger-schedule",
        Trigger::Event => "trigger-event",
    }
}
