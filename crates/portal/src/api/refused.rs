//! The refusals that every operation may answer with, for the description of the API.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

/// 400, 401, 403, 404, 409, 412, 422, 429 and 500, all with the same body.
pub(crate) struct Refused;

const REFUSALS: [(&str, &str); 9] = [
    ("400", "The request cannot be understood"),
    ("401", "The caller is not known"),
    ("403", "The caller may not do this"),
    ("404", "It is not there"),
    ("409", "There is one already"),
    ("412", "The present state of things forbids it"),
    ("422", "A parameter or the body has the wrong form"),
    ("429", "Too many attempts"),
    ("500", "A failure of the server"),
];

impl IntoResponses for Refused {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        REFUSALS.into_iter().map(|(status, text)| (status.to_owned(), refusal(text))).collect()
    }
}

fn refusal(description: &str) -> RefOr<Response> {
    let errors = Ref::from_schema_name("Errors");
    ResponseBuilder::new()
        .description(description)
        .content("application/json", ContentBuilder::new().schema(Some(errors)).build())
        .into()
}
