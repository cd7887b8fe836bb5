//! The certificate of the authority that signed this host's: public, and needed by clients that do not know it yet.

use std::path::{Path, PathBuf};

use tokio::io::AsyncReadExt;

/// Some chains are long; this is longer.
const SIZE_MAX: u64 = 256 * 1024;

/// Where it is downloaded.
pub(crate) const DOWNLOAD: &str = "/api/v2.0/systeminfo/getcert";

/// Whether there is one to be had.
pub(crate) async fn is_offered(file: Option<&Path>) -> bool {
    match file {
        Some(file) => tokio::fs::try_exists(file).await.unwrap_or(false),
        None => false,
    }
}

/// The certificate; a file that cannot be read is not offered, and the log says why.
pub(crate) async fn certificate(file: Option<&Path>) -> Option<Vec<u8>> {
    let file: PathBuf = file?.to_owned();
    match read(&file).await {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            tracing::warn!(file = %file.display(), "the certificate cannot be read: {error}");
            None
        }
    }
}

async fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    tokio::fs::File::open(file).await?.take(SIZE_MAX).read_to_end(&mut bytes).await?;
    Ok(bytes)
}
