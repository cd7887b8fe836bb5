//! Swift, the object storage of `OpenStack`.
//!
//! What is larger than a part is a static large object: segments beside it, and under its name a list of them. A segment
//! has a random name and is listed with its sum, so that no other content can take its place; the list is written only if
//! there is none yet. Segments are below a name that no key has, so that a walk passes them over.
//!
//! A token that is no longer taken is replaced once; all else that fails for a moment is asked again.

mod login;
mod segments;
mod tempurl;
mod wire;

use std::{io, ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, StatusCode};
use object_store::PutPayload;
use serde::Deserialize;
use time::{PrimitiveDateTime, format_description::well_known::Iso8601};
use tokio::sync::Mutex;
use url::Url;

use self::{
    login::{Login, Session},
    tempurl::TempUrl,
    wire::{Answer, Question, Wire},
};
use super::{
    client::{self, Patience, Transport, misconfigured},
    provider::{Limits, Provider},
    remote::{Found, Page, Piece, Remote},
};
use crate::{Error, Result, driver::Access, settings::Swift as Settings};

pub(super) const PROVIDER: Provider = Provider {
    limits: Limits {
        part: Settings::MIN_CHUNK..=Settings::MAX_CHUNK,
        remedy: "from 1048576 to 5368709120 bytes, as Swift takes segments",
        // That many segments a server takes by default.
        parts: 1000,
        bytes: 256 << 30,
        growth: 825,
    },
    refusals: &[],
    denied: (
        "username",
        "it must be allowed to read and write objects of the container and to list it",
    ),
    silent: (
        "authurl",
        "neither there nor where it sends us to a server answers: correct it, or start the server",
    ),
    lost: &[],
};
const KIND: &str = "application/octet-stream";
/// Names in one page of a list.
const LISTED: usize = 1000;

#[derive(Debug)]
pub(super) struct Swift {
    wire: Wire,
    login: Login,
    session: Mutex<Option<Arc<Session>>>,
    container: String,
    tempurl: Option<TempUrl>,
}

/// What a request is about.
#[derive(Clone, Copy, Debug)]
enum Place<'a> {
    Account,
    Container,
    Object(&'a str),
}

/// An object of a list, as Swift tells it.
#[derive(Debug, Deserialize)]
struct Listed {
    name: String,
    bytes: u64,
    last_modified: String,
}

pub(super) fn connect(settings: &Settings, patience: Patience, access: Access) -> Result<Remote> {
    let plain = settings.authurl.scheme() == "http";
    let cafile = settings.cafile.as_deref();
    let transport = Transport { plain, skipverify: settings.insecureskipverify, cafile };
    let mut swift = Swift {
        wire: Wire::new(transport, patience)?,
        login: Login::new(settings)?,
        session: Mutex::default(),
        container: settings.container.clone(),
        tempurl: None,
    };
    client::runtime()?
        .block_on(swift.prepare(settings, access))
        .map_err(|error| PROVIDER.explained(error))?;
    Ok(Remote::Swift(Box::new(swift)))
}

