//! What `http`, `server` and `location` hand down: a copy of the outer one, over which the inner directives go.
//!
//! Lists (`proxy_set_header`, `add_header`, `error_page`, ...) are nginx's way: a level with one of its own inherits
//! none of that list.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::HeaderName;
use web::Network;

use super::template::Template;
use crate::access_log::Target;

#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) client: ClientLimits,
    pub(crate) proxy: ProxyOptions,
    pub(crate) files: FileOptions,
    pub(crate) real_ip: RealIp,
    pub(crate) access_log: Vec<AccessLog>,
    pub(crate) add_headers: Arc<Vec<AddHeader>>,
    pub(crate) error_pages: Arc<Vec<ErrorPage>>,
    /// Whether answers say who we are.
    pub(crate) tokens: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct ClientLimits {
    /// `None` is no limit.
    pub(crate) max_body: Option<u64>,
    pub(crate) header_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) send_timeout: Duration,
    /// Zero: a connection serves one request.
    pub(crate) keepalive: Duration,
    pub(crate) max_head: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct ProxyOptions {
    pub(crate) set_headers: Arc<Vec<(HeaderName, Template)>>,
    pub(crate) hide_headers: Arc<Vec<HeaderName>>,
    pub(crate) pass_headers: bool,
    pub(crate) connect_timeout: Duration,
    pub(crate) read_timeout: Duration,
    pub(crate) send_timeout: Duration,
    pub(crate) next: NextUpstream,
    pub(crate) intercept_errors: bool,
    pub(crate) redirect: bool,
}

/// After what the next server of an upstream is tried.
#[derive(Clone, Debug, Default)]
pub(crate) struct NextUpstream {
    pub(crate) error: bool,
    pub(crate) timeout: bool,
    pub(crate) statuses: Vec<StatusCode>,
}

#[derive(Clone, Debug)]
pub(crate) struct FileOptions {
    pub(crate) root: Option<PathBuf>,
    pub(crate) alias: Option<PathBuf>,
    pub(crate) etag: bool,
    pub(crate) if_modified_since: IfModifiedSince,
    pub(crate) default_type: String,
    /// Extension and media type.
    pub(crate) types: Arc<Vec<(String, String)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfModifiedSince {
    Off,
    Exact,
    Before,
}

#[derive(Clone, Debug)]
pub(crate) struct RealIp {
    pub(crate) from: Arc<Vec<Network>>,
    pub(crate) header: HeaderName,
    pub(crate) recursive: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct AccessLog {
    pub(crate) target: Target,
    pub(crate) format: Arc<Template>,
}

#[derive(Clone, Debug)]
pub(crate) struct AddHeader {
    pub(crate) name: HeaderName,
    pub(crate) value: Template,
    pub(crate) always: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct ErrorPage {
    pub(crate) statuses: Vec<StatusCode>,
    pub(crate) answer: PageStatus,
    pub(crate) target: PageTarget,
}

/// The status of an error page's answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PageStatus {
    /// That of the error.
    Kept,
    /// `=`: what the page itself says.
    Own,
    /// `=404`
    Fixed(StatusCode),
}

#[derive(Clone, Debug)]
pub(crate) enum PageTarget {
    /// A path of this server.
    Path(String),
    /// `@name`
    Named(String),
    /// Elsewhere: a redirect.
    Url(String),
}

impl Scope {
    /// nginx's defaults; `log` is the `combined` format to standard output.
    pub(crate) fn initial(log: AccessLog) -> Self {
        Self {
            client: ClientLimits {
                max_body: Some(1024 * 1024),
                header_timeout: Duration::from_secs(60),
                body_timeout: Duration::from_secs(60),
                send_timeout: Duration::from_secs(60),
                keepalive: Duration::from_secs(75),
                max_head: 32 * 1024,
            },
            proxy: ProxyOptions {
                set_headers: Arc::default(),
                hide_headers: Arc::default(),
                pass_headers: true,
                connect_timeout: Duration::from_secs(60),
                read_timeout: Duration::from_secs(60),
                send_timeout: Duration::from_secs(60),
                next: NextUpstream { error: true, timeout: true, statuses: Vec::new() },
                intercept_errors: false,
                redirect: true,
            },
            files: FileOptions {
                root: None,
                alias: None,
                etag: true,
                if_modified_since: IfModifiedSince::Exact,
                default_type: "text/plain".to_owned(),
                types: Arc::new(vec![
                    ("html".to_owned(), "text/html".to_owned()),
                    ("gif".to_owned(), "image/gif".to_owned()),
                    ("jpg".to_owned(), "image/jpeg".to_owned()),
                ]),
            },
            real_ip: RealIp {
                from: Arc::default(),
                header: HeaderName::from_static("x-real-ip"),
                recursive: false,
            },
            access_log: vec![log],
            add_headers: Arc::default(),
            error_pages: Arc::default(),
            tokens: true,
        }
    }
}
