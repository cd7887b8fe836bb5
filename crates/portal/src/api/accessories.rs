//! `…/artifacts/{reference}/accessories`: signatures, bills of materials and whatever else says something of an artifact.

use ::web::run;
use auth::{Action, Resource};
use domain::artifacts::{Referrer, referrers};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Answer;
use super::artifacts;
use super::caller::Caller;
use super::error::Result;
use super::listing::{ListParams, Listing};
use super::path;
use super::refused::Refused;

/// More than that say something of no artifact.
const MOST: u32 = 1_000;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Accessory)]
pub(crate) struct AccessoryView {
    id: i64,
    artifact_id: i64,
    subject_artifact_id: i64,
    subject_artifact_digest: String,
    subject_artifact_repo: String,
    /// Bytes of the manifest.
    size: u64,
    digest: String,
    #[serde(rename = "type")]
    kind: &'static str,
    icon: &'static str,
}

/// Harbor's word for what an artifact type stands for.
fn kind(artifact_type: &str) -> &'static str {
    match artifact_type {
        "application/vnd.cncf.notary.signature" => "signature.notation",
        "application/vnd.goharbor.harbor.sbom.v1" => "sbom.harbor",
        other if other.starts_with("application/vnd.dev.cosign.") => "signature.cosign",
        other if other.starts_with("application/vnd.dev.sigstore.bundle") => "signature.cosign",
        _ => "subject.accessory",
    }
}

/// What says something of an artifact. Key of `q`: `type`.
#[utoipa::path(get, path = "/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/accessories",
    operation_id = "listAccessories", tag = "artifact", params(path::ArtifactParams, ListParams),
    responses((status = 200, body = Vec<AccessoryView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn list(caller: Caller, path: path::Artifact, listing: Listing) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit =
            path.repository.authorize(db, principal, Resource::Accessory, Action::List).await?;
        let subject = artifacts::find(db, &permit, &path.reference).await?;
        let found = referrers(db, subject.repository, &subject.digest, None, None, MOST);
        let view = |referrer: Referrer| AccessoryView {
            id: referrer.artifact.0,
            artifact_id: referrer.artifact.0,
            subject_artifact_id: subject.id.0,
            subject_artifact_digest: subject.digest.as_str().to_owned(),
            subject_artifact_repo: permit.name().as_str().to_owned(),
            size: referrer.descriptor.size,
            digest: referrer.descriptor.digest.as_str().to_owned(),
            kind: kind(referrer.descriptor.artifact_type.as_deref().unwrap_or_default()),
            icon: "",
        };
        let mut accessories: Vec<_> = found.await?.into_iter().map(view).collect();
        if let Some(wanted) = listing.exact("type") {
            accessories.retain(|accessory| accessory.kind == wanted);
        }
        listing.answer(listing.cut(accessories), |accessory| accessory)
    })
    .await
}
