//! Blobs that the registry has elsewhere, and that need not be sent: dist-spec "Mounting a blob from another repository".

use domain::events::{Action, Target};
use domain::permit::RepositoryPermit;
use domain::{blobs, repositories};
use oci::{Digest, RepositoryName};

use crate::caller::{Caller, Need};
use crate::error::Result;

/// Mounts if the caller may read a source and it is there; else the client uploads (dist-spec "Mounting a blob").
///
/// A source is checked with the same credentials: a digest alone opens no repository (CVE-2024-39897).
pub(super) async fn mounted(
    caller: &Caller,
    permit: &RepositoryPermit,
    digest: &Digest,
    from: Option<&str>,
) -> Result<bool> {
    let sources = match from {
        Some(from) => from.parse().into_iter().collect(),
        None => blobs::holders(&caller.app.db, digest).await?,
    };
    for source in sources {
        if mounted_from(caller, permit, digest, &source).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn mounted_from(
    caller: &Caller,
    permit: &RepositoryPermit,
    digest: &Digest,
    from: &RepositoryName,
) -> Result<bool> {
    let Ok(source) = caller.authorize(from, Need::Pull).await else { return Ok(false) };
    let Some(source) = source.repository() else { return Ok(false) };
    let now = caller.app.clock.now();
    let mut tx = caller.app.db.begin().await?;
    let target = repositories::ensure(&mut tx, permit, now).await?;
    let Some(size) = blobs::mount(&mut tx, source, target, digest, now).await? else {
        tx.commit_aside().await?;
        return Ok(false);
    };
    let from_repository = Some(from.to_string());
    let told = caller.tell(&mut tx, Action::Mount, |teller| {
        Some(Target { from_repository, ..teller.blob(permit.name(), digest, size) })
    });
    let told = told.await?;
    tx.commit_aside().await?;
    told.done();
    Ok(true)
}
