//! How full the volume of the blobs is.

use std::path::{Path, PathBuf};

/// Bytes of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Volume {
    pub(crate) total: u64,
    /// What is left for us; the system may keep some for itself.
    pub(crate) free: u64,
}

impl Volume {
    /// The part in use, 0 to 100.
    pub(crate) fn percent(self) -> u8 {
        let used = u128::from(self.total.saturating_sub(self.free));
        u8::try_from(used * 100 / u128::from(self.total.max(1))).unwrap_or(100)
    }
}

/// Asks the system about the volume that `folder` is on; `None` if it does not tell.
pub(crate) async fn of(folder: Option<&Path>) -> Option<Volume> {
    let folder: PathBuf = folder?.to_owned();
    // A network file system may take its time.
    tokio::task::spawn_blocking(move || {
        let answer = rustix::fs::statvfs(&folder).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(answer.f_frsize);
        Some(Volume { total: bytes(answer.f_blocks), free: bytes(answer.f_bavail) })
    })
    .await
    .ok()
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::Volume;

    #[test]
    fn a_full_volume_is_full_and_an_empty_one_is_not_divided_by() {
        assert_eq!(Volume { total: 200, free: 0 }.percent(), 100);
        assert_eq!(Volume { total: 200, free: 150 }.percent(), 25);
        assert_eq!(Volume { total: 0, free: 0 }.percent(), 0);
    }
}
