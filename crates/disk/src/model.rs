//! What the file system holds: what its users see, and beside it what is on the disk.
//!
//! Nothing is ever freed: a disk lasts for one test, and a name that was removed a moment ago may come back with a cut.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::time::SystemTime;

use rustix::io::Errno;

use crate::content::Content;
use crate::names::Names;

pub(crate) const ROOT: u64 = 1;

pub(crate) type Attributes = BTreeMap<Vec<u8>, Vec<u8>>;
type Result<T> = std::result::Result<T, Errno>;

#[derive(Debug)]
pub(crate) enum Kind {
    File(Content),
    Directory(Names),
}

/// What an inode has beside its content.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) mode: u32,
    pub(crate) attributes: Attributes,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) metadata: Metadata,
    pub(crate) durable: Metadata,
    pub(crate) links: u32,
    pub(crate) modified: SystemTime,
}

impl Node {
    pub(crate) fn new(kind: Kind, metadata: Metadata, now: SystemTime) -> Self {
        Self { kind, durable: metadata.clone(), metadata, links: 1, modified: now }
    }

    fn file(&mut self) -> Result<&mut Content> {
        match &mut self.kind {
            Kind::File(content) => Ok(content),
            Kind::Directory(_) => Err(Errno::ISDIR),
        }
    }

    fn directory(&mut self) -> Result<&mut Names> {
        match &mut self.kind {
            Kind::Directory(names) => Ok(names),
            Kind::File(_) => Err(Errno::NOTDIR),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) nodes: BTreeMap<u64, Node>,
    next: u64,
}

impl Model {
    pub(crate) fn new(now: SystemTime) -> Self {
        let metadata = Metadata { mode: 0o700, attributes: Attributes::new() };
        let root = Node::new(Kind::Directory(Names::default()), metadata, now);
        Self { nodes: BTreeMap::from([(ROOT, root)]), next: ROOT + 1 }
    }

    pub(crate) fn insert(&mut self, node: Node) -> u64 {
        let id = self.next;
        self.next += 1;
        self.nodes.insert(id, node);
        id
    }

    pub(crate) fn node(&mut self, id: u64) -> Result<&mut Node> {
        self.nodes.get_mut(&id).ok_or(Errno::NOENT)
    }

    fn names(&mut self, directory: u64) -> Result<&mut Names> {
        self.node(directory)?.directory()
    }

    pub(crate) fn lookup(&mut self, directory: u64, name: &OsStr) -> Result<u64> {
        self.names(directory)?.find(name).ok_or(Errno::NOENT)
    }

    /// Name and node of everything in a directory.
    pub(crate) fn list(&mut self, directory: u64) -> Result<Vec<(std::ffi::OsString, u64)>> {
        let names = self.names(directory)?;
        Ok(names.current().iter().map(|(name, id)| (name.clone(), *id)).collect())
    }

    /// Makes a file or directory; its mode comes with its name, its content does not.
    pub(crate) fn create(
        &mut self,
        directory: u64,
        name: &OsStr,
        kind: Kind,
        mode: u32,
        now: SystemTime,
    ) -> Result<u64> {
        if self.names(directory)?.find(name).is_some() {
            return Err(Errno::EXIST);
        }
        let metadata = Metadata { mode, attributes: Attributes::new() };
        let id = self.insert(Node::new(kind, metadata, now));
        self.names(directory)?.set(name, id);
        self.touch(directory, now)?;
        Ok(id)
    }

    pub(crate) fn link(
        &mut self,
        id: u64,
        directory: u64,
        name: &OsStr,
        now: SystemTime,
    ) -> Result<()> {
        if self.names(directory)?.find(name).is_some() {
            return Err(Errno::EXIST);
        }
        self.node(id)?.file()?;
        self.node(id)?.links += 1;
        self.names(directory)?.set(name, id);
        self.touch(directory, now)
    }

    pub(crate) fn unlink(&mut self, directory: u64, name: &OsStr, now: SystemTime) -> Result<()> {
        let id = self.lookup(directory, name)?;
        self.node(id)?.file()?;
        self.node(id)?.links -= 1;
        self.names(directory)?.remove(name);
        self.touch(directory, now)
    }

    pub(crate) fn rmdir(&mut self, directory: u64, name: &OsStr, now: SystemTime) -> Result<()> {
        let id = self.lookup(directory, name)?;
        if !self.names(id)?.current().is_empty() {
            return Err(Errno::NOTEMPTY);
        }
        self.node(id)?.links = 0;
        self.names(directory)?.remove(name);
        self.touch(directory, now)
    }

    pub(crate) fn rename(
        &mut self,
        (from, name): (u64, &OsStr),
        (to, new_name): (u64, &OsStr),
        now: SystemTime,
    ) -> Result<()> {
        let id = self.lookup(from, name)?;
        match self.names(to)?.find(new_name) {
            Some(replaced) if replaced == id => return Ok(()),
            Some(replaced) => {
                if self.names(replaced).is_ok_and(|names| !names.current().is_empty()) {
                    return Err(Errno::NOTEMPTY);
                }
                self.node(replaced)?.links -= 1;
            }
            None => {}
        }
        if from == to {
            self.names(from)?.rename(name, new_name, id);
        } else {
            self.names(to)?.set(new_name, id);
            self.names(from)?.remove(name);
            self.touch(to, now)?;
        }
        self.touch(from, now)
    }

    fn touch(&mut self, id: u64, now: SystemTime) -> Result<()> {
        self.node(id)?.modified = now;
        Ok(())
    }

    pub(crate) fn read(&mut self, id: u64, offset: usize, length: usize) -> Result<&[u8]> {
        Ok(self.node(id)?.file()?.read(offset, length))
    }

    pub(crate) fn write(
        &mut self,
        id: u64,
        offset: usize,
        bytes: &[u8],
        now: SystemTime,
    ) -> Result<()> {
        self.node(id)?.file()?.write(offset, bytes);
        self.touch(id, now)
    }

    pub(crate) fn resize(&mut self, id: u64, length: usize, now: SystemTime) -> Result<()> {
        self.node(id)?.file()?.resize(length);
        self.touch(id, now)
    }

    /// fsync; or fdatasync, which brings content and length but neither mode nor attributes.
    ///
    /// Of a directory it brings the names in it, of a file not its own name.
    pub(crate) fn sync(&mut self, id: u64, data_only: bool) -> Result<()> {
        let node = self.node(id)?;
        match &mut node.kind {
            Kind::File(content) => content.sync(),
            Kind::Directory(names) => names.sync(),
        }
        if !data_only {
            node.durable = node.metadata.clone();
        }
        Ok(())
    }
}
