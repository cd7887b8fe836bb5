//! Members come, change and go.

use auth::{Action, Resource, Role};

use super::{Who, add, by_id, list, remove, set_role};
use crate::ids::{MemberId, UserId};
use crate::listing::Paging;
use crate::permit::authorize;
use crate::testing::{admin, each_engine, member, now, project, user};
use crate::{Entity, Error};

#[tokio::test]
async fn members_are_added_by_name_or_id() {
    each_engine(async |db| {
        let permit = project(&db, "team", false).await;
        let dora = user(&db, "dora").await;
        user(&db, "Gus").await;
        let mut tx = db.begin().await.unwrap();
        let who = Who::Id(UserId(dora.user_id().unwrap()));
        let first = add(&mut tx, &permit, who, Role::Developer, now()).await.unwrap();
        add(&mut tx, &permit, Who::Name("Gus"), Role::Guest, now()).await.unwrap();
        let nobody = add(&mut tx, &permit, Who::Name("nobody"), Role::Guest, now()).await;
        assert!(matches!(nobody, Err(Error::NotFound(Entity::User))), "{nobody:?}");
        tx.commit().await.unwrap();
        let project = permit.project().id;
        let found = by_id(&db, project, first).await.unwrap().unwrap();
        assert_eq!((found.name.as_str(), found.role), ("dora", Role::Developer));
        let page = list(&db, project, Some("gU"), Paging::default()).await.unwrap();
        assert_eq!((page.total, page.items[0].name.as_str()), (1, "Gus"));
        let all = list(&db, project, None, Paging::first(1)).await.unwrap();
        assert_eq!((all.total, all.items.len()), (2, 1));
    })
    .await;
}

#[tokio::test]
async fn nobody_is_a_member_twice() {
    each_engine(async |db| {
        let permit = project(&db, "team", false).await;
        member(&db, "team", "dora", Role::Developer).await;
        let mut tx = db.begin().await.unwrap();
        let again = add(&mut tx, &permit, Who::Name("dora"), Role::Guest, now()).await;
        assert!(matches!(again, Err(Error::Conflict(Entity::Member))), "{again:?}");
    })
    .await;
}

#[tokio::test]
async fn a_role_changes_at_once_and_a_member_can_go() {
    each_engine(async |db| {
        let permit = project(&db, "team", false).await;
        let dora = member(&db, "team", "dora", Role::Guest).await;
        let project = permit.project().id;
        let id = list(&db, project, None, Paging::default()).await.unwrap().items[0].id;
        let may_add = async || {
            let asked = authorize(&db, &dora, "team", Resource::Member, Action::Create).await;
            asked.is_ok()
        };
        assert!(!may_add().await);
        let mut tx = db.begin().await.unwrap();
        set_role(&mut tx, &permit, id, Role::ProjectAdmin, now()).await.unwrap();
        tx.commit().await.unwrap();
        assert!(may_add().await);
        let mut tx = db.begin().await.unwrap();
        remove(&mut tx, &permit, id, now()).await.unwrap();
        tx.commit().await.unwrap();
        assert!(!may_add().await);
    })
    .await;
}

#[tokio::test]
async fn members_of_other_projects_are_out_of_reach() {
    each_engine(async |db| {
        project(&db, "theirs", false).await;
        member(&db, "theirs", "dora", Role::Guest).await;
        let theirs = crate::projects::by_key(&db, &admin(), "theirs").await.unwrap().unwrap().id;
        let id = list(&db, theirs, None, Paging::default()).await.unwrap().items[0].id;
        let mine = project(&db, "mine", false).await;
        assert!(by_id(&db, mine.project().id, id).await.unwrap().is_none());
        let mut tx = db.begin().await.unwrap();
        for id in [id, MemberId(999)] {
            let changed = set_role(&mut tx, &mine, id, Role::ProjectAdmin, now()).await;
            assert!(matches!(changed, Err(Error::NotFound(Entity::Member))), "{changed:?}");
            let removed = remove(&mut tx, &mine, id, now()).await;
            assert!(matches!(removed, Err(Error::NotFound(Entity::Member))), "{removed:?}");
        }
    })
    .await;
}
