//! The front to the kernel: its requests become calls of the model.
//!
//! The page cache stays on, so that SQLite can map its `-shm`; every `write` comes here at once, what is written through a
//! mapping when the kernel sees fit. Locks are the kernel's own.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use fuser::{
    AccessFlags, BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, ReplyXattr,
    Request, TimeOrNow, WriteFlags,
};
use rustix::fs::FallocateFlags;
use rustix::fs::OFlags;
use rustix::io::Errno as Failure;

use crate::content::Content;
use crate::control::{CONTROL, Command};
use crate::image;
use crate::model::{Kind, Model, ROOT};
use crate::names::Names;

/// How long the kernel may believe what it was told: nobody changes anything behind its back.
const KNOWN: Duration = Duration::from_secs(60);
const BLOCK: u32 = 4096;
/// Of 4 KiB: more than any test fills.
const BLOCKS: u64 = 16 * 1024 * 1024;

type Result<T> = std::result::Result<T, Failure>;
type Listing = Vec<(OsString, u64, FileType)>;

/// How long things take.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Delays {
    pub(crate) sync: Duration,
    pub(crate) write: Duration,
}

#[derive(Debug)]
struct State {
    model: Model,
    delays: Delays,
    is_cut: bool,
    listings: BTreeMap<u64, Listing>,
    next_listing: u64,
}

/// The file system; its clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Fuse(Arc<Mutex<State>>);

