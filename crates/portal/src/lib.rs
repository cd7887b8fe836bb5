//! The web portal: pages for people, the REST API for programs.

mod volume;
mod service_logs;
mod authority;
mod banner;
mod session;
mod i18n;
mod assets;
mod viewer;
mod pages;
mod api;

use std::path::PathBuf;

use domain::{Clock, Db};
use identity::Authenticator;
use web::{Probe, Routes};

/// What the portal works with; cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    pub db: Db,
    pub clock: Clock,
    pub authenticator: Authenticator,
    /// A folder on the volume of the blobs, when they are on one; its free space is shown.
    pub volume: Option<PathBuf>,
    /// Whether the store of the blobs is well, as each of those who serve it says; one that is well is enough.
    pub storage: Vec<Probe>,
    /// The directory of the log collector's files, when there is one; their last lines are shown.
    pub service_logs: Option<PathBuf>,
    /// The certificate of the authority that clients need to trust this host, when it is offered.
    pub ca_certificate: Option<PathBuf>,
}

/// Everything the portal answers to.
pub fn routes(app: App) -> Routes {
    Routes::of("portal").merge(api::routes()).merge(pages::routes()).data(app)
}
