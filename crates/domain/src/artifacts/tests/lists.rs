//! Lists of artifacts: filters, sorts and pages.

use crate::artifacts::{Field, Query, TagFilter, list};
use crate::listing::{Direction, Match, Paging, Sort};
use crate::testing::each_engine;
use crate::testing::images::{at, digest, index, permit, push, push_image};
use crate::{Db, Timestamp};

/// `v1` and `v1.1` name one image, `v2` another; two more are untagged, one of them part of the index `all`.
async fn fill(db: &Db) -> Query {
    let one = push_image(db, "library/a", "v1", "one", at(1)).await;
    push(db, "library/a", "v1.1", &one, at(2)).await.unwrap();
    push_image(db, "library/a", "v2", "number two", at(3)).await;
    push_image(db, "library/a", "", "three", at(4)).await;
    let child = push_image(db, "library/a", "", "four", at(5)).await;
    push(db, "library/a", "all", &index(&[&child]), at(6)).await.unwrap();
    let repository = permit(db, "library/a").await.repository().unwrap();
    Query::all(repository, Paging::default())
}

async fn pushed(db: &Db, query: &Query) -> Vec<Timestamp> {
    list(db, query).await.unwrap().items.iter().map(|artifact| artifact.pushed_at).collect()
}

#[tokio::test]
async fn parts_of_an_index_are_not_listed() {
    each_engine(async |db| {
        let query = fill(&db).await;
        let page = list(&db, &query).await.unwrap();
        assert_eq!(page.total, 4);
        assert_eq!(pushed(&db, &query).await, [at(6), at(4), at(3), at(2)]);
        let tags: Vec<_> = page.items[3].tags.iter().map(|tag| tag.name.as_str()).collect();
        assert_eq!(tags, ["v1.1", "v1"]);
        assert_eq!(page.items[0].children.len(), 1);
        assert_eq!((&*page.items[0].kind, &*page.items[0].config_media_type), ("IMAGE", ""));
    })
    .await;
}

#[tokio::test]
async fn tags_filter_artifacts() {
    each_engine(async |db| {
        let all = fill(&db).await;
        let with = |tags| Query { tags: Some(tags), ..all.clone() };
        assert_eq!(pushed(&db, &with(TagFilter::Tagged)).await, [at(6), at(3), at(2)]);
        assert_eq!(pushed(&db, &with(TagFilter::Untagged)).await, [at(4)]);
        let is = TagFilter::Match(Match::Is("v1".into()));
        assert_eq!(pushed(&db, &with(is)).await, [at(2)]);
        let like = TagFilter::Match(Match::Like("V".into()));
        assert_eq!(pushed(&db, &with(like)).await, [at(3), at(2)]);
    })
    .await;
}

#[tokio::test]
async fn a_digest_finds_also_a_part_of_an_index() {
    each_engine(async |db| {
        let all = fill(&db).await;
        let child = push_image(&db, "library/a", "", "four", at(5)).await;
        let query = Query { digest: Some(Match::Is(digest(&child).into())), ..all.clone() };
        assert_eq!(pushed(&db, &query).await, [at(5)]);
        let media_type = Some(Match::Like("index".into()));
        assert_eq!(pushed(&db, &Query { media_type, ..all.clone() }).await, [at(6)]);
        let kind = Some(Match::Is("CHART".into()));
        assert!(pushed(&db, &Query { kind, ..all }).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn lists_are_sorted_and_paged() {
    each_engine(async |db| {
        let all = fill(&db).await;
        let by = |field| Query {
            sort: vec![Sort { field, direction: Direction::Ascending }],
            paging: Paging { page: 1, page_size: 2 },
            ..all.clone()
        };
        assert_eq!(pushed(&db, &by(Field::PushedAt)).await, [at(2), at(3)]);
        assert_eq!(pushed(&db, &by(Field::PulledAt)).await, [at(6), at(4)], "never pulled, latest");
        assert_eq!(pushed(&db, &by(Field::Size)).await[0], at(2));
        let second = Query { paging: Paging { page: 2, page_size: 3 }, ..all.clone() };
        assert_eq!(pushed(&db, &second).await, [at(2)]);
        assert_eq!(list(&db, &second).await.unwrap().total, 4);
    })
    .await;
}