impl Fuse {
    pub(crate) fn new(model: Model) -> Self {
        Self(Arc::new(Mutex::new(State {
            model,
            delays: Delays::default(),
            is_cut: false,
            listings: BTreeMap::new(),
            next_listing: 0,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is done and nothing is told once the power is gone.
    fn with<T>(&self, work: impl FnOnce(&mut State) -> Result<T>) -> std::result::Result<T, Errno> {
        let mut state = self.lock();
        let done = if state.is_cut { Err(Failure::IO) } else { work(&mut state) };
        done.map_err(|failure| Errno::from_i32(failure.raw_os_error()))
    }

    fn obey(&self, text: &[u8]) -> std::result::Result<(), Errno> {
        let command = Command::parse(text).ok_or(Errno::EINVAL)?;
        let mut state = self.lock();
        match command {
            Command::Slow(delays) => state.delays = delays,
            Command::Cut { into, seed } => {
                state.is_cut = true;
                image::write(&state.model, &into, seed)
                    .map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_i32))?;
            }
        }
        Ok(())
    }

    fn sync(&self, node: u64, data_only: bool, reply: ReplyEmpty) {
        let delay = self.lock().delays.sync;
        let this = self.clone();
        after(delay, move || {
            empty(reply, this.with(|state| state.model.sync(node, data_only)));
        });
    }
}

/// Does the work on a thread of its own if it has to wait: others are served meanwhile.
fn after(delay: Duration, work: impl FnOnce() + Send + 'static) {
    if delay.is_zero() {
        return work();
    }
    drop(std::thread::spawn(move || {
        #[expect(clippy::disallowed_methods, reason = "the thread is there for waiting")]
        std::thread::sleep(delay);
        work();
    }));
}

#[expect(clippy::disallowed_methods, reason = "a file system has the time of the machine")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

fn empty(reply: ReplyEmpty, done: std::result::Result<(), Errno>) {
    match done {
        Ok(()) => reply.ok(),
        Err(errno) => reply.error(errno),
    }
}

impl State {
    fn attr(&mut self, id: u64) -> Result<FileAttr> {
        let node = self.model.node(id)?;
        let (kind, size) = match &node.kind {
            Kind::File(content) => (FileType::RegularFile, content.len() as u64),
            Kind::Directory(_) => (FileType::Directory, u64::from(BLOCK)),
        };
        Ok(FileAttr {
            ino: INodeNo(id),
            size,
            blocks: size.div_ceil(512),
            atime: node.modified,
            mtime: node.modified,
            ctime: node.modified,
            crtime: node.modified,
            kind,
            perm: u16::try_from(node.metadata.mode & 0o7777).unwrap_or(0o600),
            nlink: node.links,
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            rdev: 0,
            blksize: BLOCK,
            flags: 0,
        })
    }

    fn open_listing(&mut self, id: u64) -> Result<u64> {
        let mut listing =
            vec![(".".into(), id, FileType::Directory), ("..".into(), ROOT, FileType::Directory)];
        for (name, id) in self.model.list(id)? {
            listing.push((name, id, self.attr(id)?.kind));
        }
        self.next_listing += 1;
        self.listings.insert(self.next_listing, listing);
        Ok(self.next_listing)
    }
}

fn index(offset: u64) -> Result<usize> {
    usize::try_from(offset).map_err(|_large| Failure::FBIG)
}

impl Filesystem for Fuse {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.with(|state| {
            let id = state.model.lookup(parent.0, name)?;
            state.attr(id)
        });
        match found {
            Ok(attr) => reply.entry(&KNOWN, &attr, Generation(0)),
            Err(errno) => reply.error(errno),
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.with(|state| state.attr(ino.0)) {
            Ok(attr) => reply.attr(&KNOWN, &attr),
            Err(errno) => reply.error(errno),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let done = self.with(|state| {
            if let Some(mode) = mode {
                state.model.node(ino.0)?.metadata.mode = mode & 0o7777;
            }
            if let Some(size) = size {
                state.model.resize(ino.0, index(size)?, now())?;
            }
            state.attr(ino.0)
        });
        match done {
            Ok(attr) => reply.attr(&KNOWN, &attr),
            Err(errno) => reply.error(errno),
        }
    }

    fn mkdir(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let made = self.with(|state| {
            let kind = Kind::Directory(Names::default());
            let id = state.model.create(parent.0, name, kind, mode & !umask, now())?;
            state.attr(id)
        });
        match made {
            Ok(attr) => reply.entry(&KNOWN, &attr, Generation(0)),
            Err(errno) => reply.error(errno),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(reply, self.with(|state| state.model.unlink(parent.0, name, now())));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(reply, self.with(|state| state.model.rmdir(parent.0, name, now())));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let done = self.with(|state| {
            if flags.contains(RenameFlags::RENAME_NOREPLACE)
                && state.model.lookup(newparent.0, newname).is_ok()
            {
                return Err(Failure::EXIST);
            }
            if flags.contains(RenameFlags::RENAME_EXCHANGE) {
                return Err(Failure::INVAL);
            }
            state.model.rename((parent.0, name), (newparent.0, newname), now())
        });
        empty(reply, done);
    }

    fn link(
        &self,
        _: &Request,
        ino: INodeNo,
        newparent: INodeNo,
        newname: &OsStr,
        reply: ReplyEntry,
    ) {
        let done = self.with(|state| {
            state.model.link(ino.0, newparent.0, newname, now())?;
            state.attr(ino.0)
        });
        match done {
            Ok(attr) => reply.entry(&KNOWN, &attr, Generation(0)),
            Err(errno) => reply.error(errno),
        }
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.with(|_state| Ok(())) {
            Ok(()) => reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE),
            Err(errno) => reply.error(errno),
        }
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let is_exclusive = OFlags::from_bits_retain(flags.cast_unsigned()).contains(OFlags::EXCL);
        let opened = self.with(|state| {
            let id = match state.model.lookup(parent.0, name) {
                Ok(_) if is_exclusive => return Err(Failure::EXIST),
                Ok(id) => id,
                Err(_) => {
                    let kind = Kind::File(Content::default());
                    state.model.create(parent.0, name, kind, mode & 0o7777 & !umask, now())?
                }
            };
            state.attr(id)
        });
        let flags = FopenFlags::FOPEN_KEEP_CACHE;
        match opened {
            Ok(attr) => reply.created(&KNOWN, &attr, Generation(0), FileHandle(0), flags),
            Err(errno) => reply.error(errno),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let read = self.with(|state| {
            let length = usize::try_from(size).unwrap_or(usize::MAX);
            Ok(state.model.read(ino.0, index(offset)?, length)?.to_vec())
        });
        match read {
            Ok(bytes) => reply.data(&bytes),
            Err(errno) => reply.error(errno),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let done = self.with(|state| {
            state.model.write(ino.0, index(offset)?, data, now())?;
            Ok((u32::try_from(data.len()).unwrap_or(u32::MAX), state.delays.write))
        });
        match done {
            Ok((length, delay)) => after(delay, move || reply.written(length)),
            Err(errno) => reply.error(errno),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, data_only: bool, reply: ReplyEmpty) {
        self.sync(ino.0, data_only, reply);
    }

    fn fsyncdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        data_only: bool,
        reply: ReplyEmpty,
    ) {
        self.sync(ino.0, data_only, reply);
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.with(|state| state.open_listing(ino.0)) {
            Ok(listing) => reply.opened(FileHandle(listing), FopenFlags::empty()),
            Err(errno) => reply.error(errno),
        }
    }

    fn readdir(
        &self,
        _: &Request,
        _: INodeNo,
        listing: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let listed = self.with(|state| {
            let listing = state.listings.get(&listing.0).ok_or(Failure::BADF)?;
            for (next, (name, id, kind)) in (1..).zip(listing).skip(index(offset)?) {
                if reply.add(INodeNo(*id), next, *kind, name) {
                    break;
                }
            }
            Ok(())
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(errno) => reply.error(errno),
        }
    }

    fn releasedir(
        &self,
        _: &Request,
        _: INodeNo,
        listing: FileHandle,
        _: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.lock().listings.remove(&listing.0);
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        reply.statfs(BLOCKS, BLOCKS, BLOCKS, BLOCKS, BLOCKS, BLOCK, 255, BLOCK);
    }

    fn setxattr(
        &self,
        _: &Request,
        ino: INodeNo,
        name: &OsStr,
        value: &[u8],
        _: i32,
        _: u32,
        reply: ReplyEmpty,
    ) {
        if ino.0 == ROOT && name == CONTROL {
            return empty(reply, self.obey(value));
        }
        let done = self.with(|state| {
            let attributes = &mut state.model.node(ino.0)?.metadata.attributes;
            attributes.insert(name.as_encoded_bytes().to_vec(), value.to_vec());
            Ok(())
        });
        empty(reply, done);
    }

    fn getxattr(&self, _: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        let found = self.with(|state| {
            let attributes = &state.model.node(ino.0)?.metadata.attributes;
            attributes.get(name.as_encoded_bytes()).cloned().ok_or(Failure::NODATA)
        });
        match (found, usize::try_from(size).unwrap_or(usize::MAX)) {
            (Ok(value), 0) => reply.size(u32::try_from(value.len()).unwrap_or(u32::MAX)),
            (Ok(value), room) if value.len() > room => reply.error(Errno::ERANGE),
            (Ok(value), _) => reply.data(&value),
            (Err(errno), _) => reply.error(errno),
        }
    }

    fn removexattr(&self, _: &Request, ino: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let done = self.with(|state| {
            let attributes = &mut state.model.node(ino.0)?.metadata.attributes;
            attributes.remove(name.as_encoded_bytes()).map(drop).ok_or(Failure::NODATA)
        });
        empty(reply, done);
    }

    fn access(&self, _: &Request, _: INodeNo, _: AccessFlags, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fallocate(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let mode = FallocateFlags::from_bits_retain(mode.cast_unsigned());
        let done = self.with(|state| match mode {
            FallocateFlags::KEEP_SIZE => Ok(()),
            mode if mode.is_empty() => {
                let end = offset.saturating_add(length).max(state.attr(ino.0)?.size);
                state.model.resize(ino.0, index(end)?, now())
            }
            _ => Err(Failure::OPNOTSUPP),
        });
        empty(reply, done);
    }
}
