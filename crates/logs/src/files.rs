//! The files of the services: opened when needed, appended to, rotated when full, opened again when somebody moved them.
//!
//! The number of files open at a time is bounded, and so is the number of services kept apart: a sender that invents
//! names fills `other.log`, not the directory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::archive::Pending;
use crate::name::Name;

const OPEN_MAX: usize = 64;
const NAMES_MAX: usize = 256;

/// Readable by the group, as rsyslog's.
pub(crate) const MODE: u32 = 0o640;

#[derive(Debug)]
pub(crate) struct Files {
    directory: PathBuf,
    /// A file that would become larger is rotated.
    limit: u64,
    open: BTreeMap<Name, Open>,
    /// The services that have a file.
    names: BTreeSet<String>,
    uses: u64,
    /// A full file was put aside since somebody asked.
    rotated: bool,
    /// Written to since they were last handed out to be synced.
    unsynced: Vec<Arc<File>>,
}

#[derive(Debug)]
struct Open {
    file: Arc<File>,
    size: u64,
    last_use: u64,
    dirty: bool,
}

impl Files {
    pub(crate) fn new(directory: PathBuf, limit: u64) -> Self {
        Self {
            names: names(&directory),
            directory,
            limit,
            open: BTreeMap::new(),
            uses: 0,
            rotated: false,
            unsynced: Vec::new(),
        }
    }

    /// Writes as many whole lines of `lines` as fit into one file of the service, at least one; how many bytes.
    ///
    /// After an error nothing of it counts as written: a line that was begun is taken back.
    pub(crate) fn append(&mut self, name: &Name, lines: &[u8]) -> io::Result<usize> {
        let name = &self.admitted(name);
        let size = self.opened(name)?.size;
        let room = usize::try_from(self.limit.saturating_sub(size)).unwrap_or(usize::MAX);
        let mut piece = fitting(lines, room);
        if piece.is_empty() && size > 0 {
            self.rotate(name)?;
            piece = fitting(lines, usize::try_from(self.limit).unwrap_or(usize::MAX));
        }
        if piece.is_empty() {
            piece = first_line(lines);
        }
        let written = write(self.opened(name)?, piece);
        if written.is_err() {
            // Whatever is wrong with it, the next attempt opens it anew.
            self.close(name);
        }
        written
    }

    /// Whether a full file was put aside for the archive since the last call.
    pub(crate) fn take_rotated(&mut self) -> bool {
        std::mem::take(&mut self.rotated)
    }

    /// What has been written to since the last call.
    pub(crate) fn take_unsynced(&mut self) -> Vec<Arc<File>> {
        let mut files = std::mem::take(&mut self.unsynced);
        for open in self.open.values_mut().filter(|open| open.dirty) {
            open.dirty = false;
            files.push(Arc::clone(&open.file));
        }
        files
    }

    /// Takes back what could not be synced now.
    pub(crate) fn return_unsynced(&mut self, files: Vec<Arc<File>>) {
        for file in files {
            match self.open.values_mut().find(|open| Arc::ptr_eq(&open.file, &file)) {
                Some(open) => open.dirty = true,
                None => self.unsynced.push(file),
            }
        }
    }

    /// Lets go of files that are no longer where they were, and learns of those that somebody cut.
    pub(crate) fn check(&mut self) {
        let mut moved = Vec::new();
        for (name, open) in &mut self.open {
            let here = fs::metadata(self.directory.join(format!("{}.log", name.as_str())));
            match (here, open.file.metadata()) {
                (Ok(here), Ok(held)) if (here.dev(), here.ino()) == (held.dev(), held.ino()) => {
                    open.size = held.len();
                }
                _ => moved.push(name.clone()),
            }
        }
        for name in &moved {
            self.close(name);
        }
    }

    /// Lets go of every file; each is opened again when there is something for it.
    pub(crate) fn close_all(&mut self) {
        let names: Vec<Name> = self.open.keys().cloned().collect();
        for name in &names {
            self.close(name);
        }
    }

    /// The name itself, or `other` when there are too many.
    fn admitted(&mut self, name: &Name) -> Name {
        if self.names.contains(name.as_str()) {
            return name.clone();
        }
        if self.names.len() >= NAMES_MAX {
            return Name::other();
        }
        self.names.insert(name.as_str().to_owned());
        name.clone()
    }

    fn opened(&mut self, name: &Name) -> io::Result<&mut Open> {
        self.uses += 1;
        if !self.open.contains_key(name) {
            if self.open.len() >= OPEN_MAX
                && let Some(oldest) = self.open.iter().min_by_key(|(_, open)| open.last_use)
            {
                let oldest = oldest.0.clone();
                self.close(&oldest);
            }
            let file = open(&self.directory, &self.path(name))?;
            let size = file.metadata()?.len();
            let open = Open { file: Arc::new(file), size, last_use: 0, dirty: false };
            self.open.insert(name.clone(), open);
        }
        let open = self.open.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        open.last_use = self.uses;
        Ok(open)
    }

    /// The full file gets a name under which the archive finds it; a new one is opened at the next line.
    fn rotate(&mut self, name: &Name) -> io::Result<()> {
        match fs::rename(self.path(name), Pending::next_path(&self.directory, name)?) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => {
                self.close(name);
                self.rotated = true;
                Ok(())
            }
        }
    }

    fn close(&mut self, name: &Name) {
        if let Some(open) = self.open.remove(name)
            && open.dirty
        {
            self.unsynced.push(open.file);
        }
    }

    fn path(&self, name: &Name) -> PathBuf {
        self.directory.join(format!("{}.log", name.as_str()))
    }
}

/// Appends, and takes back what is not a whole line when the disk had no room for the rest.
fn write(open: &mut Open, piece: &[u8]) -> io::Result<usize> {
    let written = loop {
        match (&*open.file).write(piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            written => break written?,
        }
    };
    let whole = match written == piece.len() {
        true => written,
        false => whole_lines(piece.get(..written).unwrap_or_default()),
    };
    open.dirty = true;
    open.size += u64::try_from(whole).unwrap_or_default();
    if whole < written {
        open.file.set_len(open.size)?;
    }
    if whole == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(whole) }
}

fn open(directory: &Path, path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).read(true).mode(MODE);
    let created = options.clone().create_new(true).open(path);
    match created {
        Ok(file) => {
            // Whatever the process's mask says.
            file.set_permissions(fs::Permissions::from_mode(MODE))?;
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let mut file = options.open(path)?;
            end_last_line(&mut file)?;
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(directory)?;
            options.create(true).open(path)
        }
        Err(error) => Err(error),
    }
}

/// A process that was killed while it wrote may have left half a line; the next one starts on its own.
fn end_last_line(file: &mut File) -> io::Result<()> {
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last != *b"\n" {
        file.write_all(b"\n")?;
    }
    Ok(())
}

/// The services that have a file already.
fn names(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        Some(name.strip_suffix(".log")?.to_owned())
    });
    names.take(NAMES_MAX).collect()
}

/// The whole lines at the start that take no more than `room`.
fn fitting(lines: &[u8], room: usize) -> &[u8] {
    match lines.get(..room) {
        Some(head) => lines.get(..whole_lines(head)).unwrap_or_default(),
        None => lines,
    }
}

fn first_line(lines: &[u8]) -> &[u8] {
    let end = lines.iter().position(|byte| *byte == b'\n').map_or(lines.len(), |at| at + 1);
    lines.get(..end).unwrap_or(lines)
}

fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests;
