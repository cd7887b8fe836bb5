//! How much there is of everything, as far as the caller may know.

use auth::Principal;

use crate::projects::{self, Visible};
use crate::{Db, Result, blobs, repositories};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// Those the caller sees.
    pub private_projects: i64,
    pub private_repositories: i64,
    pub public_projects: i64,
    pub public_repositories: i64,
    /// For system administrators.
    pub totals: Option<Totals>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    pub projects: i64,
    pub repositories: i64,
    /// Bytes that the storage holds.
    pub storage: u64,
}

pub async fn statistics(db: &Db, principal: &Principal) -> Result<Statistics> {
    let visible = Visible::of(principal);
    let public_projects = projects::count(db, &Visible::PUBLIC).await?;
    let public_repositories = repositories::count(db, &Visible::PUBLIC.into()).await?;
    let projects = projects::count(db, &visible).await?;
    let repositories = repositories::count(db, &visible.into()).await?;
    let totals = if principal.is_system_admin() {
        Some(Totals { projects, repositories, storage: blobs::stored(db).await? })
    } else {
        None
    };
    Ok(Statistics {
        private_projects: projects - public_projects,
        private_repositories: repositories - public_repositories,
        public_projects,
        public_repositories,
        totals,
    })
}

#[cfg(test)]
mod tests;
