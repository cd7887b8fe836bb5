//! `/api/v2.0`: Harbor's REST API, one module per noun of its paths.
//!
//! A handler authorizes, parses, calls one function of `domain` and answers with a view. Views are what clients see and
//! nothing else is: names, order and which fields are left out are Harbor's (`x-omitempty`).

mod error;
mod caller;
mod answer;
mod listing;
mod path;
mod time;
mod refused;
mod system;
mod search;
mod projects;
mod members;
mod metadatas;
mod repositories;
mod deleted_repositories;
mod artifacts;
mod tags;
mod accessories;
mod users;
mod robots;
mod permissions;
mod quotas;
mod audit_logs;
mod configurations;
mod runs;
mod gc;
mod purges;
mod scrubs;
mod jobservice;
mod service_logs;
mod openapi;

use web::Routes;

/// Everything below `/api`, and its description for people.
pub(crate) fn routes() -> Routes {
    let routes = openapi::mount(Routes::of("portal")).get("/api/version", system::version);
    let routes = of_projects(of_system(routes));
    of_jobs(of_accounts(of_artifacts(routes))).fallback("/api", web::error::harbor_json)
}

/// The address of a path of the API.
fn at(path: &str) -> String {
    format!("/api/v2.0{path}")
}

fn of_system(routes: Routes) -> Routes {
    routes
        .get(&at("/health"), system::health)
        .get(&at("/ping"), system::ping)
        .get(&at("/systeminfo"), system::info)
        .get(&at("/systeminfo/volumes"), system::volumes)
        .get(&at("/systeminfo/getcert"), system::certificate)
        .get(&at("/statistics"), search::count)
        .get(&at("/search"), search::find)
        .get(&at("/configurations"), configurations::get)
        .put(&at("/configurations"), configurations::update)
        .get(&at("/audit-logs"), audit_logs::list)
        .get(&at("/auditlog-exts"), audit_logs::list_ext)
        .get(&at("/auditlog-exts/events"), audit_logs::events)
        .get(&at("/quotas"), quotas::list)
        .get(&at("/quotas/{id}"), quotas::get)
        .put(&at("/quotas/{id}"), quotas::update)
}

fn of_projects(routes: Routes) -> Routes {
    let project = at("/projects/{project_name_or_id}");
    let members = format!("{project}/members");
    let member = format!("{members}/{{mid}}");
    let metadatas = format!("{project}/metadatas");
    let metadata = format!("{metadatas}/{{meta_name}}");
    // Harbor's path ends in a slash; not every client's does.
    let metadatas = [format!("{metadatas}/"), metadatas];
    let routes = routes
        .get(&at("/projects"), projects::list)
        .head(&at("/projects"), projects::exists)
        .post(&at("/projects"), projects::create)
        .get(&project, projects::get)
        .put(&project, projects::update)
        .delete(&project, projects::delete)
        .get(&format!("{project}/_deletable"), projects::deletable)
        .get(&format!("{project}/summary"), projects::summary)
        .get(&format!("{project}/artifacts"), artifacts::list_of_project)
        .get(&at("/projects/{project_name}/logs"), audit_logs::of_project)
        .get(&at("/projects/{project_name}/auditlog-exts"), audit_logs::ext_of_project)
        .get(&members, members::list)
        .post(&members, members::create)
        .get(&member, members::get)
        .put(&member, members::update)
        .delete(&member, members::delete)
        .get(&metadata, metadatas::get)
        .put(&metadata, metadatas::update)
        .delete(&metadata, metadatas::delete);
    metadatas.iter().fold(routes, |routes, path| {
        routes.get(path, metadatas::list).post(path, metadatas::create)
    })
}

