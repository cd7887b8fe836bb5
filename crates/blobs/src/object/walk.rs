//! Visiting all objects, a page of the bucket's list at a time.

use std::collections::VecDeque;

use object_store::list::{PaginatedListOptions, PaginatedListStore};

use super::{Shared, failure::failure};
use crate::{Entry, Key, Result};

#[derive(Debug)]
pub(crate) struct Walk {
    object: Shared,
    prefix: String,
    page: VecDeque<Entry>,
    /// Where to go on; none before the first page.
    token: Option<String>,
    ended: bool,
}

impl Walk {
    pub(crate) fn new(object: &Shared, under: Option<&Key>) -> Self {
        let under = under.map_or(String::new(), |under| format!("{under}/"));
        let prefix = format!("{}{under}", object.root);
        let object = Shared::clone(object);
        Self { object, prefix, page: VecDeque::new(), token: None, ended: false }
    }

    pub(crate) fn next(&mut self) -> Result<Option<Entry>> {
        loop {
            if let Some(entry) = self.page.pop_front() {
                return Ok(Some(entry));
            }
            if self.ended {
                return Ok(None);
            }
            self.turn()?;
        }
    }

    fn turn(&mut self) -> Result<()> {
        let prefix = (!self.prefix.is_empty()).then_some(self.prefix.as_str());
        let page_token = self.token.take();
        let options = PaginatedListOptions { page_token, ..PaginatedListOptions::default() };
        let listed = self.object.remote.list_paginated(prefix, options);
        let listed = self.object.runtime.block_on(listed).map_err(failure)?;
        self.token = listed.page_token;
        self.ended = self.token.is_none();
        for found in listed.result.objects {
            if let Some(key) = self.object.key(&found.location) {
                let modified = found.last_modified.into();
                self.page.push_back(Entry { key, size: found.size, modified });
            }
        }
        Ok(())
    }
}
