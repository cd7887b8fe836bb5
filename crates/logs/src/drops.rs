//! How many datagrams the kernel dropped because a socket's buffer was full, from `/proc/net/udp`.

use std::fs::{self, File};
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

/// The kernel's counter of one socket. Where it cannot be read, nothing is counted.
#[derive(Debug)]
pub(crate) struct Drops {
    inode: Option<u64>,
    seen: u64,
}

impl Drops {
    pub(crate) fn of(socket: &UdpSocket) -> Self {
        let duplicate = socket.as_fd().try_clone_to_owned();
        let metadata = duplicate.and_then(|socket| File::from(socket).metadata());
        Self { inode: metadata.ok().map(|metadata| metadata.ino()), seen: 0 }
    }

    /// Dropped since the last call.
    pub(crate) fn since_last(&mut self) -> u64 {
        let Some(inode) = self.inode else { return 0 };
        let tables = ["/proc/net/udp", "/proc/net/udp6"];
        let total =
            tables.iter().find_map(|table| dropped(&fs::read_to_string(table).ok()?, inode));
        let total = total.unwrap_or(self.seen);
        let new = total.saturating_sub(self.seen);
        self.seen = total;
        new
    }
}

/// The last column of the socket's row; the inode is the tenth.
fn dropped(table: &str, inode: u64) -> Option<u64> {
    let inode = inode.to_string();
    let row = table.lines().find(|row| row.split_whitespace().nth(9) == Some(inode.as_str()))?;
    row.split_whitespace().last()?.parse().ok()
}
