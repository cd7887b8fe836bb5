//! A paused multipart upload, as it is stored: one line of JSON, then the bytes that were too few for a part.

use std::{collections::BTreeMap, io};

use bytes::Bytes;
use object_store::PutPayload;
use serde::{Deserialize, Serialize};

use super::multipart::Part;
use crate::{Error, Key, Result};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// The name that the multipart upload will have.
    pub(super) object: Key,
    pub(super) upload: String,
    /// By their place, from 0.
    pub(super) parts: BTreeMap<usize, Part>,
}

impl Record {
    pub(super) fn payload(&self, tail: &PutPayload) -> Result<PutPayload> {
        let mut line = serde_json::to_vec(self).map_err(invalid)?;
        line.push(b'\n');
        Ok(std::iter::once(Bytes::from(line)).chain(tail.iter().cloned()).collect())
    }

    /// The record and the bytes behind its line.
    pub(super) fn parse(stored: &Bytes) -> Result<(Self, Bytes)> {
        let end = stored.iter().position(|byte| *byte == b'\n');
        let end = end.ok_or_else(|| invalid("there is no line in it"))?;
        let line = stored.slice(..end);
        let record = serde_json::from_slice(&line).map_err(invalid)?;
        Ok((record, stored.slice(end + 1..)))
    }

    /// How many bytes the parts have.
    pub(super) fn length(&self) -> u64 {
        self.parts.values().map(|part| part.size).sum()
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Unavailable(io::Error::new(io::ErrorKind::InvalidData, error))
}
