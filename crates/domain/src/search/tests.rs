//! What is found is what may be seen.

use auth::{Principal, Role};

use super::{Found, search};
use crate::Db;
use crate::testing::{admin, each_engine, images, member, now, project, push_permit};

async fn publish(db: &Db, name: &str) {
    let permit = push_permit(db, name).await;
    let mut tx = db.begin().await.unwrap();
    images::publish(&mut tx, &permit, now()).await;
    tx.commit().await.unwrap();
}

fn names(found: &Found) -> (Vec<&str>, Vec<&str>) {
    let projects = found.projects.iter().map(|project| project.name.as_str()).collect();
    let repositories = found.repositories.iter().map(|found| found.name.as_str()).collect();
    (projects, repositories)
}

#[tokio::test]
async fn search_finds_what_the_caller_sees() {
    each_engine(async |db| {
        project(&db, "web-open", true).await;
        project(&db, "web-closed", false).await;
        project(&db, "other", true).await;
        for name in ["web-open/app", "web-closed/app", "other/webhook", "other/db"] {
            publish(&db, name).await;
        }
        let found = search(&db, &Principal::Anonymous, " WEB ", 10).await.unwrap();
        assert_eq!(names(&found), (vec!["web-open"], vec!["other/webhook", "web-open/app"]));
        let guest = member(&db, "web-closed", "guest", Role::Guest).await;
        let found = search(&db, &guest, "web", 10).await.unwrap();
        assert_eq!(found.projects.len() + found.repositories.len(), 5);
        let found = search(&db, &admin(), "", 2).await.unwrap();
        assert_eq!(names(&found), (vec!["other", "web-closed"], vec!["other/db", "other/webhook"]));
        assert_eq!(names(&search(&db, &admin(), "%", 9).await.unwrap()), (vec![], vec![]));
        assert_eq!(names(&search(&db, &admin(), "\0", 9).await.unwrap()), (vec![], vec![]));
    })
    .await;
}
