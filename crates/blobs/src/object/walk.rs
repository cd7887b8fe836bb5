//! Visiting all objects, a page of the bucket's list at a time.

use std::collections::VecDeque;

use super::Shared;
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
        let token = self.token.take();
        let asked = self.object.remote.page(&self.prefix, token);
        let page = self.object.runtime.block_on(asked)?;
        self.token = page.next;
        self.ended = self.token.is_none();
        for found in page.found {
            if let Some(key) = self.object.key(&found.name) {
                self.page.push_back(Entry { key, size: found.size, modified: found.modified });
            }
        }
        Ok(())
    }
}
