//! One request to a page: who asks, what for, and what every page shows.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header;
use auth::{Principal, secret};
use domain::ids::UserId;
use domain::listing::Paging;
use domain::sessions::{self, Session};
use domain::settings::{self, Settings};
use domain::{Error as Failure, Timestamp};
use web::{ExternalUrl, Peer};

use super::answer::{self, Answer, FLASH_COOKIE};
use super::error::Error;
use super::format::Moment;
use super::pager::{self, PAGE_SIZE, Pager};
use crate::App;
use crate::banner::Banner;
use crate::i18n::Language;
use crate::session;
use crate::viewer::{LANGUAGE_COOKIE, Shell, THEME_COOKIE, Theme, Viewer};

/// What is read from the request itself; it can leave the worker, which actix's request cannot.
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) peer: IpAddr,
    pub(crate) secure: bool,
    host: String,
    origin_ok: bool,
    segments: BTreeMap<String, String>,
    cookies: BTreeMap<String, String>,
    accept_language: String,
    reads: bool,
}

impl Call {
    pub(crate) fn of(req: &HttpRequest) -> Self {
        let header = |name| req.headers().get(name).and_then(|value| value.to_str().ok());
        let external = ExternalUrl::of(req).ok();
        let here = external.as_ref().map(ToString::to_string).unwrap_or_default();
        let cookies = req.cookies().map(|jar| {
            jar.iter().map(|cookie| (cookie.name().to_owned(), cookie.value().to_owned())).collect()
        });
        let segments = req.match_info().iter();
        Self {
            path: req.path().to_owned(),
            query: req.query_string().to_owned(),
            peer: Peer::of(req).map_or(IpAddr::from([127, 0, 0, 1]), |peer| peer.0),
            secure: external.as_ref().is_some_and(ExternalUrl::is_secure),
            host: external.map(|url| url.authority().to_owned()).unwrap_or_default(),
            origin_ok: session::is_from_here(
                header(header::HeaderName::from_static("sec-fetch-site")),
                header(header::ORIGIN),
                &here,
            ),
            segments: segments.map(|(name, text)| (name.to_owned(), text.to_owned())).collect(),
            cookies: cookies.unwrap_or_default(),
            accept_language: header(header::ACCEPT_LANGUAGE).unwrap_or_default().to_owned(),
            reads: req.method().is_safe(),
        }
    }

    pub(crate) fn is_from_here(&self) -> bool {
        self.origin_ok
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// The token of the session that the browser believes to have.
    pub(crate) fn session_token(&self) -> Option<&str> {
        self.cookie(session::session_cookie(self.secure))
    }

    /// What a page shows before it is known who asks.
    pub(crate) fn shell(&self) -> Shell {
        let language = self.cookie(LANGUAGE_COOKIE).and_then(Language::from_tag);
        let here = match (self.reads, self.query.as_str()) {
            (false, _) => "/projects".to_owned(),
            (true, "") => self.path.clone(),
            (true, query) => format!("{}?{query}", self.path),
        };
        Shell {
            language: language.unwrap_or_else(|| Language::negotiate(&self.accept_language)),
            theme: self.cookie(THEME_COOKIE).and_then(Theme::from_tag).unwrap_or_default(),
            viewer: Viewer::default(),
            csrf: self.proof().unwrap_or_else(secret::generate),
            flash: self.cookie(FLASH_COOKIE).and_then(answer::flash),
            here,
            host: self.host.clone(),
            read_only: false,
            banner: None,
            service_logs: false,
        }
    }

    /// The proof that the browser already holds from before signing in.
    fn proof(&self) -> Option<String> {
        let held = self.cookie(session::proof_cookie(self.secure));
        held.filter(|value| value.len() >= 32).map(str::to_owned)
    }
}

/// A request whose sender is known, if they are signed in.
pub(crate) struct Visit {
    pub(crate) app: App,
    pub(crate) call: Call,
    pub(crate) ui: Shell,
    pub(crate) principal: Principal,
    pub(crate) settings: Arc<Settings>,
    pub(crate) now: Timestamp,
}

impl Visit {
    /// Finds out who asks.
    pub(crate) async fn open(app: App, call: Call) -> Result<Self, Error> {
        let now = app.clock.now();
        let settings = settings::cached(&app.db).await?;
        let session = match call.session_token() {
            Some(token) => sessions::resume(&app.db, token, now).await?,
            None => None,
        };
        let mut ui = call.shell();
        ui.read_only = settings.read_only;
        ui.banner = Banner::of(&settings.banner_message).filter(|banner| banner.is_shown(now));
        ui.service_logs = app.service_logs.is_some();
        let mut principal = Principal::Anonymous;
        if let Some(Session { user, csrf, .. }) = session {
            ui.csrf = csrf;
            ui.viewer = Viewer { name: Some(user.name.clone()), system_admin: user.system_admin };
            principal = Principal::User(user);
        }
        Ok(Self { app, call, ui, principal, settings, now })
    }

    /// A part of the path.
    pub(crate) fn segment(&self, name: &str) -> &str {
        self.call.segments.get(name).map(String::as_str).unwrap_or_default()
    }

    /// A parameter of the query, without blanks around it.
    pub(crate) fn parameter(&self, name: &str) -> String {
        pager::parameter(&self.call.query, name).unwrap_or_default().trim().to_owned()
    }

    /// The page of a list that is asked for.
    pub(crate) fn paging(&self) -> Paging {
        Paging { page: pager::page(&self.call.query), page_size: PAGE_SIZE }
    }

    /// Where the list that is shown continues.
    pub(crate) fn pager(&self, shown: usize, total: i64) -> Pager {
        Pager::new(&self.call.path, &self.call.query, self.paging().page, shown, total)
    }

    pub(crate) fn moment(&self, at: Timestamp) -> Moment {
        Moment::new(at, self.now, self.ui.language)
    }

    /// The id of the signed-in user.
    pub(crate) fn user_id(&self) -> Result<UserId, Error> {
        self.principal.user_id().map(UserId).ok_or(Failure::Unauthenticated.into())
    }

    /// The cookies that belong to what is answered: a flash is shown once, a form needs its proof.
    pub(crate) fn seal(ui: &Shell, secure: bool, held: bool, answer: Answer) -> Answer {
        let mut answer = answer;
        if ui.flash.is_some() && answer.is_document() {
            answer = answer.with_cookie(removal(FLASH_COOKIE, false));
        }
        if !ui.signed_in() && !held && answer.shows(&ui.csrf) {
            let name = session::proof_cookie(secure);
            answer = answer.with_cookie(private_cookie(name, ui.csrf.clone(), secure));
        }
        answer
    }

    /// Whether the browser holds the proof of the forms before signing in.
    pub(crate) fn holds_proof(call: &Call) -> bool {
        call.proof().is_some()
    }
}

/// A cookie that scripts cannot read and other sites cannot send with a form.
pub(crate) fn private_cookie(name: &'static str, value: String, secure: bool) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .http_only(true)
        .secure(secure)
        .same_site(SameSite::Lax)
        .finish()
}

/// Takes a cookie away.
pub(crate) fn removal(name: &'static str, secure: bool) -> Cookie<'static> {
    let mut cookie = private_cookie(name, String::new(), secure);
    cookie.make_removal();
    cookie
}
