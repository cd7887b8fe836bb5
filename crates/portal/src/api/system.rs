//! `/health`, `/ping`, `/systeminfo`, `/api/version`: how the platform is and what it is.

use std::time::Duration;

use ::web::{Probe, run};
use actix_web::HttpResponse;
use auth::{Action, Resource};
use domain::settings::{self, AuthMode, ProjectCreation};
use domain::{Db, Timestamp, quarantine, schedules};
use futures_util::future::join_all;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::answer::Answer;
use super::caller::Caller;
use super::error::{Code, Error, Result};
use super::refused::Refused;
use super::time::{Time, is_default};
use crate::{App, authority, volume};

/// The version of Harbor whose API this is, before our own: clients look at the first part.
const VERSION: &str = concat!("v2.15.0-", env!("CARGO_PKG_VERSION"));
/// A part that does not answer in this time is not well.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OverallHealthStatus)]
pub(crate) struct HealthView {
    /// `healthy` or `unhealthy`.
    status: &'static str,
    components: Vec<ComponentView>,
    /// What an administrator must look at, though the platform works: a load balancer that took the registry away for
    /// one damaged blob would take all others with it. Hence these are no components, and change no status.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alarms: Vec<AlarmView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HealthAlarm)]
pub(crate) struct AlarmView {
    name: &'static str,
    message: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ComponentHealthStatus)]
pub(crate) struct ComponentView {
    name: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "is_default")]
    error: String,
}

impl ComponentView {
    fn new(name: &'static str, outcome: &std::result::Result<(), String>) -> Self {
        Self {
            name,
            status: if outcome.is_ok() { "healthy" } else { "unhealthy" },
            error: outcome.as_ref().err().cloned().unwrap_or_default(),
        }
    }
}

impl HealthView {
    fn new(components: Vec<ComponentView>, alarms: Vec<AlarmView>) -> Self {
        let well = components.iter().all(|component| component.status == "healthy");
        Self { status: if well { "healthy" } else { "unhealthy" }, components, alarms }
    }
}

/// How each part is; the answer is 200 also when one is not well.
#[utoipa::path(get, path = "/health", operation_id = "getHealth", tag = "health",
    responses((status = 200, body = HealthView)))]
pub(crate) async fn health(app: actix_web::web::Data<App>) -> Result<Answer> {
    let app = App::clone(&app);
    run(async move {
        let database = within(app.db.ping()).await;
        let (storage, unwell) = registries(&app.storage).await;
        let jobs = match &database {
            Ok(()) => jobs(&app.db, app.clock.now()).await,
            Err(_) => Err("the database is not available".to_owned()),
        };
        let mut alarms = match &database {
            Ok(()) => alarms(&app.db).await,
            Err(_) => Vec::new(),
        };
        alarms.extend(unwell);
        let answering = Ok(());
        let components = vec![
            ComponentView::new("core", &answering),
            ComponentView::new("portal", &answering),
            ComponentView::new("jobservice", &jobs),
            ComponentView::new("registry", &storage),
            ComponentView::new("registryctl", &storage),
            ComponentView::new("database", &database),
        ];
        Answer::json(&HealthView::new(components, alarms))
    })
    .await
}

/// While one of them is well pushes and pulls go on, and each that is not is an alarm.
async fn registries(probes: &[Probe]) -> (std::result::Result<(), String>, Vec<AlarmView>) {
    let asked = join_all(probes.iter().map(Probe::check)).await;
    let goes_on = asked.iter().any(std::result::Result::is_ok);
    let mut unwell = asked.into_iter().filter_map(|outcome| told(outcome).err());
    if goes_on {
        (Ok(()), unwell.map(|message| AlarmView { name: "registry", message }).collect())
    } else {
        (unwell.next().map_or(Ok(()), Err), Vec::new())
    }
}

/// How many blobs are damaged, and no more: which ones is told to administrators.
async fn alarms(db: &Db) -> Vec<AlarmView> {
    match timeout(PATIENCE, quarantine::count(db)).await {
        Ok(Ok(count)) if count > 0 => {
            let message = format!("damaged blobs in quarantine, to be pushed again: {count}");
            vec![AlarmView { name: "quarantine", message }]
        }
        Ok(Ok(_) | Err(_)) | Err(_) => Vec::new(),
    }
}

