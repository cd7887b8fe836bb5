//! `/v2/_catalog`: every repository, for those who may see all.

use ::web::run;
use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Query;
use auth::{Action, Principal, Resource};
use domain::permit;
use domain::repositories;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::path::PageQuery;

pub(crate) async fn list(caller: Caller, query: Query<PageQuery>) -> Result<HttpResponse> {
    let size = query.size()?;
    let (body, link) = run(async move {
        may_list(&caller)?;
        let db = &caller.app.db;
        let mut names = repositories::catalog(db, query.last.as_deref(), size + 1).await?;
        let next = next(&mut names, size);
        let link = next.map(|last| {
            let last =
                percent_encoding::utf8_percent_encode(&last, percent_encoding::NON_ALPHANUMERIC);
            format!("/v2/_catalog?last={last}&n={size}")
        });
        Ok::<_, Error>((json!({ "repositories": names }), link))
    })
    .await?;
    Ok(page(&body, link))
}

fn may_list(caller: &Caller) -> Result<()> {
    let decided = permit::authorize_system(&caller.principal, Resource::Catalog, Action::Read);
    match decided {
        Ok(_) => Ok(()),
        // A token that was not asked for the catalog can be exchanged for one that is.
        Err(domain::Error::Unauthenticated) => Err(caller.challenge("registry:catalog:*")),
        Err(_) if matches!(caller.principal, Principal::Bearer(_) | Principal::Outsider(_)) => {
            Err(caller.challenge("registry:catalog:*"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Cuts the entry that was read beyond the page; if there was one, the page's last entry leads to the next.
pub(crate) fn next<T: ToString>(names: &mut Vec<T>, size: u32) -> Option<String> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if names.len() <= size {
        return None;
    }
    names.truncate(size);
    names.last().map(ToString::to_string)
}

/// A list with the way to its next page (RFC 5988, as dist-spec "Listing Tags" wants it).
pub(crate) fn page(body: &Value, next: Option<String>) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    if let Some(next) = next {
        answer.insert_header((header::LINK, format!("<{next}>; rel=\"next\"")));
    }
    answer.json(body)
}
