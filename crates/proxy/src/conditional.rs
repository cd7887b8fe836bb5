//! Conditions and ranges of requests for files, in nginx's order: conditions, then the headers that the
//! configuration adds, then ranges.

use std::time::SystemTime;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};

use crate::answer::{Payload, Reply};
use crate::config::scope::IfModifiedSince;

/// Whether the client has it already, or wants it only as it was (RFC 9110 section 13).
pub(crate) fn status(
    request: &HeaderMap,
    reply: &Reply,
    since: IfModifiedSince,
) -> Option<StatusCode> {
    let modified = date(&reply.headers, &header::LAST_MODIFIED)?;
    let etag = reply.headers.get(header::ETAG).map(HeaderValue::as_bytes);
    if let Some(limit) = date(request, &header::IF_UNMODIFIED_SINCE)
        && modified > limit
    {
        return Some(StatusCode::PRECONDITION_FAILED);
    }
    if request.contains_key(header::IF_MATCH) && !names(request, &header::IF_MATCH, etag, false) {
        return Some(StatusCode::PRECONDITION_FAILED);
    }
    let by_date = request.contains_key(header::IF_MODIFIED_SINCE);
    let by_tag = request.contains_key(header::IF_NONE_MATCH);
    let changed = by_date && is_newer(request, modified, since);
    let other = by_tag && !names(request, &header::IF_NONE_MATCH, etag, true);
    ((by_date || by_tag) && !changed && !other).then_some(StatusCode::NOT_MODIFIED)
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

fn is_newer(request: &HeaderMap, modified: SystemTime, since: IfModifiedSince) -> bool {
    match (since, date(request, &header::IF_MODIFIED_SINCE)) {
        (IfModifiedSince::Off, _) | (_, None) => true,
        (IfModifiedSince::Exact, Some(known)) => known != modified,
        (IfModifiedSince::Before, Some(known)) => known < modified,
    }
}

/// Whether a list of entity tags names this one, or everything.
fn names(request: &HeaderMap, name: &HeaderName, etag: Option<&[u8]>, weak: bool) -> bool {
    let bare = |tag: &[u8]| -> Vec<u8> {
        let tag = tag.trim_ascii();
        if weak { tag.strip_prefix(b"W/").unwrap_or(tag).to_vec() } else { tag.to_vec() }
    };
    let Some(etag) = etag.map(bare) else { return false };
    let values = request.get_all(name).iter();
    values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).any(|listed| {
        let listed = bare(listed);
        listed == etag || listed == b"*"
    })
}

/// What a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Range {
    Whole,
    Part { start: u64, length: u64 },
    Unsatisfiable,
}

/// One range; several are answered with the whole, which RFC 9110 section 14.2 allows.
pub(crate) fn range(text: &str, length: u64) -> Range {
    let Some(list) = text.strip_prefix("bytes=") else { return Range::Whole };
    let Some((start, end)) = list.split_once('-').filter(|_| !list.contains(',')) else {
        return Range::Whole;
    };
    let number = |text: &str| -> Option<u64> {
        let text = text.trim();
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let (first, last) = match (start.trim().is_empty(), number(start), number(end)) {
        (true, None, Some(0)) => return Range::Unsatisfiable,
        (true, None, Some(suffix)) => (length.saturating_sub(suffix), length.saturating_sub(1)),
        (false, Some(start), None) if end.trim().is_empty() => (start, length.saturating_sub(1)),
        (false, Some(start), Some(end)) if start <= end => {
            (start, end.min(length.saturating_sub(1)))
        }
        _ => return Range::Unsatisfiable,
    };
    match first < length {
        true => Range::Part { start: first, length: last - first + 1 },
        false => Range::Unsatisfiable,
    }
}

/// Cuts the answer down to the range that is asked for. What lies outside is 416.
pub(crate) fn cut(method: &Method, request: &HeaderMap, mut reply: Reply) -> Reply {
    let asked = request.get(header::RANGE).and_then(|value| value.to_str().ok());
    let (Some(asked), Payload::File(body), StatusCode::OK) =
        (asked, &mut reply.payload, reply.status)
    else {
        return reply;
    };
    if !matches!(*method, Method::GET | Method::HEAD) || !is_same(request, &reply.headers) {
        return reply;
    }
    let total = body.length();
    let mut put = |name, text: String| {
        if let Ok(value) = HeaderValue::from_str(&text) {
            reply.headers.insert(name, value);
        }
    };
    match range(asked, total) {
        Range::Whole => {}
        Range::Part { start, length } => {
            body.restrict(start, length);
            let last = start + length.saturating_sub(1);
            put(header::CONTENT_RANGE, format!("bytes {start}-{last}/{total}"));
            put(header::CONTENT_LENGTH, length.to_string());
            reply.status = StatusCode::PARTIAL_CONTENT;
        }
        Range::Unsatisfiable => {
            let mut refusal = Reply::page(StatusCode::RANGE_NOT_SATISFIABLE);
            if let Ok(value) = HeaderValue::from_str(&format!("bytes */{total}")) {
                refusal.headers.insert(header::CONTENT_RANGE, value);
            }
            return refusal;
        }
    }
    reply
}

/// What told of the file, and does not tell of the page that is sent instead.
pub(crate) fn forget(headers: &mut HeaderMap) {
    for name in [
        header::ACCEPT_RANGES,
        header::CONTENT_LENGTH,
        header::CONTENT_TYPE,
        header::ETAG,
        header::LAST_MODIFIED,
    ] {
        headers.remove(name);
    }
}

/// `If-Range`: a part is of use only if the whole is still the same.
fn is_same(request: &HeaderMap, reply: &HeaderMap) -> bool {
    let Some(known) = request.get(header::IF_RANGE) else { return true };
    if known.as_bytes().ends_with(b"\"") {
        return reply.get(header::ETAG) == Some(known);
    }
    let modified = date(reply, &header::LAST_MODIFIED);
    modified.is_some() && date(request, &header::IF_RANGE) == modified
}

#[cfg(test)]
mod tests;
