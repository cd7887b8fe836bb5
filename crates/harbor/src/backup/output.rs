//! Where a backup goes: a file that is there whole or not at all, or standard output.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::reader::is_stream;

const BUFFER: usize = 1024 * 1024;

/// A backup that is being written. Dropped before [`Output::publish`] a file leaves nothing.
pub(crate) struct Output {
    file: BufWriter<File>,
    /// For a file: its name while it is written, and after.
    place: Option<Place>,
}

struct Place {
    partial: PathBuf,
    whole: PathBuf,
    is_published: bool,
}

impl Output {
    pub(crate) fn create(to: &Path) -> Result<Self> {
        let (file, place) = if is_stream(to) {
            (standard_output()?, None)
        } else {
            let (partial, whole) = Place::paths(to)?;
            let file = locked(&partial, to)?;
            // From here on the file is ours, to be removed if nothing comes of it.
            (file, Some(Place { partial, whole, is_published: false }))
        };
        Ok(Self { file: BufWriter::with_capacity(BUFFER, file), place })
    }

    /// Everything was written: makes it durable and gives it its name.
    pub(crate) fn publish(mut self) -> Result<()> {
        self.file.flush().context("cannot write the backup")?;
        let Some(place) = &mut self.place else { return Ok(()) };
        let folder = place.whole.parent().filter(|folder| !folder.as_os_str().is_empty());
        self.file
            .get_ref()
            .sync_all()
            .and_then(|()| fs::rename(&place.partial, &place.whole))
            .and_then(|()| File::open(folder.unwrap_or(Path::new(".")))?.sync_all())
            .with_context(|| format!("cannot write {}", place.whole.display()))?;
        place.is_published = true;
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Place {
    /// The name while it is written, and after.
    fn paths(to: &Path) -> Result<(PathBuf, PathBuf)> {
        if let Ok(metadata) = fs::metadata(to) {
            ensure!(
                metadata.is_file(),
                "{} is not a file: name a file with --to, or write to standard output with --to -",
                to.display()
            );
        }
        let name = to.file_name().with_context(|| format!("{} names no file", to.display()))?;
        let mut partial = name.to_owned();
        partial.push(".partial");
        Ok((to.with_file_name(partial), to.to_owned()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_published
            && let Err(error) = fs::remove_file(&self.partial)
        {
            tracing::debug!(%error, file = %self.partial.display(), "cannot remove the partial backup");
        }
    }
}

/// Opens the file for us alone, and only then empties it: another backup may be writing it.
fn locked(partial: &Path, to: &Path) -> Result<File> {
    let failed = || format!("cannot write {}", partial.display());
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(partial).with_context(failed)?;
    if let Err(error) = file.try_lock() {
        bail!("another backup is being written to {} ({error})", to.display());
    }
    // Between the look and the lock it may have been given its final name.
    let ours = file.metadata().with_context(failed)?.ino();
    let named = fs::metadata(partial).map(|metadata| metadata.ino()).ok();
    ensure!(named == Some(ours), "another backup to {} has just ended: try again", to.display());
    file.set_len(0).with_context(failed)?;
    Ok(file)
}

/// As a file: the standard library's would look for the ends of lines in it.
fn standard_output() -> Result<File> {
    let output = io::stdout();
    ensure!(
        !output.is_terminal(),
        "standard output is a terminal: send it to a file or a pipe, or name a file with --to"
    );
    let output = output.as_fd().try_clone_to_owned().context("there is no standard output")?;
    Ok(File::from(output))
}
