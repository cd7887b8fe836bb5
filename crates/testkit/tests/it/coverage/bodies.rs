//! What each route that changes something is sent: enough to succeed for whoever may.

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::image::{OCI_MANIFEST, unique_bytes};
use testkit::{ADMIN_PASSWORD, USER_PASSWORD};

use super::scene::Scene;

pub(super) enum Body {
    None,
    Json(Value),
    Form(Vec<(&'static str, String)>),
    Bytes(&'static str, Bytes),
}

pub(super) async fn body(method: &Method, pattern: &str, scene: &mut Scene<'_>) -> Body {
    if [Method::GET, Method::HEAD, Method::DELETE].contains(method) {
        return Body::None;
    }
    match pattern.strip_prefix("/api/v2.0") {
        Some(path) => Body::Json(api(method, path, scene).await),
        None if pattern.starts_with("/v2/") => registry(method, pattern, scene).await,
        None => Body::Form(form(pattern, scene).await),
    }
}

async fn registry(method: &Method, pattern: &str, scene: &mut Scene<'_>) -> Body {
    match (method.as_str(), pattern.rsplit_once('/').unwrap().1) {
        ("PUT", "{reference}") => Body::Bytes(OCI_MANIFEST, scene.image().await.manifest),
        ("POST", "" | "uploads") => Body::None,
        ("PATCH", "{id}") => Body::Bytes("application/octet-stream", unique_bytes(8)),
        // The digest in the address is that of nothing.
        ("PUT", "{id}") => Body::None,
        _ => panic!("say in bodies.rs what {method} {pattern} is sent"),
    }
}

async fn api(method: &Method, path: &str, scene: &mut Scene<'_>) -> Value {
    match (method.as_str(), path.strip_prefix("/projects/{project_name_or_id}")) {
        (method, Some(rest)) => of_project(method, rest, scene).await,
        (method, None) if path.contains("/robots") => robot(method, path, scene).await,
        (method, None) => of_system(method, path, scene.n),
    }
}

async fn of_project(method: &str, path: &str, scene: &mut Scene<'_>) -> Value {
    match (method, path) {
        ("PUT", "") => json!({ "metadata": { "public": "true" } }),
        ("POST", "/members") => {
            scene.user().await;
            json!({ "role_id": 3, "member_user": { "username": format!("user{}", scene.n) } })
        }
        ("PUT", "/members/{mid}") => json!({ "role_id": 2 }),
        ("POST", "/metadatas" | "/metadatas/") | ("PUT", "/metadatas/{meta_name}") => {
            json!({ "auto_scan": "true" })
        }
        ("POST", "/robots") => {
            // Version 1 names what it is about by its whole path.
            let resource = format!("/project/{}/repository", scene.project_id().await);
            json!({ "name": format!("bot{}", scene.n),
                "access": [{ "resource": resource, "action": "pull" }] })
        }
        ("PUT", "/robots/{robot_id}") => robot(method, "/robots/{robot_id}", scene).await,
        _ => panic!("say in bodies.rs what {method} {path} of a project is sent"),
    }
}

async fn robot(method: &str, path: &str, scene: &mut Scene<'_>) -> Value {
    let project = scene.project().await;
    let permissions = json!([{ "kind": "project", "namespace": project,
        "access": [{ "resource": "repository", "action": "pull" }] }]);
    match (method, path) {
        ("POST", "/robots") => json!({ "name": format!("bot{}", scene.n), "level": "project",
            "duration": 7, "permissions": permissions }),
        ("PUT", "/robots/{robot_id}") => json!({ "name": format!("robot${project}+bot"),
            "level": "project", "duration": 7, "disable": true, "permissions": permissions }),
        ("PATCH", "/robots/{robot_id}") => json!({}),
        _ => panic!("say in bodies.rs what {method} {path} is sent"),
    }
}

fn of_system(method: &str, path: &str, n: usize) -> Value {
    const REPOSITORY: &str = "/projects/{project_name}/repositories/{repository_name}";
    let below = path.strip_prefix(REPOSITORY);
    match (method, below.unwrap_or(path)) {
        ("PUT", "") => json!({ "description": "what it is" }),
        ("POST", "/artifacts/{reference}/tags") => json!({ "name": "another" }),
        ("PUT", "/configurations") => json!({ "token_expiration": 30 }),
        ("PUT", "/quotas/{id}") => json!({ "hard": { "storage": -1 } }),
        ("POST", "/projects/{project_name}/deleted-repositories/{deleted_id}") => json!({}),
        ("POST", "/projects") => json!({ "project_name": format!("made-{n}") }),
        ("POST", "/users") => json!({
            "username": format!("made{n}"), "password": USER_PASSWORD, "realname": "Made",
            "email": format!("made{n}@example.com"),
        }),
        ("PUT", "/users/{user_id}") => {
            json!({ "email": format!("new{n}@example.com"), "realname": "New" })
        }
        ("PUT", "/users/{user_id}/sysadmin") => json!({ "sysadmin_flag": false }),
        ("PUT", "/users/{user_id}/password") => json!({ "new_password": "Other-Horse-2" }),
        ("POST" | "PUT", "/system/gc/schedule" | "/system/scrub/schedule") => {
            json!({ "schedule": { "type": "Daily", "cron": "0 0 0 * * *" } })
        }
        ("POST" | "PUT", "/system/purgeaudit/schedule") => json!({
            "schedule": { "type": "Daily", "cron": "0 0 0 * * *" },
            "parameters": { "audit_retention_hour": 24, "include_event_types": "create_user" },
        }),
        (
            "PUT",
            "/system/gc/{gc_id}"
            | "/system/purgeaudit/{purge_id}"
            | "/system/scrub/{scrub_id}"
            | "/jobservice/jobs/{job_id}",
        ) => json!({}),
        _ => panic!("say in bodies.rs what {method} {path} is sent"),
    }
}

async fn form(pattern: &str, scene: &Scene<'_>) -> Vec<(&'static str, String)> {
    if pattern.ends_with("/members") {
        scene.user().await;
        return vec![("username", format!("user{}", scene.n)), ("role", "3".to_owned())];
    }
    let fields = fields(pattern).into_iter();
    fields.map(|(name, text)| (name, text.to_owned())).collect()
}

fn fields(pattern: &str) -> Vec<(&'static str, &'static str)> {
    let project = "/projects/{project}";
    let below = pattern.strip_prefix(project).unwrap_or(pattern);
    match below {
        "/preferences" => vec![("language", "zh"), ("return", "/projects")],
        "/login" => vec![("username", "admin"), ("password", ADMIN_PASSWORD)],
        "/signup" | "/users" => vec![
            ("username", "somebody"),
            ("real_name", "Somebody"),
            ("email", "somebody@example.com"),
            ("password", USER_PASSWORD),
            ("confirmation", USER_PASSWORD),
        ],
        "/account" => vec![("email", "asker@example.org"), ("real_name", "Asker")],
        // Of whoever asks; so that they can go on asking, it is wrong.
        "/account/password" => {
            vec![
                ("current", "Wrong-Horse-1"),
                ("password", USER_PASSWORD),
                ("confirmation", USER_PASSWORD),
            ]
        }
        "/users/{id}/password" => {
            vec![("password", "Other-Horse-2"), ("confirmation", "Other-Horse-2")]
        }
        "/users/{id}/admin" => vec![("system_admin", "false")],
        "/projects" => vec![("name", "made-by-form")],
        "/settings" => vec![("public", "true")],
        "/members/{id}" => vec![("role", "2")],
        "/robots" => vec![("name", "made"), ("duration", "7"), ("pull", "true")],
        "/robots/{id}" => vec![("disabled", "true")],
        "/gc/run" => vec![("dry_run", "true")],
        "/gc/scrub" | "/deleted/{id}" => vec![],
        "/gc/schedule" => vec![("kind", "Daily")],
        "/configuration" => vec![
            ("project_creation_restriction", "everyone"),
            ("token_expiration", "30"),
            ("session_timeout", "60"),
            ("robot_token_duration", "30"),
            ("robot_name_prefix", "robot$"),
            ("deletion_grace", "24"),
            ("storage_per_project", "-1"),
            ("required_platforms", "all"),
        ],
        "/logout"
        | "/delete"
        | "/members/{id}/delete"
        | "/robots/{id}/delete"
        | "/users/{id}/delete"
        | "/jobs/{id}/cancel" => vec![],
        path if path.ends_with("/tags") => vec![("tag", "another")],
        path if path.ends_with("/delete") => vec![],
        _ => panic!("say in bodies.rs what POST {pattern} is sent"),
    }
}
