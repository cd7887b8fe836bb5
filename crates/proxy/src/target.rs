//! The path of a request: decoded and cleaned for choosing a location, encoded again for an upstream.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What may not stand in a path that is sent on.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'%')
    .add(b'?')
    .add(b'#')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'^');

/// The path as locations see it: decoded, `//` merged, dots resolved. None if it leads out of the root or holds a zero.
pub(crate) fn clean(path: &str) -> Option<String> {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    if decoded.contains('\0') || !decoded.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    let mut open = false;
    for part in decoded.split('/').skip(1) {
        open = matches!(part, "" | "." | "..");
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    let mut clean = String::with_capacity(decoded.len() + 1);
    for part in &parts {
        clean.push('/');
        clean.push_str(part);
    }
    if open || parts.is_empty() {
        clean.push('/');
    }
    Some(clean)
}

pub(crate) fn encode(path: &str) -> String {
    utf8_percent_encode(path, UNSAFE).to_string()
}

pub(crate) fn with_args(path: &str, args: &str) -> String {
    if args.is_empty() { path.to_owned() } else { format!("{path}?{args}") }
}

/// Path and arguments of a target of our own, or of an upstream's `X-Accel-Redirect`.
pub(crate) fn split(target: &str) -> Option<(String, String)> {
    let (path, args) = target.split_once('?').unwrap_or((target, ""));
    Some((clean(path)?, args.to_owned()))
}

/// `host` in lower case and without its port; None for what is no host.
pub(crate) fn host(authority: &str) -> Option<String> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, ""),
    };
    let is_host = match host.strip_prefix('[') {
        Some(rest) => {
            rest.strip_suffix(']').is_some_and(|v6| v6.parse::<std::net::Ipv6Addr>().is_ok())
        }
        None => {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            !host.is_empty()
                && host.bytes().all(allowed)
                && !host.contains("..")
                && !host.starts_with('.')
        }
    };
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.len() <= 5;
    (is_host && is_port).then(|| host.trim_end_matches('.').to_ascii_lowercase())
}
