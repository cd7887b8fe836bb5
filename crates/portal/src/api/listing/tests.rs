//! Harbor's query parameters, as `domain` understands them.

use actix_web::http::header;
use actix_web::test::TestRequest;
use actix_web::{Responder, ResponseError};
use domain::Timestamp;
use domain::listing::{Direction, Match, Page, Paging, Sort};

use super::Listing;

fn listing(uri: &str) -> Listing {
    Listing::of(&TestRequest::with_uri(uri).to_http_request()).unwrap()
}

#[track_caller]
fn refused(uri: &str, status: u16) {
    let refusal = Listing::of(&TestRequest::with_uri(uri).to_http_request()).unwrap_err();
    assert_eq!(refusal.status_code().as_u16(), status, "{uri}");
}

#[test]
fn filters_become_wishes() {
    let listing = listing("/x?q=name%3D~alp,owner%3Dadmin,public%3Dtrue,tags%3D%7Bv1%7D");
    assert_eq!(listing.text("name"), Some(Match::Like("alp".into())));
    assert_eq!(listing.text("owner"), Some(Match::Is("admin".into())));
    assert_eq!(listing.text("tags"), Some(Match::Is("v1".into())));
    assert_eq!(listing.switch("public"), Some(true));
    assert_eq!(listing.text("unknown"), None);
}

#[test]
fn robots_of_a_project_are_asked_for_by_harbors_spelling() {
    let listing = listing("/x?q=Level=project,ProjectID=12");
    assert_eq!(listing.exact("level"), Some("project"));
    assert_eq!(listing.number("project_id"), Some(12));
}

#[test]
fn a_range_of_times_has_two_ends() {
    let (from, until) = listing("/x?q=op_time=[1970-01-01T00:00:01~]").times("op_time");
    assert_eq!((from, until), (Some(Timestamp::from_secs(1)), None));
}

#[test]
fn unknown_orders_are_passed_over() {
    let sort = listing("/x?sort=secret,-name").sort(|key| (key == "name").then_some(()));
    assert_eq!(sort, [Sort { field: (), direction: Direction::Descending }]);
}

#[test]
fn pages_have_bounds() {
    assert_eq!(listing("/x").paging(), Paging { page: 1, page_size: 10 });
    refused("/x?page_size=101", 422);
    refused("/x?page=0", 422);
    refused("/x?q=name", 400);
}

#[test]
fn a_page_tells_the_total_and_its_neighbours() {
    let listing = listing("/api/v2.0/projects?page=2&page_size=1");
    let page = listing.cut(vec!["a", "b", "c"]);
    assert_eq!(page, Page { items: vec!["b"], total: 3 });
    let request = TestRequest::default().to_http_request();
    let answer = listing.answer(page, |name| name).unwrap().respond_to(&request);
    assert_eq!(answer.headers().get("x-total-count").unwrap(), "3");
    let link = answer.headers().get(header::LINK).unwrap().to_str().unwrap();
    assert_eq!(
        link,
        "</api/v2.0/projects?page=1&page_size=1>; rel=\"prev\" , \
         </api/v2.0/projects?page=3&page_size=1>; rel=\"next\""
    );
}
