//! The directives that `http`, `server` and `location` share, applied over what the outer level handed down.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::HeaderName;

use super::lexer::Word;
use super::place::Invalid;
use super::scope::{
    AccessLog, AddHeader, ErrorPage, IfModifiedSince, NextUpstream, PageStatus, PageTarget, Scope,
};
use super::template::{Names, Template};
use super::tree::Directive;
use super::value;
use crate::access_log::Target;

/// The log formats and variables of the file.
pub(crate) struct Known<'a> {
    pub(crate) names: &'a Names,
    pub(crate) formats: &'a [(String, Arc<Template>)],
}

impl Known<'_> {
    fn format(&self, word: &Word) -> Result<Arc<Template>, Invalid> {
        let name = word.text.as_str();
        let found = self.formats.iter().find(|(known, _)| known == name);
        found.map(|(_, format)| Arc::clone(format)).ok_or_else(|| {
            let near =
                super::table::nearest(name, self.formats.iter().map(|(name, _)| name.as_str()));
            let hint = near.map_or_else(
                || "define it with `log_format`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            word.error(format!("there is no log format `{name}`; {hint}"))
        })
    }
}

/// All shared directives of one block. Blocks and what belongs to one context only are others' matter.
pub(crate) fn all(
    scope: &mut Scope,
    block: &[Directive],
    known: &Known<'_>,
) -> Result<(), Invalid> {
    forget_lists(scope, block);
    for directive in block.iter().filter(|directive| directive.block.is_none()) {
        let done = client(scope, directive)?
            || proxy(scope, directive, known)?
            || answers(scope, directive, known)?
            || files(scope, directive)?;
        if !done {
            real_ip(scope, directive)?;
        }
    }
    if let Some(types) = block.iter().find(|directive| directive.name() == "types") {
        scope.files.types = Arc::new(media_types(types));
    }
    Ok(())
}

fn forget_lists(scope: &mut Scope, block: &[Directive]) {
    for directive in block {
        match directive.name() {
            "proxy_set_header" => scope.proxy.set_headers = Arc::default(),
            "proxy_hide_header" => scope.proxy.hide_headers = Arc::default(),
            "add_header" => scope.add_headers = Arc::default(),
            "error_page" => scope.error_pages = Arc::default(),
            "set_real_ip_from" => scope.real_ip.from = Arc::default(),
            "access_log" => scope.access_log = Vec::new(),
            // Each replaces the other.
            "root" => scope.files.alias = None,
            _ => {}
        }
    }
}

fn client(scope: &mut Scope, directive: &Directive) -> Result<bool, Invalid> {
    let client = &mut scope.client;
    match directive.name() {
        "client_max_body_size" => {
            client.max_body = Some(value::size(directive.arg(0)?)?).filter(|size| *size > 0);
        }
        "client_header_timeout" => client.header_timeout = value::duration(directive.arg(0)?)?,
        "client_body_timeout" => client.body_timeout = value::duration(directive.arg(0)?)?,
        "send_timeout" => client.send_timeout = value::duration(directive.arg(0)?)?,
        "keepalive_timeout" => client.keepalive = value::duration(directive.arg(0)?)?,
        "large_client_header_buffers" => {
            let number = value::number(directive.arg(0)?)?;
            let size = value::size(directive.arg(1)?)?;
            let bytes = usize::try_from(size).ok().and_then(|size| size.checked_mul(number));
            client.max_head =
                bytes.filter(|all| (1024..=1024 * 1024).contains(all)).ok_or_else(|| {
                    directive
                        .error("a request's head may take from 1k to 1m in all, such as `4 8k`")
                })?;
        }
        "client_header_buffer_size" => drop(value::size(directive.arg(0)?)?),
        "server_tokens" => scope.tokens = value::switch(directive.arg(0)?)?,
        "sendfile" | "tcp_nopush" | "tcp_nodelay" | "chunked_transfer_encoding" => {
            value::switch(directive.arg(0)?)?;
        }
        "gzip" => only(directive, "off", "answers are never compressed here")?,
        "types_hash_max_size" => drop(value::number(directive.arg(0)?)?),
        _ => return Ok(false),
    }
    Ok(true)
}

