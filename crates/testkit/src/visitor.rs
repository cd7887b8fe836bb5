//! Somebody with a browser that runs no scripts: cookies, and the proof that the platform's forms carry.

use std::collections::BTreeMap;

use reqwest::{Client, Method, RequestBuilder};

use crate::Answer;
use crate::actor::{client, send};

pub struct Visitor {
    base: String,
    http: Client,
    cookies: BTreeMap<String, String>,
    /// The `csrf` of the last form that was seen.
    pub proof: String,
}

impl Visitor {
    pub(crate) fn new(base: String) -> Self {
        Self { base, http: client(), cookies: BTreeMap::new(), proof: String::new() }
    }

    /// With the cookie of a session and the proof that belongs to it.
    #[must_use]
    pub(crate) fn holding(mut self, token: &str, proof: &str) -> Self {
        self.cookies.insert("sid".to_owned(), token.to_owned());
        proof.clone_into(&mut self.proof);
        self
    }

    /// The session's cookie.
    pub fn session(&self) -> Option<&str> {
        self.cookies.get("sid").map(String::as_str)
    }

    /// Signs in through the form.
    pub async fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        self.get("/login").await.ok();
        self.submit("/login", &[("username", name), ("password", password)]).await
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let request = self.request(Method::GET, path);
        self.send(request).await
    }

    /// Sends a form of the platform's.
    pub async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let proof = self.proof.clone();
        let mut fields = fields.to_vec();
        fields.push(("csrf", &proof));
        let request = self.request(Method::POST, path).form(&fields);
        self.send(request).await
    }

    /// A request with the cookies and nothing else.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        if self.cookies.is_empty() {
            return request;
        }
        let pairs: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        request.header("cookie", pairs.join("; "))
    }

    /// Sends, and keeps the cookies and the proof of the answer.
    pub async fn send(&mut self, request: RequestBuilder) -> Answer {
        let answer = send(&self.http, request).await;
        for line in answer.headers.get_all("set-cookie") {
            let line = line.to_str().expect("cookies are text");
            let pair = line.split(';').next().and_then(|pair| pair.split_once('='));
            let (name, value) = pair.expect("a cookie has a name");
            match line.contains("Max-Age=0") {
                true => drop(self.cookies.remove(name)),
                false => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
            }
        }
        let text = answer.text();
        let proof =
            text.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        if let Some(proof) = proof {
            proof.clone_into(&mut self.proof);
        }
        answer
    }
}
