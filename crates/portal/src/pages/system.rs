//! What runs here, how full it is, and whether it is well.

use askama::Template;
use domain::settings::ProjectCreation;
use domain::{schedules, statistics};
use futures_util::future::join_all;
use web::Probe;

use super::answer::Answer;
use super::error::Error;
use super::format;
use super::visit::Visit;
use crate::authority;
use crate::viewer::Shell;
use crate::volume::{self, Volume};

/// Sizes in words.
pub(crate) struct Storage {
    pub(crate) used: String,
    pub(crate) free: String,
    /// Of the volume, 0 to 100.
    pub(crate) percent: Option<u8>,
}

impl Storage {
    /// Object stores have no volume to fill.
    pub(crate) fn has_volume(&self) -> bool {
        self.percent.is_some()
    }

    pub(crate) fn level(&self) -> u8 {
        self.percent.unwrap_or_default()
    }
}

pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) healthy: bool,
}

#[derive(Template)]
#[template(path = "system.html")]
pub(crate) struct SystemPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) healthy: bool,
    pub(crate) projects: i64,
    pub(crate) public_projects: i64,
    pub(crate) repositories: i64,
    pub(crate) public_repositories: i64,
    /// For system administrators.
    pub(crate) storage: Option<Storage>,
    pub(crate) self_registration: bool,
    pub(crate) project_creation: String,
    pub(crate) parts: Vec<Part>,
    pub(crate) login_command: String,
    /// Where the certificate of this host's authority is.
    pub(crate) certificate: Option<&'static str>,
}

/// `GET /system`
pub(super) async fn show(visit: Visit) -> Result<Answer, Error> {
    visit.user_id()?;
    let (db, ui) = (&visit.app.db, &visit.ui);
    let numbers = statistics::statistics(db, &visit.principal).await?;
    let volume = volume::of(visit.app.volume.as_deref()).await;
    let parts = parts(&visit).await;
    let offered = authority::is_offered(visit.app.ca_certificate.as_deref()).await;
    let creation = match visit.settings.project_creation_restriction {
        ProjectCreation::Everyone => "everyone",
        ProjectCreation::AdminOnly => "admins-only",
    };
    Answer::page(&SystemPage {
        ui,
        healthy: parts.iter().all(|part| part.healthy),
        projects: numbers.public_projects + numbers.private_projects,
        public_projects: numbers.public_projects,
        repositories: numbers.public_repositories + numbers.private_repositories,
        public_repositories: numbers.public_repositories,
        storage: numbers.totals.map(|totals| Storage::new(totals.storage, volume)),
        self_registration: visit.settings.self_registration,
        project_creation: ui.t(creation),
        parts,
        login_command: format!("docker login {}", ui.host),
        certificate: offered.then_some(authority::DOWNLOAD),
    })
}

/// This page is answered, so the portal is well; the rest is asked.
async fn parts(visit: &Visit) -> Vec<Part> {
    let database = visit.app.db.ping().await.is_ok();
    let asked = join_all(visit.app.storage.iter().map(Probe::check)).await;
    let storage = asked.iter().any(Result::is_ok);
    let jobs = schedules::are_attended(&visit.app.db, visit.now).await.unwrap_or(false);
    let parts = [
        ("part-portal", true),
        ("part-database", database),
        ("part-storage", storage),
        ("part-jobs", jobs),
    ];
    parts.map(|(key, healthy)| Part { name: visit.ui.t(key), healthy }).into()
}

impl Storage {
    fn new(used: u64, volume: Option<Volume>) -> Self {
        Self {
            used: format::size_of(used),
            free: volume.map(|volume| format::size_of(volume.free)).unwrap_or_default(),
            percent: volume.map(Volume::percent),
        }
    }
}
