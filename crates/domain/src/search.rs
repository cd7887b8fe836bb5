//! One box for everything with a name: projects and repositories that contain a text, as far as the caller sees them.

use auth::Principal;

use crate::listing::{Direction, Match, Paging, Sort};
use crate::projects::{self, Project, Visible};
use crate::repositories::{self, Repository};
use crate::{Db, Result};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub projects: Vec<Project>,
    pub repositories: Vec<Repository>,
}

/// At most `limit` of either, by name. An empty text finds everything.
pub async fn search(db: &Db, principal: &Principal, text: &str, limit: u32) -> Result<Found> {
    let paging = Paging::first(limit);
    let name = Some(text.trim()).filter(|text| !text.is_empty());
    let name = name.map(|text| Match::Like(text.to_owned()));
    let wanted = projects::Query { name: name.clone(), paging, ..projects::Query::default() };
    let projects = projects::list(db, principal, &wanted).await?.items;
    let wanted = repositories::Query {
        scope: Visible::of(principal).into(),
        name,
        sort: vec![Sort { field: repositories::Field::Name, direction: Direction::Ascending }],
        paging,
    };
    let repositories = repositories::list(db, &wanted).await?.items;
    Ok(Found { projects, repositories })
}

#[cfg(test)]
mod tests;
