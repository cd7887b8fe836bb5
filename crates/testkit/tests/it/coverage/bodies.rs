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
    let n = scene.n;
    let permissions = |project: &str| {
        json!([{ "kind": "project", "namespace": project,
            "access": [{ "resource": "repository", "action": "pull" }] }])
    };
    match (method.as_str(), path) {
        ("PUT", "/configurations") => json!({ "token_expiration": 30 }),
        ("PUT", "/quotas/{id}") => json!({ "hard": { "storage": -1 } }),
        ("POST", "/projects") => json!({ "project_name": format!("made-{n}") }),
        ("PUT", "/projects/{project_name_or_id}") => json!({ "metadata": { "public": "true" } }),
        ("POST", "/projects/{project_name_or_id}/members") => {
            scene.user().await;
            json!({ "role_id": 3, "member_user": { "username": format!("user{n}") } })
        }
        ("PUT", "/projects/{project_name_or_id}/members/{mid}") => json!({ "role_id": 2 }),
        (
            "POST",
            "/projects/{project_name_or_id}/metadatas"
            | "/projects/{project_name_or_id}/metadatas/",
        )
        | ("PUT", "/projects/{project_name_or_id}/metadatas/{meta_name}") => {
            json!({ "auto_scan": "true" })
        }
        ("PUT", "/projects/{project_name}/repositories/{repository_name}") => {
            json!({ "description": "what it is" })
        }
        (
            "POST",
            "/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/tags",
        ) => json!({ "name": "another" }),
        ("POST", "/users") => json!({
            "username": format!("made{n}"), "password": USER_PASSWORD, "realname": "Made",
            "email": format!("made{n}@example.com"),
        }),
        ("PUT", "/users/{user_id}") => {
            json!({ "email": format!("new{n}@example.com"), "realname": "New" })
        }
        ("PUT", "/users/{user_id}/sysadmin") => json!({ "sysadmin_flag": false }),
        ("PUT", "/users/{user_id}/password") => json!({ "new_password": "Other-Horse-2" }),
        ("POST", "/projects/{project_name_or_id}/robots") => json!({
            "name": format!("bot{n}"),
            "access": [{ "resource": "repository", "action": "pull" }],
        }),
        ("POST", "/robots") => {
            let project = scene.project().await;
            json!({ "name": format!("bot{n}"), "level": "project", "duration": 7,
                "permissions": permissions(&project) })
        }
        ("PUT", "/robots/{robot_id}" | "/projects/{project_name_or_id}/robots/{robot_id}") => {
            let project = scene.project().await;
            json!({ "name": format!("robot${project}+bot"), "level": "project", "duration": 7,
                "disable": true, "permissions": permissions(&project) })
        }
        ("PATCH", "/robots/{robot_id}") => json!({}),
        ("POST" | "PUT", "/system/gc/schedule") => {
            json!({ "schedule": { "type": "Daily", "cron": "0 0 0 * * *" } })
        }
        ("POST" | "PUT", "/system/purgeaudit/schedule") => json!({
            "schedule": { "type": "Daily", "cron": "0 0 0 * * *" },
            "parameters": { "audit_retention_hour": 24, "include_operations": "create", "include_event_types": "create_user" },
        }),
        (
            "PUT",
            "/system/gc/{gc_id}" | "/system/purgeaudit/{purge_id}" | "/jobservice/jobs/{job_id}",
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
        "/gc/schedule" => vec![("kind", "Daily")],
        "/configuration" => vec![
            ("project_creation_restriction", "everyone"),
            ("token_expiration", "30"),
            ("session_timeout", "60"),
            ("robot_token_duration", "30"),
            ("robot_name_prefix", "robot$"),
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