impl Swift {
    pub(super) fn provider(&self) -> &'static Provider {
        &PROVIDER
    }

    /// Makes the container if there is none, as distribution does, and sees to the key of URLs for clients; neither of it
    /// if it is only read.
    async fn prepare(&mut self, settings: &Settings, access: Access) -> Result<()> {
        let found = self.ask(Method::HEAD, Place::Container, "", Ok).await;
        match (found, access) {
            (Err(Error::NotFound), Access::Reading) => {
                let remedy = "there is none of this name: correct it";
                return Err(misconfigured("container", remedy, "not there"));
            }
            (Err(Error::NotFound), Access::Writing) => drop(self.make().await?),
            (answer, _) => drop(answer?),
        }
        if access == Access::Writing {
            self.tempurl = TempUrl::prepare(self, settings).await?;
        }
        Ok(())
    }

    async fn make(&self) -> Result<Answer> {
        self.ask(Method::PUT, Place::Container, "", Ok).await.map_err(|error| match error {
            Error::NotFound | Error::Misconfigured { .. } => {
                let remedy =
                    "there is none of this name, and we may not make it: create it, or correct it";
                misconfigured("container", remedy, error)
            }
            error => error,
        })
    }

    async fn session(&self) -> Result<Arc<Session>> {
        let mut session = self.session.lock().await;
        if let Some(session) = &*session {
            return Ok(Arc::clone(session));
        }
        let made = Arc::new(self.login.session(&self.wire).await?);
        Ok(Arc::clone(session.insert(made)))
    }

    /// Forgets a token that is not taken, if nobody has a new one yet.
    async fn forget(&self, stale: &Arc<Session>) {
        let mut session = self.session.lock().await;
        if session.as_ref().is_some_and(|held| Arc::ptr_eq(held, stale)) {
            *session = None;
        }
    }

    /// What the server says, if it is no refusal.
    async fn ask(
        &self,
        method: Method,
        place: Place<'_>,
        query: &str,
        form: impl Fn(Question) -> Result<Question>,
    ) -> Result<Answer> {
        judged(self.answer(method, place, query, form).await?)
    }

    async fn answer(
        &self,
        method: Method,
        place: Place<'_>,
        query: &str,
        form: impl Fn(Question) -> Result<Question>,
    ) -> Result<Answer> {
        let asked = |session: &Session| {
            let mut url = self.url(session, place)?;
            url.set_query((!query.is_empty()).then_some(query));
            form(Question::new(method.clone(), url).with("x-auth-token", &session.token)?)
        };
        let session = self.session().await?;
        let answer = self.wire.ask(&asked(&session)?).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        self.forget(&session).await;
        let session = self.session().await?;
        self.wire.ask(&asked(&session)?).await
    }

    fn url(&self, session: &Session, place: Place<'_>) -> Result<Url> {
        let mut url = session.account.clone();
        let mut path = url.path_segments_mut().map_err(|()| unavailable("no URL of an account"))?;
        path.pop_if_empty();
        match place {
            Place::Account => {}
            Place::Container => drop(path.push(&self.container)),
            Place::Object(name) => drop(path.push(&self.container).extend(name.split('/'))),
        }
        drop(path);
        Ok(url)
    }

    pub(super) async fn piece(&self, name: &str, range: Range<u64>) -> Result<Piece> {
        let last = range.end.saturating_sub(1);
        let range = format!("bytes={}-{last}", range.start);
        let form = |question: Question| question.with("range", &range);
        let answer = self.ask(Method::GET, Place::Object(name), "", form).await?;
        let size = match answer.text("content-range") {
            Some(text) => text.rsplit_once('/').and_then(|(_, size)| size.parse().ok()),
            None => Some(answer.body.len() as u64),
        };
        let size = size.ok_or_else(|| unavailable("a part of an object without its size"))?;
        Ok(Piece { bytes: answer.body, size })
    }

    pub(super) async fn whole(&self, name: &str) -> Result<Bytes> {
        Ok(self.ask(Method::GET, Place::Object(name), "", Ok).await?.body)
    }

    pub(super) async fn size(&self, name: &str) -> Result<u64> {
        let answer = self.ask(Method::HEAD, Place::Object(name), "", Ok).await?;
        answer.number("content-length").ok_or_else(|| unavailable("an object without a size"))
    }

    pub(super) async fn put(&self, name: &str, payload: PutPayload) -> Result<()> {
        self.send(name, &payload).await.map(drop)
    }

    async fn send(&self, name: &str, payload: &PutPayload) -> Result<Answer> {
        let form =
            |question: Question| Ok(question.with("content-type", KIND)?.sending(payload.clone()));
        self.ask(Method::PUT, Place::Object(name), "", form).await
    }

    pub(super) async fn page(&self, prefix: &str, token: Option<&str>) -> Result<Page> {
        let found = self.listed(prefix, token).await?;
        let next = (found.len() == LISTED).then(|| found.last().map(|last| last.name.clone()));
        let found = found.into_iter().map(|listed| {
            let modified = PrimitiveDateTime::parse(&listed.last_modified, &Iso8601::DEFAULT);
            let modified = modified.map_err(unavailable)?.assume_utc().into();
            Ok(Found { name: listed.name, size: listed.bytes, modified })
        });
        Ok(Page { found: found.collect::<Result<_>>()?, next: next.flatten() })
    }

    async fn listed(&self, prefix: &str, behind: Option<&str>) -> Result<Vec<Listed>> {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("format", "json").append_pair("limit", &LISTED.to_string());
        query.append_pair("prefix", prefix);
        if let Some(behind) = behind {
            query.append_pair("marker", behind);
        }
        let answer = self.ask(Method::GET, Place::Container, &query.finish(), Ok).await?;
        serde_json::from_slice(&answer.body).map_err(unavailable)
    }

    pub(super) async fn signed(&self, name: &str, lifetime: Duration) -> Result<Option<Url>> {
        let Some(tempurl) = &self.tempurl else { return Ok(None) };
        let session = self.session().await?;
        let url = self.url(&session, Place::Object(name))?;
        Ok(Some(tempurl.sign(url, lifetime)))
    }
}

/// What an answer means, as a decision a caller can make.
fn judged(answer: Answer) -> Result<Answer> {
    match answer.status {
        status if status.is_success() => Ok(answer),
        StatusCode::NOT_FOUND => Err(Error::NotFound),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(misconfigured(PROVIDER.denied.0, PROVIDER.denied.1, answer.words()))
        }
        // Of an account or a container with a quota, and of a disk.
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::INSUFFICIENT_STORAGE => {
            Err(Error::Full(io::Error::other(answer.words())))
        }
        _ => Err(unavailable(answer.words())),
    }
}

fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Unavailable(io::Error::other(error))
}
