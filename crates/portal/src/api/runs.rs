//! What `/system/gc` and `/system/purgeaudit` share: runs of one kind of job, and the schedule that starts them.

use std::collections::BTreeMap;
use std::fmt::Write;

use auth::{Action, Resource};
use domain::ids::JobId;
use domain::queue::{self, Job, Kind, NewJob, State, Task, Trigger};
use domain::schedules::{self, Cron};
use domain::{Db, Entity};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::answer::Answer;
use super::caller::Caller;
use super::error::{Error, Result};
use super::listing::Listing;
use super::time::{Time, is_default, or_default};

/// Lines of a log that are read at a time.
const LINES: u32 = 1_000;

/// A run, or the schedule of runs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExecHistory)]
pub(crate) struct RunView {
    id: i64,
    #[serde(skip_serializing_if = "is_default")]
    job_name: &'static str,
    #[serde(skip_serializing_if = "is_default")]
    job_kind: &'static str,
    /// JSON as text: what was asked for, and what came of it.
    #[serde(skip_serializing_if = "is_default")]
    job_parameters: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<ScheduleObject>,
    #[serde(skip_serializing_if = "is_default")]
    job_status: &'static str,
    creation_time: Time,
    update_time: Time,
}

/// When something happens again and again.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = ScheduleObj)]
pub(crate) struct ScheduleObject {
    /// `Hourly`, `Daily`, `Weekly`, `Custom`, `Manual` (now, once) or `None`.
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    kind: String,
    /// Six fields, seconds first.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "is_default")]
    cron: String,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    next_scheduled_time: Option<Time>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Schedule)]
pub(crate) struct ScheduleRequest {
    schedule: Option<ScheduleObject>,
    #[serde(default, deserialize_with = "or_default")]
    #[schema(value_type = BTreeMap<String, Object>)]
    parameters: Option<BTreeMap<String, Value>>,
}

/// One of the two.
#[derive(Clone, Copy)]
pub(super) struct Runs {
    pub(super) resource: Resource,
    pub(super) kind: Kind,
    pub(super) name: &'static str,
    pub(super) path: &'static str,
    /// The task that parameters ask for.
    pub(super) task: fn(&Parameters) -> Result<Task>,
    /// Harbor's parameters of a task.
    pub(super) told: fn(&Task) -> Value,
}

/// Parameters as clients send them: numbers and switches may come as texts.
pub(super) struct Parameters(BTreeMap<String, Value>);

impl Parameters {
    pub(super) fn switch(&self, key: &str) -> Result<bool> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(on)) => Ok(*on),
            Some(Value::String(text)) if text == "true" => Ok(true),
            Some(Value::String(text)) if text == "false" || text.is_empty() => Ok(false),
            Some(_) => Err(Error::bad_request(format!("{key}: must be true or false"))),
        }
    }

    pub(super) fn number(&self, key: &str) -> Result<Option<u64>> {
        let number = match self.0.get(key) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(value) => value.as_u64(),
        };
        let wrong = || Error::bad_request(format!("{key}: must be a whole number, not negative"));
        number.map(Some).ok_or_else(wrong)
    }

    /// `create,delete`
    pub(super) fn words(&self, key: &str) -> Result<Vec<String>> {
        let words = |text: &str| {
            let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
            words.map(str::to_owned).collect()
        };
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(words(text)),
            Some(_) => Err(Error::bad_request(format!("{key}: must be words joined by commas"))),
        }
    }
}

impl Runs {
    pub(super) async fn list(self, caller: &Caller, listing: &Listing) -> Result<Answer> {
        caller.reads(self.resource, Action::List)?;
        let query = queue::Query { kind: Some(self.kind), state: None, paging: listing.paging() };
        let page = queue::list(&caller.app.db, &query).await?;
        listing.answer(page, |job| self.view(&job))
    }

    pub(super) async fn get(self, caller: &Caller, id: i64) -> Result<Answer> {
        caller.reads(self.resource, Action::Read)?;
        let job = self.find(&caller.app.db, id).await?;
        Answer::json(&self.view(&job))
    }

