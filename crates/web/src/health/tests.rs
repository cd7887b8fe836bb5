//! What orchestrators are told.

use std::io;

use actix_web::http::StatusCode;
use actix_web::{App, test};

use super::{Probe, routes};

async fn answer(probes: Vec<Probe>) -> (StatusCode, String) {
    let routes = routes(probes);
    let app = test::init_service(App::new().configure(|config| routes.configure(config))).await;
    let request = test::TestRequest::get().uri("/health").to_request();
    let response = test::call_service(&app, request).await;
    let status = response.status();
    (status, String::from_utf8(test::read_body(response).await.to_vec()).unwrap())
}

fn well() -> Probe {
    Probe::new("database", || async { Ok::<(), io::Error>(()) })
}

#[actix_web::test]
async fn a_service_is_well_when_all_it_needs_is() {
    let (status, body) = answer(vec![well()]).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body,
        r#"{"components":[{"name":"database","status":"healthy"}],"status":"healthy"}"#
    );
}

#[actix_web::test]
async fn what_is_ill_is_named_and_why_is_for_the_log_alone() {
    let ill = Probe::new("storage", || async { Err(io::Error::other("disk of /secret is gone")) });
    let (status, body) = answer(vec![well(), ill]).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("the storage is not available"), "{body}");
    assert!(!body.contains("/secret"), "{body}");
}
