//! What a browser must show to be believed: the cookies' names, and the proof that a form is ours.
//!
//! A form carries a secret that another site cannot read: the session's, or before signing in that of
//! a cookie. Beside it the browser's own word on where a request comes from must not speak against it.

use auth::secret;

/// The cookie of the session. `__Host-` under TLS: no sibling domain can set it.
pub(crate) const fn session_cookie(secure: bool) -> &'static str {
    if secure { "__Host-sid" } else { "sid" }
}

/// The cookie that proves forms before anybody signed in.
pub(crate) const fn proof_cookie(secure: bool) -> &'static str {
    if secure { "__Host-csrf" } else { "csrf" }
}

/// Whether a form's proof is the expected one.
pub(crate) fn is_proven(sent: &str, expected: &str) -> bool {
    !expected.is_empty() && secret::equal(sent.as_bytes(), expected.as_bytes())
}

/// Whether a request that changes something may come from where it says to come from.
///
/// `site` is `Sec-Fetch-Site`, which a page cannot forge, but which is only sent over TLS and to
/// localhost; `origin` is `Origin`, to be compared with our own address.
pub(crate) fn is_from_here(site: Option<&str>, origin: Option<&str>, here: &str) -> bool {
    match (site, origin) {
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, Some(origin)) => origin.eq_ignore_ascii_case(here),
        // Neither: an old browser. The proof decides alone.
        (None, None) => true,
    }
}

/// `path` if it leads to a page of ours, else the list of projects: no open redirects.
pub(crate) fn destination(path: &str) -> &str {
    let local = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
    let plain = !path.bytes().any(|byte| byte.is_ascii_control());
    if local && plain && !path.starts_with("/login") { path } else { "/projects" }
}

#[cfg(test)]
mod tests;
