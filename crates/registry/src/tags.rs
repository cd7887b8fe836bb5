//! `tags/list`, in bytewise order, in pages; dist-spec "Listing Tags".

use ::web::run;
use actix_web::HttpResponse;
use actix_web::web::Query;
use domain::{repositories, tags};
use oci::{ErrorCode, RepositoryName};
use serde::Serialize;
use serde_json::{Value, json};

use crate::cached;
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
        let last = query.last.as_deref();
        if let Some(tags) = cached::tags(&caller, &path.name, last, size).await? {
            return Ok(told(&path.name, &tags.names, tags.next.as_deref(), size));
        }
        let db = &caller.app.db;
        let published = match permit.repository() {
            Some(id) if repositories::is_published(db, id).await? => Some(id),
            _ => None,
        };
        let repository = published.ok_or_else(|| {
            Error::of(ErrorCode::NameUnknown).detail(json!({ "name": path.name.as_str() }))
        })?;
        let mut names = tags::names(db, repository, last, size + 1).await?;
        let next = catalog::next(&mut names, size);
        Ok::<_, Error>(told(&path.name, &names, next.as_deref(), size))
    })
    .await?;
    Ok(catalog::page(&body, link))
}

/// The list, and where its next page is.
fn told(
    name: &RepositoryName,
    names: &[impl Serialize],
    next: Option<&str>,
    size: u32,
) -> (Value, Option<String>) {
    let link = next.map(|last| format!("/v2/{name}/tags/list?last={last}&n={size}"));
    (json!({ "name": name.as_str(), "tags": names }), link)
}