fn of_artifacts(routes: Routes) -> Routes {
    let repositories = at("/projects/{project_name}/repositories");
    let repository = format!("{repositories}/{{repository_name}}");
    let deleted = at("/projects/{project_name}/deleted-repositories");
    let artifacts = format!("{repository}/artifacts");
    let artifact = format!("{artifacts}/{{reference}}");
    let tags = format!("{artifact}/tags");
    routes
        .get(&at("/repositories"), repositories::list_all)
        .get(&repositories, repositories::list)
        .get(&deleted, deleted_repositories::list)
        .post(&format!("{deleted}/{{deleted_id}}"), deleted_repositories::restore)
        .get(&repository, repositories::get)
        .put(&repository, repositories::update)
        .delete(&repository, repositories::delete)
        .get(&artifacts, artifacts::list)
        .get(&artifact, artifacts::get)
        .delete(&artifact, artifacts::delete)
        .get(&tags, tags::list)
        .post(&tags, tags::create)
        .delete(&format!("{tags}/{{tag_name}}"), tags::delete)
        .get(&format!("{artifact}/accessories"), accessories::list)
}

fn of_accounts(routes: Routes) -> Routes {
    let user = at("/users/{user_id}");
    let robot = at("/robots/{robot_id}");
    let old_robots = at("/projects/{project_name_or_id}/robots");
    let old_robot = format!("{old_robots}/{{robot_id}}");
    routes
        .get(&at("/users"), users::list)
        .post(&at("/users"), users::create)
        // Before the pattern that takes any word for an id.
        .get(&at("/users/current"), users::current)
        .get(&at("/users/current/permissions"), permissions::own)
        .get(&at("/users/search"), users::search)
        .get(&user, users::get)
        .put(&user, users::update)
        .delete(&user, users::delete)
        .put(&format!("{user}/sysadmin"), users::set_system_admin)
        .put(&format!("{user}/password"), users::set_password)
        .get(&at("/permissions"), permissions::catalogue)
        .get(&at("/robots"), robots::list)
        .post(&at("/robots"), robots::create)
        .get(&robot, robots::get)
        .put(&robot, robots::update)
        .patch(&robot, robots::refresh_secret)
        .delete(&robot, robots::delete)
        .get(&old_robots, robots::v1::list)
        .post(&old_robots, robots::v1::create)
        .get(&old_robot, robots::v1::get)
        .put(&old_robot, robots::v1::update)
        .delete(&old_robot, robots::v1::delete)
}

fn of_jobs(routes: Routes) -> Routes {
    let gc = at("/system/gc");
    let purges = at("/system/purgeaudit");
    let scrubs = at("/system/scrub");
    routes
        .get(&gc, gc::list)
        .get(&format!("{gc}/schedule"), gc::schedule)
        .post(&format!("{gc}/schedule"), gc::create)
        .put(&format!("{gc}/schedule"), gc::update)
        .get(&format!("{gc}/{{gc_id}}"), gc::get)
        .put(&format!("{gc}/{{gc_id}}"), gc::stop)
        .get(&format!("{gc}/{{gc_id}}/log"), gc::log)
        .get(&purges, purges::list)
        .get(&format!("{purges}/schedule"), purges::schedule)
        .post(&format!("{purges}/schedule"), purges::create)
        .put(&format!("{purges}/schedule"), purges::update)
        .get(&format!("{purges}/{{purge_id}}"), purges::get)
        .put(&format!("{purges}/{{purge_id}}"), purges::stop)
        .get(&format!("{purges}/{{purge_id}}/log"), purges::log)
        .get(&scrubs, scrubs::list)
        .get(&format!("{scrubs}/schedule"), scrubs::schedule)
        .post(&format!("{scrubs}/schedule"), scrubs::create)
        .put(&format!("{scrubs}/schedule"), scrubs::update)
        .get(&format!("{scrubs}/{{scrub_id}}"), scrubs::get)
        .put(&format!("{scrubs}/{{scrub_id}}"), scrubs::stop)
        .get(&format!("{scrubs}/{{scrub_id}}/log"), scrubs::log)
        .get(&at("/system/quarantine"), scrubs::quarantined)
        .get(&at("/jobservice/queues"), jobservice::queues)
        .put(&at("/jobservice/jobs/{job_id}"), jobservice::stop)
        .get(&at("/jobservice/jobs/{job_id}/log"), jobservice::log)
        .get(&at("/system/logs"), service_logs::list)
        .get(&at("/system/logs/{service}"), service_logs::get)
        .get(&at("/schedules"), jobservice::schedules)
        .get(&at("/schedules/{job_type}/paused"), jobservice::paused)
}

#[cfg(test)]
mod tests;
