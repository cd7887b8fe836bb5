//! Passwords that were right within the last minute, so that a client which sends one with each request
//! costs one slow hash a minute.
//!
//! The table holds no password: its key is a keyed hash under a key that dies with the process. An entry
//! counts only for the epoch at which it was made; the epoch of now is read from the database each time,
//! so that a changed password or a deleted account ends everything at once.

use std::sync::Arc;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use moka::future::Cache;

use crate::error::Error;
use crate::settings::Settings;

const CAPACITY: u64 = 10_000;

/// A name and password as offered, recognisable and nothing else.
pub(crate) type Fingerprint = [u8; 32];

/// The account and its epoch when the password was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    pub(crate) id: i64,
    pub(crate) epoch: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Verified {
    key: Arc<hmac::Key>,
    proofs: Cache<Fingerprint, Proof>,
}

impl Verified {
    pub(crate) fn new(settings: &Settings) -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .expect("the operating system gives random bytes");
        let proofs =
            Cache::builder().max_capacity(CAPACITY).time_to_live(settings.remember).build();
        Self { key: Arc::new(key), proofs }
    }

    pub(crate) fn fingerprint(&self, name: &str, password: &str) -> Fingerprint {
        let mut context = hmac::Context::with_key(&self.key);
        // The length first: `ab` + `c` is not `a` + `bc`.
        context.update(&(name.len() as u64).to_be_bytes());
        context.update(name.as_bytes());
        context.update(password.as_bytes());
        let mut fingerprint = Fingerprint::default();
        fingerprint.copy_from_slice(context.sign().as_ref());
        fingerprint
    }

    pub(crate) async fn proof(&self, fingerprint: &Fingerprint) -> Option<Proof> {
        self.proofs.get(fingerprint).await
    }

    pub(crate) async fn remember(&self, fingerprint: Fingerprint, proof: Proof) {
        self.proofs.insert(fingerprint, proof).await;
    }

    pub(crate) async fn forget(&self, fingerprint: &Fingerprint) {
        self.proofs.invalidate(fingerprint).await;
    }

    /// The proof for `fingerprint`, by `verify` if there is none: once, however many ask at a time.
    pub(crate) async fn prove(
        &self,
        fingerprint: Fingerprint,
        verify: impl Future<Output = Result<Proof, Error>>,
    ) -> Result<Proof, Error> {
        self.proofs.try_get_with(fingerprint, verify).await.map_err(|shared| (*shared).clone())
    }
}
