//! From the tree to the model: `http`, `server`, `location`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use hyper::StatusCode;
use regex::Regex;

use super::apply::{self, Known};
use super::lexer::Word;
use super::model::{Config, Listen, Location, Matcher, Return, Server, ServerName, Tls};
use super::place::Invalid;
use super::scope::{AccessLog, PageTarget, Scope};
use super::table::{self, MAIN};
use super::template::{Names, Template};
use super::tree::{self, Directive};
use super::{backends, tables, value};
use crate::access_log::Target;

const DEFAULT_CONNECTIONS: usize = 512;
/// nginx's own default format.
const COMBINED: &str = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" \"$http_user_agent\"";

/// Reads and understands a file; opens no socket and no certificate.
pub(crate) fn load(path: &Path) -> Result<Config, Invalid> {
    from_tree(&tree::read(path)?, path)
}

/// As [`load`], of a text that includes nothing.
pub(crate) fn from_text(text: &str) -> Result<Config, Invalid> {
    from_tree(&tree::parse(text)?, Path::new("nginx.conf"))
}

pub(crate) fn from_tree(main: &[Directive], path: &Path) -> Result<Config, Invalid> {
    table::check(main, MAIN)?;
    let missing = |name: &str| Invalid::Missing { path: path.to_path_buf(), name: name.to_owned() };
    let http = find(main, "http").ok_or_else(|| missing("http"))?;
    let events = find(main, "events").ok_or_else(|| missing("events"))?;
    let workers = match find(main, "worker_processes").map(|directive| directive.arg(0)) {
        Some(word) => workers(word?)?,
        None => Some(1),
    };
    let connections = match find(events.children(), "worker_connections") {
        Some(directive) => value::number(directive.arg(0)?)?,
        None => DEFAULT_CONNECTIONS,
    };
    let (tables, listens) = self::http(http)?;
    if listens.is_empty() {
        return Err(http.error("no `server` listens anywhere: write `server { listen 80; ... }`"));
    }
    let each = workers.unwrap_or_else(cores);
    let max_connections = connections.saturating_mul(each).max(1);
    Ok(Config { workers, max_connections, listens, tables })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// `None` is `auto`.
fn workers(word: &Word) -> Result<Option<usize>, Invalid> {
    if word.text == "auto" {
        return Ok(None);
    }
    match value::number(word)? {
        number @ 1..=512 => Ok(Some(number)),
        _ => Err(word.error("use `auto` or a number from 1 to 512")),
    }
}

fn find<'a>(block: &'a [Directive], name: &str) -> Option<&'a Directive> {
    block.iter().find(|directive| directive.name() == name)
}

fn all<'a>(block: &'a [Directive], name: &'a str) -> impl Iterator<Item = &'a Directive> {
    block.iter().filter(move |directive| directive.name() == name)
}

/// What everything inside `http` may refer to.
struct Http<'a> {
    known: Known<'a>,
    backends: backends::Backends<'a>,
}

fn http(http: &Directive) -> Result<(Vec<crate::tables::Table>, Vec<Listen>), Invalid> {
    let block = http.children();
    let names = tables::names(block)?;
    let tables = tables::build(block, &names)?;
    let formats = formats(http, block, &names)?;
    let known = Known { names: &names, formats: &formats };
    let combined = formats.first().map(|(_, format)| Arc::clone(format)).unwrap_or_default();
    let mut scope = Scope::initial(AccessLog { target: Target::Stdout, format: combined });
    apply::all(&mut scope, block, &known)?;
    let context = Http { known, backends: backends::Backends::read(block)? };
    let mut listens: Vec<Listen> = Vec::new();
    for directive in all(block, "server") {
        let (server, sockets) = server(directive, &scope, block, &context)?;
        let server = Arc::new(server);
        for socket in sockets {
            bind(&mut listens, &server, socket)?;
        }
    }
    Ok((tables, listens))
}

fn formats(
    http: &Directive,
    block: &[Directive],
    names: &Names,
) -> Result<Vec<(String, Arc<Template>)>, Invalid> {
    let combined = Word { text: COMBINED.to_owned(), place: http.name.place.clone() };
    let mut formats = vec![("combined".to_owned(), Arc::new(Template::parse(&combined, names)?))];
    for directive in all(block, "log_format") {
        let name = directive.text(0)?;
        if formats.iter().any(|(known, _)| known == name) {
            return Err(directive.error(format!("there are two log formats `{name}`")));
        }
        let mut format = Template::default();
        for (index, word) in directive.args.iter().enumerate().skip(1) {
            if index == 1 && word.text.starts_with("escape=") {
                value::one_of(word, &[("escape=default", ())])?;
                continue;
            }
            format.pieces.extend(Template::parse(word, names)?.pieces);
        }
        formats.push((name.to_owned(), Arc::new(format)));
    }
    Ok(formats)
}

