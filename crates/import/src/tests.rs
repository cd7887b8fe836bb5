//! Trees made here, taken over on each engine: what comes, what does not, and what a second import changes.

mod fixture;
mod damage;
mod again;

use domain::testing::{admin, each_engine};
use domain::{artifacts, blobs, imports, projects};
use oci::{Digest, Reference};
use web::Shutdown;

use fixture::{Tree, here, options, tags_of};

use crate::{Error, Progress, by_project};

#[tokio::test]
async fn names_manifests_and_blobs_come_over_and_the_tree_stays_as_it_is() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        let image = tree.image("library/app", "one");
        tree.tag("library/app", "v1", &image);
        tree.tag("library/app", "latest", &image);
        let untagged = tree.image("library/app", "two");
        let other = tree.image("team/deep/er", "one");
        tree.tag("team/deep/er", "v1", &other);
        let before = tree.files();
        let report = tree.import(&db).await;

        assert!(report.complete);
        assert_eq!(report.problems, []);
        assert_eq!((report.repositories, report.manifests, report.tags), (2, 3, 3));
        // Two images have two blobs each; one of them is in both repositories.
        assert_eq!(report.blobs, 4);
        assert_eq!(report.projects.into_iter().collect::<Vec<_>>(), ["library", "team"]);
        assert_eq!(tree.files(), before);
        assert_eq!(tags_of(&db, "library/app").await, ["latest", "v1"]);
        let stored = here(&db, "library/app", "v1").await.unwrap();
        assert_eq!(stored.content, tree.content(&image));
        assert_eq!(here(&db, "library/app", untagged.as_str()).await.unwrap().digest, untagged);
        let team = projects::by_key(&db, &admin(), "team").await.unwrap().unwrap();
        assert!(!team.public);
    })
    .await;
}

#[tokio::test]
async fn a_blob_keeps_its_path_as_its_key_and_is_held_by_its_artifact() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        tree.tag("library/app", "v1", &tree.image("library/app", "one"));
        tree.import(&db).await;
        let id = imports::repository(&db, &"library/app".parse().unwrap()).await.unwrap().unwrap();
        let digest = Digest::of(b"layer of one");
        let blob = blobs::find(&db, id, &digest).await.unwrap().unwrap();
        let hex = digest.hex();
        assert_eq!(
            blob.object_key,
            format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", hex.split_at(2).0)
        );
        assert_eq!((blob.size, blob.leased_at), (12, None));
    })
    .await;
}

#[tokio::test]
async fn what_an_index_lists_comes_before_it_however_deep() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        let images: Vec<Digest> =
            ["a", "b", "c"].map(|seed| tree.image("library/app", seed)).into();
        let inner = tree.index("library/app", &images);
        let outer = tree.index("library/app", &[inner.clone(), images[0].clone()]);
        tree.tag("library/app", "v1", &outer);
        let report = tree.import(&db).await;
        assert_eq!(report.problems, []);
        assert_eq!(report.manifests, 5);
        let id = here(&db, "library/app", inner.as_str()).await.unwrap().id;
        let repository = imports::repository(&db, &"library/app".parse().unwrap()).await.unwrap();
        let inner = Reference::Digest(inner);
        let found = artifacts::find(&db, repository.unwrap(), &inner).await.unwrap().unwrap();
        assert_eq!(found.id, id);
        let children: Vec<Digest> = found.children.into_iter().map(|child| child.digest).collect();
        assert_eq!(children, images);
    })
    .await;
}

#[tokio::test]
async fn more_than_a_page_and_a_batch_come_over() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        let images: Vec<Digest> =
            (0..260).map(|number| tree.image("library/many", &number.to_string())).collect();
        for number in 0..1_100 {
            tree.tag("library/many", &format!("t{number}"), &images[number % images.len()]);
        }
        let report = tree.import(&db).await;
        assert_eq!((report.manifests, report.tags, report.blobs), (260, 1_100, 520));
        assert_eq!(tags_of(&db, "library/many").await.len(), 1_100);
    })
    .await;
}

#[tokio::test]
async fn repositories_at_once_share_a_new_project_and_their_blobs() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        for number in 0..40 {
            let name = format!("library/app{number}");
            for seed in ["one", "two", "three"] {
                tree.tag(&name, seed, &tree.image(&name, seed));
            }
        }
        let report = tree.import(&db).await;
        assert_eq!(report.problems, []);
        assert_eq!((report.repositories, report.manifests, report.tags), (40, 120, 120));
        assert_eq!(report.blobs, 6);
        assert_eq!(tags_of(&db, "library/app39").await, ["one", "three", "two"]);
    })
    .await;
}

