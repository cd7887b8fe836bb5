//! Metrics, by distribution's names: what was asked for, what was here, what came and what went.

use metrics::counter;

/// The label `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Blob,
    Manifest,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Manifest => "manifest",
        }
    }
}

/// It was here, and `size` bytes of it go to a client.
pub fn hit(kind: Kind, size: u64) {
    let kind = kind.as_str();
    counter!("registry_proxy_requests_total", "type" => kind).increment(1);
    counter!("registry_proxy_hits_total", "type" => kind).increment(1);
    counter!("registry_proxy_pushed_bytes_total", "type" => kind).increment(size);
}

/// It was not here: somebody fetches it.
pub fn miss(kind: Kind) {
    let kind = kind.as_str();
    counter!("registry_proxy_requests_total", "type" => kind).increment(1);
    counter!("registry_proxy_misses_total", "type" => kind).increment(1);
}

/// Bytes that came from the other registry.
pub(crate) fn pulled(kind: Kind, size: usize) {
    counter!("registry_proxy_pulled_bytes_total", "type" => kind.as_str()).increment(size as u64);
}

/// Bytes of something that was not here go to a client.
pub fn pushed(kind: Kind, size: usize) {
    counter!("registry_proxy_pushed_bytes_total", "type" => kind.as_str()).increment(size as u64);
}

/// A tag was served as it was, because the other registry could not be asked.
pub(crate) fn stale() {
    counter!("registry_proxy_stale_total").increment(1);
}