    pub(super) async fn stop(self, caller: &Caller, id: i64) -> Result<Answer> {
        caller.changes(self.resource, Action::Stop).await?;
        let job = self.find(&caller.app.db, id).await?;
        let mut tx = caller.app.db.begin().await?;
        queue::stop(&mut tx, job.id, caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    }

    pub(super) async fn log(self, caller: &Caller, id: i64) -> Result<Answer> {
        caller.reads(self.resource, Action::Read)?;
        let job = self.find(&caller.app.db, id).await?;
        Ok(Answer::text(log(&caller.app.db, job.id).await?))
    }

    /// `{}` when there is none: Harbor's empty body is more than some clients can bear.
    pub(super) async fn schedule(self, caller: &Caller) -> Result<Answer> {
        caller.reads(self.resource, Action::Read)?;
        match schedules::by_name(&caller.app.db, self.kind.as_str()).await? {
            Some(schedule) => Answer::json(&self.schedule_view(schedule)),
            None => Answer::json(&json!({})),
        }
    }

    /// Starts a run now, or sets when runs start; answers where it is to be seen.
    pub(super) async fn create(self, caller: &Caller, wanted: ScheduleRequest) -> Result<Answer> {
        let id = self.apply(caller, wanted, Action::Create).await?;
        Ok(Answer::created(format!("/api/v2.0{}/{id}", self.path)))
    }

    pub(super) async fn update(self, caller: &Caller, wanted: ScheduleRequest) -> Result<Answer> {
        self.apply(caller, wanted, Action::Update).await?;
        Ok(Answer::done())
    }

    async fn apply(self, caller: &Caller, wanted: ScheduleRequest, action: Action) -> Result<i64> {
        let permit = caller.changes(self.resource, action).await?;
        let now = caller.now();
        let wish = wanted.schedule.unwrap_or_default();
        let parameters = Parameters(wanted.parameters.unwrap_or_default());
        let mut tx = caller.app.db.begin().await?;
        let id = match wish.kind.as_str() {
            "Manual" => {
                let task = (self.task)(&parameters)?;
                let job = NewJob::now(&task, Trigger::Manual, permit.actor(), now);
                queue::enqueue(&mut tx, &job, now).await?.0
            }
            "None" | "" => {
                schedules::clear(&mut tx, self.kind.as_str()).await?;
                0
            }
            kind => {
                let kind = schedule_kind(kind)?;
                let task = (self.task)(&parameters)?;
                let cron: Cron = kind.cron().unwrap_or(&wish.cron).parse()?;
                schedules::set(&mut tx, self.kind.as_str(), kind, &cron, &task, now).await?;
                0
            }
        };
        tx.commit().await?;
        match (id, schedules::by_name(&caller.app.db, self.kind.as_str()).await?) {
            (0, Some(schedule)) => Ok(schedule.id),
            (id, _) => Ok(id),
        }
    }

    async fn find(self, db: &Db, id: i64) -> Result<Job> {
        let found = queue::by_id(db, JobId(id)).await?;
        let job = found.filter(|job| job.task.kind() == self.kind);
        job.ok_or_else(|| Error::not_found(Entity::Job))
    }

    fn view(self, job: &Job) -> RunView {
        let mut parameters = (self.told)(&job.task);
        let outcome = job.result.as_ref().unwrap_or(&job.progress);
        if let (Some(parameters), Some(outcome)) = (parameters.as_object_mut(), outcome.as_object())
        {
            parameters.extend(outcome.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        let updated = job.finished_at.or(job.started_at).unwrap_or(job.created_at);
        RunView {
            id: job.id.0,
            job_name: self.name,
            job_kind: job.trigger.as_str(),
            job_parameters: parameters.to_string(),
            schedule: Some(ScheduleObject {
                kind: trigger(job.trigger).to_owned(),
                ..ScheduleObject::default()
            }),
            job_status: status(job.state),
            creation_time: job.created_at.into(),
            update_time: updated.into(),
        }
    }

    fn schedule_view(self, schedule: schedules::Schedule) -> RunView {
        RunView {
            id: schedule.id,
            job_name: self.name,
            job_kind: Trigger::Schedule.as_str(),
            job_parameters: (self.told)(&schedule.task).to_string(),
            schedule: Some(ScheduleObject {
                kind: schedule.kind.as_str().to_owned(),
                cron: schedule.cron,
                next_scheduled_time: schedule.next_run.map(Time::from),
            }),
            job_status: "",
            creation_time: schedule.created_at.into(),
            update_time: schedule.updated_at.into(),
        }
    }
}

fn schedule_kind(text: &str) -> Result<schedules::Kind> {
    use schedules::Kind::{Custom, Daily, Hourly, Weekly};
    let known = [Hourly, Daily, Weekly, Custom].into_iter().find(|kind| kind.as_str() == text);
    // What terraform and older clients call a cron expression of their own.
    let known = known.or((text == "Schedule").then_some(Custom));
    known.ok_or_else(|| Error::bad_request(format!("schedule: there is no type {text:?}")))
}

const fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Manual => "Manual",
        Trigger::Schedule | Trigger::Event => "Schedule",
    }
}

pub(super) const fn status(state: State) -> &'static str {
    match state {
        State::Pending => "Pending",
        State::Running => "Running",
        State::Success => "Success",
        State::Error => "Error",
        State::Stopped => "Stopped",
    }
}

/// The whole log of a job.
pub(super) async fn log(db: &Db, job: JobId) -> Result<String> {
    let mut text = String::new();
    let mut after = None;
    loop {
        let lines = queue::log(db, job, after, LINES).await?;
        let Some(last) = lines.last() else { return Ok(text) };
        after = Some(last.id);
        for line in &lines {
            // Writing to a text cannot fail.
            writeln!(text, "{} {}", line.at, line.line).ok();
        }
    }
}

/// Pairs as an object; for [`Runs::told`].
pub(super) fn object(pairs: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Object(
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>(),
    )
}
