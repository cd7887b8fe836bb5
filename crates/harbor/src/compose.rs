//! Services joined into sets of routes: all of them behind one port, or each alone behind the proxy.

use std::path::PathBuf;
use std::sync::Arc;

use auth::token::KeyRing;
use blobs::Store;
use domain::{Clock, Db};
use identity::{Authenticator, Keys, Verifier};
use registry::PullLog;
use web::{Probe, Routes, Shutdown, tasks};

use crate::instance::Instance;
use crate::settings::limits::Limits;

/// What every service that answers HTTP works with; cheap to clone.
#[derive(Clone)]
pub(crate) struct Base {
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub(crate) authenticator: Authenticator,
}

/// What the portal is told beside that.
pub(crate) struct Portal {
    /// A folder on the volume of the objects, if it is one of this host.
    pub(crate) volume: Option<PathBuf>,
    pub(crate) storage: Vec<Probe>,
    /// Where the log collector keeps its files, and where the authority's certificate is.
    pub(crate) service_logs: Option<PathBuf>,
    pub(crate) ca_certificate: Option<PathBuf>,
}

/// Registry, token service and portal behind one port, with the tasks they need.
///
/// What is noted in `pulls` after the end has begun is the caller's to write.
pub(crate) fn all(
    instance: &Instance,
    registry: registry::Settings,
    limits: &Limits,
    pulls: &PullLog,
    stop: &Shutdown,
) -> Routes {
    let base = instance.base();
    let verifier = Verifier::Ring(instance.keys.clone());
    let store = instance.store.clone();
    let storage = storage_probe(&store);
    let portal = Portal {
        volume: instance.objects.clone(),
        storage: vec![storage],
        service_logs: None,
        ca_certificate: None,
    };
    keep(pulls, &base.db, stop);
    Routes::new()
        .merge(self::registry(&base, store, verifier, (registry, limits), pulls))
        .merge(token(&base, &instance.keys))
        .merge(self::portal(&base, portal))
}

/// Writes what is noted in `pulls` while the process runs.
pub(crate) fn keep(pulls: &PullLog, db: &Db, stop: &Shutdown) {
    tasks::spawn(stop, "pulls", pulls.clone().run(db.clone(), stop.clone()));
}

pub(crate) fn registry(
    base: &Base,
    store: Store,
    verifier: Verifier,
    (settings, limits): (registry::Settings, &Limits),
    pulls: &PullLog,
) -> Routes {
    registry::routes(registry::App {
        db: base.db.clone(),
        store,
        clock: base.clock.clone(),
        access: registry::Access::Platform {
            authenticator: base.authenticator.clone(),
            tokens: registry::Tokens::new(verifier, registry::Settings::SERVICE),
        },
        settings: Arc::new(settings),
        pulls: pulls.clone(),
        recent: registry::Recent::default(),
        limits: limits.registry(Some(base.authenticator.rates())),
        outbox: registry::Outbox::default(),
    })
}

pub(crate) fn token(base: &Base, keys: &Keys<KeyRing>) -> Routes {
    token::routes(token::App {
        db: base.db.clone(),
        clock: base.clock.clone(),
        keys: keys.clone(),
        authenticator: base.authenticator.clone(),
        service: registry::Settings::SERVICE.to_owned(),
    })
}

pub(crate) fn portal(base: &Base, portal: Portal) -> Routes {
    portal::routes(portal::App {
        db: base.db.clone(),
        clock: base.clock.clone(),
        authenticator: base.authenticator.clone(),
        volume: portal.volume,
        storage: portal.storage,
        service_logs: portal.service_logs,
        ca_certificate: portal.ca_certificate,
    })
}

/// Whether objects can be written.
pub(crate) fn storage_probe(store: &Store) -> Probe {
    let store = store.clone();
    Probe::new("storage", move || {
        let store = store.clone();
        async move { store.health().await }
    })
}

pub(crate) fn database_probe(db: &Db) -> Probe {
    let db = db.clone();
    Probe::new("database", move || {
        let db = db.clone();
        async move { db.ping().await }
    })
}
