//! The keys that sign tokens: made before the services start, so that whoever verifies has them from its first request.

use std::path::Path;

use anyhow::Result;

use super::machine::{Machine, Owner};
use crate::keys::KeyFiles;

/// Makes the first key if there is none; whatever keys there are belong to the services.
pub(super) fn ensure(machine: Machine, directory: &Path) -> Result<()> {
    let files = KeyFiles::new(directory.to_owned());
    files.load_or_generate()?;
    files.paths()?.iter().try_for_each(|path| machine.settle(path, 0o600, Owner::SERVICES))
}
