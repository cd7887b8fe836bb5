//! Asking the token service, as every docker command does that was not given a token yet.

use anyhow::Result;

use super::{Preparation, REPOSITORIES, pick};
use crate::session::{Repository, Session};
use crate::tokens::Challenge;

pub(crate) struct Logins {
    challenge: Challenge,
    repositories: Vec<Repository>,
}

impl Logins {
    /// `None` where the registry lets everybody in.
    pub(super) fn prepare(on: &mut Preparation<'_>) -> Result<Option<Self>> {
        let repositories = on.repositories(REPOSITORIES);
        let challenge = on.session().challenge()?;
        Ok(challenge.map(|challenge| Self { challenge, repositories }))
    }

    pub(super) fn fetch(&self, session: &mut Session<'_>, index: u64) -> Result<()> {
        session.fetch_push_token(&self.challenge, pick(&self.repositories, index)?)
    }
}
