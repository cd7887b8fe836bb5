//! `/v2`: the OCI distribution API.
//!
//! A handler authorizes, parses, calls one function of `domain` and answers. Metadata is rows of `domain`,
//! bytes are objects of `blobs`; this crate joins the two. Database and storage work goes through [`web::run`],
//! request bodies are read on actix's workers and pushed into an upload chunk by chunk.
//!
//! Access is by repository and digest, never by digest alone: every lookup names the repository.

mod settings;
mod error;
mod path;
mod caller;
mod content;
mod pulls;
mod recent;
mod base;
mod blobs;
mod damage;
mod range;
mod uploads;
mod manifests;
mod referrers;
mod tags;
mod catalog;

use std::sync::Arc;

use actix_web::HttpResponse;
use domain::{Clock, Db};
use identity::Authenticator;
use web::{Refusal, Routes};

pub use caller::Tokens;
pub use pulls::PullLog;
pub use recent::Recent;
pub use settings::Settings;

/// What the registry works with; cheap to clone.
#[derive(Clone)]
pub struct App {
    pub db: Db,
    pub store: ::blobs::Store,
    pub clock: Clock,
    pub authenticator: Authenticator,
    pub tokens: Tokens,
    pub settings: Arc<Settings>,
    pub pulls: PullLog,
    pub recent: Recent,
}

const MANIFEST: &str = "/v2/{name:.+}/manifests/{reference}";
const REFERRERS: &str = "/v2/{name:.+}/referrers/{digest}";
const TAGS: &str = "/v2/{name:.+}/tags/list";
const UPLOAD: &str = "/v2/{name:.+}/blobs/uploads/{id}";
const BLOB: &str = "/v2/{name:.+}/blobs/{digest}";

/// The routes of the registry.
pub fn routes(app: App) -> Routes {
    Routes::of("registry")
        .get("/v2/", base::check)
        .get("/v2", base::check)
        .get("/v2/_catalog", catalog::list)
        .get(TAGS, tags::list)
        .get(REFERRERS, referrers::list)
        .get(MANIFEST, manifests::pull)
        .head(MANIFEST, manifests::head)
        .put(MANIFEST, manifests::push)
        .delete(MANIFEST, manifests::delete)
        // Before the upload's own pattern: its id may not be empty.
        .post("/v2/{name:.+}/blobs/uploads/", uploads::open)
        .post("/v2/{name:.+}/blobs/uploads", uploads::open)
        .get(UPLOAD, uploads::status)
        .patch(UPLOAD, uploads::append)
        .put(UPLOAD, uploads::close)
        .delete(UPLOAD, uploads::cancel)
        .get(BLOB, blobs::pull)
        .head(BLOB, blobs::head)
        .delete(BLOB, blobs::unlink)
        .fallback("/v2", refusal)
        .app_data(path::query_config())
        .data(app)
}

/// 404, 405 and 500 that no handler answered, in the specification's form.
fn refusal(refusal: &Refusal<'_>) -> HttpResponse {
    let code = match refusal.status.as_u16() {
        404 => oci::ErrorCode::NameUnknown,
        405 => oci::ErrorCode::Unsupported,
        400 => oci::ErrorCode::NameInvalid,
        _ => oci::ErrorCode::Unknown,
    };
    HttpResponse::build(refusal.status)
        .content_type("application/json; charset=utf-8")
        .json(code.body())
}