/// A directive that real nginx knows more of.
fn only(directive: &Directive, allowed: &str, because: &str) -> Result<(), Invalid> {
    let word = directive.arg(0)?;
    if word.text == allowed {
        return Ok(());
    }
    let name = directive.name();
    Err(word.error(format!("`{name}` can only be `{allowed}`: {because}")))
}

fn proxy(scope: &mut Scope, directive: &Directive, known: &Known<'_>) -> Result<bool, Invalid> {
    let proxy = &mut scope.proxy;
    match directive.name() {
        "proxy_set_header" => {
            let value = Template::parse(directive.arg(1)?, known.names)?;
            Arc::make_mut(&mut proxy.set_headers).push((header_name(directive.arg(0)?)?, value));
        }
        "proxy_hide_header" => {
            Arc::make_mut(&mut proxy.hide_headers).push(header_name(directive.arg(0)?)?);
        }
        "proxy_pass_request_headers" => proxy.pass_headers = value::switch(directive.arg(0)?)?,
        "proxy_connect_timeout" => proxy.connect_timeout = value::duration(directive.arg(0)?)?,
        "proxy_read_timeout" => proxy.read_timeout = value::duration(directive.arg(0)?)?,
        "proxy_send_timeout" => proxy.send_timeout = value::duration(directive.arg(0)?)?,
        "proxy_intercept_errors" => proxy.intercept_errors = value::switch(directive.arg(0)?)?,
        "proxy_redirect" => {
            proxy.redirect =
                value::one_of(directive.arg(0)?, &[("off", false), ("default", true)])?;
        }
        "proxy_next_upstream" => proxy.next = next_upstream(directive)?,
        "proxy_http_version" => {
            value::one_of(directive.arg(0)?, &[("1.0", ()), ("1.1", ())])?;
        }
        "proxy_buffering" | "proxy_request_buffering" => {
            value::switch(directive.arg(0)?)?;
        }
        "proxy_buffer_size" => drop(value::size(directive.arg(0)?)?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn next_upstream(directive: &Directive) -> Result<NextUpstream, Invalid> {
    let mut next = NextUpstream::default();
    for word in &directive.args {
        match word.text.as_str() {
            "off" => return Ok(NextUpstream::default()),
            "error" | "invalid_header" => next.error = true,
            "timeout" => next.timeout = true,
            other => {
                let code =
                    other.strip_prefix("http_").and_then(|code| StatusCode::from_str(code).ok());
                let allowed = [403, 404, 429, 500, 502, 503, 504];
                match code.filter(|code| allowed.contains(&code.as_u16())) {
                    Some(code) => next.statuses.push(code),
                    None => {
                        return Err(word.error(format!(
                            "`{other}` is not known here; use off, error, timeout, invalid_header or http_ with one of {allowed:?}"
                        )));
                    }
                }
            }
        }
    }
    Ok(next)
}

fn answers(scope: &mut Scope, directive: &Directive, known: &Known<'_>) -> Result<bool, Invalid> {
    match directive.name() {
        "add_header" => {
            let always = match directive.args.get(2) {
                Some(word) => value::one_of(word, &[("always", true)])?,
                None => false,
            };
            let value = Template::parse(directive.arg(1)?, known.names)?;
            let name = header_name(directive.arg(0)?)?;
            Arc::make_mut(&mut scope.add_headers).push(AddHeader { name, value, always });
        }
        "error_page" => Arc::make_mut(&mut scope.error_pages).push(error_page(directive)?),
        "access_log" => access_log(scope, directive, known)?,
        "error_log" => {}
        _ => return Ok(false),
    }
    Ok(true)
}

fn access_log(scope: &mut Scope, directive: &Directive, known: &Known<'_>) -> Result<(), Invalid> {
    let path = directive.arg(0)?;
    if path.text == "off" {
        return Ok(());
    }
    let target = match path.text.as_str() {
        "/dev/stdout" => Target::Stdout,
        "/dev/stderr" => Target::Stderr,
        file if file.starts_with('/') => Target::File(PathBuf::from(file)),
        other => {
            return Err(path.error(format!(
                "`{other}` is neither `off`, /dev/stdout, /dev/stderr nor the absolute path of a file"
            )));
        }
    };
    let format = match directive.args.get(1) {
        Some(name) => known.format(name)?,
        None => known.format(&Word { text: "combined".to_owned(), place: path.place.clone() })?,
    };
    scope.access_log.push(AccessLog { target, format });
    Ok(())
}

fn error_page(directive: &Directive) -> Result<ErrorPage, Invalid> {
    let mut answer = PageStatus::Kept;
    let mut statuses = Vec::new();
    let Some((target, codes)) = directive.args.split_last() else {
        return Err(directive.error("`error_page` takes codes and a target"));
    };
    for word in codes {
        match word.text.strip_prefix('=') {
            Some("") => answer = PageStatus::Own,
            Some(code) => answer = PageStatus::Fixed(status(code, word, 200)?),
            None => statuses.push(status(&word.text, word, 300)?),
        }
    }
    if statuses.is_empty() {
        return Err(directive.error("`error_page` names no status before its target"));
    }
    let text = target.text.clone();
    if text.contains('$') {
        return Err(target.error("variables cannot be used here"));
    }
    let target = match text.chars().next() {
        Some('/') => PageTarget::Path(text),
        Some('@') => PageTarget::Named(text),
        _ if text.starts_with("http://") || text.starts_with("https://") => PageTarget::Url(text),
        _ => return Err(target.error("a target is a /path, a @name or a URL")),
    };
    Ok(ErrorPage { statuses, answer, target })
}

fn status(code: &str, word: &Word, from: u16) -> Result<StatusCode, Invalid> {
    let parsed = StatusCode::from_str(code).ok();
    parsed
        .filter(|status| (from..600).contains(&status.as_u16()))
        .ok_or_else(|| word.error(format!("`{code}` is not a status from {from} to 599")))
}

fn files(scope: &mut Scope, directive: &Directive) -> Result<bool, Invalid> {
    let files = &mut scope.files;
    match directive.name() {
        "root" => files.root = Some(folder(directive.arg(0)?)?),
        "alias" => files.alias = Some(folder(directive.arg(0)?)?),
        "etag" => files.etag = value::switch(directive.arg(0)?)?,
        "if_modified_since" => {
            let choices = [
                ("off", IfModifiedSince::Off),
                ("exact", IfModifiedSince::Exact),
                ("before", IfModifiedSince::Before),
            ];
            files.if_modified_since = value::one_of(directive.arg(0)?, &choices)?;
        }
        "default_type" => files.default_type = directive.text(0)?.to_owned(),
        "expires" => only(directive, "off", "use `add_header Cache-Control ...` instead")?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn folder(word: &Word) -> Result<PathBuf, Invalid> {
    match word.text.as_str() {
        text if text.contains('$') => Err(word.error("variables cannot be used here")),
        text if text.starts_with('/') => Ok(PathBuf::from(text)),
        text => Err(word.error(format!("`{text}` is not an absolute path"))),
    }
}

fn media_types(types: &Directive) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for line in types.children() {
        let extensions = line.args.iter().map(|word| word.text.to_ascii_lowercase());
        found.extend(extensions.map(|extension| (extension, line.name().to_owned())));
    }
    found
}

fn real_ip(scope: &mut Scope, directive: &Directive) -> Result<(), Invalid> {
    let real_ip = &mut scope.real_ip;
    match directive.name() {
        "set_real_ip_from" => {
            let word = directive.arg(0)?;
            let network = word.text.parse().map_err(|_invalid| {
                word.error(format!("`{}` is not a network such as 10.0.0.0/8", word.text))
            })?;
            Arc::make_mut(&mut real_ip.from).push(network);
        }
        "real_ip_header" => {
            let word = directive.arg(0)?;
            if word.text == "proxy_protocol" {
                return Err(word.error("the PROXY protocol is not spoken here; name a header"));
            }
            real_ip.header = header_name(word)?;
        }
        "real_ip_recursive" => real_ip.recursive = value::switch(directive.arg(0)?)?,
        _ => {}
    }
    Ok(())
}

pub(crate) fn header_name(word: &Word) -> Result<HeaderName, Invalid> {
    HeaderName::from_str(&word.text)
        .map_err(|_invalid| word.error(format!("`{}` is not the name of a header", word.text)))
}
