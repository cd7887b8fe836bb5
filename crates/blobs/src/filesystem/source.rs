//! A file being read.

use std::{fs::File, io, sync::Arc};

use bytes::Bytes;
use rustix::{buffer::spare_capacity, fs::OFlags, io::pread};

use super::root::Root;
use crate::{Error, Key, Result};

#[derive(Clone, Debug)]
pub(crate) struct Source {
    file: Arc<File>,
    size: u64,
}

impl Source {
    pub(super) fn open(root: &Root, key: &Key) -> Result<Self> {
        // Not blocking: an adopted tree may hold a pipe where a file should be.
        Self::new(root.file(key.as_str(), OFlags::RDONLY | OFlags::NONBLOCK)?)
    }

    pub(super) fn new(file: File) -> Result<Self> {
        let metadata = file.metadata()?;
        if metadata.is_file() {
            Ok(Self { file: Arc::new(file), size: metadata.len() })
        } else {
            Err(Error::NotFound)
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn read(&self, offset: u64, length: usize) -> Result<Bytes> {
        let mut buffer = Vec::with_capacity(length);
        while buffer.len() < length {
            let position = offset + buffer.len() as u64;
            match pread(&*self.file, spare_capacity(&mut buffer), position) {
                Ok(0) => return Err(Error::Corrupt { length: self.size }),
                Ok(_) => {}
                Err(errno) if errno == rustix::io::Errno::INTR => {}
                Err(errno) => return Err(io::Error::from(errno).into()),
            }
        }
        // The allocator may have given more than was asked for, and the file may have grown.
        buffer.truncate(length);
        Ok(buffer.into())
    }
}