/// An argument list of `listen`.
struct Socket<'a> {
    directive: &'a Directive,
    address: SocketAddr,
    tls: bool,
    http2: bool,
    default: bool,
}

fn bind(
    listens: &mut Vec<Listen>,
    server: &Arc<Server>,
    socket: Socket<'_>,
) -> Result<(), Invalid> {
    let known = listens.iter_mut().find(|listen| listen.address == socket.address);
    let Some(listen) = known else {
        let Socket { address, tls, http2, .. } = socket;
        let servers = vec![Arc::clone(server)];
        listens.push(Listen { address, tls, http2, servers, default: Arc::clone(server) });
        return Ok(());
    };
    if listen.tls != socket.tls {
        let problem = "another `server` listens on this address with `ssl` where this one has none, or the reverse; \
                       let them agree";
        return Err(socket.directive.error(problem));
    }
    if listen.servers.iter().any(|known| Arc::ptr_eq(known, server)) {
        return Err(socket.directive.error("this `server` listens on the same address twice"));
    }
    listen.http2 |= socket.http2;
    listen.servers.push(Arc::clone(server));
    if socket.default {
        listen.default = Arc::clone(server);
    }
    Ok(())
}

fn listen(directive: &Directive) -> Result<Socket<'_>, Invalid> {
    let word = directive.arg(0)?;
    let address = listen_address(word)?;
    let mut socket = Socket { directive, address, tls: false, http2: false, default: false };
    for word in directive.args.iter().skip(1) {
        match word.text.as_str() {
            "ssl" => socket.tls = true,
            "http2" => socket.http2 = true,
            "default_server" | "default" => socket.default = true,
            "reuseport" | "deferred" => {}
            text if text.starts_with("backlog=") || text.starts_with("ipv6only=") => {}
            other => {
                return Err(word.error(format!(
                    "`listen` has no parameter `{other}` here; it takes ssl, http2, default_server, reuseport, backlog="
                )));
            }
        }
    }
    if socket.http2 && !socket.tls {
        return Err(directive.error("`http2` needs `ssl`: HTTP/2 without TLS is not spoken here"));
    }
    Ok(socket)
}

/// `80`, `*:80`, `127.0.0.1:80`, `[::]:80`, `127.0.0.1`, `localhost:80`.
fn listen_address(word: &Word) -> Result<SocketAddr, Invalid> {
    let text = word.text.as_str();
    let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    if let Ok(port) = text.parse() {
        return Ok(SocketAddr::new(any, port));
    }
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if let Ok(ip) = text.trim_matches(['[', ']']).parse() {
        return Ok(SocketAddr::new(ip, 80));
    }
    let host_port = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    match host_port {
        Some(("*", port)) => Ok(SocketAddr::new(any, port)),
        Some(("localhost", port)) => Ok(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)),
        _ => Err(word.error(format!(
            "`{text}` is not an address to listen on, such as `80`, `127.0.0.1:80` or `[::]:80`"
        ))),
    }
}

fn server<'a>(
    directive: &'a Directive,
    outer: &Scope,
    http: &[Directive],
    context: &Http<'_>,
) -> Result<(Server, Vec<Socket<'a>>), Invalid> {
    let block = directive.children();
    let mut scope = outer.clone();
    apply::all(&mut scope, block, &context.known)?;
    let mut sockets = all(block, "listen").map(listen).collect::<Result<Vec<_>, _>>()?;
    if sockets.is_empty() {
        let address = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 80);
        sockets.push(Socket { directive, address, tls: false, http2: false, default: false });
    }
    let tls = match sockets.iter().find(|socket| socket.tls) {
        Some(socket) => Some(tls(socket.directive, block, http)?),
        None => None,
    };
    let names = all(block, "server_name").flat_map(|directive| &directive.args);
    let names = names.map(server_name).collect::<Result<Vec<_>, _>>()?;
    let mut locations: Vec<Arc<Location>> = Vec::new();
    for directive in all(block, "location") {
        let location = location(directive, &scope, context)?;
        locations.push(Arc::new(distinct(&locations, location, directive)?));
    }
    let answer = answer(block, &context.known)?;
    let server = Server { names, scope: Arc::new(scope), answer, locations, tls };
    pages_exist(directive, &server)?;
    Ok((server, sockets))
}

