//! What is damaged in a tree is listed with its path and why, and the rest comes over.

use domain::testing::each_engine;
use domain::{blobs, imports};
use oci::Digest;
use serde_json::json;

use super::fixture::{Tree, here, options, tags_of};
use crate::{Kind, Options, Report};

/// The problems as `kind path: reason`, their paths without what all have in common.
fn told(report: &Report) -> Vec<String> {
    let line = |problem: &crate::Problem| {
        let path = problem.path.trim_start_matches("docker/registry/v2/");
        format!("{:?} {path}: {}", problem.kind, problem.reason)
    };
    report.problems.iter().map(line).collect()
}

/// Damages a tree of one image with tag `v1`; that must be told, and the whole image beside it comes over.
async fn check(damage: impl Fn(&Tree, &Digest), expected: impl Fn(&Digest) -> Vec<String>) {
    each_engine(async |db| {
        let tree = Tree::new().await;
        let image = tree.image("library/app", "one");
        tree.tag("library/app", "v1", &image);
        tree.tag("library/app", "whole", &tree.image("library/app", "whole"));
        damage(&tree, &image);
        let report = tree.import(&db).await;
        assert!(report.complete);
        assert_eq!(told(&report), expected(&image));
        assert_eq!(tags_of(&db, "library/app").await, ["whole"]);
    })
    .await;
}

#[tokio::test]
async fn an_empty_tag() {
    let path = Tree::tag_path("library/app", "v1");
    let damage = |tree: &Tree, _: &Digest| tree.write(&path, b"");
    check(damage, |_| vec![format!("Link {path}: the link is empty")]).await;
}

#[tokio::test]
async fn a_tag_that_holds_anything() {
    let path = Tree::tag_path("library/app", "v1");
    let damage = |tree: &Tree, _: &Digest| tree.write(&path, &[0; 71]);
    check(damage, |_| vec![format!("Link {path}: the link holds no digest")]).await;
}

#[tokio::test]
async fn a_tag_of_a_deleted_manifest() {
    let path = Tree::tag_path("library/app", "v1");
    let damage = |tree: &Tree, image: &Digest| {
        tree.remove(&Tree::revision_path("library/app", image));
    };
    let expected =
        |image: &Digest| vec![format!("Link {path}: it names {image}, which was deleted")];
    check(damage, expected).await;
}

#[tokio::test]
async fn a_manifest_whose_bytes_are_not_there() {
    let damage = |tree: &Tree, image: &Digest| tree.remove(&Tree::blob_path(image));
    let expected = |image: &Digest| manifest_and_tag(image, "is not in the storage");
    check(damage, expected).await;
}

#[tokio::test]
async fn a_manifest_with_other_bytes() {
    let damage = |tree: &Tree, image: &Digest| tree.write(&Tree::blob_path(image), b"{}");
    let other = Digest::of(b"{}");
    let expected =
        |image: &Digest| manifest_and_tag(image, &format!("is damaged: its content is {other}"));
    check(damage, expected).await;
}

fn manifest_and_tag(image: &Digest, fault: &str) -> Vec<String> {
    let revision = Tree::revision_path("library/app", image);
    let tag = Tree::tag_path("library/app", "v1");
    vec![
        format!("Manifest {revision}: the manifest {fault}"),
        format!("Link {tag}: it names {image}, which {fault}"),
    ]
}

#[tokio::test]
async fn an_empty_revision() {
    let damage = |tree: &Tree, image: &Digest| {
        tree.write(&Tree::revision_path("library/app", image), b"");
        tree.remove(&Tree::tag_path("library/app", "v1"));
    };
    let expected = |image: &Digest| {
        vec![format!("Link {}: the link is empty", Tree::revision_path("library/app", image))]
    };
    check(damage, expected).await;
}

#[tokio::test]
async fn schema_1_is_told_with_its_remedy_and_left() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        let old = json!({"schemaVersion": 1, "name": "library/app", "tag": "v1", "fsLayers": []});
        let old = tree.manifest("library/app", &old);
        tree.tag("library/app", "v1", &old);
        let report = tree.import(&db).await;
        let lines = told(&report);
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("Manifest"), "{lines:?}");
        assert!(lines.iter().all(|line| line.contains("skopeo copy --format v2s2")), "{lines:?}");
        assert_eq!(imports::repository(&db, &"library/app".parse().unwrap()).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn an_image_without_a_layer_is_served_and_told() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        let image = tree.image("library/app", "one");
        tree.tag("library/app", "v1", &image);
        let layer = Digest::of(b"layer of one");
        tree.remove(&Tree::blob_path(&layer));
        let report = tree.import(&db).await;
        let incomplete = format!(
            "Incomplete {}: library/app@{image} was imported, but is not whole: {layer} is not in the storage",
            Tree::blob_path(&image)
        );
        let link = format!(
            "Link {}: the blob that it names is not in the storage",
            Tree::layer_path("library/app", &layer)
        );
        assert_eq!(told(&report), [incomplete, link]);
        assert_eq!(here(&db, "library/app", "v1").await.unwrap().digest, image);
    })
    .await;
}

