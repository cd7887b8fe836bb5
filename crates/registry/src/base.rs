//! `/v2/`: whether the registry speaks the API and knows the caller; dist-spec "Determining Support".

use actix_web::HttpResponse;

use crate::caller::Caller;
use crate::error::Result;

/// How the API was told apart from version 1; clients of that time look for it in the first answer, a refusal or not.
pub(crate) const VERSION: (&str, &str) = ("Docker-Distribution-Api-Version", "registry/2.0");

pub(crate) async fn check(caller: Caller) -> Result<HttpResponse> {
    caller.known()?;
    Ok(HttpResponse::Ok().insert_header(VERSION).content_type("application/json").body("{}"))
}
