//! What differs between providers without being code: limits, names of settings, and what refusals mean.

use std::{io, ops::RangeInclusive};

use crate::{Error, Result};

use super::client::misconfigured;

#[derive(Debug)]
pub(super) struct Provider {
    pub(super) limits: Limits,
    /// What its error codes mean for an operator: code, setting, remedy.
    pub(super) refusals: &'static [(&'static str, &'static str, &'static str)],
    /// The setting and the remedy where a refusal has no code.
    pub(super) denied: (&'static str, &'static str),
    /// Those where nobody answers.
    pub(super) silent: (&'static str, &'static str),
    /// Codes for bytes that are no longer those that were acknowledged.
    pub(super) lost: &'static [&'static str],
}

/// What one object may be made of.
#[derive(Debug)]
pub(super) struct Limits {
    /// Bytes of a part, but for the last.
    pub(super) part: RangeInclusive<u64>,
    /// What is said to who asks for other ones.
    pub(super) remedy: &'static str,
    pub(super) parts: u64,
    pub(super) bytes: u64,
    /// How fast parts grow, so that the largest object fits into so many parts though each begins as the smallest.
    pub(super) growth: u64,
}

impl Limits {
    /// How large the part after `count` others becomes.
    pub(super) fn full(&self, chunk: u64, count: usize) -> u64 {
        let count = (count as u64).min(self.parts);
        (chunk + self.growth * count * count).min(*self.part.end())
    }

    /// How large it has to be if no more bytes are at hand.
    pub(super) fn least(&self, count: usize) -> u64 {
        self.full(*self.part.start(), count)
    }

    pub(super) fn check(&self, chunk: u64) -> Result<()> {
        if self.part.contains(&chunk) {
            return Ok(());
        }
        Err(misconfigured("chunksize", self.remedy, chunk.to_string()))
    }
}

/// No more bytes are taken: the words of Ceph, of `MinIO`, of others.
const FULL: &[&str] = &[
    "QuotaExceeded",
    "XMinioStorageFull",
    "XMinioAdminBucketQuotaExceeded",
    "InsufficientStorage",
];

impl Provider {
    /// What an answer means, as a decision a caller can make.
    pub(super) fn failure(&self, error: object_store::Error) -> Error {
        let text = error.to_string();
        let code = code(&text).unwrap_or_default();
        if FULL.contains(&code) {
            return Error::Full(io::Error::other(error));
        }
        if self.lost.contains(&code) {
            tracing::warn!(
                error = text,
                "the parts of a multipart upload are not those that were acknowledged"
            );
            return Error::Corrupt { length: 0 };
        }
        if let Some((_, setting, remedy)) = self.refusals.iter().find(|(name, ..)| *name == code) {
            return Error::Misconfigured { setting, remedy, source: io::Error::other(error) };
        }
        match error {
            // Not every client says so when parts are put together.
            _ if code == "NoSuchUpload" => Error::NotFound,
            object_store::Error::NotFound { .. } => Error::NotFound,
            // A server that answers without a body, as to HEAD.
            object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. } => {
                misconfigured(self.denied.0, self.denied.1, error)
            }
            error => Error::Unavailable(io::Error::other(error)),
        }
    }

    /// What a failure of the first question means.
    pub(super) fn explained(&self, error: Error) -> Error {
        let Error::Unavailable(source) = error else { return error };
        let mut text = source.to_string();
        let mut cause = std::error::Error::source(&source);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        let (setting, remedy) = if text.contains("certificate") {
            ("cafile", "the server's certificate is not trusted: name that of its issuer")
        } else {
            self.silent
        };
        misconfigured(setting, remedy, text)
    }
}

/// The code in a body of XML.
fn code(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<Code>")?;
    rest.split_once("</Code>").map(|(code, _)| code)
}
