//! The last lines of what the services logged: read from the files of the log collector, from their ends.
//!
//! Memory and reading are bounded whatever a file holds. A name comes from a caller, but only a file that is listed is
//! opened, and no link is followed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use domain::Timestamp;
use rustix::fs::OFlags;

/// Lines that are shown when nobody says how many, and at most.
pub(crate) const LINES: usize = 200;
pub(crate) const LINES_MAX: usize = 1000;

const CHUNK: u64 = 64 * 1024;
/// How far back a text is looked for.
const SCAN_MAX: u64 = 64 * 1024 * 1024;
/// What is shown of a file at most; long lines make it fewer lines.
const TEXT_MAX: usize = 4 * 1024 * 1024;
/// The collector writes no longer lines.
const LINE_MAX: usize = 512 * 1024;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the logs of the services are not kept here")]
    NotKept,
    #[error("there is no log of that service")]
    Absent,
    #[error("the logs of the services cannot be read")]
    Unreadable(#[from] io::Error),
}

/// One file: `registry.log` is `registry`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) written: Timestamp,
}

/// What is wanted of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) lines: usize,
    /// Only lines with this text in it, whatever the case; empty for all.
    pub(crate) text: String,
}

/// Lines, the newest last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tail {
    pub(crate) lines: Vec<String>,
    /// Whether the file was searched no further than it is allowed.
    pub(crate) gave_up: bool,
}

/// The services that have a file, by name.
pub(crate) async fn list(directory: Option<&Path>) -> Result<Vec<Service>, Error> {
    let directory = kept(directory)?;
    blocking(move || services(&directory)).await
}

/// The last lines of a service.
pub(crate) async fn last(
    directory: Option<&Path>,
    service: &str,
    wanted: Wanted,
) -> Result<Tail, Error> {
    let directory = kept(directory)?;
    let service = service.to_owned();
    blocking(move || {
        let listed = services(&directory)?;
        let Some(found) = listed.into_iter().find(|listed| listed.name == service) else {
            return Err(Error::Absent);
        };
        // Of the listing, not of the caller.
        let mut file = open(&directory.join(format!("{}.log", found.name)))?;
        Ok(tail(&mut file, &wanted)?)
    })
    .await
}

impl Wanted {
    /// As asked for: a number of lines, of which there is a most, and a text.
    pub(crate) fn new(lines: Option<usize>, text: &str) -> Self {
        Self { lines: lines.unwrap_or(LINES).clamp(1, LINES_MAX), text: text.trim().to_lowercase() }
    }

    fn takes(&self, line: &str) -> bool {
        self.text.is_empty() || line.to_lowercase().contains(&self.text)
    }
}

fn kept(directory: Option<&Path>) -> Result<PathBuf, Error> {
    directory.map(Path::to_owned).ok_or(Error::NotKept)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|panic| Err(Error::Unreadable(io::Error::other(panic))))
}

fn services(directory: &Path) -> Result<Vec<Service>, Error> {
    let mut services = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().into_string().ok();
        let Some(name) = name.and_then(|name| Some(name.strip_suffix(".log")?.to_owned())) else {
            continue;
        };
        // A file may be rotated away meanwhile.
        if let Ok(metadata) = entry.metadata()
            && metadata.is_file()
            && is_service(&name)
        {
            let written = Timestamp::from_secs(metadata.mtime());
            services.push(Service { name, size: metadata.len(), written });
        }
    }
    services.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(services)
}

/// As the collector names files.
fn is_service(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(allowed)
}

fn open(path: &Path) -> Result<File, Error> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(Error::Absent) }
}

/// Reads backwards, until there are enough lines or the file is searched far enough.
fn tail(file: &mut (impl Read + Seek), wanted: &Wanted) -> io::Result<Tail> {
    let end = file.seek(SeekFrom::End(0))?;
    let floor = end.saturating_sub(SCAN_MAX);
    let mut found = Found { wanted, lines: Vec::new(), size: 0 };
    let mut at = end;
    // The end of a line whose start is not read yet.
    let mut open = Vec::new();
    while at > floor && !found.is_enough() {
        let start = at.saturating_sub(CHUNK).max(floor);
        let mut chunk = vec![0; usize::try_from(at - start).unwrap_or_default()];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut chunk)?;
        chunk.append(&mut open);
        open = found.take(chunk);
        at = start;
    }
    if at == 0 {
        found.push(&open);
    }
    let gave_up = floor > 0 && at == floor && !found.is_enough();
    found.lines.reverse();
    Ok(Tail { lines: found.lines, gave_up })
}

/// Lines, the newest first.
struct Found<'a> {
    wanted: &'a Wanted,
    lines: Vec<String>,
    size: usize,
}

impl Found<'_> {
    fn is_enough(&self) -> bool {
        self.lines.len() >= self.wanted.lines || self.size >= TEXT_MAX
    }

    /// Takes the whole lines of a chunk, from its end; what is left is the end of a line.
    fn take(&mut self, mut chunk: Vec<u8>) -> Vec<u8> {
        while let Some(end) = chunk.iter().rposition(|byte| *byte == b'\n') {
            let line = chunk.split_off(end);
            self.push(line.get(1..).unwrap_or_default());
            chunk.truncate(end);
            if self.is_enough() {
                return Vec::new();
            }
        }
        chunk.truncate(LINE_MAX);
        chunk
    }

    fn push(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        if !line.is_empty() && !self.is_enough() && self.wanted.takes(&line) {
            self.size += line.len();
            self.lines.push(line.into_owned());
        }
    }
}

#[cfg(test)]
mod tests;
