//! The routes that services bring, recorded as they come.
//!
//! Methods of one pattern end in one actix resource, so that any other method is a 405 with `Allow`.
//! Every (method, pattern) can be listed: a test over all routes is complete by construction.

use std::fmt;
use std::sync::Arc;

use actix_web::http::{Method, StatusCode, header};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, Route};

use crate::error::{self, Refusal, Render};

type MakeRoute = Arc<dyn Fn(Method) -> Route + Send + Sync>;
type AddData = Arc<dyn Fn(Resource) -> Resource + Send + Sync>;
type Configure = Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>;

/// What a service (or a composition of services) answers to.
#[derive(Clone)]
pub struct Routes {
    service: &'static str,
    mounts: Vec<Mount>,
    data: Vec<AddData>,
    fallbacks: Vec<(String, Render)>,
}

#[derive(Clone)]
enum Mount {
    Resource(Pattern),
    Opaque { listed: Vec<(Method, String)>, configure: Configure },
}

#[derive(Clone)]
struct Pattern {
    service: &'static str,
    pattern: Arc<str>,
    methods: Vec<(Method, MakeRoute)>,
    data: Vec<AddData>,
}

/// Who answers a request, for logs and metrics.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub(crate) service: &'static str,
    pub(crate) pattern: Arc<str>,
}

impl Default for Routes {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}

impl Routes {
    pub fn new() -> Self {
        Self::of("harbor")
    }

    /// Routes whose metrics and log lines carry `service`.
    pub fn of(service: &'static str) -> Self {
        Self { service, mounts: Vec::new(), data: Vec::new(), fallbacks: Vec::new() }
    }

    /// Also answers HEAD, unless [`Routes::head`] is given for the same pattern.
    #[must_use]
    pub fn get<F, Args>(self, pattern: &str, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::GET, pattern, handler)
    }

    #[must_use]
    pub fn head<F, Args>(self, pattern: &str, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::HEAD, pattern, handler)
    }

    #[must_use]
    pub fn post<F, Args>(self, pattern: &str, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::POST, pattern, handler)
    }

    #[must_use]
    pub fn put<F, Args>(self, pattern: &str, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::PUT, pattern, handler)
    }

    #[must_use]
    pub fn patch<F, Args>(self, pattern: &str, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::PATCH, pattern, handler)
    }

    #[must_use]
    pub fn delete<F, Args>(self, pattern: &str, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::DELETE, pattern, handler)
    }

    /// Patterns are matched in the order in which they were first named.
    #[must_use]
    pub fn on<F, Args>(mut self, method: Method, pattern: &str, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let make: MakeRoute =
            Arc::new(move |method| web::method(method).to::<F, Args>(handler.clone()));
        let mut entry = Pattern::new(self.service, pattern);
        entry.methods.push((method, make));
        self.add(entry);
        self
    }

    /// Gives `Data<T>` to the handlers of these routes, and to no other service's.
    #[must_use]
    pub fn data<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.app_data(Data::new(value))
    }

    /// Gives `T` itself, as actix's own extractor settings want it.
    #[must_use]
    pub fn app_data<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.data.push(Arc::new(move |resource: Resource| resource.app_data(value.clone())));
        self
    }

    /// Adds an actix service that brings its own routes; `listed` is what it answers to.
    #[must_use]
    pub fn opaque<F>(mut self, listed: &[(Method, &str)], configure: F) -> Self
    where
        F: Fn(&mut ServiceConfig) + Send + Sync + 'static,
    {
        let listed = listed.iter().map(|(method, path)| (method.clone(), (*path).to_owned()));
        let listed = listed.collect();
        self.mounts.push(Mount::Opaque { listed, configure: Arc::new(configure) });
        self
    }

    /// Adds another service, with its own data. Its fallbacks come along.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        for mount in other.mounts {
            match mount {
                Mount::Resource(mut entry) => {
                    entry.data.extend(other.data.iter().cloned());
                    self.add(entry);
                }
                opaque @ Mount::Opaque { .. } => self.mounts.push(opaque),
            }
        }
        self.fallbacks.extend(other.fallbacks);
        self
    }

    /// Renders 404, 405 and panics below `prefix`; the longest prefix wins.
    #[must_use]
    pub fn fallback(mut self, prefix: &str, render: Render) -> Self {
        self.fallbacks.push((prefix.to_owned(), render));
        self
    }

    /// Every method and pattern that was asked for, in order.
    pub fn list(&self) -> Vec<(Method, String)> {
        let mut listed = Vec::new();
        for mount in &self.mounts {
            match mount {
                Mount::Resource(entry) => listed.extend(entry.list()),
                Mount::Opaque { listed: own, .. } => listed.extend(own.iter().cloned()),
            }
        }
        listed
    }

    /// Registers everything with actix. [`crate::serve()`] does this on each worker.
    pub fn configure(&self, config: &mut ServiceConfig) {
        let fallbacks = Fallbacks::new(&self.fallbacks);
        for mount in &self.mounts {
            match mount {
                Mount::Resource(entry) => {
                    config.service(entry.resource(&self.data));
                }
                Mount::Opaque { configure, .. } => configure(config),
            }
        }
        config.app_data(fallbacks);
        config.default_service(web::to(not_found));
    }

    fn add(&mut self, entry: Pattern) {
        for mount in &mut self.mounts {
            if let Mount::Resource(known) = mount
                && known.pattern == entry.pattern
            {
                known.methods.extend(entry.methods);
                known.data.extend(entry.data);
                return;
            }
        }
        self.mounts.push(Mount::Resource(entry));
    }
}

