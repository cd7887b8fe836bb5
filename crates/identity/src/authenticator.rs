//! The decision: who is it that offers this name and password?

use std::net::IpAddr;
use std::time::Duration;

use auth::{Principal, RobotIdentity, UserIdentity, password, secret};
use domain::{Clock, Db, robots, settings, users};

use crate::error::Error;
use crate::hashing::Hashing;
use crate::limits::{Charge, Limits, MAX_NAME_BYTES};
use crate::rates::Rates;
use crate::settings::Settings;
use crate::verified::{Fingerprint, Proof, Verified};

/// As long as Harbor lets a password be; what is longer is nobody's.
const MAX_PASSWORD_CHARS: usize = 128;
const AFTER_CHANGE: Duration = Duration::from_secs(1);

/// Cheap to clone; clones share their caches and limits.
#[derive(Clone, Debug)]
pub struct Authenticator {
    db: Db,
    clock: Clock,
    verified: Verified,
    limits: Limits,
    hashing: Hashing,
    rates: Rates,
}

impl Authenticator {
    pub fn new(db: Db, clock: Clock, settings: &Settings) -> Self {
        Self {
            db,
            clock,
            verified: Verified::new(settings),
            limits: Limits::new(settings),
            hashing: Hashing::new(settings),
            rates: Rates::new(settings.rate),
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
        let current = settings::cached(&self.db).await?;
        let prefix = current.robot_name_prefix.as_str();
        match name.strip_prefix(prefix) {
            Some(robot) => self.robot(robot, prefix, &attempt, known).await.map(Principal::Robot),
            None => self.user(&attempt, known).await.map(Principal::User),
        }
    }

    /// How often callers may ask; for all services of the process together.
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    /// The hash to store for a new password, made when its turn has come.
    pub async fn hash(&self, password: &str) -> Result<String, Error> {
        let password = password.to_owned();
        Ok(self.hashing.run(move || password::hash(&password)).await??)
    }

    async fn user(
        &self,
        attempt: &Attempt<'_>,
        known: Option<Proof>,
    ) -> Result<UserIdentity, Error> {
        let user = users::by_login(&self.db, attempt.name).await?;
        let current = user.as_ref().map(|user| Proof { id: user.id.0, epoch: user.epoch });
        if known.is_some() && known != current {
            self.verified.forget(&attempt.fingerprint).await;
        }
        let stored = user.as_ref().map(|user| user.password_hash.clone());
        let verification = self.verify(attempt, stored, current);
        let proof = self.verified.prove(attempt.fingerprint, verification).await?;
        match user {
            Some(user) if Some(proof) == current => Ok(user.identity()),
            Some(_) => {
                // A verification shared with others saw the account as it was before a change.
                self.verified.forget(&attempt.fingerprint).await;
                Err(Error::Busy { retry_after: AFTER_CHANGE })
            }
            None => Err(Error::BadCredentials),
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

    /// No slow hash: a secret is random, or at least no word.
    async fn robot(
        &self,
        name: &str,
        prefix: &str,
        attempt: &Attempt<'_>,
        known: Option<Proof>,
    ) -> Result<RobotIdentity, Error> {
        let now = self.clock.now();
        let charge = match known {
            Some(_) => None,
            None => Some(self.limits.charge(attempt.name, attempt.peer, now)?),
        };
        let found = robots::by_name(&self.db, name).await?;
        let digest = found.as_ref().map_or("", |robot| robot.secret_digest.as_str());
        let right = secret::matches(attempt.password, digest);
        match found.filter(|robot| right && robot.is_active(now)) {
            Some(robot) => {
                charge.into_iter().for_each(Charge::refund);
                let proof = Proof { id: robot.id.0, epoch: 0 };
                self.verified.remember(attempt.fingerprint, proof).await;
                Ok(robot.identity(prefix))
            }
            None => {
                self.verified.forget(&attempt.fingerprint).await;
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
    let short =
        password.len() <= MAX_PASSWORD_CHARS * 4 && password.chars().count() <= MAX_PASSWORD_CHARS;
    (1..=MAX_NAME_BYTES).contains(&name.len()) && !password.is_empty() && short
}

#[cfg(test)]
mod tests;
