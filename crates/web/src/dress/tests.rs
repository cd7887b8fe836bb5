//! Paths below a prefix, and what leads back there.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::Settings;

fn settings() -> Settings {
    let added = (HeaderName::from_static("x-site"), HeaderValue::from_static("here"));
    Settings { prefix: "/images".to_owned(), headers: vec![added], closed: None }
}

#[track_caller]
fn check(uri: &str, inner: Option<&str>) {
    let found = settings().inner(&uri.parse().unwrap());
    assert_eq!(found.map(|uri| uri.to_string()).as_deref(), inner);
}

#[test]
fn a_path_is_what_stands_behind_the_prefix() {
    check("/images/v2/a/tags/list?n=1", Some("/v2/a/tags/list?n=1"));
    check("http://host/images/v2/", Some("http://host/v2/"));
    check("/images", Some("/"));
    check("/images?n=1", Some("/?n=1"));
}

#[test]
fn another_path_is_none_of_ours() {
    for uri in ["/", "/v2/", "/imagesv2/", "/Images/v2/"] {
        check(uri, None);
    }
}

#[test]
fn locations_lead_back_below_the_prefix_and_headers_are_added() {
    #[track_caller]
    fn check(name: HeaderName, value: &'static str, adorned: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(name.clone(), HeaderValue::from_static(value));
        settings().adorn(&mut headers);
        assert_eq!(headers.get(name).unwrap(), adorned);
        assert_eq!(headers.get("x-site").unwrap(), "here");
    }
    check(header::LOCATION, "/v2/a/blobs/uploads/1", "/images/v2/a/blobs/uploads/1");
    check(header::LOCATION, "https://bucket/v2", "https://bucket/v2");
    check(
        header::LINK,
        "</v2/_catalog?last=a>; rel=\"next\"",
        "</images/v2/_catalog?last=a>; rel=\"next\"",
    );
    check(header::ETAG, "/v2/", "/v2/");
}
