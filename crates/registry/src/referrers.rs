//! `referrers/<digest>`: what says something about a manifest; dist-spec "Listing Referrers".

use ::web::run;
use actix_web::http::header::{self, HeaderName};
use actix_web::web::Query;
use actix_web::{HttpRequest, HttpResponse};
use cache::Referrers;
use domain::artifacts::{self, Referrer};
use domain::ids::ArtifactId;
use serde::Deserialize;
use serde_json::json;

use crate::cached;
use crate::caller::{Caller, Need};
use crate::error::{Error, Result};
use crate::path::OfDigest;

const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const PAGE: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReferrersQuery {
    artifact_type: Option<String>,
    /// Where the page before ended; ours, told in its `Link`.
    after: Option<i64>,
}

pub(crate) async fn list(
    req: HttpRequest,
    caller: Caller,
    path: OfDigest,
    query: Query<ReferrersQuery>,
) -> Result<HttpResponse> {
    if let Some(referrers) = cached::referrers(&caller, &path, req.query_string()).await? {
        return Ok(passed_on(&path, referrers));
    }
    let kind = query.into_inner();
    let (path, kind, found) = run(async move {
        let found = page(&caller, &path, &kind).await?;
        Ok::<_, Error>((path, kind, found))
    })
    .await?;
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CONTENT_TYPE, INDEX));
    if kind.artifact_type.is_some() {
        answer.insert_header((FILTERS_APPLIED, "artifactType"));
    }
    if let (true, Some(last)) = (found.len() > PAGE, found.iter().take(PAGE).next_back()) {
        let link = next(&path, kind.artifact_type.as_deref(), last.artifact);
        answer.insert_header((header::LINK, link));
    }
    let manifests: Vec<_> = found.iter().take(PAGE).map(|found| &found.descriptor).collect();
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
    Ok(answer.body(index.to_string()))
}

/// A page of the registry that this is a cache of.
fn passed_on(path: &OfDigest, referrers: Referrers) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CONTENT_TYPE, INDEX));
    if referrers.is_filtered {
        answer.insert_header((FILTERS_APPLIED, "artifactType"));
    }
    if let Some(query) = referrers.next {
        let OfDigest { name, digest } = path;
        let link = format!("</v2/{name}/referrers/{digest}?{query}>; rel=\"next\"");
        answer.insert_header((header::LINK, link));
    }
    answer.body(referrers.index)
}

/// One more than fits the page, if there are more. A subject without referrers, and one that is not there, have none.
async fn page(caller: &Caller, path: &OfDigest, query: &ReferrersQuery) -> Result<Vec<Referrer>> {
    let permit = caller.authorize(&path.name, Need::Pull).await?;
    let Some(repository) = permit.repository() else { return Ok(Vec::new()) };
    let kind = query.artifact_type.as_deref();
    let after = query.after.map(ArtifactId);
    let limit = u32::try_from(PAGE + 1).unwrap_or(u32::MAX);
    let db = &caller.app.db;
    Ok(artifacts::referrers(db, repository, &path.digest, kind, after, limit).await?)
}

fn next(path: &OfDigest, kind: Option<&str>, last: ArtifactId) -> String {
    let filter = kind.map_or_else(String::new, |kind| {
        let kind = percent_encoding::utf8_percent_encode(kind, percent_encoding::NON_ALPHANUMERIC);
        format!("artifactType={kind}&")
    });
    format!("</v2/{}/referrers/{}?{filter}after={last}>; rel=\"next\"", path.name, path.digest)
}
