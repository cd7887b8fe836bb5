//! Files below a folder: opened without leaving it, read ahead on threads that may block.
//!
//! `alias` in an `internal` location is how an upstream hands a large answer over to the proxy.

use std::fs::File;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{self, HeaderValue};
use hyper::{HeaderMap, Method, StatusCode};
use rustix::buffer::spare_capacity;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, pread};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::answer::{Payload, Reply};
use crate::body::Error;
use crate::config::model::{Location, Matcher};
use crate::config::scope::FileOptions;
use crate::exchange::Exchange;
use crate::outlet::{self, AHEAD, Outlet, PART};

/// Large enough that changing threads costs nothing beside the read.
const PIECE: usize = 256 * 1024;

/// An open file and what is known of it.
pub(crate) struct Opened {
    file: Arc<File>,
    path: PathBuf,
    length: u64,
    modified: SystemTime,
}

/// The file that the path of the request means, as a whole; ranges are taken from it later.
pub(crate) async fn reply(exchange: &Exchange, location: &Location) -> Result<Reply, StatusCode> {
    if !matches!(exchange.method, Method::GET | Method::HEAD) {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    let options = &exchange.scope.files;
    let (folder, rest) = place(options, location, &exchange.path).ok_or(StatusCode::NOT_FOUND)?;
    let shown = folder.join(&rest);
    let opened = match spawn_blocking(move || open(&folder, &rest)).await {
        Ok(opened) => opened,
        Err(cancelled) => Err(io::Error::other(cancelled)),
    };
    let opened = opened.map_err(|error| refused(exchange, &shown, &error))?;
    Ok(whole(opened, exchange))
}

fn refused(exchange: &Exchange, path: &Path, error: &io::Error) -> StatusCode {
    let status = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => StatusCode::NOT_FOUND,
        io::ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
        _ if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => StatusCode::FORBIDDEN,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    tracing::error!(
        request_id = exchange.id,
        path = %path.display(),
        %error,
        "cannot open a file for an answer"
    );
    status
}

/// The folder that must not be left, and what is asked for in it.
fn place(options: &FileOptions, location: &Location, path: &str) -> Option<(PathBuf, PathBuf)> {
    let inside = |text: &str| PathBuf::from(text.trim_start_matches('/'));
    if let Some(alias) = &options.alias {
        let prefix = location.matcher.prefix()?;
        let rest = path.strip_prefix(prefix)?;
        if matches!(location.matcher, Matcher::Exact(_)) || rest.is_empty() {
            return Some((alias.parent()?.to_path_buf(), PathBuf::from(alias.file_name()?)));
        }
        return Some((alias.clone(), inside(rest)));
    }
    Some((options.root.clone()?, inside(path)))
}

/// Opens `rest` part by part below `folder`. A link among the parts is not followed, so nothing outside can be meant.
fn open(folder: &Path, rest: &Path) -> io::Result<Opened> {
    let directory = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY;
    let mut at: OwnedFd = openat(CWD, folder, directory, Mode::empty())?;
    let mut parts = Vec::new();
    for part in rest.components() {
        match part {
            Component::Normal(name) => parts.push(name),
            _ => return Err(Errno::NOENT.into()),
        }
    }
    let name = parts.pop().ok_or(Errno::NOENT)?;
    for part in parts {
        at = openat(&at, part, directory | OFlags::NOFOLLOW, Mode::empty())?;
    }
    // A pipe must not make the opening wait.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::from(openat(&at, name, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Errno::NOENT.into());
    }
    let modified = metadata.modified()?;
    let path = folder.join(rest);
    Ok(Opened { file: Arc::new(file), path, length: metadata.len(), modified })
}

fn whole(opened: Opened, exchange: &Exchange) -> Reply {
    let options = &exchange.scope.files;
    let mut headers = HeaderMap::new();
    let mut put = |name, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    put(header::CONTENT_TYPE, media_type(options, &exchange.path));
    put(header::LAST_MODIFIED, &httpdate::fmt_http_date(opened.modified));
    put(header::CONTENT_LENGTH, &opened.length.to_string());
    put(header::ACCEPT_RANGES, "bytes");
    if options.etag {
        let seconds = opened.modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        put(header::ETAG, &format!("\"{:x}-{:x}\"", seconds.as_secs(), opened.length));
    }
    let body = FileBody::new(opened, exchange.client.outlet.clone());
    Reply { status: StatusCode::OK, headers, payload: Payload::File(body) }
}

fn media_type<'a>(options: &'a FileOptions, path: &str) -> &'a str {
    let name = path.rsplit('/').next().unwrap_or_default();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let known =
        extension.and_then(|wanted| options.types.iter().find(|(known, _)| *known == wanted));
    known.map_or(options.default_type.as_str(), |(_, media_type)| media_type)
}

type Piece = io::Result<Bytes>;

