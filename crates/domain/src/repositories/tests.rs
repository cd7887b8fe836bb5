//! Repositories appear with their first manifest and go in one row.

use super::{
    Field, Query, Scope, abandon_unpublished, by_name, catalog, count, delete, describe, ensure,
    is_published, list,
};
use crate::ids::ProjectId;
use crate::listing::{Direction, Match, Paging, Sort};
use crate::testing::each_engine;
use crate::testing::images::{at, permit, push_image, upload};
use crate::{Db, Entity, Error, artifacts};

fn all() -> Query {
    Query { scope: Scope::All, name: None, sort: Vec::new(), paging: Paging::default() }
}

async fn names(db: &Db, query: &Query) -> Vec<String> {
    let page = list(db, query).await.unwrap();
    page.items.iter().map(|repository| repository.name.to_string()).collect()
}

#[tokio::test]
async fn an_upload_alone_shows_no_repository() {
    each_engine(async |db| {
        upload(&db, "library/a", b"bytes", at(0)).await;
        let permit = permit(&db, "library/a").await;
        assert!(permit.repository().is_some());
        assert!(by_name(&db, permit.name()).await.unwrap().is_none());
        assert!(!is_published(&db, permit.repository().unwrap()).await.unwrap());
        assert!(catalog(&db, None, 10).await.unwrap().is_empty());
        push_image(&db, "library/a", "v1", "one", at(1)).await;
        let repository = by_name(&db, permit.name()).await.unwrap().unwrap();
        assert_eq!(Some(repository.id), permit.repository());
        assert!(is_published(&db, repository.id).await.unwrap());
        assert_eq!((repository.artifacts, repository.pulls), (1, 0));
        assert_eq!((repository.created_at, repository.pushed_at), (at(0), Some(at(1))));
    })
    .await;
}

#[tokio::test]
async fn two_first_uploads_make_one_repository() {
    each_engine(async |db| {
        let permit = permit(&db, "library/a").await;
        let make = async || {
            let mut tx = db.begin().await.unwrap();
            let id = ensure(&mut tx, &permit, at(0)).await.unwrap();
            tx.commit().await.unwrap();
            id
        };
        let (one, two) = tokio::join!(make(), make());
        assert_eq!(one, two);
    })
    .await;
}

#[tokio::test]
async fn a_deleted_name_is_free_at_once() {
    each_engine(async |db| {
        push_image(&db, "library/a", "v1", "one", at(0)).await;
        let old = permit(&db, "library/a").await;
        let mut tx = db.begin().await.unwrap();
        delete(&mut tx, &old, at(1)).await.unwrap();
        let again = delete(&mut tx, &old, at(1)).await;
        assert!(matches!(again, Err(Error::NotFound(Entity::Repository))), "{again:?}");
        tx.commit().await.unwrap();
        assert!(by_name(&db, old.name()).await.unwrap().is_none());
        assert_eq!(count(&db, &Scope::All).await.unwrap(), 0);
        push_image(&db, "library/a", "v2", "two", at(2)).await;
        let new = by_name(&db, old.name()).await.unwrap().unwrap();
        assert_ne!(Some(new.id), old.repository());
        let query = artifacts::Query::all(new.id, Paging::default());
        assert_eq!(artifacts::count(&db, &query).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_description_can_be_changed() {
    each_engine(async |db| {
        push_image(&db, "library/a", "v1", "one", at(0)).await;
        let permit = permit(&db, "library/a").await;
        let mut tx = db.begin().await.unwrap();
        describe(&mut tx, &permit, "Base image", at(1)).await.unwrap();
        tx.commit().await.unwrap();
        let repository = by_name(&db, permit.name()).await.unwrap().unwrap();
        assert_eq!(repository.description, "Base image");
    })
    .await;
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged() {
    each_engine(async |db| {
        for (name, time) in [("library/web", 0), ("library/we_b", 1), ("library/Api", 2)] {
            push_image(&db, &name.to_lowercase(), "v1", "one", at(time)).await;
        }
        assert_eq!(names(&db, &all()).await, ["library/api", "library/we_b", "library/web"]);
        let like = |part: &str| Query { name: Some(Match::Like(part.into())), ..all() };
        assert_eq!(names(&db, &like("WEB")).await, ["library/web"]);
        assert_eq!(names(&db, &like("e_b")).await, ["library/we_b"], "_ is no wildcard");
        assert_eq!(names(&db, &like("%")).await.len(), 0);
        let sort = Sort { field: Field::Name, direction: Direction::Ascending };
        let page = Paging { page: 2, page_size: 2 };
        let query = Query { sort: vec![sort], paging: page, ..all() };
        assert_eq!(names(&db, &query).await, ["library/web"]);
        assert_eq!(list(&db, &query).await.unwrap().total, 3);
        let after = catalog(&db, Some("library/api"), 1).await.unwrap();
        assert_eq!(after[0].as_str(), "library/we_b");
    })
    .await;
}

#[tokio::test]
async fn only_visible_repositories_are_listed() {
    each_engine(async |db| {
        push_image(&db, "open/a", "v1", "one", at(0)).await;
        push_image(&db, "closed/a", "v1", "one", at(1)).await;
        let closed = permit(&db, "closed/a").await;
        let mut tx = db.begin().await.unwrap();
        crate::db::on!(tx.connection(), |connection| sqlx::query(
            "UPDATE projects SET public = (name = 'open')"
        )
        .execute(connection)
        .await
        .map(drop)
        .unwrap());
        tx.commit().await.unwrap();
        let scoped = |scope| Query { scope, ..all() };
        let anyone = Scope::Visible { member: None, projects: Vec::new() };
        assert_eq!(names(&db, &scoped(anyone)).await, ["open/a"]);
        let named = Scope::Visible { member: None, projects: vec![closed.project().id] };
        assert_eq!(names(&db, &scoped(named)).await, ["closed/a", "open/a"]);
        let project = Scope::Project(closed.project().id);
        assert_eq!(names(&db, &scoped(project)).await, ["closed/a"]);
        assert_eq!(count(&db, &Scope::Project(ProjectId(9_999))).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn unpublished_repositories_do_not_keep_a_project() {
    each_engine(async |db| {
        upload(&db, "library/a", b"bytes", at(0)).await;
        push_image(&db, "library/b", "v1", "one", at(0)).await;
        let project = permit(&db, "library/a").await.project().id;
        let mut tx = db.begin().await.unwrap();
        abandon_unpublished(&mut tx, project, at(1)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(permit(&db, "library/a").await.repository().is_none());
        assert!(permit(&db, "library/b").await.repository().is_some());
    })
    .await;
}