#[tokio::test]
async fn a_layer_that_was_cut_short_does_not_become_a_blob_of_the_image() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        let image = tree.image("library/app", "one");
        let layer = Digest::of(b"layer of one");
        tree.write(&Tree::blob_path(&layer), b"layer");
        let report = tree.import(&db).await;
        assert_eq!(report.problems.len(), 1);
        assert_eq!(report.problems[0].kind, Kind::Incomplete);
        let reason = format!("{layer} has 5 bytes, and the manifest says 12");
        assert!(report.problems[0].reason.ends_with(&reason), "{report:?}");
        let id = imports::repository(&db, &"library/app".parse().unwrap()).await.unwrap().unwrap();
        let blob = blobs::find(&db, id, &layer).await.unwrap().unwrap();
        assert!(blob.leased_at.is_some(), "it has a link, and no image holds it");
        assert!(here(&db, "library/app", image.as_str()).await.is_some());
    })
    .await;
}

#[tokio::test]
async fn a_layer_that_a_manifest_names_and_the_repository_never_had_is_not_given_to_it() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        tree.image("library/private", "secret");
        let layer = b"layer of secret";
        let digest = Digest::of(layer);
        let thief = tree.manifest(
            "library/app",
            &json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": tree.layer("library/app", b"{}"),
                "layers": [{
                    "mediaType": "application/vnd.oci.image.layer.v1.tar",
                    "digest": digest, "size": layer.len(),
                }],
            }),
        );
        tree.tag("library/app", "v1", &thief);
        for _ in 0..2 {
            let report = tree.import_with(&db, &Options { again: true, ..options() }).await;
            assert_eq!(report.problems.len(), 1, "{report:?}");
            assert_eq!(report.problems[0].kind, Kind::Incomplete);
            let reason = format!("is not whole: {digest} is not in the repository");
            assert!(report.problems[0].reason.ends_with(&reason), "{report:?}");
            let found = async |name: &str| {
                let id = imports::repository(&db, &name.parse().unwrap()).await.unwrap().unwrap();
                blobs::find(&db, id, &digest).await.unwrap()
            };
            assert_eq!(found("library/app").await, None);
            assert!(found("library/private").await.is_some());
        }
        assert_eq!(here(&db, "library/app", "v1").await.unwrap().digest, thief);
    })
    .await;
}

#[tokio::test]
async fn an_index_without_one_of_its_images_is_served_and_told() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        let images = ["a", "b"].map(|seed| tree.image("library/app", seed));
        let index = tree.index("library/app", &images);
        tree.tag("library/app", "v1", &index);
        tree.remove(&Tree::revision_path("library/app", &images[1]));
        let report = tree.import(&db).await;
        assert_eq!(report.problems.len(), 1);
        let reason = format!("is not whole: {} is not in the repository", images[1]);
        assert!(report.problems[0].reason.ends_with(&reason), "{report:?}");
        assert_eq!(here(&db, "library/app", "v1").await.unwrap().digest, index);
    })
    .await;
}

#[tokio::test]
async fn only_who_asks_for_it_has_layers_read() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        tree.image("library/app", "one");
        let layer = Digest::of(b"layer of one");
        tree.write(&Tree::blob_path(&layer), b"LAYER OF ONE");
        let mut options = options();
        options.verify = true;
        let report = tree.import_with(&db, &options).await;
        let actual = Digest::of(b"LAYER OF ONE");
        let reason = format!("{layer} is damaged: its content is {actual}");
        assert!(report.problems[0].reason.ends_with(&reason), "{report:?}");
        let id = imports::repository(&db, &"library/app".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(blobs::find(&db, id, &layer).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn layers_are_taken_by_their_names_otherwise() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        tree.image("library/app", "one");
        let layer = Digest::of(b"layer of one");
        tree.write(&Tree::blob_path(&layer), b"LAYER OF ONE");
        assert_eq!(tree.import(&db).await.problems, []);
    })
    .await;
}

#[tokio::test]
async fn a_name_that_no_repository_can_have() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        let image = tree.image("library/Upper", "one");
        tree.tag("library/Upper", "v1", &image);
        let report = tree.import(&db).await;
        let lines = told(&report);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("Name repositories/library/Upper: a repository name is"));
    })
    .await;
}

#[tokio::test]
async fn half_uploads_are_counted_and_left() {
    each_engine(async |db| {
        let tree = Tree::new().await;
        tree.image("library/app", "one");
        for id in ["a", "b"] {
            tree.write(&format!("repositories/library/app/_uploads/{id}/startedat"), b"2026");
            tree.write(&format!("repositories/library/app/_uploads/{id}/data"), b"half");
        }
        let report = tree.import(&db).await;
        assert_eq!((report.uploads, report.problems), (2, vec![]));
    })
    .await;
}
