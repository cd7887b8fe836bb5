//! Services joined into one set of routes.

use std::sync::Arc;

use registry::PullLog;
use web::{Routes, Shutdown, tasks};

use crate::instance::Instance;

/// Registry, token service and portal behind one port, with the tasks they need.
///
/// What is noted in `pulls` after the end has begun is the caller's to write.
pub(crate) fn all(instance: &Instance, pulls: &PullLog, stop: &Shutdown) -> Routes {
    tasks::spawn(stop, "pulls", pulls.clone().run(instance.db.clone(), stop.clone()));
    Routes::new()
        .merge(registry(instance, pulls.clone()))
        .merge(token(instance))
        .merge(portal(instance))
}

fn registry(instance: &Instance, pulls: PullLog) -> Routes {
    let settings = registry::Settings::default();
    registry::routes(registry::App {
        db: instance.db.clone(),
        store: instance.store.clone(),
        clock: instance.clock.clone(),
        authenticator: instance.authenticator.clone(),
        tokens: registry::Tokens::new(instance.keys.clone(), &settings.service),
        settings: Arc::new(settings),
        pulls,
        recent: registry::Recent::default(),
    })
}

fn token(instance: &Instance) -> Routes {
    token::routes(token::App {
        db: instance.db.clone(),
        clock: instance.clock.clone(),
        keys: instance.keys.clone(),
        authenticator: instance.authenticator.clone(),
        service: registry::Settings::default().service,
    })
}

fn portal(instance: &Instance) -> Routes {
    let store = instance.store.clone();
    portal::routes(portal::App {
        db: instance.db.clone(),
        clock: instance.clock.clone(),
        authenticator: instance.authenticator.clone(),
        volume: Some(instance.objects.clone()),
        storage: portal::Probe::new(move || {
            let store = store.clone();
            async move { store.health().await }
        }),
    })
}