async fn within<E: std::error::Error + 'static>(
    check: impl Future<Output = std::result::Result<(), E>>,
) -> std::result::Result<(), String> {
    match timeout(PATIENCE, check).await {
        Ok(outcome) => told(outcome),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

/// The reason goes to the log; a stranger learns that there is one.
fn told<E: std::error::Error + 'static>(
    outcome: std::result::Result<(), E>,
) -> std::result::Result<(), String> {
    outcome.map_err(|error| {
        tracing::warn!(error = %::web::chain(&error), "not healthy");
        error.to_string()
    })
}

async fn jobs(db: &Db, now: Timestamp) -> std::result::Result<(), String> {
    match timeout(PATIENCE, schedules::are_attended(db, now)).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err("no worker looks after the schedules".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

/// `Pong`, as long as the process answers.
#[utoipa::path(get, path = "/ping", operation_id = "getPing", tag = "ping",
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn ping() -> Answer {
    Answer::text("Pong")
}

/// Which API this is; beside the API's own path, as clients ask it before they know that.
pub(crate) async fn version() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "version": "v2.0" }))
}

/// What a client may know before it signs in, and what it may know then.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GeneralInfo)]
pub(crate) struct InfoView {
    #[schema(value_type = String)]
    auth_mode: AuthMode,
    primary_auth_mode: bool,
    self_registration: bool,
    #[serde(skip_serializing_if = "is_default")]
    banner_message: String,
    #[serde(flatten)]
    #[schema(inline)]
    details: Option<InfoDetails>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InfoDetails {
    current_time: Time,
    registry_url: String,
    external_url: String,
    #[schema(value_type = String)]
    project_creation_restriction: ProjectCreation,
    has_ca_root: bool,
    harbor_version: &'static str,
    registry_storage_provider_name: &'static str,
    read_only: bool,
    notification_enable: bool,
}

/// What the platform is and how it is set up.
#[utoipa::path(get, path = "/systeminfo", operation_id = "getSystemInfo", tag = "systeminfo",
    responses((status = 200, body = InfoView), Refused))]
pub(crate) async fn info(caller: Caller) -> Result<Answer> {
    run(async move {
        let settings = settings::load(&caller.app.db).await?;
        let has_ca_root = authority::is_offered(caller.app.ca_certificate.as_deref()).await;
        let details = caller.known().is_ok().then(|| InfoDetails {
            current_time: caller.now().into(),
            registry_url: caller.host.clone(),
            external_url: caller.url.clone(),
            project_creation_restriction: settings.project_creation_restriction,
            has_ca_root,
            harbor_version: VERSION,
            registry_storage_provider_name: "filesystem",
            read_only: settings.read_only,
            notification_enable: false,
        });
        Answer::json(&InfoView {
            auth_mode: settings.auth_mode,
            primary_auth_mode: false,
            self_registration: settings.self_registration,
            banner_message: settings.banner_message,
            details,
        })
    })
    .await
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SystemInfo)]
pub(crate) struct VolumesView {
    storage: Vec<StorageView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Storage)]
pub(crate) struct StorageView {
    total: u64,
    free: u64,
}

/// How full the volume of the blobs is; nothing when they are not on one.
#[utoipa::path(get, path = "/systeminfo/volumes", operation_id = "getVolumes", tag = "systeminfo",
    responses((status = 200, body = VolumesView), Refused))]
pub(crate) async fn volumes(caller: Caller) -> Result<Answer> {
    run(async move {
        caller.reads(Resource::SystemVolumes, Action::Read)?;
        let volume = volume::of(caller.app.volume.as_deref()).await;
        let storage = volume.map(|volume| StorageView { total: volume.total, free: volume.free });
        Answer::json(&VolumesView { storage: storage.into_iter().collect() })
    })
    .await
}

/// The certificate of the authority that signed this host's, for clients that do not know it yet.
#[utoipa::path(get, path = "/systeminfo/getcert", operation_id = "getCert", tag = "systeminfo",
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream", headers(
        ("Content-Disposition" = String))), Refused))]
pub(crate) async fn certificate(app: actix_web::web::Data<App>) -> Result<Answer> {
    let app = App::clone(&app);
    run(async move {
        let found = authority::certificate(app.ca_certificate.as_deref()).await;
        let absent =
            || Error::new(Code::NotFound, "no certificate of an authority is offered here");
        Ok(Answer::file("ca.crt", found.ok_or_else(absent)?))
    })
    .await
}

#[cfg(test)]
mod tests;
