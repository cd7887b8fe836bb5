//! Which part of a list a page shows, and the way to its neighbours.

/// Rows on a page.
pub(crate) const PAGE_SIZE: u32 = 20;

/// Where a list continues.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pager {
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) total: i64,
    pub(crate) previous: Option<String>,
    pub(crate) next: Option<String>,
}

/// The page that `?page=` asks for; nonsense asks for the first.
pub(crate) fn page(query: &str) -> u32 {
    let page = parameter(query, "page").and_then(|page| page.parse().ok());
    page.filter(|page| *page > 0).unwrap_or(1)
}

/// One parameter of a query string.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

impl Pager {
    /// For `shown` rows of `total` at the address `path?query`.
    pub(crate) fn new(path: &str, query: &str, page: u32, shown: usize, total: i64) -> Self {
        let shown = i64::try_from(shown).unwrap_or(i64::MAX);
        let before = i64::from(page - 1).saturating_mul(i64::from(PAGE_SIZE));
        let last = before.saturating_add(shown);
        let previous = (page > 1).then(|| address(path, query, page - 1));
        let next = (shown > 0 && last < total).then(|| address(path, query, page + 1));
        Self { first: before + i64::from(shown > 0), last, total, previous, next }
    }
}

/// The same address with another `page`.
fn address(path: &str, query: &str, page: u32) -> String {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    let others = url::form_urlencoded::parse(query.as_bytes());
    pairs.extend_pairs(others.filter(|(key, _)| key != "page"));
    if page > 1 {
        pairs.append_pair("page", &page.to_string());
    }
    match pairs.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

#[cfg(test)]
mod tests;
