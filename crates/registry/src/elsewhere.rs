//! Manifests that are not here yet, but elsewhere: whoever can bring one is asked before it is called unknown.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use oci::{Reference, RepositoryName};

type Brought = Pin<Box<dyn Future<Output = bool> + Send>>;
type Bring = dyn Fn(RepositoryName, Reference) -> Brought + Send + Sync;

/// Where a manifest may come from that the database does not have; by default from nowhere. Cheap to clone.
#[derive(Clone, Default)]
pub struct Elsewhere(Option<Arc<Bring>>);

impl Elsewhere {
    /// `bring` makes the manifest one of the repository, or says false. It is asked on behalf of callers who may pull it.
    pub fn new(
        bring: impl Fn(RepositoryName, Reference) -> Brought + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(bring)))
    }

    pub(crate) async fn bring(&self, name: &RepositoryName, reference: &Reference) -> bool {
        match &self.0 {
            Some(bring) => bring(name.clone(), reference.clone()).await,
            None => false,
        }
    }
}

impl fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Elsewhere" } else { "Nowhere" })
    }
}
