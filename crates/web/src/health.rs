//! Whether what a service needs is well: asked by orchestrators at `/health`, which the proxy does not pass on, and by
//! whoever composes the answers of several services.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::routes::Routes;
use crate::runtime::run;

/// A part that does not answer in this time is not well.
const PATIENCE: Duration = Duration::from_secs(5);

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;
type Ask = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Outcome> + Send>> + Send + Sync>;

/// A question that can be asked again and again; cheap to clone.
#[derive(Clone)]
pub struct Probe {
    what: Cow<'static, str>,
    ask: Ask,
}

/// The answer when something is wrong; what it is stands in the source.
#[derive(Debug, thiserror::Error)]
#[error("the {what} is not available")]
pub struct Unwell {
    what: Cow<'static, str>,
    source: Box<dyn Error + Send + Sync>,
}

impl Probe {
    /// `what` is a noun: `database`, `storage`.
    pub fn new<F, Fut, E>(what: impl Into<Cow<'static, str>>, ask: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let ask: Ask = Arc::new(move || {
            let asked = ask();
            Box::pin(async move { asked.await.map_err(Into::into) })
        });
        Self { what: what.into(), ask }
    }

    /// Asks; no answer within five seconds is one, too.
    pub async fn check(&self) -> Result<(), Unwell> {
        let what = self.what.clone();
        match timeout(PATIENCE, (self.ask)()).await {
            Ok(outcome) => outcome.map_err(|source| Unwell { what, source }),
            Err(elapsed) => Err(Unwell { what, source: elapsed.into() }),
        }
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("what", &self.what).finish_non_exhaustive()
    }
}

/// `GET /health`: 200 when every probe is well, otherwise 503 with those that are not.
pub fn routes(probes: Vec<Probe>) -> Routes {
    Routes::of("health").get("/health", health).data(Arc::new(probes))
}

/// Distribution's form of the same: 200 with nothing, or 503 with what is wrong by its name.
pub fn listed(wrong: &BTreeMap<String, String>) -> HttpResponse {
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    HttpResponse::build(status).json(wrong)
}

async fn health(probes: Data<Arc<Vec<Probe>>>) -> HttpResponse {
    let probes = Arc::clone(&probes);
    let components = run(async move { ask_all(&probes).await }).await;
    let well = components.iter().all(|component| component.get("error").is_none());
    let (status, word) = match well {
        true => (StatusCode::OK, "healthy"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy"),
    };
    HttpResponse::build(status).json(json!({ "status": word, "components": components }))
}

async fn ask_all(probes: &[Probe]) -> Vec<Value> {
    let mut components = Vec::new();
    for probe in probes {
        components.push(match probe.check().await {
            Ok(()) => json!({ "name": probe.what, "status": "healthy" }),
            Err(unwell) => {
                tracing::warn!(error = %crate::chain(&unwell), "not healthy");
                json!({ "name": probe.what, "status": "unhealthy", "error": unwell.to_string() })
            }
        });
    }
    components
}

#[cfg(test)]
mod tests;
