//! What the disk is told while it is mounted: an extended attribute that is set on its root, and answered when it is done.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{ffi::OsString, io};

use rustix::fs::{XattrFlags, setxattr};

use crate::fuse::Delays;

pub(crate) const CONTROL: &str = "user.disk.control";

pub(crate) enum Command {
    Slow(Delays),
    Cut { into: PathBuf, seed: Option<u64> },
}

impl Command {
    /// `slow SYNC WRITE` in milliseconds, `cut SEED FOLDER`; a seed of `-` keeps nothing that was not synced.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let mut words = text.splitn(3, |byte| *byte == b' ');
        let (verb, first, second) = (words.next()?, words.next()?, words.next()?);
        match verb {
            b"slow" => Some(Self::Slow(Delays {
                sync: milliseconds(first)?,
                write: milliseconds(second)?,
            })),
            b"cut" => {
                let seed = if first == b"-" { None } else { Some(number(first)?) };
                Some(Self::Cut { into: OsStr::from_bytes(second).into(), seed })
            }
            _ => None,
        }
    }

    fn text(&self) -> OsString {
        match self {
            Self::Slow(Delays { sync, write }) => {
                format!("slow {} {}", sync.as_millis(), write.as_millis()).into()
            }
            Self::Cut { into, seed } => {
                let seed = seed.map_or("-".to_owned(), |seed| seed.to_string());
                let mut text = format!("cut {seed} ").into_bytes();
                text.extend_from_slice(into.as_os_str().as_bytes());
                OsString::from_vec(text)
            }
        }
    }

    pub(crate) fn send(&self, disk: &Path) -> io::Result<()> {
        Ok(setxattr(disk, CONTROL, self.text().as_bytes(), XattrFlags::empty())?)
    }
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn milliseconds(text: &[u8]) -> Option<Duration> {
    number(text).map(Duration::from_millis)
}
