//! A blocking HTTP/1.1 client of one connection: what a load generator needs and nothing that costs time.
//!
//! Bodies are sent from slices that the caller holds, in one packet with the head where they are small, and read
//! through one buffer into a `Sink`; or not at all, for the kernel drops most of a body that is only counted.
//! A connection that the server closed between two requests is opened again, once.
//! Absent on purpose: redirects, compression, cookies, HTTP/2, pipelining.

mod address;
mod transport;
mod head;
mod body;

use std::io::{self, BufRead, BufReader, Write};

use anyhow::{Context, Result};

pub(crate) use self::address::Address;
pub(crate) use self::body::Sink;
pub(crate) use self::head::Head;
pub(crate) use self::transport::Dialer;

use self::transport::Transport;

/// One read of a large blob; `BufReader` takes what the socket holds, up to this.
const BUFFER: usize = 256 << 10;

/// Pieces of this size and less travel in the same packet as the head.
const TOGETHER: u64 = 16 << 10;

#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'static str,
    pub(crate) path: &'a str,
    /// Complete lines, each ended by CRLF.
    pub(crate) headers: &'a str,
    pub(crate) body: &'a [&'a [u8]],
}

impl Request<'_> {
    /// The length of a body is stated where there is one, and where a server would otherwise wait for it.
    fn states_length(&self) -> bool {
        !matches!(self.method, "GET" | "HEAD")
    }

    pub(crate) fn body_length(&self) -> u64 {
        self.body.iter().map(|piece| piece.len() as u64).sum()
    }
}

pub(crate) struct Connection<'a> {
    dialer: &'a Dialer,
    stream: Option<BufReader<Transport>>,
    /// Reused for the head of each request and each line of its answer.
    scratch: Vec<u8>,
    /// Room that the kernel is told of, and leaves as it is, when it drops bytes.
    room: Vec<u8>,
}

impl<'a> Connection<'a> {
    pub(crate) fn new(dialer: &'a Dialer) -> Self {
        Self { dialer, stream: None, scratch: Vec::with_capacity(4 << 10), room: Vec::new() }
    }

    /// Sends `request` and reads the whole answer, its body into `sink`.
    pub(crate) fn send(&mut self, request: &Request<'_>, sink: &mut Sink) -> Result<Head> {
        self.exchange(request, sink)
            .with_context(|| format!("{} {}{}", request.method, self.dialer, request.path))
    }

    fn exchange(&mut self, request: &Request<'_>, sink: &mut Sink) -> Result<Head> {
        let (mut stream, reused) = match self.stream.take() {
            Some(stream) => (stream, true),
            None => (self.dial()?, false),
        };
        if let Err(error) = self.ask(&mut stream, request) {
            if is_timeout(&error) || !reused {
                return Err(error).context("no answer");
            }
            // A server may close a connection that it finds idle just when it is used again.
            stream = self.dial()?;
            self.ask(&mut stream, request).context("no answer, twice")?;
        }
        let head = head::read(&mut stream, &mut self.scratch)?;
        let ends = if request.method == "GET" && self.skip(&mut stream, &head, sink)? {
            false
        } else {
            body::read(&mut stream, request.method, &head, sink, &mut self.scratch)?
        };
        if !head.closes && !ends {
            self.stream = Some(stream);
        }
        Ok(head)
    }

    /// Has the kernel drop a body of which only the size matters; false where that is not so or not possible.
    fn skip(
        &mut self,
        stream: &mut BufReader<Transport>,
        head: &Head,
        sink: &mut Sink,
    ) -> Result<bool> {
        let (Sink::Count(received), Some(length), false) = (sink, head.length, head.chunked) else {
            return Ok(false);
        };
        if !self.dialer.skips() {
            return Ok(false);
        }
        let buffered = stream.buffer().len();
        let here = usize::try_from(length).unwrap_or(usize::MAX).min(buffered);
        stream.consume(here);
        stream.get_mut().skip(length - here as u64, &mut self.room)?;
        *received += length;
        Ok(true)
    }

    fn dial(&self) -> Result<BufReader<Transport>> {
        Ok(BufReader::with_capacity(BUFFER, self.dialer.dial()?))
    }

    /// Writes the request and waits for the first bytes of the answer.
    fn ask(&mut self, stream: &mut BufReader<Transport>, request: &Request<'_>) -> io::Result<()> {
        // A server may refuse in the middle of a body and close: what it said then is worth more than the broken pipe.
        let written = self.write(stream.get_mut(), request);
        match stream.fill_buf() {
            Ok([]) => written.and(Err(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => Ok(()),
            Err(error) => written.and(Err(error)),
        }
    }

    fn write(&mut self, transport: &mut Transport, request: &Request<'_>) -> io::Result<()> {
        let length = request.body_length();
        self.scratch.clear();
        let authority = self.dialer.authority();
        write!(
            self.scratch,
            "{} {} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: load\r\n{}",
            request.method, request.path, request.headers
        )?;
        if request.states_length() {
            write!(self.scratch, "Content-Length: {length}\r\n")?;
        }
        self.scratch.extend_from_slice(b"\r\n");
        if length <= TOGETHER {
            for piece in request.body {
                self.scratch.extend_from_slice(piece);
            }
            return transport.write_all(&self.scratch).and_then(|()| transport.flush());
        }
        transport.write_all(&self.scratch)?;
        for piece in request.body {
            transport.write_all(piece)?;
        }
        transport.flush()
    }
}

/// Reads an answer to a GET past its end: the status, and whether the connection can be used again.
pub(crate) fn read_answer(stream: &mut impl BufRead, scratch: &mut Vec<u8>) -> Result<(u16, bool)> {
    let head = head::read(stream, scratch)?;
    let ends = body::read(stream, "GET", &head, &mut Sink::counting(), scratch)?;
    Ok((head.status, !head.closes && !ends))
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests;
