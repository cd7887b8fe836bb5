//! Buffering with a limit.

use actix_web::test::TestRequest;
use actix_web::{FromRequest, HttpRequest, dev::Payload};

use crate::body::{Body, Error};

async fn body(bytes: &'static [u8]) -> Body {
    let (req, mut payload): (HttpRequest, Payload) =
        TestRequest::default().set_payload(bytes).to_http_parts();
    Body::from_request(&req, &mut payload).await.unwrap()
}

#[actix_web::test]
async fn a_body_within_the_limit_is_collected() {
    assert_eq!(body(b"hello").await.collect(5).await.unwrap(), "hello");
    assert_eq!(body(b"").await.collect(5).await.unwrap(), "");
}

#[actix_web::test]
async fn a_body_beyond_the_limit_is_refused() {
    let refused = body(b"hello").await.collect(4).await;
    assert!(matches!(refused, Err(Error::TooLarge { limit: 4 })));
}
