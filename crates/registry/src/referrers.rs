//! `referrers/<digest>`: what says something about a manifest; dist-spec "Listing Referrers".

use ::web::run;
use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderName};
use actix_web::web::Query;
use domain::artifacts;
use domain::ids::ArtifactId;
use serde::Deserialize;
use serde_json::json;

use crate::caller::{Caller, Need};
use crate::error::Result;
use crate::path::OfDigest;

const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const PAGE: u32 = 100;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReferrersQuery {
    artifact_type: Option<String>,
    /// Where the page before ended; ours, told in its `Link`.
    after: Option<i64>,
}

pub(crate) async fn list(
    caller: Caller,
    path: OfDigest,
    query: Query<ReferrersQuery>,
) -> Result<HttpResponse> {
    run(async move {
        let permit = caller.authorize(&path.name, Need::Pull).await?;
        let after = query.after.map(ArtifactId);
        let kind = query.artifact_type.as_deref();
        let mut found = match permit.repository() {
            // A subject without referrers, and one that does not exist, have an empty list.
            None => Vec::new(),
            Some(repository) => {
                let db = &caller.app.db;
                artifacts::referrers(db, repository, &path.digest, kind, after, PAGE + 1).await?
            }
        };
        let mut answer = HttpResponse::Ok();
        answer.insert_header((header::CONTENT_TYPE, INDEX));
        if kind.is_some() {
            answer.insert_header((FILTERS_APPLIED, "artifactType"));
        }
        if u32::try_from(found.len()).is_ok_and(|count| count > PAGE) {
            found.pop();
            if let Some(last) = found.last() {
                answer.insert_header((header::LINK, next(&path, kind, last.artifact)));
            }
        }
        let manifests: Vec<_> = found.iter().map(|referrer| &referrer.descriptor).collect();
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
        Ok(answer.body(index.to_string()))
    })
    .await
}

fn next(path: &OfDigest, kind: Option<&str>, last: ArtifactId) -> String {
    let filter = kind.map_or_else(String::new, |kind| {
        let kind = percent_encoding::utf8_percent_encode(kind, percent_encoding::NON_ALPHANUMERIC);
        format!("artifactType={kind}&")
    });
    format!("</v2/{}/referrers/{}?{filter}after={last}>; rel=\"next\"", path.name, path.digest)
}
