//! Lists in pages: the tags of a repository, the catalog.

use auth::Role;
use testkit::{Actor, Answer, Image, TestApp};

async fn tags(actor: &Actor, repository: &str, query: &str) -> Answer {
    let path = format!("/tags/list{query}");
    actor.send(actor.registry(reqwest::Method::GET, repository, &path).await).await
}

fn names(answer: &Answer, key: &str) -> Vec<String> {
    let body = answer.json();
    let list = body[key].as_array().unwrap_or_else(|| panic!("{body}"));
    list.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// The query of the next page.
fn next(answer: &Answer) -> Option<String> {
    let link = answer.header("link");
    let (path, relation) = link.strip_prefix('<')?.split_once('>')?;
    assert_eq!(relation, "; rel=\"next\"");
    Some(format!("?{}", path.split_once('?')?.1))
}

async fn with_tags(app: &TestApp, tags: &[&str]) {
    let admin = app.admin();
    let image = Image::unique();
    for tag in tags {
        admin.push(&format!("library/tags:{tag}"), &image).await.created();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_come_in_order_and_in_pages() {
    TestApp::on_each_engine(async |app| {
        with_tags(&app, &["b", "a", "v1.10", "B", "v1.9", "_x", "1"]).await;
        let admin = app.admin();
        let sorted = ["1", "B", "_x", "a", "b", "v1.10", "v1.9"];
        let all = tags(&admin, "library/tags", "").await.ok();
        assert_eq!(all.json()["name"], "library/tags");
        assert_eq!(names(&all, "tags"), sorted);
        assert_eq!(next(&all), None);
        for size in 1..=8 {
            let (mut listed, mut query) = (Vec::new(), Some(format!("?n={size}")));
            while let Some(page) = query {
                let answer = tags(&admin, "library/tags", &page).await.ok();
                assert!(names(&answer, "tags").len() <= size);
                listed.extend(names(&answer, "tags"));
                query = next(&answer);
            }
            assert_eq!(listed, sorted, "{size} a page");
        }
        let after = tags(&admin, "library/tags", "?last=a").await.ok();
        assert_eq!(names(&after, "tags"), ["b", "v1.10", "v1.9"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_client_chooses_how_much_memory_a_list_takes() {
    let app = TestApp::start().await;
    with_tags(&app, &["1"]).await;
    let admin = app.admin();
    for n in ["99999999999999999", "4294967296", "1001"] {
        assert_eq!(
            names(&tags(&admin, "library/tags", &format!("?n={n}")).await.ok(), "tags"),
            ["1"]
        );
    }
    for n in ["-1", "many", "", "1e3", "99999999999999999999999999"] {
        let refused = tags(&admin, "library/tags", &format!("?n={n}")).await.expect(400);
        assert_eq!(refused.code(), "PAGINATION_NUMBER_INVALID", "{n}");
    }
    let none = tags(&admin, "library/tags", "?n=0").await.ok();
    assert!(names(&none, "tags").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_without_tags_has_an_empty_list_and_an_unknown_one_none() {
    let app = TestApp::start().await;
    with_tags(&app, &["1"]).await;
    let admin = app.admin();
    admin.delete_manifest("library/tags", "1").await.accepted();
    assert!(names(&tags(&admin, "library/tags", "").await.ok(), "tags").is_empty());
    let unknown = tags(&admin, "library/unknown", "").await.not_found();
    assert_eq!(unknown.code(), "NAME_UNKNOWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_is_there_once_something_was_pushed() {
    let app = TestApp::start().await;
    let admin = app.admin();
    admin.push_blob("library/tags", &"only a blob".into()).await.created();
    tags(&admin, "library/tags", "").await.not_found();
    assert!(names(&catalog(&admin, "").await.ok(), "repositories").is_empty());
}

async fn catalog(actor: &Actor, query: &str) -> Answer {
    let token = actor.token(&["registry:catalog:*"]).await;
    let request = actor.plain(reqwest::Method::GET, &format!("/v2/_catalog{query}"));
    actor.send(request.bearer_auth(token)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_comes_in_pages() {
    TestApp::on_each_engine(async |app| {
        let admin = app.admin();
        app.project("team-1", false).await;
        let pushed = ["library/a", "library/a/b", "library/a-b", "team-1/x"];
        for name in pushed {
            admin.push(&format!("{name}:1"), &Image::unique()).await.created();
        }
        let mut sorted = pushed.map(str::to_owned);
        sorted.sort();
        let (mut listed, mut query) = (Vec::new(), Some("?n=3".to_owned()));
        while let Some(page) = query {
            let answer = catalog(&admin, &page).await.ok();
            listed.extend(names(&answer, "repositories"));
            query = next(&answer);
        }
        assert_eq!(listed, sorted);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_system_administrator_sees_the_catalog() {
    let app = TestApp::start().await;
    app.project("team", false).await;
    let member = app.member("pa", "team", Role::ProjectAdmin).await;
    let answer = catalog(&member, "").await.unauthorized();
    assert!(answer.header("www-authenticate").contains("scope=\"registry:catalog:*\""));
    member.get("/v2/_catalog").await.denied();
    app.anonymous().get("/v2/_catalog").await.unauthorized();
    app.admin().get("/v2/_catalog").await.ok();
}
