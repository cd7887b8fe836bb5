//! Headers that keep a browser from making more of an answer than was meant.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// For pages: our own scripts, styles and images, no frames, no forms to elsewhere.
pub const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'";

/// For bytes that somebody pushed: nothing in them may run, wherever they are opened.
pub const UNTRUSTED_POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

/// What every answer gets unless its handler has set something else; pages get the page policy.
pub(crate) fn harden(headers: &mut HeaderMap) {
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if kind.is_some_and(|kind| kind.starts_with(b"text/html")) {
        set(headers, header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
        set(headers, header::REFERRER_POLICY, "same-origin");
        set(headers, header::X_FRAME_OPTIONS, "DENY");
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    if !headers.contains_key(&name) {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
