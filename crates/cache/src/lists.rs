//! Lists that only the other registry has whole: tags, and what says something about a manifest.

use bytes::Bytes;
use oci::{Digest, Manifest, RepositoryName, Tag};
use serde::Deserialize;

use crate::Cache;
use crate::error::{Error, Result};
use crate::upstream::{Question, header};

/// Bytes of an answer.
const MOST: usize = 8 * 1024 * 1024;

/// One page of a repository's tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tags {
    pub names: Vec<String>,
    /// Behind which the next page begins, if there is one.
    pub next: Option<String>,
}

/// One page of what says something about a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrers {
    /// The exact bytes.
    pub index: Bytes,
    /// The query of the next page, if there is one.
    pub next: Option<String>,
    /// Whether only the kind that was asked for is in it.
    pub is_filtered: bool,
}

#[derive(Deserialize)]
struct Listed {
    /// Some registries say `null` for none.
    tags: Option<Vec<String>>,
}

impl Cache {
    /// At most `size` of the tags behind `last`, as the other registry has them.
    pub async fn tags(&self, name: &RepositoryName, last: Option<&str>, size: u32) -> Result<Tags> {
        let last_too = last.map(|last| format!("&last={}", escaped(last))).unwrap_or_default();
        let question = Question::get(name, format!("tags/list?n={size}{last_too}"));
        let answer = self.upstream.ask(question).await?;
        let has_more = header(&answer, "link").is_some_and(|link| link.contains("next"));
        let body = self.upstream.collected(answer, MOST).await?;
        let listed: Listed = serde_json::from_slice(&body)
            .map_err(|error| self.upstream.wrong(format!("a list of tags: {error}")))?;
        Ok(page(listed.tags.unwrap_or_default(), has_more, last, size))
    }

    /// What says something about the manifest. `query` is the client's, and goes on as it is.
    pub async fn referrers(
        &self,
        name: &RepositoryName,
        digest: &Digest,
        query: &str,
    ) -> Result<Referrers> {
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        let question = Question::get(name, format!("referrers/{digest}{query}"));
        let answer = self.upstream.ask(question).await?;
        let next = header(&answer, "link").and_then(query_of).map(ToOwned::to_owned);
        let is_filtered = answer.headers().contains_key("oci-filters-applied");
        let index = self.upstream.collected(answer, MOST).await?;
        // Nothing else goes to a client under our name.
        Manifest::parse(None, &index).map_err(|error| Error::Invalid {
            registry: self.upstream.shown(),
            reason: web::chain(&error).to_string(),
        })?;
        Ok(Referrers { index, next, is_filtered })
    }
}

/// The query of the next page: `</v2/…?query>; rel="next"`.
fn query_of(link: &str) -> Option<&str> {
    let (target, relation) = link.strip_prefix('<')?.split_once('>')?;
    let (_, query) = target.split_once('?')?;
    relation.contains("next").then_some(query)
}

/// What is passed on of a page, in the order that the specification wants; a registry that does not know pages sends all
/// there is, in any order.
fn page(names: Vec<String>, has_more: bool, last: Option<&str>, size: u32) -> Tags {
    let mut names: Vec<String> =
        names.into_iter().filter(|name| name.parse::<Tag>().is_ok()).collect();
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let is_again = last.is_some_and(|last| names.iter().any(|name| name == last));
    if names.len() <= size && !is_again {
        // Where its next page begins is for it to say, whatever its order is.
        let next = names.last().filter(|_| has_more).cloned();
        names.sort_unstable();
        return Tags { names, next };
    }
    names.sort_unstable();
    names.retain(|name| last.is_none_or(|last| name.as_str() > last));
    let has_more = names.len() > size;
    names.truncate(size);
    let next = names.last().filter(|_| has_more).cloned();
    Tags { names, next }
}

fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests;
