//! The head of an answer: the status and the few headers that this client acts on.

use std::io::BufRead;

use anyhow::{Context, Result, bail};

/// No head that a registry sends comes near.
const MAX_HEAD: usize = 64 << 10;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// The server will close the connection after this answer.
    pub(crate) closes: bool,
    pub(crate) chunked: bool,
    pub(crate) length: Option<u64>,
    pub(crate) location: Option<String>,
    /// The Bearer challenge of a 401; a Basic one beside it is of no use here.
    pub(crate) challenge: Option<String>,
}

impl Head {
    fn parse_status(line: &str) -> Result<Self> {
        let mut words = line.split(' ');
        let version = words.next().unwrap_or_default();
        if !version.starts_with("HTTP/1.") {
            bail!("`{line}` is not the first line of an HTTP/1 answer");
        }
        let status = words.next().and_then(|word| word.parse().ok());
        Ok(Self {
            status: status.with_context(|| format!("`{line}` has no status"))?,
            closes: version == "HTTP/1.0",
            ..Self::default()
        })
    }

    fn take(&mut self, line: &str) -> Result<()> {
        let Some((name, value)) = line.split_once(':') else {
            bail!("`{line}` is not a header");
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            self.length = Some(value.parse().context("Content-Length is not a number")?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            self.chunked = value.eq_ignore_ascii_case("chunked");
        } else if name.eq_ignore_ascii_case("connection") {
            self.closes |= value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("location") {
            self.location = Some(value.to_owned());
        } else if name.eq_ignore_ascii_case("www-authenticate") && is_bearer(value) {
            self.challenge = Some(value.to_owned());
        }
        Ok(())
    }
}

fn is_bearer(value: &str) -> bool {
    value.split(' ').next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"))
}

/// Reads up to the empty line, past interim answers; `line` is scratch space.
pub(super) fn read(stream: &mut impl BufRead, line: &mut Vec<u8>) -> Result<Head> {
    loop {
        let mut head = Head::parse_status(read_line(stream, line)?)?;
        let mut size = 0;
        loop {
            let header = read_line(stream, line)?;
            if header.is_empty() {
                break;
            }
            size += header.len();
            if size > MAX_HEAD {
                bail!("the head of the answer is larger than {MAX_HEAD} bytes");
            }
            head.take(header)?;
        }
        if head.status >= 200 {
            return Ok(head);
        }
    }
}

/// One line without its end.
pub(super) fn read_line<'a>(stream: &mut impl BufRead, line: &'a mut Vec<u8>) -> Result<&'a str> {
    line.clear();
    stream.read_until(b'\n', line)?;
    let text = std::str::from_utf8(line).context("a header is not UTF-8")?;
    match text.strip_suffix('\n') {
        Some(text) => Ok(text.strip_suffix('\r').unwrap_or(text)),
        None => bail!("the connection ended inside a head"),
    }
}
