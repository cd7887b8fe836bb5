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
mod access;
mod limits;
mod caller;
mod content;
mod pulls;
mod outbox;
mod underway;
mod recent;
mod elsewhere;
mod cached;
mod base;
mod blobs;
mod damage;
pub mod range;
mod uploads;
mod accept;
mod manifests;
mod referrers;
mod tags;
mod catalog;

use std::sync::Arc;

use actix_web::HttpResponse;
use domain::{Clock, Db};
use web::{Refusal, Routes};

use error::Error;

pub use access::{Access, Tokens};
pub use elsewhere::Elsewhere;
pub use limits::{Limits, Transfers};
pub use outbox::{Outbox, Telling};
pub use pulls::PullLog;
pub use recent::Recent;
pub use settings::{Settings, Writing};

/// What the registry works with; cheap to clone.
#[derive(Clone)]
pub struct App {
    pub db: Db,
    pub store: ::blobs::Store,
    pub clock: Clock,
    pub access: Access,
    pub settings: Arc<Settings>,
    pub pulls: PullLog,
    pub recent: Recent,
    pub limits: Limits,
    pub outbox: Outbox,
}

const MANIFEST: &str = "/v2/{name:.+}/manifests/{reference}";
const REFERRERS: &str = "/v2/{name:.+}/referrers/{digest}";
const TAGS: &str = "/v2/{name:.+}/tags/list";
const UPLOAD: &str = "/v2/{name:.+}/blobs/uploads/{id}";
const UPLOADS: &str = "/v2/{name:.+}/blobs/uploads/";
const BLOB: &str = "/v2/{name:.+}/blobs/{digest}";

/// The routes of the registry; those that change something only as far as its settings let them.
pub fn routes(app: App) -> Routes {
    let mut routes = Routes::of("registry")
        .get("/v2/", base::check)
        .get("/v2", base::check)
        .get("/v2/_catalog", catalog::list)
        .get(TAGS, tags::list)
        .get(REFERRERS, referrers::list)
        .get(MANIFEST, manifests::pull)
        .head(MANIFEST, manifests::head);
    routes = match app.settings.writing {
        Writing::All | Writing::NoDeletion => routes
            .put(MANIFEST, manifests::push)
            // Before the upload's own pattern: its id may not be empty.
            .post(UPLOADS, uploads::open)
            .post("/v2/{name:.+}/blobs/uploads", uploads::open)
            .get(UPLOAD, uploads::status)
            .patch(UPLOAD, uploads::append)
            .put(UPLOAD, uploads::close)
            .delete(UPLOAD, uploads::cancel),
        // Whatever is asked of them, it is not done here.
        Writing::Nothing => routes.post(UPLOADS, unsupported).get(UPLOAD, unsupported),
    };
    routes = routes.get(BLOB, blobs::pull).head(BLOB, blobs::head);
    if app.settings.writing == Writing::All {
        routes = routes.delete(MANIFEST, manifests::delete).delete(BLOB, blobs::unlink);
    }
    routes.fallback("/v2", refusal).app_data(path::query_config()).data(app)
}

async fn unsupported() -> error::Result<HttpResponse> {
    Err(Error::of(oci::ErrorCode::Unsupported))
}

/// 404, 405 and 500 that no handler answered, in the specification's form.
fn refusal(refusal: &Refusal<'_>) -> HttpResponse {
    let code = match refusal.status.as_u16() {
        404 => oci::ErrorCode::NameUnknown,
        405 => oci::ErrorCode::Unsupported,
        400 => oci::ErrorCode::NameInvalid,
        503 => oci::ErrorCode::Unavailable,
        // The specification has no codes for what is too long.
        414 => oci::ErrorCode::NameInvalid,
        431 => oci::ErrorCode::SizeInvalid,
        _ => oci::ErrorCode::Unknown,
    };
    let body = match refusal.reason {
        Some(reason) => oci::ErrorItem::new(code).with_message(reason).into(),
        None => code.body(),
    };
    HttpResponse::build(refusal.status)
        .content_type("application/json; charset=utf-8")
        .insert_header(base::VERSION)
        .json(body)
}
