//! Every refusal's body, as clients match on it.

use std::time::Duration;

use actix_web::ResponseError;
use actix_web::body::MessageBody;
use domain::{Entity, Error as Domain};

use super::{Code, Error};

/// Status, headers that matter and body.
fn answer(error: impl Into<Error>) -> String {
    let response = error.into().error_response();
    let header = |name| {
        let value = response.headers().get(name)?;
        Some(format!("{name}: {}\n", value.to_str().unwrap()))
    };
    let headers = [header("retry-after"), header("x-harbor-csrf-token"), header("content-type")];
    let headers: String = headers.into_iter().flatten().collect();
    let status = response.status().as_u16();
    let body = response.into_body().try_into_bytes().unwrap();
    format!("{status}\n{headers}{}", String::from_utf8_lossy(&body))
}

#[test]
fn refusals_are_told_in_harbors_words() {
    let refusals = [
        answer(Domain::NotFound(Entity::Project)),
        answer(Domain::Conflict(Entity::Tag)),
        answer(Domain::Unauthenticated),
        answer(Domain::denied("you may not delete project \"library\"")),
        answer(Domain::invalid("project_name", "must be lower case")),
        answer(Domain::precondition("the project contains 1 repository: delete them first")),
        answer(Domain::QuotaExceeded { adding: 2, used: 9, limit: 10 }),
        answer(Domain::ReadOnly),
        answer(identity::Error::BadCredentials),
        answer(identity::Error::TooMany { retry_after: Duration::from_millis(1) }),
        answer(web::paging::Invalid::Size),
        answer(web::query::Invalid::Pair),
        answer(Error::unproven("a-token")),
    ];
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn a_failure_of_ours_says_nothing_of_its_cause() {
    let told = answer(Domain::Corrupt { column: "users.password_hash" });
    assert!(told.starts_with("500\n"), "{told}");
    assert!(!told.contains("password_hash"), "{told}");
}

#[test]
fn every_code_has_its_status() {
    let table: Vec<String> =
        Code::ALL.map(|code| format!("{} {}", code.as_str(), code.status().as_u16())).into();
    insta::assert_snapshot!(table.join("\n"));
}
