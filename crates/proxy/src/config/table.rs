//! Every directive: where it may stand, how many arguments it has, whether it may be repeated.
//!
//! `docs/proxy.md` explains the same list; a test compares them.

use super::place::Invalid;
use super::tree::Directive;

/// A set of contexts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contexts(u8);

pub(crate) const MAIN: Contexts = Contexts(1);
pub(crate) const EVENTS: Contexts = Contexts(2);
pub(crate) const HTTP: Contexts = Contexts(4);
pub(crate) const SERVER: Contexts = Contexts(8);
pub(crate) const LOCATION: Contexts = Contexts(16);
pub(crate) const UPSTREAM: Contexts = Contexts(32);
/// Lines of a block that are no directives: `map`, `geo`, `types`.
pub(crate) const ENTRIES: Contexts = Contexts(64);

const ANYWHERE: Contexts = Contexts(HTTP.0 | SERVER.0 | LOCATION.0);
const SERVERS: Contexts = Contexts(HTTP.0 | SERVER.0);
const ANSWERS: Contexts = Contexts(SERVER.0 | LOCATION.0);

impl Contexts {
    fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn names(self) -> String {
        const NAMES: [(Contexts, &str); 6] = [
            (MAIN, "the top level"),
            (EVENTS, "`events`"),
            (HTTP, "`http`"),
            (SERVER, "`server`"),
            (LOCATION, "`location`"),
            (UPSTREAM, "`upstream`"),
        ];
        let names = NAMES.iter().filter(|(context, _)| self.has(*context));
        names.map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
    }
}

pub(crate) struct Known {
    pub(crate) name: &'static str,
    contexts: Contexts,
    /// Fewest and most arguments.
    args: (usize, usize),
    repeats: bool,
    /// The context of what is in its block.
    block: Option<Contexts>,
}

const fn one(name: &'static str, contexts: Contexts) -> Known {
    Known { name, contexts, args: (1, 1), repeats: false, block: None }
}

const fn some(name: &'static str, contexts: Contexts, args: (usize, usize)) -> Known {
    Known { name, contexts, args, repeats: false, block: None }
}

const fn list(name: &'static str, contexts: Contexts, args: (usize, usize)) -> Known {
    Known { name, contexts, args, repeats: true, block: None }
}

const fn block(
    name: &'static str,
    contexts: Contexts,
    args: (usize, usize),
    inner: Contexts,
) -> Known {
    Known { name, contexts, args, repeats: true, block: Some(inner) }
}

const MANY: usize = 64;

/// In the order of `docs/proxy.md`.
pub(crate) const DIRECTIVES: &[Known] = &[
    one("user", MAIN),
    one("worker_processes", MAIN),
    one("worker_rlimit_nofile", MAIN),
    one("pid", MAIN),
    one("daemon", MAIN),
    list("error_log", Contexts(MAIN.0 | ANYWHERE.0), (1, 2)),
    Known { repeats: false, ..block("events", MAIN, (0, 0), EVENTS) },
    one("worker_connections", EVENTS),
    one("use", EVENTS),
    one("multi_accept", EVENTS),
    Known { repeats: false, ..block("http", MAIN, (0, 0), HTTP) },
    list("include", Contexts(u8::MAX), (1, 1)),
    block("server", HTTP, (0, 0), SERVER),
    list("listen", SERVER, (1, MANY)),
    list("server_name", SERVER, (1, MANY)),
    block("location", SERVER, (1, 2), LOCATION),
    some("internal", LOCATION, (0, 0)),
    block("upstream", HTTP, (1, 1), UPSTREAM),
    // `server` in an upstream is found by `known`.
    one("keepalive", UPSTREAM),
    one("keepalive_timeout", UPSTREAM),
    some("least_conn", UPSTREAM, (0, 0)),
    block("map", HTTP, (2, 2), ENTRIES),
    block("geo", HTTP, (1, 2), ENTRIES),
    list("set_real_ip_from", SERVERS, (1, 1)),
    one("real_ip_header", SERVERS),
    one("real_ip_recursive", SERVERS),
    list("log_format", HTTP, (2, MANY)),
    list("access_log", ANYWHERE, (1, 2)),
    one("server_tokens", ANYWHERE),
    one("sendfile", ANYWHERE),
    one("tcp_nopush", ANYWHERE),
    one("tcp_nodelay", ANYWHERE),
    one("gzip", ANYWHERE),
    one("chunked_transfer_encoding", ANYWHERE),
    some("keepalive_timeout", ANYWHERE, (1, 2)),
    one("client_header_timeout", SERVERS),
    one("client_body_timeout", ANYWHERE),
    one("send_timeout", ANYWHERE),
    one("client_header_buffer_size", SERVERS),
    some("large_client_header_buffers", SERVERS, (2, 2)),
    one("client_max_body_size", ANYWHERE),
    Known { repeats: false, ..block("types", ANYWHERE, (0, 0), ENTRIES) },
    one("default_type", ANYWHERE),
    one("types_hash_max_size", ANYWHERE),
    one("root", ANYWHERE),
    one("alias", LOCATION),
    one("etag", ANYWHERE),
    one("if_modified_since", ANYWHERE),
    one("expires", ANYWHERE),
    list("add_header", ANYWHERE, (2, 3)),
    some("return", ANSWERS, (1, 2)),
    list("error_page", ANYWHERE, (2, MANY)),
    one("ssl_certificate", SERVERS),
    one("ssl_certificate_key", SERVERS),
    some("ssl_protocols", SERVERS, (1, 8)),
    one("ssl_ciphers", SERVERS),
    one("ssl_prefer_server_ciphers", SERVERS),
    some("ssl_session_cache", SERVERS, (1, 2)),
    one("ssl_session_timeout", SERVERS),
    one("ssl_session_tickets", SERVERS),
    one("proxy_pass", LOCATION),
    list("proxy_set_header", ANYWHERE, (2, 2)),
    list("proxy_hide_header", ANYWHERE, (1, 1)),
    one("proxy_pass_request_headers", ANYWHERE),
    one("proxy_http_version", ANYWHERE),
    one("proxy_buffering", ANYWHERE),
    one("proxy_request_buffering", ANYWHERE),
    one("proxy_buffer_size", ANYWHERE),
    some("proxy_redirect", ANYWHERE, (1, 1)),
    one("proxy_connect_timeout", ANYWHERE),
    one("proxy_read_timeout", ANYWHERE),
    one("proxy_send_timeout", ANYWHERE),
    some("proxy_next_upstream", ANYWHERE, (1, 12)),
    one("proxy_intercept_errors", ANYWHERE),
];

