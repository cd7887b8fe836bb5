//! Reading an upload while it is being written, for whoever passes bytes on as they come.
//!
//! Only files show what was written before the commit. What is read is not verified: that it is what it should be
//! shows at the end, and until then whoever passes it on must be able to take it back.

use std::ops::Range;

use bytes::Bytes;

use super::{Stage, Upload};
use crate::{
    Result,
    driver::{CHUNK, Driver, Source, blocking},
};

/// The bytes of an upload so far. Stays readable when the upload is committed, or given up.
#[derive(Clone, Debug)]
pub struct Growing {
    source: Source,
}

impl Upload {
    /// Writes what was taken so far, without making it durable; tells how far [`Growing`] has it.
    pub async fn flush(&mut self) -> Result<u64> {
        let batch = self.batch.take();
        let mut worker = self.settled().await?;
        let written = blocking(move || worker.append(&batch).map(|()| worker));
        self.stage = Stage::Idle(written.await?);
        Ok(self.offset)
    }

    /// What readers can follow, once something was flushed; `None` if the driver shows nothing before the commit.
    pub async fn growing(&self) -> Result<Option<Growing>> {
        let (driver, key) = (self.driver.clone(), self.key.clone());
        match driver {
            Driver::Filesystem(_) => {
                let source = blocking(move || driver.source(&key)).await?;
                Ok(Some(Growing { source }))
            }
            Driver::Memory(_) | Driver::Object(_) => Ok(None),
        }
    }
}

impl Growing {
    /// The first bytes of `range`, at most 256 KiB, all of which must have been flushed.
    pub async fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let source = self.source.clone();
        let length = range.end.saturating_sub(range.start);
        let length = usize::try_from(length).map_or(CHUNK, |length| length.min(CHUNK));
        blocking(move || source.read(range.start, length)).await
    }
}

#[cfg(test)]
mod tests;
