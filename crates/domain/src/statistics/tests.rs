//! The counts, for those who see everything and those who do not.

use auth::{Principal, Role};

use super::{Totals, statistics};
use crate::testing::{admin, each_engine, images, member, now, project, push_permit};

#[tokio::test]
async fn counts_are_of_what_the_caller_sees() {
    each_engine(async |db| {
        project(&db, "open", true).await;
        project(&db, "mine", false).await;
        project(&db, "theirs", false).await;
        for name in ["open/a", "mine/a", "mine/b", "theirs/a"] {
            let permit = push_permit(&db, name).await;
            let mut tx = db.begin().await.unwrap();
            images::publish(&mut tx, &permit, now()).await;
            tx.commit().await.unwrap();
        }
        let me = member(&db, "mine", "me", Role::Guest).await;
        let counts = statistics(&db, &me).await.unwrap();
        assert_eq!((counts.private_projects, counts.private_repositories), (1, 2));
        assert_eq!((counts.public_projects, counts.public_repositories), (1, 1));
        assert_eq!(counts.totals, None);
        let counts = statistics(&db, &Principal::Anonymous).await.unwrap();
        assert_eq!((counts.private_projects, counts.public_projects), (0, 1));
        let counts = statistics(&db, &admin()).await.unwrap();
        assert_eq!(counts.totals, Some(Totals { projects: 3, repositories: 4, storage: 0 }));
    })
    .await;
}
