//! The generated description against facts of Harbor's own (`operations.txt`: method, path, success status, id).

use std::collections::BTreeMap;

use actix_web::http::Method;
use serde_json::Value;

use crate::api::{openapi, routes};

const HARBOR: &str = include_str!("operations.txt");
/// Of older versions: left out of the newest description, and still called.
const REMOVED: &str = include_str!("operations-removed.txt");
/// Which Harbor does not have.
const OWN: &str = include_str!("operations-own.txt");

/// The spelling of Harbor's path without its last slash.
fn key(method: &str, path: &str) -> String {
    format!("{} {}", method.to_uppercase(), path.trim_end_matches('/'))
}

fn harbor() -> BTreeMap<String, (String, String)> {
    let lines = HARBOR.lines().chain(REMOVED.lines()).chain(OWN.lines()).map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        let [method, path, statuses, id] = fields.try_into().unwrap();
        (key(method, path), (statuses.to_owned(), id.to_owned()))
    });
    lines.collect()
}

fn ours() -> BTreeMap<String, (String, String)> {
    let document = serde_json::to_value(openapi::document()).unwrap();
    let mut operations = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let statuses = operation["responses"].as_object().unwrap().keys();
            let successes: Vec<&str> =
                statuses.map(String::as_str).filter(|status| status.starts_with('2')).collect();
            let id = operation["operationId"].as_str().unwrap().to_owned();
            operations.insert(key(method, path), (successes.join(","), id));
        }
    }
    operations
}

#[test]
fn each_operation_is_harbors_with_its_success_and_name() {
    let harbor = harbor();
    for (operation, ours) in ours() {
        assert_eq!(harbor.get(&operation), Some(&ours), "{operation}");
    }
}

#[test]
fn every_operation_of_the_fixture_is_described() {
    assert_eq!(ours().len(), harbor().len());
}

#[test]
fn every_route_is_described_and_every_description_is_routed() {
    let routed: Vec<String> = routes()
        .list()
        .into_iter()
        .filter_map(|(method, path)| {
            let path = path.strip_prefix("/api/v2.0")?;
            (path != "/openapi.json").then(|| key(method.as_str(), path))
        })
        .collect();
    let described = ours();
    for operation in &routed {
        assert!(described.contains_key(operation), "{operation} is not described");
    }
    for operation in described.keys() {
        assert!(routed.contains(operation), "{operation} is not routed");
    }
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    let document = serde_json::to_value(openapi::document()).unwrap();
    check_references(&document, &document);
}

fn check_references(document: &Value, value: &Value) {
    if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    match value {
        Value::Object(fields) => fields.values().for_each(|it| check_references(document, it)),
        Value::Array(items) => items.iter().for_each(|it| check_references(document, it)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn no_parameter_is_told_twice() {
    let document = serde_json::to_value(openapi::document()).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let parameters = operation.get("parameters").and_then(Value::as_array);
            let names = parameters.into_iter().flatten().map(|it| (&it["in"], &it["name"]));
            let mut names: Vec<String> = names.map(|it| format!("{} {}", it.0, it.1)).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{method} {path}: {names:?}");
        }
    }
}

#[test]
fn swagger_ui_is_mounted() {
    let listed = routes().list();
    for path in ["/devcenter-api-2.0", "/devcenter-api-2.0/{file:.*}", "/api/v2.0/openapi.json"] {
        assert!(listed.contains(&(Method::GET, path.to_owned())), "{path}");
    }
}
