//! Enumerating objects, a page at a time.

use std::time::SystemTime;

use crate::{
    Key, Result,
    driver::{Driver, Walk, blocking},
};

/// An object that a [`Listing`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub key: Key,
    /// How many bytes it has.
    pub size: u64,
    /// When it was last written.
    pub modified: SystemTime,
}

/// A walk over objects, in no particular order.
///
/// Objects made or removed during the walk may or may not be seen; all others are seen once.
#[derive(Debug)]
pub struct Listing {
    driver: Driver,
    under: Option<Key>,
    walk: Option<Walk>,
}

impl Listing {
    pub(crate) fn new(driver: Driver, under: Option<Key>) -> Self {
        Self { driver, under, walk: None }
    }

    /// At most `limit` further objects; empty when all were seen.
    ///
    /// After an error, or if the future is dropped, the walk starts again.
    pub async fn next_page(&mut self, limit: usize) -> Result<Vec<Entry>> {
        let (driver, under, walk) = (self.driver.clone(), self.under.clone(), self.walk.take());
        let (page, walk) = blocking(move || {
            let mut walk = match walk {
                Some(walk) => walk,
                None => driver.walk(under.as_ref())?,
            };
            let mut page = Vec::new();
            while page.len() < limit {
                match walk.next()? {
                    Some(entry) => page.push(entry),
                    None => break,
                }
            }
            Ok((page, walk))
        })
        .await?;
        self.walk = Some(walk);
        Ok(page)
    }
}
