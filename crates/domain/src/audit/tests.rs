//! Rows are written with the act, read by those who may, and purged in batches.

use auth::{Principal, Role};

use super::{Entry, Field, Query, Scope, append, list, purge, purgeable, record, visible};
use crate::ids::ProjectId;
use crate::listing::{Direction, Match, Paging, Sort};
use crate::testing::{admin, each_engine, member, now, project, user};
use crate::{Db, Error, Timestamp};

fn hour(hours: i64) -> Timestamp {
    Timestamp::from_secs(now().secs() + hours * 3_600)
}

async fn add(db: &Db, project: Option<ProjectId>, operation: &str, resource: &str, at: Timestamp) {
    let mut tx = db.begin().await.unwrap();
    let entry = Entry { project, username: "Dora", operation, resource_type: "artifact", resource };
    append(&mut tx, &[entry], at).await.unwrap();
    tx.commit().await.unwrap();
}

async fn resources(db: &Db, query: &Query) -> Vec<String> {
    let page = list(db, query).await.unwrap();
    assert_eq!(page.total, i64::try_from(page.items.len()).unwrap());
    page.items.into_iter().map(|log| log.resource).collect()
}

#[tokio::test]
async fn the_log_is_filtered_and_sorted() {
    each_engine(async |db| {
        add(&db, None, "create", "a", hour(1)).await;
        add(&db, None, "pull", "b", hour(2)).await;
        add(&db, None, "create", "c_d", hour(3)).await;
        let all = Query::all(Scope::All, Paging::default());
        assert_eq!(resources(&db, &all).await, ["c_d", "b", "a"]);
        let oldest = Sort { field: Field::At, direction: Direction::Ascending };
        let query = Query { sort: vec![oldest], ..all.clone() };
        assert_eq!(resources(&db, &query).await, ["a", "b", "c_d"]);
        let query = Query { operation: Some(Match::Is("create".into())), ..all.clone() };
        assert_eq!(resources(&db, &query).await, ["c_d", "a"]);
        let query = Query { resource: Some(Match::Like("C_".into())), ..all.clone() };
        assert_eq!(resources(&db, &query).await, ["c_d"]);
        let query = Query { from: Some(hour(2)), until: Some(hour(2)), ..all.clone() };
        assert_eq!(resources(&db, &query).await, ["b"]);
        let query = Query { username: Some(Match::Is("dora".into())), ..all };
        assert!(resources(&db, &query).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn people_read_the_logs_of_projects_they_administer() {
    each_engine(async |db| {
        let mine = project(&db, "mine", false).await;
        let other = project(&db, "other", true).await;
        let chief = member(&db, "mine", "chief", Role::ProjectAdmin).await;
        let guest = member(&db, "other", "guest", Role::Guest).await;
        add(&db, Some(mine.project().id), "push", "mine/app", hour(1)).await;
        add(&db, Some(other.project().id), "push", "other/app", hour(1)).await;
        let seen = async |principal: &Principal| {
            let scope = visible(principal).unwrap();
            let mut query = Query::all(scope, Paging::default());
            query.operation = Some(Match::Is("push".into()));
            resources(&db, &query).await
        };
        assert_eq!(seen(&chief).await, ["mine/app"]);
        assert!(seen(&guest).await.is_empty());
        assert_eq!(seen(&admin()).await.len(), 2);
        assert!(matches!(visible(&Principal::Anonymous), Err(Error::Unauthenticated)));
        let query = Query::all(Scope::Project(other.project().id), Paging::default());
        assert!(resources(&db, &query).await.contains(&"other/app".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn an_act_that_is_undone_leaves_no_row() {
    each_engine(async |db| {
        let permit = project(&db, "team", false).await;
        let before = list(&db, &Query::all(Scope::All, Paging::default())).await.unwrap().total;
        let mut tx = db.begin().await.unwrap();
        record(&mut tx, &permit, "delete", "tag", "team/app:1", now()).await.unwrap();
        drop(tx);
        user(&db, "somebody").await;
        let after = list(&db, &Query::all(Scope::All, Paging::default())).await.unwrap().total;
        assert_eq!(after, before + 1);
    })
    .await;
}

#[tokio::test]
async fn a_purge_takes_the_oldest_first_and_stops_at_its_limit() {
    each_engine(async |db| {
        for (index, operation) in ["pull", "create", "pull", "pull"].into_iter().enumerate() {
            add(&db, None, operation, &index.to_string(), hour(i64::try_from(index).unwrap()))
                .await;
        }
        let pulls = ["pull".to_owned()];
        assert_eq!(purgeable(&db, hour(3), &["create_artifact".to_owned()]).await.unwrap(), 1);
        assert_eq!(purgeable(&db, hour(3), &["create_project".to_owned()]).await.unwrap(), 0);
        assert_eq!(purgeable(&db, hour(3), &pulls).await.unwrap(), 2);
        assert_eq!(purgeable(&db, hour(3), &[]).await.unwrap(), 3);
        let mut tx = db.begin().await.unwrap();
        assert_eq!(purge(&mut tx, hour(3), &pulls, 1).await.unwrap(), 1);
        assert_eq!(purge(&mut tx, hour(3), &pulls, 9).await.unwrap(), 1);
        assert_eq!(purge(&mut tx, hour(3), &pulls, 9).await.unwrap(), 0);
        tx.commit().await.unwrap();
        let all = Query::all(Scope::All, Paging::default());
        assert_eq!(resources(&db, &all).await, ["3", "1"]);
    })
    .await;
}
