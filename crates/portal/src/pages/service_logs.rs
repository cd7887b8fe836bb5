//! What the services logged last, for system administrators.

use askama::Template;
use auth::{Action, Resource};
use domain::permit;

use super::answer::Answer;
use super::error::Error;
use super::format::{self, Moment};
use super::visit::Visit;
use crate::service_logs::{self, Service, Wanted};
use crate::viewer::Shell;

/// How many lines are offered.
const OFFERED: [i64; 4] = [100, 200, 500, 1000];

pub(crate) struct ServiceLine {
    pub(crate) name: String,
    pub(crate) size: String,
    pub(crate) written: Moment,
    pub(crate) chosen: bool,
}

#[derive(Template)]
#[template(path = "service-logs/show.html")]
pub(crate) struct ShowPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) services: Vec<ServiceLine>,
    /// Empty when no service has logged anything.
    pub(crate) service: String,
    pub(crate) query: String,
    /// What is offered, and whether it is chosen.
    pub(crate) numbers: Vec<(i64, bool)>,
    pub(crate) lines: Vec<String>,
    /// Whether there may be more, further back.
    pub(crate) gave_up: bool,
    /// The same as plain text.
    pub(crate) plain: String,
}

/// `GET /service-logs`
pub(super) async fn show(visit: Visit) -> Result<Answer, Error> {
    permit::authorize_system(&visit.principal, Resource::Configuration, Action::Read)?;
    let directory = visit.app.service_logs.as_deref();
    let services = service_logs::list(directory).await?;
    let asked = visit.parameter("service");
    let service = match services.first() {
        Some(first) if asked.is_empty() => first.name.clone(),
        _ => asked,
    };
    let query = visit.parameter("q");
    let wanted = Wanted::new(visit.parameter("lines").parse().ok(), &query);
    let number = wanted.lines;
    let tail = match service.as_str() {
        "" => service_logs::Tail::default(),
        service => service_logs::last(directory, service, wanted).await?,
    };
    Answer::page(&ShowPage {
        ui: &visit.ui,
        plain: plain(&service, number, &query),
        services: services.into_iter().map(|it| ServiceLine::new(&visit, it, &service)).collect(),
        service,
        query,
        numbers: OFFERED.map(|offered| (offered, usize::try_from(offered) == Ok(number))).into(),
        lines: tail.lines,
        gave_up: tail.gave_up,
    })
}

/// The address of the same lines in the API.
fn plain(service: &str, lines: usize, query: &str) -> String {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    pairs.append_pair("lines", &lines.to_string());
    if !query.is_empty() {
        pairs.append_pair("q", query);
    }
    format!("/api/v2.0/system/logs/{service}?{}", pairs.finish())
}

impl ServiceLine {
    fn new(visit: &Visit, service: Service, chosen: &str) -> Self {
        Self {
            size: format::size_of(service.size),
            written: visit.moment(service.written),
            chosen: service.name == chosen,
            name: service.name,
        }
    }
}
