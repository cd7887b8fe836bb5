//! The description of the API, generated from the handlers, and Swagger UI to try it: all of it served from here.

use actix_web::http::Method;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::{Config, SwaggerUi};
use web::Routes;

use super::error::Errors;
use super::{
    accessories, artifacts, audit_logs, configurations, deleted_repositories, gc, jobservice,
    members, metadatas, permissions, projects, purges, quotas, repositories, robots, scrubs,
    search, service_logs, system, tags, users,
};

const DOCUMENT: &str = "/api/v2.0/openapi.json";
const PAGE: &str = "/devcenter-api-2.0";

#[derive(OpenApi)]
#[openapi(
    info(title = "Harbor API", description = "The REST API of the registry platform, as Harbor 2 has it."),
    servers((url = "/api/v2.0")),
    security((), ("basic" = [])),
    modifiers(&Basic),
    components(schemas(Errors)),
    paths(
        system::health, system::ping, system::info, system::volumes, system::certificate,
        search::count, search::find,
        configurations::get, configurations::update,
        audit_logs::list, audit_logs::list_ext, audit_logs::events,
        audit_logs::of_project, audit_logs::ext_of_project,
        quotas::list, quotas::get, quotas::update,
        projects::list, projects::exists, projects::create, projects::get, projects::update,
        projects::delete, projects::deletable, projects::summary,
        members::list, members::create, members::get, members::update, members::delete,
        metadatas::list, metadatas::create, metadatas::get, metadatas::update, metadatas::delete,
        repositories::list_all, repositories::list, repositories::get, repositories::update,
        repositories::delete, deleted_repositories::list, deleted_repositories::restore,
        artifacts::list, artifacts::list_of_project, artifacts::get, artifacts::delete,
        tags::list, tags::create, tags::delete, accessories::list,
        users::list, users::search, users::create, users::current, users::get, users::update,
        users::delete, users::set_system_admin, users::set_password,
        permissions::own, permissions::catalogue,
        robots::list, robots::create, robots::get, robots::update, robots::refresh_secret,
        robots::delete, robots::v1::list, robots::v1::create, robots::v1::get, robots::v1::update, robots::v1::delete,
        gc::list, gc::get, gc::stop, gc::log, gc::schedule, gc::create, gc::update,
        purges::list, purges::get, purges::stop, purges::log, purges::schedule, purges::create,
        purges::update,
        scrubs::list, scrubs::get, scrubs::stop, scrubs::log, scrubs::schedule, scrubs::create,
        scrubs::update, scrubs::quarantined,
        jobservice::queues, jobservice::stop, jobservice::log, jobservice::schedules,
        jobservice::paused, service_logs::list, service_logs::get,
    )
)]
struct Api;

struct Basic;

impl Modify for Basic {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let basic = SecurityScheme::Http(Http::new(HttpAuthScheme::Basic));
        components.add_security_scheme("basic", basic);
    }
}

pub(super) fn document() -> Document {
    Api::openapi()
}

/// Adds the document and the page that shows it.
pub(super) fn mount(routes: Routes) -> Routes {
    let files = format!("{PAGE}/{{file:.*}}");
    let listed = [(Method::GET, DOCUMENT), (Method::GET, files.as_str())];
    let pattern = files.clone();
    let document = document();
    routes.get(PAGE, to_page).opaque(&listed, move |config| {
        let ui = SwaggerUi::new(pattern.clone())
            .url(DOCUMENT, document.clone())
            .config(Config::default().try_it_out_enabled(true).validator_url("none"));
        config.service(ui);
    })
}

/// The page's own files are named relative to it.
async fn to_page() -> actix_web::web::Redirect {
    actix_web::web::Redirect::to(format!("{PAGE}/"))
}
