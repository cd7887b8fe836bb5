//! Web pages: one module per noun of their addresses.
//!
//! `/-/` stands before a verb where it could be mistaken for a part of a repository's name.

mod serve;
mod visit;
mod answer;
mod error;
mod form;
mod format;
mod pager;
mod access;
mod confirm;
mod login;
mod signup;
mod account;
mod preferences;
mod projects;
mod repositories;
mod deleted;
mod artifacts;
mod members;
mod robots;
mod logs;
mod search;
mod users;
mod system;
mod jobs;
mod gc;
mod scrub;
mod service_logs;
mod configuration;

use actix_web::http::header;
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use web::{Refusal, Routes};

use crate::assets;
use crate::viewer::Shell;
use serve::{act, adjust, show};

/// Every page.
pub(crate) fn routes() -> Routes {
    let routes = Routes::of("portal")
        .get("/", home)
        .get("/assets/{file}", asset)
        .fallback("/", refuse)
        .post("/preferences", adjust(preferences::save));
    let routes = in_projects(people(routes));
    machinery(in_repositories(in_a_project(routes)))
}

fn people(routes: Routes) -> Routes {
    routes
        .get("/login", show(login::show))
        .post("/login", act(login::submit))
        .post("/logout", act(login::leave))
        .get("/signup", show(signup::show))
        .post("/signup", act(signup::submit))
        .get("/account", show(account::show))
        .post("/account", act(account::save))
        .post("/account/password", act(account::change_password))
        .get("/users", show(users::list))
        .post("/users", act(users::submit))
        .get("/users/new", show(users::new))
        .get("/users/{id}/password", show(users::password))
        .post("/users/{id}/password", act(users::set_password))
        .post("/users/{id}/admin", act(users::set_admin))
        .get("/users/{id}/delete", show(users::confirm_delete))
        .post("/users/{id}/delete", act(users::delete))
}

fn in_projects(routes: Routes) -> Routes {
    routes
        .get("/search", show(search::show))
        .get("/projects", show(projects::list))
        .post("/projects", act(projects::submit))
        .get("/projects/-/new", show(projects::new))
        .get("/projects/{project}", show(repositories::list))
        .get("/projects/{project}/push", show(repositories::push))
        .get("/projects/{project}/settings", show(projects::settings))
        .post("/projects/{project}/settings", act(projects::set_visibility))
        .get("/projects/{project}/delete", show(projects::confirm_delete))
        .post("/projects/{project}/delete", act(projects::delete))
        .get("/projects/{project}/deleted", show(deleted::list))
        .post("/projects/{project}/deleted/{id}", act(deleted::restore))
        .get("/projects/{project}/logs", show(logs::of_project))
}

fn in_a_project(routes: Routes) -> Routes {
    routes
        .get("/projects/{project}/members", show(members::list))
        .post("/projects/{project}/members", act(members::submit))
        .get("/projects/{project}/members/new", show(members::new))
        .post("/projects/{project}/members/{id}", act(members::set_role))
        .get("/projects/{project}/members/{id}/delete", show(members::confirm_delete))
        .post("/projects/{project}/members/{id}/delete", act(members::delete))
        .get("/projects/{project}/robots", show(robots::list))
        .post("/projects/{project}/robots", act(robots::submit))
        .get("/projects/{project}/robots/new", show(robots::new))
        .post("/projects/{project}/robots/{id}", act(robots::set_disabled))
        .get("/projects/{project}/robots/{id}/delete", show(robots::confirm_delete))
        .post("/projects/{project}/robots/{id}/delete", act(robots::delete))
}

fn in_repositories(routes: Routes) -> Routes {
    const REPOSITORY: &str = "/projects/{project}/repositories/{repository:.+}";
    // A colon never occurs in a repository's name.
    const DIGEST: &str = "/artifacts/{digest:[a-z0-9]+:[0-9a-f]+}";
    let at = |rest: &str| format!("{REPOSITORY}{rest}");
    let artifact = |rest: &str| format!("{REPOSITORY}{DIGEST}{rest}");
    routes
        .get(&artifact(""), show(artifacts::show))
        .get(&artifact("/delete"), show(artifacts::confirm_delete))
        .post(&artifact("/delete"), act(artifacts::delete))
        .post(&artifact("/tags"), act(artifacts::add_tag))
        .get(&artifact("/tags/{tag}/delete"), show(artifacts::confirm_untag))
        .post(&artifact("/tags/{tag}/delete"), act(artifacts::untag))
        .get(&at("/-/delete"), show(repositories::confirm_delete))
        .post(&at("/-/delete"), act(repositories::delete))
        .get(REPOSITORY, show(repositories::show))
}

fn machinery(routes: Routes) -> Routes {
    routes
        .get("/logs", show(logs::list))
        .get("/service-logs", show(service_logs::show))
        .get("/system", show(system::show))
        .get("/jobs", show(jobs::list))
        .get("/jobs/{id}", show(jobs::show))
        .post("/jobs/{id}/cancel", act(jobs::cancel))
        .get("/gc", show(gc::show))
        .post("/gc/run", act(gc::run))
        .post("/gc/schedule", act(gc::schedule))
        .post("/gc/scrub", act(scrub::run))
        .get("/configuration", show(configuration::show))
        .post("/configuration", act(configuration::save))
}

async fn home() -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, "/projects")).finish()
}

async fn asset(req: HttpRequest, file: Path<String>) -> HttpResponse {
    let Some(asset) = assets::by_file(&file) else {
        return web::routes::refuse(&req, actix_web::http::StatusCode::NOT_FOUND);
    };
    HttpResponse::Ok()
        .content_type(asset.content_type)
        // The name changes with the content.
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.content)
}

/// Addresses that nobody answers, in the reader's language; a panic leaves no headers to know it by.
fn refuse(refusal: &Refusal<'_>) -> HttpResponse {
    let ui = Shell::of_stranger(refusal.headers, refusal.path);
    error::refusal(&ui, refusal.status).respond()
}

#[cfg(test)]
mod tests;
