//! What ties a response, its log lines and a user's report together.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::task_local;
use uuid::Uuid;

pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

const MAX_LEN: usize = 128;

task_local! {
    static CURRENT: RequestId;
}

/// 1 to 128 characters of `[A-Za-z0-9._-]`.
#[derive(Clone, Debug)]
pub struct RequestId(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: String,
    /// Whether the failure of this request is in the log: it is to be there once.
    reported: AtomicBool,
}

impl RequestId {
    fn new(id: String) -> Self {
        Self(Arc::new(Inner { id, reported: AtomicBool::new(false) }))
    }

    /// The client's own id when it is sane, so that it can follow its request; else a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let supplied = headers.get(HEADER).and_then(|value| value.to_str().ok());
        match supplied {
            Some(id) if is_sane(id) => Self::new(id.to_owned()),
            _ => Self::new(Uuid::new_v4().to_string()),
        }
    }

    /// The id of the request being served, also inside [`crate::run`].
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    pub fn as_str(&self) -> &str {
        &self.0.id
    }

    pub(crate) fn mark_reported(&self) {
        self.0.reported.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_reported(&self) -> bool {
        self.0.reported.load(Ordering::Relaxed)
    }

    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0.id).unwrap_or(HeaderValue::from_static("invalid"))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.id)
    }
}

/// Makes `id` the current one while `future` runs.
pub(crate) fn scope<F: Future>(
    id: RequestId,
    future: F,
) -> impl Future<Output = F::Output> + use<F> {
    CURRENT.scope(id, future)
}

/// Takes the current id along to another task.
pub(crate) fn carried<F: Future>(future: F) -> impl Future<Output = F::Output> + use<F> {
    let id = RequestId::current();
    async move {
        match id {
            Some(id) => CURRENT.scope(id, future).await,
            None => future.await,
        }
    }
}

fn is_sane(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_LEN).contains(&id.len()) && id.bytes().all(allowed)
}

#[cfg(test)]
mod tests;
