//! Lists in pages: what is asked for and what comes back, the same for every noun.

/// Which page of a list, as Harbor counts: from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    pub page: u32,
    pub page_size: u32,
}

impl Paging {
    /// The first `page_size` items.
    pub const fn first(page_size: u32) -> Self {
        Self { page: 1, page_size }
    }

    pub(crate) fn limit(self) -> i64 {
        i64::from(self.page_size)
    }

    pub(crate) fn offset(self) -> i64 {
        i64::from(self.page.saturating_sub(1)).saturating_mul(self.limit())
    }
}

impl Default for Paging {
    fn default() -> Self {
        Self::first(10)
    }
}

/// One page of a list and how many items all pages have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub total: i64,
}

impl<T> Page<T> {
    /// A list without items.
    pub const fn empty() -> Self {
        Self { items: Vec::new(), total: 0 }
    }
}

/// A wish for a text field: Harbor's `q=field=value` and `q=field=~value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    Is(String),
    /// Contains, whatever the case.
    Like(String),
}

/// One wish for the order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort<F> {
    pub field: F,
    pub direction: Direction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

impl Direction {
    pub(crate) const fn sql(self) -> &'static str {
        match self {
            Self::Ascending => " ASC",
            Self::Descending => " DESC",
        }
    }
}
