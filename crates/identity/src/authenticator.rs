//! The decision: who is it that offers this name and password?

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use auth::{Principal, RobotIdentity, UserIdentity, password, secret};
use domain::{Clock, Db, robots, users};
use moka::future::Cache;

use crate::error::Error;
use crate::hashing::Hashing;
use crate::limits::{Limits, MAX_NAME_BYTES};
use crate::settings::Settings;
use crate::verified::{Fingerprint, Proof, Verified};

/// As long as Harbor lets a password be; what is longer is nobody's.
const MAX_PASSWORD_CHARS: usize = 128;
/// An administrator who renames the prefix waits this long.
const PREFIX_TTL: Duration = Duration::from_secs(5);

/// Cheap to clone; clones share their caches and limits.
#[derive(Clone, Debug)]
pub struct Authenticator {
    db: Db,
    clock: Clock,
    verified: Verified,
    limits: Limits,
    hashing: Hashing,
    prefix: Cache<(), Arc<str>>,
}

impl Authenticator {
    pub fn new(db: Db, clock: Clock, settings: &Settings) -> Self {
        Self {
            db,
            clock,
            verified: Verified::new(settings),
            limits: Limits::new(settings),
            hashing: Hashing::new(settings),
            prefix: Cache::builder().time_to_live(PREFIX_TTL).build(),
        }
    }

    /// Who offers `name` and `password`: a user by name or email, or a robot by its full name.
    pub async fn basic(
        &self,
        name: &str,
        password: &str,
        peer: IpAddr,
    ) -> Result<Principal, Error> {
        let fingerprint = self.verified.fingerprint(name, password);
        let known = self.verified.proof(&fingerprint).await;
        if known.is_none() {
            self.limits.peek(name, peer, self.clock.now())?;
        }
        if !is_plausible(name, password) {
            let _charged = self.limits.charge(name, peer, self.clock.now())?;
            return Err(Error::BadCredentials);
        }
        let attempt = Attempt { name, password, peer, fingerprint };
        let prefix = self.robot_prefix().await?;
        match name.strip_prefix(&*prefix) {
            Some(robot) => self.robot(robot, &attempt).await.map(Principal::Robot),
            None => self.user(&attempt, known).await.map(Principal::User),
        }
    }

    /// The hash to store for a new password, made when its turn has come.
    pub async fn hash(&self, password: &str) -> Result<String, Error> {
        let password = password.to_owned();
        Ok(self.hashing.run(move || password::hash(&password)).await??)
    }

    async fn user(&self, attempt: &Attempt<'_>, known: Option<Proof>) -> Result<UserIdentity, Error> {
        let user = users::by_login(&self.db, attempt.name).await?;
        let current = user.as_ref().map(|user| Proof { id: user.id.0, epoch: user.epoch });
        if known.is_some() && known != current {
            self.verified.forget(&attempt.fingerprint).await;
        }
        let stored = user.as_ref().map(|user| user.password_hash.clone());
        let verification = self.verify(attempt, stored, current);
        let proof = self.verified.prove(attempt.fingerprint, verification).await?;
        match user {
            // Someone else's verification may have seen the account as it was before a change.
            Some(user) if Some(proof) == current => Ok(UserIdentity {
                id: user.id.0,
                name: user.name,
                system_admin: user.system_admin,
                epoch: user.epoch,
            }),
            _ => Err(Error::BadCredentials),
        }
    }

    /// The slow way. An unknown name costs the same, so that the time taken tells nothing.
    async fn verify(
        &self,
        attempt: &Attempt<'_>,
        stored: Option<String>,
        current: Option<Proof>,
    ) -> Result<Proof, Error> {
        let charge = self.limits.charge(attempt.name, attempt.peer, self.clock.now())?;
        let password = attempt.password.to_owned();
        let right = self.hashing.run(move || match stored {
            Some(stored) => password::verify(&password, &stored),
            None => password::dummy(&password).map(|()| false),
        });
        match (right.await, current) {
            (Ok(Ok(true)), Some(proof)) => {
                charge.refund();
                Ok(proof)
            }
            (Ok(Ok(_)), _) => Err(Error::BadCredentials),
            (Ok(Err(damaged)), _) => {
                charge.refund();
                Err(damaged.into())
            }
            (Err(busy), _) => {
                charge.refund();
                Err(busy)
            }
        }
    }

    /// No slow hash: the secret is random and cannot be guessed.
    async fn robot(&self, name: &str, attempt: &Attempt<'_>) -> Result<RobotIdentity, Error> {
        let now = self.clock.now();
        let found = robots::by_name(&self.db, name).await?;
        let digest = found.as_ref().map_or("", |robot| robot.secret_digest.as_str());
        let right = secret::matches(attempt.password, digest);
        match found {
            Some(robot) if right && robot.is_active(now) => {
                let proof = Proof { id: robot.id.0, epoch: 0 };
                self.verified.remember(attempt.fingerprint, proof).await;
                Ok(RobotIdentity {
                    id: robot.id.0,
                    name: attempt.name.to_owned(),
                    project: robot.project.map(|project| project.0),
                    permissions: robot.permissions,
                })
            }
            _ => {
                self.verified.forget(&attempt.fingerprint).await;
                let _charged = self.limits.charge(attempt.name, attempt.peer, now)?;
                Err(Error::BadCredentials)
            }
        }
    }
}

/// What was offered, by whom.
struct Attempt<'a> {
    name: &'a str,
    password: &'a str,
    peer: IpAddr,
    fingerprint: Fingerprint,
}

/// Whether anybody could have this name and password: what is too long never reaches a hash.
fn is_plausible(name: &str, password: &str) -> bool {
    let short = password.len() <= MAX_PASSWORD_CHARS * 4
        && password.chars().count() <= MAX_PASSWORD_CHARS;
    (1..=MAX_NAME_BYTES).contains(&name.len()) && !password.is_empty() && short
}

#[cfg(test)]
mod tests;