fn server_name(word: &Word) -> Result<ServerName, Invalid> {
    let text = word.text.to_ascii_lowercase();
    if text.starts_with('~') {
        return Err(word.error("expressions cannot be used as server names; use `*.example.com`"));
    }
    match text.strip_prefix('*') {
        Some(rest) if rest.starts_with('.') && !rest.contains('*') => {
            Ok(ServerName::Suffix(rest.to_owned()))
        }
        None if text.starts_with('.') && !text.contains('*') => Ok(ServerName::Domain(text)),
        None if !text.contains('*') => Ok(ServerName::Exact(text)),
        _ => Err(word.error("a `*` may only stand at the start, as in `*.example.com`")),
    }
}

/// A directive of `block`, or else of `outer`.
fn inherited<'a>(
    block: &'a [Directive],
    outer: &'a [Directive],
    name: &str,
) -> Option<&'a Directive> {
    find(block, name).or_else(|| find(outer, name))
}

fn tls(listen: &Directive, block: &[Directive], http: &[Directive]) -> Result<Tls, Invalid> {
    let file = |name: &str| -> Result<PathBuf, Invalid> {
        let directive = inherited(block, http, name)
            .ok_or_else(|| listen.error(format!("`listen ... ssl` needs `{name}`")))?;
        let text = directive.text(0)?;
        match text.starts_with('/') && !text.contains('$') {
            true => Ok(PathBuf::from(text)),
            false => {
                Err(directive.error(format!("`{name}` needs the absolute path of a PEM file")))
            }
        }
    };
    let mut tls = Tls {
        certificate: file("ssl_certificate")?,
        key: file("ssl_certificate_key")?,
        tls12: true,
        tls13: true,
        sessions: 0,
        tickets: true,
    };
    if let Some(directive) = inherited(block, http, "ssl_protocols") {
        protocols(directive, &mut tls)?;
    }
    if let Some(directive) = inherited(block, http, "ssl_session_cache") {
        tls.sessions = sessions(directive)?;
    }
    if let Some(directive) = inherited(block, http, "ssl_session_tickets") {
        tls.tickets = value::switch(directive.arg(0)?)?;
    }
    if let Some(directive) = inherited(block, http, "ssl_session_timeout") {
        value::duration(directive.arg(0)?)?;
    }
    if let Some(directive) = inherited(block, http, "ssl_prefer_server_ciphers") {
        value::switch(directive.arg(0)?)?;
    }
    Ok(tls)
}

fn protocols(directive: &Directive, tls: &mut Tls) -> Result<(), Invalid> {
    (tls.tls12, tls.tls13) = (false, false);
    for word in &directive.args {
        match word.text.as_str() {
            "TLSv1.2" => tls.tls12 = true,
            "TLSv1.3" => tls.tls13 = true,
            // In every old file; both are broken, and clients that need them are gone.
            "TLSv1" | "TLSv1.1" => {}
            other => {
                let problem = format!("`{other}` is not offered here; use `TLSv1.2 TLSv1.3`");
                return Err(word.error(problem));
            }
        }
    }
    match tls.tls12 || tls.tls13 {
        true => Ok(()),
        false => Err(directive.error("neither TLSv1.2 nor TLSv1.3 is left; add one")),
    }
}

/// `none`, `off`, `builtin`, `shared:SSL:10m`: as nginx reckons, 4000 sessions a megabyte.
fn sessions(directive: &Directive) -> Result<usize, Invalid> {
    const MOST: u64 = 100_000;
    let mut sessions = 0;
    for word in &directive.args {
        let text = word.text.as_str();
        sessions = match text.split(':').collect::<Vec<_>>().as_slice() {
            ["none" | "off"] => 0,
            ["builtin"] | ["builtin", _] => 20_480,
            ["shared", _, size] => {
                let size = Word { text: (*size).to_owned(), place: word.place.clone() };
                (value::size(&size)? / 256).min(MOST)
            }
            _ => return Err(word.error("use `off`, `none`, `builtin` or `shared:NAME:SIZE`")),
        };
    }
    Ok(usize::try_from(sessions).unwrap_or(0))
}

