//! Which server and which location answer a request, in nginx's order.

use std::sync::Arc;

use crate::config::model::{Listen, Location, Matcher, Server, ServerName};

/// By name: exact, then the longest `*.name`, then the default.
pub(crate) fn server<'a>(listen: &'a Listen, host: &str) -> &'a Arc<Server> {
    let weight = |name: &ServerName| match name {
        ServerName::Exact(exact) if exact == host => Some(usize::MAX),
        ServerName::Domain(domain) if domain.strip_prefix('.') == Some(host) => Some(usize::MAX),
        ServerName::Suffix(suffix) | ServerName::Domain(suffix)
            if host.len() > suffix.len() && host.ends_with(suffix.as_str()) =>
        {
            Some(suffix.len())
        }
        _ => None,
    };
    let best = |server: &Arc<Server>| server.names.iter().filter_map(weight).max();
    let mut found = (0, &listen.default);
    for server in &listen.servers {
        // Of equals the first one, as nginx warns and does.
        match best(server) {
            Some(weight) if weight > found.0 => found = (weight, server),
            _ => {}
        }
    }
    found.1
}

pub(crate) enum Choice {
    Location(Arc<Location>),
    /// `/v2` where only `/v2/` is there, and is proxied: nginx redirects.
    Slash,
    None,
}

/// Exact, then the longest prefix if it is final, then the first expression, then the longest prefix.
pub(crate) fn location(server: &Server, path: &str) -> Choice {
    let mut longest: Option<(usize, bool, &Arc<Location>)> = None;
    let mut slash = false;
    for location in &server.locations {
        match &location.matcher {
            Matcher::Exact(exact) if exact == path => {
                return Choice::Location(Arc::clone(location));
            }
            Matcher::Prefix { path: prefix, final_ } if path.starts_with(prefix.as_str()) => {
                if longest.is_none_or(|(length, _, _)| prefix.len() > length) {
                    longest = Some((prefix.len(), *final_, location));
                }
            }
            Matcher::Prefix { path: prefix, .. } => {
                slash |= location.pass.is_some() && prefix.strip_suffix('/') == Some(path);
            }
            Matcher::Exact(_) | Matcher::Expression(_) | Matcher::Named(_) => {}
        }
    }
    if slash {
        return Choice::Slash;
    }
    if let Some((_, true, location)) = longest {
        return Choice::Location(Arc::clone(location));
    }
    let expression = server.locations.iter().find(|location| match &location.matcher {
        Matcher::Expression(expression) => expression.is_match(path),
        Matcher::Exact(_) | Matcher::Prefix { .. } | Matcher::Named(_) => false,
    });
    match expression.or(longest.map(|(_, _, location)| location)) {
        Some(location) => Choice::Location(Arc::clone(location)),
        None => Choice::None,
    }
}

/// `@name`
pub(crate) fn named(server: &Server, wanted: &str) -> Option<Arc<Location>> {
    let is_it = |location: &&Arc<Location>| matches!(&location.matcher, Matcher::Named(name) if name == wanted);
    server.locations.iter().find(is_it).map(Arc::clone)
}
