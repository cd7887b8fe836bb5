//! Listing the tags of a repository that has many.

use anyhow::Result;

use super::images::Image;
use super::{Preparation, pick};
use crate::session::{Repository, Session};

const PAGE: u32 = 100;

pub(crate) struct Tags {
    repository: Repository,
    /// What follows the path: nothing, or a page's size and where it starts.
    queries: Vec<String>,
}

impl Tags {
    /// One request for all of them.
    pub(super) fn whole(on: &mut Preparation<'_>) -> Result<Self> {
        Ok(Self { repository: tagged(on)?, queries: vec![String::new()] })
    }

    /// Pages of a hundred from anywhere in the list.
    pub(super) fn pages(on: &mut Preparation<'_>) -> Result<Self> {
        let starts = 0..on.arguments.tags.saturating_sub(PAGE).max(1);
        let queries = starts.map(|start| format!("?n={PAGE}&last={}", name(start))).collect();
        Ok(Self { repository: tagged(on)?, queries })
    }

    pub(super) fn list(&self, session: &mut Session<'_>, index: u64) -> Result<()> {
        session.list_tags(&self.repository, pick(&self.queries, index)?)
    }
}

fn name(number: u32) -> String {
    format!("tag-{number:06}")
}

/// A repository of one image with many names.
fn tagged(on: &mut Preparation<'_>) -> Result<Repository> {
    let repository = on.repository();
    let image = Image::new(on.source, 0)?;
    let mut session = on.session();
    image.push(&mut session, &repository)?;
    for number in 0..on.arguments.tags {
        session.put_manifest(&repository, &name(number), &image.manifest)?;
    }
    Ok(repository)
}
