//! Requests, with the patience that the other providers' client has.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header::CONTENT_LENGTH};
use object_store::{
    PutPayload,
    client::{HttpClient, HttpConnector, HttpRequest, HttpRequestBody, ReqwestConnector},
};
use url::Url;

use super::{
    super::client::{Patience, Transport},
    unavailable,
};
use crate::Result;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Wire {
    client: HttpClient,
    patience: Patience,
}

#[derive(Clone, Debug)]
pub(super) struct Question {
    method: Method,
    url: Url,
    headers: HeaderMap,
    payload: PutPayload,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Question {
    pub(super) fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), payload: PutPayload::new() }
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Result<Self> {
        let value = HeaderValue::from_str(value).map_err(unavailable)?;
        self.headers.insert(HeaderName::from_static(name), value);
        Ok(self)
    }

    pub(super) fn sending(mut self, payload: PutPayload) -> Self {
        self.payload = payload;
        self
    }

    fn request(&self) -> Result<HttpRequest> {
        let body = HttpRequestBody::from(self.payload.clone());
        let mut request = HttpRequest::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.url.as_str().parse().map_err(unavailable)?;
        request.headers_mut().clone_from(&self.headers);
        let length = HeaderValue::from(self.payload.content_length());
        request.headers_mut().insert(CONTENT_LENGTH, length);
        Ok(request)
    }
}

impl Answer {
    pub(super) fn text(&self, header: &str) -> Option<&str> {
        self.headers.get(header)?.to_str().ok()
    }

    pub(super) fn number(&self, header: &str) -> Option<u64> {
        self.text(header)?.parse().ok()
    }

    /// What it says, for logs.
    pub(super) fn words(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        format!("{}: {}", self.status, body.chars().take(500).collect::<String>())
    }

    /// Whether the server may say something else soon.
    fn is_of_now(&self) -> bool {
        match self.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => true,
            StatusCode::NOT_IMPLEMENTED | StatusCode::INSUFFICIENT_STORAGE => false,
            status => status.is_server_error(),
        }
    }
}

impl Wire {
    pub(super) fn new(transport: Transport<'_>, patience: Patience) -> Result<Self> {
        let client = ReqwestConnector::default().connect(&transport.options()?);
        Ok(Self { client: client.map_err(unavailable)?, patience })
    }

    /// Asks until there is an answer that is worth something, or the patience ends.
    pub(super) async fn ask(&self, question: &Question) -> Result<Answer> {
        let (retries, within) = self.patience.retries();
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        for _ in 0..retries {
            let asked = self.once(question).await;
            let is_worth = asked.as_ref().is_ok_and(|answer| !answer.is_of_now());
            if is_worth || began.elapsed() + pause > within {
                return asked;
            }
            tokio::time::sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
        self.once(question).await
    }

    async fn once(&self, question: &Question) -> Result<Answer> {
        let answer = self.client.execute(question.request()?).await.map_err(unavailable)?;
        let (parts, body) = answer.into_parts();
        let body = body.bytes().await.map_err(unavailable)?;
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }
}
