//! Rotated files: `registry.log.1.gz` is the newest, and only so many are kept.
//!
//! Rotation itself is one rename, to `registry.log.rotated-<time>`; everything slow happens here, on a thread of its
//! own. What is renamed and not yet compressed is found by its name, so a crash loses nothing: the next start goes on
//! with it. A compressed file carries the name of what it was made from in its header, so that a crash between the last
//! two steps does not archive the same lines twice.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};

use crate::files::MODE;
use crate::name::Name;
use crate::stamp;

const MARK: &str = ".log.rotated-";
const UNFINISHED: &str = ".gz.tmp";

/// After a failure, such as a full disk, it is tried again so often.
const RETRY: Duration = Duration::from_secs(60);

/// A full file that waits to be compressed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pending {
    service: String,
    /// When it was rotated; sorts by time.
    id: String,
}

impl Pending {
    /// Where the full file of a service is put: behind those that wait already, whatever the clock says.
    pub(crate) fn next_path(directory: &Path, name: &Name) -> io::Result<PathBuf> {
        let waiting = Self::all(directory)?;
        let last = waiting.iter().rev().find(|pending| pending.service == name.as_str());
        let last = last.and_then(|pending| pending.id.parse::<i128>().ok()).unwrap_or(0);
        let now = stamp::now().unix_timestamp_nanos() / 1000;
        let pending =
            Self { service: name.as_str().to_owned(), id: format!("{:020}", now.max(last + 1)) };
        Ok(pending.path(directory))
    }

    /// All that wait, those of one service from old to new.
    fn all(directory: &Path) -> io::Result<Vec<Self>> {
        let mut all: Vec<Self> =
            file_names(directory)?.iter().filter_map(|name| Self::parse(name)).collect();
        all.sort();
        Ok(all)
    }

    fn parse(name: &str) -> Option<Self> {
        let (service, id) = name.split_once(MARK)?;
        let valid = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        valid.then(|| Self { service: service.to_owned(), id: id.to_owned() })
    }

    fn path(&self, directory: &Path) -> PathBuf {
        directory.join(format!("{}{MARK}{}", self.service, self.id))
    }
}

#[derive(Debug)]
pub(crate) struct Archive {
    directory: PathBuf,
    /// How many files of a service are kept.
    count: usize,
}

impl Archive {
    pub(crate) fn new(directory: PathBuf, count: usize) -> Self {
        Self { directory, count }
    }

    /// Compresses what waits, now and whenever it is woken, until there is nobody left to wake it.
    pub(crate) fn run(&self, wakes: &Receiver<()>) {
        // It gives way to what receives and writes. Where that is refused, it is as fast as they are.
        rustix::process::setpriority_process(None, 10).ok();
        self.forget_unfinished();
        loop {
            let wait = match self.finish() {
                Ok(()) => Duration::MAX,
                Err(error) => {
                    tracing::error!(
                        directory = %self.directory.display(),
                        "cannot archive rotated logs, which stay as they are; trying again in a minute: {error}"
                    );
                    RETRY
                }
            };
            match wakes.recv_timeout(wait) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// What a crash left of a file that was being compressed; the original is still there.
    fn forget_unfinished(&self) {
        for name in file_names(&self.directory).unwrap_or_default() {
            if name.ends_with(UNFINISHED) && name.contains(MARK) {
                fs::remove_file(self.directory.join(name)).ok();
            }
        }
    }

    /// Archives everything that waits.
    fn finish(&self) -> io::Result<()> {
        if !self.directory.exists() {
            return Ok(());
        }
        for pending in Pending::all(&self.directory)? {
            self.archive(&pending)?;
        }
        Ok(())
    }

    fn archive(&self, pending: &Pending) -> io::Result<()> {
        let rotated = pending.path(&self.directory);
        let newest = self.numbered(&pending.service, 1);
        if self.count > 0 && made_from(&newest).as_deref() != Some(pending.id.as_bytes()) {
            let unfinished =
                self.directory.join(format!("{}{MARK}{}{UNFINISHED}", pending.service, pending.id));
            if let Err(error) = compress(&rotated, &unfinished, &pending.id) {
                fs::remove_file(&unfinished).ok();
                return if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) };
            }
            self.shift(&pending.service)?;
            fs::rename(&unfinished, &newest)?;
            File::open(&self.directory)?.sync_all()?;
        }
        match fs::remove_file(rotated) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Makes room for a new first file: each is renamed to the next number, and those beyond the count go.
    ///
    /// It stops at the first gap. A crash in here leaves one, which the next call fills, in the right order.
    fn shift(&self, service: &str) -> io::Result<()> {
        for name in file_names(&self.directory)? {
            if number(&name, service).is_some_and(|number| number >= self.count) {
                fs::remove_file(self.directory.join(name))?;
            }
        }
        let gap = (1..self.count).find(|number| !self.numbered(service, *number).exists());
        for number in (1..gap.unwrap_or(self.count)).rev() {
            fs::rename(self.numbered(service, number), self.numbered(service, number + 1))?;
        }
        Ok(())
    }

    fn numbered(&self, service: &str, number: usize) -> PathBuf {
        self.directory.join(format!("{service}.log.{number}.gz"))
    }
}

/// 3 of `registry.log.3.gz`, if it is of `service`.
fn number(name: &str, service: &str) -> Option<usize> {
    name.strip_prefix(service)?.strip_prefix(".log.")?.strip_suffix(".gz")?.parse().ok()
}

fn compress(from: &Path, to: &Path, id: &str) -> io::Result<()> {
    let mut source = BufReader::with_capacity(256 * 1024, File::open(from)?);
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(to)?;
    let writer = BufWriter::with_capacity(256 * 1024, file);
    let mut encoder = GzBuilder::new().comment(id).write(writer, Compression::default());
    io::copy(&mut source, &mut encoder)?;
    let mut writer = encoder.finish()?;
    writer.flush()?;
    writer.get_ref().sync_all()
}

/// The name that a compressed file was made from, if one of ours is there.
fn made_from(path: &Path) -> Option<Vec<u8>> {
    let mut decoder = GzDecoder::new(File::open(path).ok()?);
    // The header is read with the first byte; an empty file has a header, too.
    let _first = decoder.read(&mut [0]).ok()?;
    Some(decoder.header()?.comment()?.to_vec())
}

fn file_names(directory: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
    Ok(names.collect::<io::Result<Vec<_>>>()?.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests;
