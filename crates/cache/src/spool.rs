//! Where those who follow a fetch read from: the object itself, or, where the store shows nothing before the commit, a
//! file beside it that has no name and goes with its last reader.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use blobs::Growing;
use bytes::Bytes;
use tokio::task::spawn_blocking;

use crate::error::{Error, Result};

/// Bytes read at once.
const CHUNK: usize = 256 * 1024;

/// What has come so far. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) enum Behind {
    Object(Growing),
    Spool(Spool),
}

impl Behind {
    /// The first bytes of `range`, all of which must have come.
    pub(crate) async fn read(&self, range: Range<u64>) -> Result<Bytes> {
        match self {
            Self::Object(growing) => Ok(growing.read(range).await?),
            Self::Spool(spool) => spool.read(range).await,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Spool(Arc<File>);

impl Spool {
    pub(crate) async fn new() -> Result<Self> {
        blocking(|| Ok(Self(Arc::new(tempfile::tempfile()?)))).await
    }

    pub(crate) async fn write(&self, bytes: Bytes, offset: u64) -> Result<()> {
        let file = Arc::clone(&self.0);
        blocking(move || file.write_all_at(&bytes, offset)).await
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let file = Arc::clone(&self.0);
        let length = range.end.saturating_sub(range.start);
        let length = usize::try_from(length).map_or(CHUNK, |length| length.min(CHUNK));
        blocking(move || {
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, range.start)?;
            Ok(bytes.into())
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let ended = spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)));
    ended.map_err(|error| Error::from(blobs::Error::from(error)))
}