#[tokio::test]
async fn what_says_something_about_a_manifest_is_among_its_referrers() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        let image = tree.image("library/app", "one");
        let signature = tree.signature("library/app", &image);
        tree.import(&db).await;
        let id = imports::repository(&db, &"library/app".parse().unwrap()).await.unwrap().unwrap();
        let referrers = artifacts::referrers(&db, id, &image, None, None, 10).await.unwrap();
        let digests: Vec<Digest> = referrers.into_iter().map(|it| it.descriptor.digest).collect();
        assert_eq!(digests, [signature]);
    })
    .await;
}

#[tokio::test]
async fn the_config_tells_what_an_image_runs_on() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        let image = tree.image("library/app", "one");
        tree.import(&db).await;
        let id = imports::repository(&db, &"library/app".parse().unwrap()).await.unwrap().unwrap();
        let found = artifacts::find(&db, id, &Reference::Digest(image)).await.unwrap().unwrap();
        assert_eq!(found.platform.unwrap().to_string(), "linux/arm64");
    })
    .await;
}

#[tokio::test]
async fn a_name_without_a_project_goes_where_it_is_told_to_or_is_refused() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        tree.tag("alpine", "v1", &tree.image("alpine", "one"));
        tree.tag("a__b/c", "v1", &tree.image("a__b/c", "two"));
        let report = tree.import(&db).await;
        assert_eq!((report.repositories, report.manifests), (0, 0));
        let reasons: Vec<&str> = report.problems.iter().map(|it| it.reason.as_str()).collect();
        assert_eq!(
            reasons,
            [
                "a__b cannot be the name of a project: name a project for such repositories with --into",
                "its name has no project: name a project for such repositories with --into",
            ]
        );
        let mut options = options();
        options.placing = by_project(Some("mirror".parse().unwrap()));
        let report = tree.import_with(&db, &options).await;
        assert_eq!(report.problems, []);
        assert_eq!(tags_of(&db, "mirror/alpine").await, ["v1"]);
        assert_eq!(tags_of(&db, "mirror/a__b/c").await, ["v1"]);
    })
    .await;
}

#[tokio::test]
async fn two_repositories_do_not_become_one() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        tree.tag("alpine", "v1", &tree.image("alpine", "one"));
        tree.tag("library/alpine", "v2", &tree.image("library/alpine", "two"));
        let mut options = options();
        options.placing = by_project(Some("library".parse().unwrap()));
        let report = tree.import_with(&db, &options).await;
        assert_eq!(report.problems.len(), 1);
        assert_eq!(report.problems[0].path, "docker/registry/v2/repositories/alpine");
        assert!(report.problems[0].reason.contains("library/alpine"));
        assert_eq!(tags_of(&db, "library/alpine").await, ["v2"]);
    })
    .await;
}

#[tokio::test]
async fn a_storage_without_a_tree_is_an_error() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        let (progress, stop) = (Progress::default(), Shutdown::new());
        let ended = crate::run(&tree.store, &db, &options(), &progress, &stop).await;
        assert!(matches!(ended, Err(Error::NoTree)));
    })
    .await;
}

#[tokio::test]
async fn who_asks_for_a_tag_before_its_turn_gets_it() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        let index = tree.index("library/app", &[tree.image("library/app", "one")]);
        tree.tag("library/app", "v1", &index);
        tree.tag("library/app", "v2", &tree.image("library/app", "two"));
        let name = "library/app".parse().unwrap();
        let bring = async |reference: &str| {
            let reference = reference.parse().unwrap();
            crate::bring(&tree.store, &db, &options(), &name, &reference).await.unwrap()
        };
        assert!(!bring("absent").await);
        assert!(bring("v1").await);
        assert_eq!(tags_of(&db, "library/app").await, ["v1"]);
        assert_eq!(here(&db, "library/app", "v1").await.unwrap().digest, index);
        let report = tree.import(&db).await;
        assert_eq!((report.manifests, report.tags), (1, 1));
        // All that is not here now was deleted here.
        assert!(!bring("v3").await);
    })
    .await;
}

#[tokio::test]
async fn progress_counts_what_is_found_and_what_is_done() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        let image = tree.image("library/app", "one");
        tree.tag("library/app", "v1", &image);
        tree.tag("library/app", "v2", &image);
        let (progress, stop) = (Progress::default(), Shutdown::new());
        crate::run(&tree.store, &db, &options(), &progress, &stop).await.unwrap();
        assert!(progress.has_found_all());
        let counts = [&progress.repositories, &progress.manifests, &progress.tags]
            .map(|counter| (counter.found(), counter.done()));
        assert_eq!(counts, [(1, 1), (1, 1), (2, 2)]);
    })
    .await;
}
