//! `/system/logs`: what the services logged last. Harbor has nothing like it.

use ::web::run;
use actix_web::web::Query;
use auth::{Action, Resource};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::Answer;
use super::caller::Caller;
use super::error::Result;
use super::path;
use super::refused::Refused;
use super::time::Time;
use crate::service_logs::{self, Service, Wanted};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServiceLog)]
pub(crate) struct ServiceView {
    name: String,
    /// Bytes, of the current file.
    size: u64,
    /// When its last line was written.
    update_time: Time,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LinesQuery {
    /// How many lines, at most 1000.
    #[param(minimum = 1, maximum = 1000, default = 200)]
    lines: Option<usize>,
    /// Only lines with this text in them, whatever the case.
    #[serde(default)]
    q: String,
}

/// The services whose logs are kept.
#[utoipa::path(get, path = "/system/logs", operation_id = "listServiceLogs", tag = "system",
    responses((status = 200, body = Vec<ServiceView>), Refused))]
pub(crate) async fn list(caller: Caller) -> Result<Answer> {
    run(async move {
        caller.reads(Resource::Configuration, Action::Read)?;
        let services = service_logs::list(caller.app.service_logs.as_deref()).await?;
        let views: Vec<_> = services.into_iter().map(ServiceView::from).collect();
        Answer::json(&views)
    })
    .await
}

/// The last lines of a service's log, the newest last.
#[utoipa::path(get, path = "/system/logs/{service}", operation_id = "getServiceLog", tag = "system",
    params(("service" = String, Path), LinesQuery),
    responses((status = 200, body = String, content_type = "text/plain"), Refused))]
pub(crate) async fn get(
    caller: Caller,
    path::Service(service): path::Service,
    query: Query<LinesQuery>,
) -> Result<Answer> {
    run(async move {
        caller.reads(Resource::Configuration, Action::Read)?;
        let wanted = Wanted::new(query.lines, &query.q);
        let directory = caller.app.service_logs.as_deref();
        let tail = service_logs::last(directory, &service, wanted).await?;
        let lines = tail.lines.into_iter().flat_map(|line| [line, "\n".to_owned()]);
        Ok(Answer::text(lines.collect::<String>()))
    })
    .await
}

impl From<Service> for ServiceView {
    fn from(service: Service) -> Self {
        Self { name: service.name, size: service.size, update_time: service.written.into() }
    }
}
