//! `tags/list`, in bytewise order, in pages; dist-spec "Listing Tags".

use ::web::run;
use actix_web::HttpResponse;
use actix_web::web::Query;
use domain::{repositories, tags};
use oci::ErrorCode;
use serde_json::json;

use crate::caller::{Caller, Need};
use crate::catalog;
use crate::error::{Error, Result};
use crate::path::{InRepository, PageQuery};

pub(crate) async fn list(
    caller: Caller,
    path: InRepository,
    query: Query<PageQuery>,
) -> Result<HttpResponse> {
    let size = query.size()?;
    let (body, link) = run(async move {
        let permit = caller.authorize(&path.name, Need::Pull).await?;
        let db = &caller.app.db;
        let published = match permit.repository() {
            Some(id) if repositories::by_name(db, &path.name).await?.is_some() => Some(id),
            _ => None,
        };
        let repository = published.ok_or_else(|| {
            Error::of(ErrorCode::NameUnknown).detail(json!({ "name": path.name.as_str() }))
        })?;
        let mut names = tags::names(db, repository, query.last.as_deref(), size + 1).await?;
        let next = catalog::next(&mut names, size);
        let link = next.map(|last| format!("/v2/{}/tags/list?last={last}&n={size}", path.name));
        let body = json!({ "name": path.name.as_str(), "tags": names });
        Ok::<_, Error>((body, link))
    })
    .await?;
    Ok(catalog::page(&body, link))
}