fn location(directive: &Directive, outer: &Scope, context: &Http<'_>) -> Result<Location, Invalid> {
    let block = directive.children();
    let mut scope = outer.clone();
    apply::all(&mut scope, block, &context.known)?;
    let matcher = matcher(directive)?;
    if find(block, "alias").is_some() && matcher.prefix().is_none() {
        return Err(
            directive.error("`alias` needs a location that is a path, to be replaced by it")
        );
    }
    let pass = match find(block, "proxy_pass") {
        Some(pass) => Some(context.backends.pass(pass, matcher.prefix().is_some())?),
        None => None,
    };
    let internal = find(block, "internal").is_some() || matches!(matcher, Matcher::Named(_));
    let answer = answer(block, &context.known)?;
    Ok(Location { matcher, internal, scope: Arc::new(scope), answer, pass })
}

fn matcher(directive: &Directive) -> Result<Matcher, Invalid> {
    let first = directive.arg(0)?;
    let Some(second) = directive.args.get(1) else {
        return match first.text.chars().next() {
            Some('@') => Ok(Matcher::Named(first.text.clone())),
            Some('/') => Ok(Matcher::Prefix { path: first.text.clone(), final_: false }),
            _ => Err(first.error("a location is a /path or a @name, perhaps after =, ^~, ~ or ~*")),
        };
    };
    let path = second.text.clone();
    match first.text.as_str() {
        "=" => Ok(Matcher::Exact(path)),
        "^~" => Ok(Matcher::Prefix { path, final_: true }),
        "~" => Ok(Matcher::Expression(expression(&path, false, second)?)),
        "~*" => Ok(Matcher::Expression(expression(&path, true, second)?)),
        other => Err(first.error(format!("`{other}` is not a way to match; use =, ^~, ~ or ~*"))),
    }
}

/// Not PCRE but `regex`, which takes linear time: without look-around and back-references.
pub(crate) fn expression(text: &str, ignore_case: bool, word: &Word) -> Result<Regex, Invalid> {
    regex::RegexBuilder::new(text)
        .case_insensitive(ignore_case)
        .size_limit(1024 * 1024)
        .build()
        .map_err(|error| {
            word.error(format!("`{text}` is not an expression that can be used here: {error}"))
        })
}

fn distinct(
    known: &[Arc<Location>],
    location: Location,
    directive: &Directive,
) -> Result<Location, Invalid> {
    let same = known.iter().any(|known| match (&known.matcher, &location.matcher) {
        (Matcher::Exact(left), Matcher::Exact(right))
        | (Matcher::Prefix { path: left, .. }, Matcher::Prefix { path: right, .. })
        | (Matcher::Named(left), Matcher::Named(right)) => left == right,
        _ => false,
    });
    match same {
        true => Err(directive.error("this location stands twice in its server; keep one")),
        false => Ok(location),
    }
}

/// `error_page ... @name` must name a location of its server.
fn pages_exist(directive: &Directive, server: &Server) -> Result<(), Invalid> {
    let named = |wanted: &str| {
        server
            .locations
            .iter()
            .any(|location| matches!(&location.matcher, Matcher::Named(name) if name == wanted))
    };
    let scopes = server.locations.iter().map(|location| &location.scope);
    for scope in scopes.chain([&server.scope]) {
        for page in scope.error_pages.iter() {
            if let PageTarget::Named(name) = &page.target
                && !named(name)
            {
                let problem =
                    format!("an `error_page` leads to `{name}`, and there is no such location");
                return Err(directive.error(problem));
            }
        }
    }
    Ok(())
}

fn answer(block: &[Directive], known: &Known<'_>) -> Result<Option<Return>, Invalid> {
    let Some(directive) = find(block, "return") else { return Ok(None) };
    let first = directive.arg(0)?;
    let text = directive.args.get(1);
    let (status, text) = match (StatusCode::from_str(&first.text), text) {
        (Ok(status), text) => (status, text),
        (Err(_), None) if first.text.starts_with("http") || first.text.starts_with('$') => {
            (StatusCode::FOUND, Some(first))
        }
        (Err(_), _) => {
            return Err(first.error(format!("`{}` is not a status such as 404", first.text)));
        }
    };
    if !(200..600).contains(&status.as_u16()) {
        return Err(
            first.error(format!("{} cannot be answered here; use 200 to 599", status.as_u16()))
        );
    }
    if status.as_u16() == 444 {
        return Err(first.error("444 (close without an answer) is not done here; use 403 or 404"));
    }
    if matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) && text.is_none() {
        return Err(first.error("a redirect needs its URL: `return 301 https://...`"));
    }
    let text = text.map(|word| Template::parse(word, known.names)).transpose()?;
    Ok(Some(Return { status, text }))
}
