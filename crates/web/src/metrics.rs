//! Prometheus metrics of the process, and those of its HTTP requests.

use std::sync::OnceLock;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::Method;
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::routes::{Label, Routes};

/// Requests are mostly a millisecond or an upload.
const BUCKETS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0, 600.0];

static EXPORT: OnceLock<PrometheusHandle> = OnceLock::new();

/// Begins to record; without it, recording costs nothing. Idempotent.
pub fn install() {
    EXPORT.get_or_init(|| {
        let builder = PrometheusBuilder::new();
        let builder =
            builder.set_buckets(&BUCKETS).unwrap_or_else(|_empty| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another metrics recorder is installed already");
        }
        handle
    });
}

/// The text exposition format; empty before [`install`].
pub fn render() -> String {
    EXPORT
        .get()
        .map(|handle| {
            handle.run_upkeep();
            handle.render()
        })
        .unwrap_or_default()
}

/// `/metrics`, for a listener of its own: what it tells is not for everybody.
pub fn routes() -> Routes {
    Routes::of("metrics").get("/metrics", scrape)
}

async fn scrape() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(render())
}

/// One request. Every label has few values: no path, no peer, no method of a stranger's making.
pub(crate) fn observe(method: &Method, label: Option<&Label>, status: u16, elapsed: Duration) {
    if EXPORT.get().is_none() {
        return;
    }
    let service = label.map_or("none", |label| label.service);
    let pattern = label.map_or_else(|| "unmatched".to_owned(), |label| label.pattern.to_string());
    let method = known(method);
    counter!(
        "harbor_http_requests_total",
        "service" => service, "method" => method, "pattern" => pattern.clone(),
        "status" => status.to_string(),
    )
    .increment(1);
    histogram!(
        "harbor_http_request_duration_seconds",
        "service" => service, "method" => method, "pattern" => pattern,
    )
    .record(elapsed.as_secs_f64());
}

/// A request was refused, or cut off, by this limit.
pub fn limited(limit: &'static str) {
    if EXPORT.get().is_some() {
        counter!("harbor_limited_requests_total", "limit" => limit).increment(1);
    }
}

/// How many uploads send something now.
pub fn transfers(now: usize) {
    if EXPORT.get().is_some() {
        gauge!("harbor_uploads_in_flight").set(f64::from(u32::try_from(now).unwrap_or(u32::MAX)));
    }
}

fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