/// A part of a file. What is not in memory is read one piece ahead of what is being sent.
pub(crate) struct FileBody {
    file: Arc<File>,
    path: PathBuf,
    /// Of the next piece to be read.
    offset: u64,
    unread: u64,
    /// Up to here the kernel knows that it will be asked.
    prepared: u64,
    /// Not handed out yet; what was announced to the client.
    left: u64,
    ahead: Option<JoinHandle<Piece>>,
    /// Where the connection can send files by itself.
    outlet: Option<Outlet>,
}

impl FileBody {
    fn new(opened: Opened, outlet: Option<Outlet>) -> Self {
        let Opened { file, path, length, .. } = opened;
        Self {
            file,
            path,
            offset: 0,
            unread: length,
            prepared: 0,
            left: length,
            ahead: None,
            outlet,
        }
    }

    pub(crate) fn length(&self) -> u64 {
        self.left
    }

    /// Leaves `length` bytes from `start`, which must lie in the file. To be called before anything is read.
    pub(crate) fn restrict(&mut self, start: u64, length: u64) {
        (self.offset, self.unread, self.left) = (start, length, length);
        self.prepared = start;
    }

    /// What stands for the next part, if that is at hand; then nothing has to be read.
    fn stand_in(&mut self) -> Option<Bytes> {
        let outlet = self.outlet.clone().filter(|_| self.unread > 0)?;
        let length = usize::try_from(self.unread).unwrap_or(PART).min(PART);
        if !self.is_at_hand(length) {
            return None;
        }
        let stand_in = outlet.stand_in(&self.file, self.offset, length);
        let sent = u64::try_from(stand_in.len()).unwrap_or(0);
        self.offset += sent;
        self.unread = self.unread.saturating_sub(sent);
        Some(stand_in)
    }

    fn hand_out(&mut self, bytes: Bytes) -> Frame<Bytes> {
        self.left = self.left.saturating_sub(u64::try_from(bytes.len()).unwrap_or(0));
        Frame::data(bytes)
    }

    /// Whether the next so many bytes are in memory.
    fn is_at_hand(&mut self, length: usize) -> bool {
        if self.offset >= self.prepared {
            outlet::prepare(&self.file, self.offset);
            self.prepared = self.offset + AHEAD / 2;
        }
        outlet::is_at_hand(&self.file, self.offset, length)
    }

    /// The next piece, if it is in memory: to copy it takes less time than to wake a thread for that.
    fn at_hand(&mut self) -> Option<Piece> {
        let length = self.next_length();
        (length > 0 && self.is_at_hand(length)).then(|| {
            let offset = self.advance(length);
            piece(&self.file, offset, length)
        })
    }

    /// Begins to read the next piece.
    fn read_on(&mut self) {
        let length = self.next_length();
        if length > 0 {
            let (file, offset) = (Arc::clone(&self.file), self.advance(length));
            self.ahead = Some(spawn_blocking(move || piece(&file, offset, length)));
        }
    }

    fn next_length(&self) -> usize {
        usize::try_from(self.unread).unwrap_or(PIECE).min(PIECE)
    }

    /// Where the next piece began, which is now taken care of.
    fn advance(&mut self, length: usize) -> u64 {
        let (offset, read) = (self.offset, u64::try_from(length).unwrap_or(0));
        self.offset += read;
        self.unread -= read;
        offset
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Piece>> {
        if self.ahead.is_none() {
            if let Some(stand_in) = self.stand_in() {
                return Poll::Ready(Some(Ok(stand_in)));
            }
            if let Some(piece) = self.at_hand() {
                return Poll::Ready(Some(piece));
            }
            self.read_on();
        }
        let Some(ahead) = &mut self.ahead else { return Poll::Ready(None) };
        let read = ready!(Pin::new(ahead).poll(context));
        self.ahead = None;
        let piece = read.unwrap_or_else(|cancelled| Err(io::Error::other(cancelled)));
        let next = self.next_length();
        if self.outlet.is_none() && piece.is_ok() && !self.is_at_hand(next) {
            self.read_on();
        }
        Poll::Ready(Some(piece))
    }
}

/// Exactly `length` bytes; a file that is shorter than it was is an error, not a short answer.
fn piece(file: &File, mut offset: u64, length: usize) -> Piece {
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let read = match pread(file, spare_capacity(&mut bytes), offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(Errno::INTR) => 0,
            Err(error) => return Err(error.into()),
        };
        offset += u64::try_from(read).unwrap_or(0);
    }
    bytes.truncate(length);
    Ok(Bytes::from(bytes))
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        let Some(piece) = ready!(this.poll_piece(context)) else { return Poll::Ready(None) };
        Poll::Ready(Some(match piece {
            Ok(bytes) => Ok(this.hand_out(bytes)),
            Err(source) => Err(Error::File { path: this.path.clone(), source }),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