impl Pattern {
    fn new(service: &'static str, pattern: &str) -> Self {
        Self { service, pattern: pattern.into(), methods: Vec::new(), data: Vec::new() }
    }

    fn list(&self) -> impl Iterator<Item = (Method, String)> + '_ {
        self.methods.iter().map(|(method, _)| (method.clone(), self.pattern.to_string()))
    }

    fn resource(&self, shared: &[AddData]) -> Resource {
        let label = Label { service: self.service, pattern: Arc::clone(&self.pattern) };
        let mut resource = web::resource(&*self.pattern).app_data(label);
        for add in shared.iter().chain(&self.data) {
            resource = add(resource);
        }
        let has_head = self.methods.iter().any(|(method, _)| method == Method::HEAD);
        for (method, make) in &self.methods {
            resource = resource.route(make(method.clone()));
            if method == Method::GET && !has_head {
                // RFC 9110 §9.3.2: HEAD is GET without content, which actix leaves out.
                resource = resource.route(make(Method::HEAD));
            }
        }
        let allow = self.allow(has_head);
        resource.default_service(web::to(move |req: HttpRequest| {
            let allow = allow.clone();
            async move { not_allowed(&req, &allow) }
        }))
    }

    /// The value of `Allow` (RFC 9110 §10.2.1).
    fn allow(&self, has_head: bool) -> String {
        let mut names: Vec<&str> = self.methods.iter().map(|(method, _)| method.as_str()).collect();
        if names.contains(&"GET") && !has_head {
            names.push("HEAD");
        }
        names.sort_unstable();
        names.join(", ")
    }
}

/// Renderers by prefix, longest first.
#[derive(Clone, Debug)]
pub(crate) struct Fallbacks(Arc<[(String, Render)]>);

impl Fallbacks {
    fn new(fallbacks: &[(String, Render)]) -> Self {
        let mut sorted = fallbacks.to_vec();
        sorted.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Self(sorted.into())
    }

    pub(crate) fn render(&self, refusal: &Refusal<'_>) -> HttpResponse {
        let found = self.0.iter().find(|(prefix, _)| is_below(refusal.path, prefix));
        found.map_or(error::plain as Render, |(_, render)| *render)(refusal)
    }
}

/// `/v2` holds `/v2` and `/v2/x`, not `/v2x`.
fn is_below(path: &str, prefix: &str) -> bool {
    let prefix = prefix.trim_end_matches('/');
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers `status` as the part of the URL space that `req` is in wants it.
pub fn refuse(req: &HttpRequest, status: StatusCode) -> HttpResponse {
    refuse_because(req, status, None)
}

/// As [`refuse`], and tells why.
pub(crate) fn refuse_because(
    req: &HttpRequest,
    status: StatusCode,
    reason: Option<&str>,
) -> HttpResponse {
    let refusal = Refusal { status, path: req.path(), headers: req.headers(), reason };
    match req.app_data::<Fallbacks>() {
        Some(fallbacks) => fallbacks.render(&refusal),
        None => error::plain(&refusal),
    }
}

async fn not_found(req: HttpRequest) -> HttpResponse {
    refuse(&req, StatusCode::NOT_FOUND)
}

fn not_allowed(req: &HttpRequest, allow: &str) -> HttpResponse {
    let mut response = refuse(req, StatusCode::METHOD_NOT_ALLOWED);
    if let Ok(value) = header::HeaderValue::from_str(allow) {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

#[cfg(test)]
mod tests;
