//! Services joined into one set of routes.

use std::sync::Arc;

use web::{Routes, Shutdown, tasks};

use crate::instance::Instance;

/// Registry, token service and portal behind one port, with the tasks they need.
pub(crate) fn all(instance: &Instance, stop: &Shutdown) -> Routes {
    Routes::new().merge(registry(instance, stop)).merge(token(instance)).merge(portal(instance))
}

fn registry(instance: &Instance, stop: &Shutdown) -> Routes {
    let settings = registry::Settings::default();
    let app = registry::App {
        db: instance.db.clone(),
        store: instance.store.clone(),
        clock: instance.clock.clone(),
        authenticator: instance.authenticator.clone(),
        tokens: registry::Tokens::new(instance.keys.clone(), &settings.service),
        settings: Arc::new(settings),
        pulls: registry::PullLog::default(),
        recent: registry::Recent::default(),
    };
    tasks::spawn(stop, "pulls", app.pulls.clone().run(app.db.clone(), stop.clone()));
    registry::routes(app)
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
