//! `/v2/`: whether the registry speaks the API and knows the caller; dist-spec "Determining Support".

use actix_web::HttpResponse;

use crate::caller::Caller;
use crate::error::Result;

pub(crate) async fn check(caller: Caller) -> Result<HttpResponse> {
    caller.known()?;
    Ok(HttpResponse::Ok().content_type("application/json").body("{}"))
}
