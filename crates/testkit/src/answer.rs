//! What a server answered, read whole, with assertions that say what was answered instead.

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName};
use serde_json::Value;

#[derive(Clone, Debug)]
pub struct Answer {
    pub what: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// Panics unless the status is `expected`; says what came instead.
    #[track_caller]
    pub fn expect(self, expected: u16) -> Self {
        assert_eq!(self.status, expected, "{}: {}", self.what, String::from_utf8_lossy(&self.body));
        self
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        self.expect(200)
    }

    #[track_caller]
    pub fn created(self) -> Self {
        self.expect(201)
    }

    #[track_caller]
    pub fn accepted(self) -> Self {
        self.expect(202)
    }

    #[track_caller]
    pub fn unauthorized(self) -> Self {
        self.expect(401)
    }

    #[track_caller]
    pub fn denied(self) -> Self {
        self.expect(403)
    }

    #[track_caller]
    pub fn not_found(self) -> Self {
        self.expect(404)
    }

    /// The header's text; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        let name: HeaderName = name.parse().expect("a test names a header");
        self.headers.get(name).map_or("", |value| value.to_str().expect("headers are text"))
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{}: not JSON ({error}): {:?}", self.what, self.body))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The code of the first error in the body.
    pub fn code(&self) -> String {
        self.json()["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The message of the first error in the body.
    pub fn message(&self) -> String {
        self.json()["errors"][0]["message"].as_str().unwrap_or_default().to_owned()
    }
}
