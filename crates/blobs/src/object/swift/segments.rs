//! Large objects: their segments, and the list of them.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use http::{Method, StatusCode};
use object_store::PutPayload;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    KIND, LISTED, Place, Swift, judged, unavailable,
    wire::{Answer, Question},
};
use crate::{Error, Result};

/// Where segments are. No key has such a sign.
const SEGMENTS: &str = "~segments/";
/// Segments that are removed at a time.
const REMOVALS: usize = 16;

impl Swift {
    /// Nobody is told before there are segments.
    pub(in super::super) fn begin() -> String {
        Uuid::new_v4().simple().to_string()
    }

    pub(in super::super) async fn part(
        &self,
        name: &str,
        upload: &str,
        payload: PutPayload,
    ) -> Result<String> {
        let size = payload.content_length();
        let segment = Uuid::new_v4().simple();
        let path = format!("{SEGMENTS}{name}/{upload}/{segment}");
        let answer = self.send(&path, &payload).await?;
        let sum = answer.text("etag").unwrap_or_default().trim_matches('"');
        Ok(format!("{size}:{sum}:{segment}"))
    }

    pub(in super::super) async fn complete(
        &self,
        name: &str,
        upload: &str,
        parts: &[String],
    ) -> Result<()> {
        let list: Option<Vec<Value>> = parts
            .iter()
            .map(|part| {
                let (size, rest) = part.split_once(':')?;
                let (sum, segment) = rest.split_once(':')?;
                let path = format!("/{}/{SEGMENTS}{name}/{upload}/{segment}", self.container);
                let size: u64 = size.parse().ok()?;
                Some(json!({"path": path, "etag": sum, "size_bytes": size}))
            })
            .collect();
        let list = list.ok_or(Error::Corrupt { length: 0 })?;
        let list = PutPayload::from(Value::from(list).to_string());
        let form = |question: Question| {
            let question = question.with("content-type", KIND)?.with("if-none-match", "*")?;
            Ok(question.sending(list.clone()))
        };
        let (place, query) = (Place::Object(name), "multipart-manifest=put");
        let answer = self.answer(Method::PUT, place, query, form).await?;
        match answer.status {
            // A segment is gone or has another sum; or there is a list, of another process.
            StatusCode::BAD_REQUEST | StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => {
                let words = answer.words();
                tracing::warn!(words, "the segments of an upload do not become an object");
                Err(Error::Corrupt { length: 0 })
            }
            _ => judged(answer).map(drop),
        }
    }

    /// Removes the segments of an upload, but for those that became the object.
    pub(in super::super) async fn abort(&self, name: &str, upload: &str) -> Result<()> {
        let kept = self.named(name).await?;
        self.sweep(&format!("{SEGMENTS}{name}/{upload}/"), &kept).await
    }

    /// Removes an object, and before it whatever it was made of, and what others have sent for it.
    pub(in super::super) async fn delete(&self, name: &str) -> Result<()> {
        let found = self.ask(Method::HEAD, Place::Object(name), "", Ok).await?;
        if is_large(&found) {
            // By its list, as the container's may be late.
            self.remove_all(self.named(name).await?).await?;
            self.sweep(&format!("{SEGMENTS}{name}/"), &BTreeSet::new()).await?;
        }
        self.ask(Method::DELETE, Place::Object(name), "", Ok).await.map(drop)
    }

    /// The segments that the list of an object names; none if there is no such list.
    async fn named(&self, name: &str) -> Result<BTreeSet<String>> {
        let (place, query) = (Place::Object(name), "multipart-manifest=get");
        let list = match self.ask(Method::GET, place, query, Ok).await {
            Ok(answer) if is_large(&answer) => answer.body,
            Ok(_) | Err(Error::NotFound) => return Ok(BTreeSet::new()),
            Err(error) => return Err(error),
        };
        let list: Vec<Named> = serde_json::from_slice(&list).map_err(unavailable)?;
        let container = format!("/{}/", self.container);
        let names = list.iter().filter_map(|named| named.name.strip_prefix(&container));
        // What others have put together of objects of their own is not ours to take apart.
        let ours = names.filter(|name| name.starts_with(SEGMENTS));
        Ok(ours.map(str::to_owned).collect())
    }

    /// Removes all segments whose names begin with `prefix`, but for `kept`.
    async fn sweep(&self, prefix: &str, kept: &BTreeSet<String>) -> Result<()> {
        let mut behind = None;
        loop {
            let listed = self.listed(prefix, behind.as_deref()).await?;
            let names: BTreeSet<String> = listed.iter().map(|found| found.name.clone()).collect();
            self.remove_all(&names - kept).await?;
            if listed.len() < LISTED {
                return Ok(());
            }
            behind = listed.into_iter().next_back().map(|found| found.name);
        }
    }

    async fn remove_all(&self, segments: BTreeSet<String>) -> Result<()> {
        stream::iter(segments)
            .map(|segment| async move { self.remove(&segment).await })
            .buffer_unordered(REMOVALS)
            .try_collect()
            .await
    }

    async fn remove(&self, segment: &str) -> Result<()> {
        match self.ask(Method::DELETE, Place::Object(segment), "", Ok).await {
            Ok(_) | Err(Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A segment in a list.
#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

fn is_large(answer: &Answer) -> bool {
    answer.text("x-static-large-object").is_some_and(|text| text.eq_ignore_ascii_case("true"))
}
