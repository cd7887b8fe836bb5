//! The actix kit: serving and draining, request ids, tracing, metrics, extractors, pagination,
//! error rendering and the one outbound HTTP client.
//!
//! It knows no domain, no blobs and no route: services bring [`Routes`], `harbor` composes them
//! and hands them to [`serve()`]. Whatever awaits a database or a disk goes through [`run`].

pub mod routes;
pub mod serve;
mod observe;
pub mod dress;
pub mod runtime;
pub mod shutdown;
pub mod tasks;
pub mod request_id;
pub mod error;
pub mod origin;
pub mod network;
pub mod credentials;
pub mod limits;
pub mod body;
pub mod json;
pub mod paging;
pub mod query;
pub mod security;
pub mod metrics;
pub mod health;
pub mod telemetry;
pub mod client;

pub use crate::body::Body;
pub use crate::credentials::Credentials;
pub use crate::error::{Refusal, chain, report};
pub use crate::health::Probe;
pub use crate::json::Json;
pub use crate::limits::Limits;
pub use crate::network::Network;
pub use crate::origin::{ExternalUrl, Peer};
pub use crate::paging::Paging;
pub use crate::request_id::RequestId;
pub use crate::routes::Routes;
pub use crate::runtime::{run, run_here};
pub use crate::serve::{Listener, Settings as ServeSettings, TlsSettings, bind, bind_unix, serve};
pub use crate::shutdown::Shutdown;