/// `server` is the one name with two meanings.
const UPSTREAM_SERVER: Known = list("server", UPSTREAM, (1, 4));

fn known(name: &str, context: Contexts) -> Option<&'static Known> {
    if name == "server" && context == UPSTREAM {
        return Some(&UPSTREAM_SERVER);
    }
    let named = || DIRECTIVES.iter().filter(|known| known.name == name);
    named().find(|known| known.contexts.has(context)).or_else(|| named().next())
}

/// Checks the shape of all of `directives`; what their arguments mean is the builder's matter.
pub(crate) fn check(directives: &[Directive], context: Contexts) -> Result<(), Invalid> {
    if context == ENTRIES {
        return entries(directives);
    }
    let mut seen: Vec<&str> = Vec::new();
    for directive in directives {
        let known = known(directive.name(), context).ok_or_else(|| unknown(directive))?;
        shape(directive, known, context)?;
        if !known.repeats && seen.contains(&known.name) {
            let problem = format!("`{}` stands twice in this block; keep one", known.name);
            return Err(directive.error(problem));
        }
        seen.push(known.name);
        if let (Some(inner), Some(block)) = (known.block, &directive.block) {
            check(block, inner)?;
        }
    }
    Ok(())
}

fn shape(directive: &Directive, known: &Known, context: Contexts) -> Result<(), Invalid> {
    let name = known.name;
    if !known.contexts.has(context) {
        let allowed = known.contexts.names();
        return Err(directive.error(format!("`{name}` may not stand here, but in {allowed}")));
    }
    match (known.block, &directive.block) {
        (Some(_), None) => {
            return Err(directive.error(format!("`{name}` needs a block: {{ ... }}")));
        }
        (None, Some(_)) => {
            return Err(directive.error(format!("`{name}` has no block; end it with \";\"")));
        }
        _ => {}
    }
    let (fewest, most) = known.args;
    let count = directive.args.len();
    if (fewest..=most).contains(&count) {
        return Ok(());
    }
    let wanted = match (fewest, most) {
        (fewest, most) if fewest == most => format!("{fewest}"),
        (fewest, MANY) => format!("at least {fewest}"),
        (fewest, most) => format!("{fewest} to {most}"),
    };
    Err(directive
        .error(format!("`{name}` takes {wanted} arguments, not {count}; is a \";\" missing?")))
}

fn entries(directives: &[Directive]) -> Result<(), Invalid> {
    match directives.iter().find(|entry| entry.block.is_some()) {
        Some(entry) => Err(entry.error("no block may stand here; end the line with \";\"")),
        None => Ok(()),
    }
}

fn unknown(directive: &Directive) -> Invalid {
    let name = directive.name();
    let nearest = nearest(name, DIRECTIVES.iter().map(|known| known.name));
    let hint = match nearest {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None => "; docs/proxy.md lists those that there are".to_owned(),
    };
    directive.error(format!("unknown directive `{name}`{hint}"))
}

/// The candidate that `name` is probably meant to be.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}
