//! Whether something the portal does not know is well: whoever composes the services brings the question.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;
type Ask = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Outcome> + Send>> + Send + Sync>;

/// A question that can be asked again and again; cheap to clone.
#[derive(Clone)]
pub struct Probe(Ask);

/// The answer when something is wrong; what it is stands in the source.
#[derive(Debug, thiserror::Error)]
#[error("the storage is not available")]
pub(crate) struct Unwell(#[source] Box<dyn Error + Send + Sync>);

impl Probe {
    pub fn new<F, Fut, E>(ask: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Error + Send + Sync + 'static,
    {
        Self(Arc::new(move || {
            let asked = ask();
            Box::pin(async move { asked.await.map_err(|error| Box::new(error).into()) })
        }))
    }

    pub(crate) async fn check(&self) -> Result<(), Unwell> {
        (self.0)().await.map_err(Unwell)
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probe")
    }
}
