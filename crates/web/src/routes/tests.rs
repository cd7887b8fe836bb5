//! Methods, patterns, data and fallbacks, through actix's own test service.

use actix_web::body::to_bytes;
use actix_web::http::{Method, StatusCode, header};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::web::Data;
use actix_web::{App, HttpResponse};

use crate::error;
use crate::routes::Routes;

async fn answer() -> HttpResponse {
    HttpResponse::Ok().body("answer")
}

async fn who(name: Data<String>) -> String {
    name.to_string()
}

fn api(refusal: &error::Refusal<'_>) -> HttpResponse {
    error::harbor_json(refusal)
}

/// Sends one request to `routes`.
async fn send(routes: &Routes, method: Method, path: &str) -> (StatusCode, Option<String>, String) {
    let app = init_service(App::new().configure(|config| routes.configure(config))).await;
    let req = TestRequest::with_uri(path).method(method).to_request();
    let response = call_service(&app, req).await;
    let status = response.status();
    let allow = response.headers().get(header::ALLOW).map(|v| v.to_str().unwrap().to_owned());
    let body = to_bytes(response.into_body()).await.unwrap();
    (status, allow, String::from_utf8_lossy(&body).into_owned())
}

#[actix_web::test]
async fn a_method_that_a_pattern_lacks_is_a_405_that_names_the_others() {
    let routes = Routes::new().put("/thing", answer).delete("/thing", answer).get("/thing", answer);
    let (status, allow, _) = send(&routes, Method::POST, "/thing").await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(allow.as_deref(), Some("DELETE, GET, HEAD, PUT"));
}

#[actix_web::test]
async fn head_is_answered_by_get_unless_a_service_knows_better() {
    let routes = Routes::new().get("/thing", answer);
    assert_eq!(send(&routes, Method::HEAD, "/thing").await.0, StatusCode::OK);
    let routes = routes.head("/thing", || async { HttpResponse::Accepted().finish() });
    assert_eq!(send(&routes, Method::HEAD, "/thing").await.0, StatusCode::ACCEPTED);
}

#[actix_web::test]
async fn merged_services_keep_their_own_data() {
    let one = Routes::of("one").get("/one", who).data("one".to_owned());
    let two = Routes::of("two").get("/two", who).data("two".to_owned());
    let routes = Routes::new().merge(one).merge(two);
    assert_eq!(send(&routes, Method::GET, "/one").await.2, "one");
    assert_eq!(send(&routes, Method::GET, "/two").await.2, "two");
}

#[actix_web::test]
async fn two_services_may_share_a_pattern() {
    let one = Routes::of("one").get("/thing", who).data("one".to_owned());
    let two = Routes::of("two").post("/thing", answer);
    let routes = one.merge(two);
    assert_eq!(send(&routes, Method::GET, "/thing").await.2, "one");
    assert_eq!(send(&routes, Method::POST, "/thing").await.2, "answer");
}

#[actix_web::test]
async fn the_longest_prefix_renders_what_nobody_answers() {
    let routes = Routes::new().get("/api/v2.0/ping", answer).fallback("/api", api);
    let (status, _, body) = send(&routes, Method::GET, "/api/nothing").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(body, "{\"errors\":[{\"code\":\"NOT_FOUND\",\"message\":\"not found\"}]}\n");
    let (_, _, body) = send(&routes, Method::POST, "/api/v2.0/ping").await;
    assert!(body.contains("METHOD_NOT_ALLOWED"), "{body}");
    let (_, _, body) = send(&routes, Method::GET, "/apis").await;
    assert_eq!(body, "not found\n");
}

#[actix_web::test]
async fn patterns_are_matched_in_the_order_of_their_coming() {
    let routes = Routes::new()
        .get("/{any:.+}", answer)
        .merge(Routes::new().get("/late", || async { HttpResponse::Gone().finish() }));
    assert_eq!(send(&routes, Method::GET, "/late").await.0, StatusCode::OK);
}

#[test]
fn every_route_is_listed_also_those_of_an_opaque_service() {
    let swagger = [(Method::GET, "/swagger/{tail:.*}")];
    let routes = Routes::new()
        .get("/a", answer)
        .post("/a", answer)
        .opaque(&swagger, |config| {
            config.route("/swagger/{tail:.*}", actix_web::web::get().to(answer));
        })
        .merge(Routes::new().put("/b/{name}", answer));
    let listed: Vec<String> =
        routes.list().iter().map(|(method, pattern)| format!("{method} {pattern}")).collect();
    assert_eq!(listed, ["GET /a", "POST /a", "GET /swagger/{tail:.*}", "PUT /b/{name}"]);
}
