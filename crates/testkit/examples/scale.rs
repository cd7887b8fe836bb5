//! What requests take as data grows: `cargo run --release -p testkit --example scale -- 1000 1000000`; on PostgreSQL with
//! `TEST_DATABASE_URL`.
//!
//! For each size, as many tags in one repository, and a tenth as many repositories; then the server is started anew, and
//! each request is sent many times, one after the other. Prints a table in Markdown.
#![expect(clippy::print_stdout, clippy::indexing_slicing, reason = "this is what it is for")]

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use auth::Action;
use bytes::Bytes;
use domain::artifacts::{self, Push, Required};
use domain::permit::RepositoryPermit;
use oci::{Digest, Manifest, Tag};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use testkit::{Actor, TestApp};

const REPOSITORY: &str = "library/many";
const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Pushes in one transaction while the data is made.
const TOGETHER: usize = 500;
/// Requests of each kind.
const REQUESTS: usize = 500;
/// That refer to one manifest.
const REFERRERS: usize = 1_000;
/// A repository for so many tags.
const TAGS_PER_REPOSITORY: usize = 10;

#[tokio::main]
async fn main() -> Result<()> {
    let sizes: Result<Vec<usize>, _> = std::env::args().skip(1).map(|size| size.parse()).collect();
    let sizes = sizes.context("a size is no number")?;
    ensure!(!sizes.is_empty(), "say how many tags, several times for several sizes");
    let (engine, mut app) = match TestApp::start_on_postgres().await {
        Some(app) => ("PostgreSQL", app),
        None => ("SQLite", TestApp::start().await),
    };
    println!("{engine}: p50 / p99 / slowest of {REQUESTS}, in milliseconds\n");
    let content = Content::upload(&app.admin()).await;
    let (mut tags, mut tables) = (0, Vec::new());
    for size in sizes {
        fill(&app, &content, tags..size).await?;
        tags = tags.max(size);
        app = app.restart().await;
        tables.push((size, measure(&app, &content, size).await?));
    }
    print(&tables);
    let delete = Instant::now();
    let path = "/projects/library/repositories/many";
    app.admin().api(Method::DELETE, path, None).await.ok();
    println!("\nDeletion of the repository with all its tags: {:.1} ms", millis(delete.elapsed()));
    drop(app.leaving_uploads(0));
    Ok(())
}

/// What all images share.
struct Content {
    config: Bytes,
    layer: Bytes,
}

impl Content {
    async fn upload(admin: &Actor) -> Self {
        let content =
            Self { config: Bytes::from_static(b"{}"), layer: Bytes::from_static(b"a layer") };
        admin.push_blob(REPOSITORY, &content.config).await.created();
        admin.push_blob(REPOSITORY, &content.layer).await.created();
        content
    }

    /// The image of that number.
    fn image(&self, number: usize) -> Vec<u8> {
        let descriptor = |kind: &str, bytes: &Bytes| json!({"mediaType": kind, "digest": Digest::of(bytes), "size": bytes.len()});
        let image = json!({
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "config": descriptor("application/vnd.oci.image.config.v1+json", &self.config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &self.layer)],
            "annotations": {"number": number.to_string()},
        });
        image.to_string().into_bytes()
    }

    /// A manifest that refers to the first image.
    fn referrer(&self, number: usize) -> Vec<u8> {
        let first = self.image(0);
        let referrer = json!({
            "schemaVersion": 2,
            "mediaType": INDEX,
            "artifactType": "application/vnd.example.signature",
            "manifests": [],
            "subject": {"mediaType": IMAGE, "digest": Digest::of(&first), "size": first.len()},
            "annotations": {"number": number.to_string()},
        });
        referrer.to_string().into_bytes()
    }
}

fn tag(number: usize) -> String {
    format!("t{number:08}")
}

async fn fill(app: &TestApp, content: &Content, tags: std::ops::Range<usize>) -> Result<()> {
    let permit = app.repository_permit(REPOSITORY, Action::Push).await;
    let first = tags.start == 0;
    let numbers: Vec<usize> = tags.clone().collect();
    for numbers in numbers.chunks(TOGETHER) {
        let images = numbers.iter().map(|&number| (tag(number), content.image(number)));
        push(app, &permit, images).await?;
    }
    if first {
        let referrers: Vec<usize> = (0..REFERRERS).collect();
        for numbers in referrers.chunks(TOGETHER) {
            let referrers = numbers.iter().map(|&number| (String::new(), content.referrer(number)));
            push(app, &permit, referrers).await?;
        }
    }
    let empty = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).to_string();
    for number in tags.start / TAGS_PER_REPOSITORY..tags.end / TAGS_PER_REPOSITORY {
        let permit = app.repository_permit(&repository(number), Action::Push).await;
        push(app, &permit, [("v1".to_owned(), empty.clone().into_bytes())].into_iter()).await?;
    }
    Ok(())
}

fn repository(number: usize) -> String {
    format!("library/r{number:07}")
}

/// In one transaction, past HTTP: as rows they are what a client's pushes would have left.
async fn push(
    app: &TestApp,
    permit: &RepositoryPermit,
    manifests: impl Iterator<Item = (String, Vec<u8>)>,
) -> Result<()> {
    let mut tx = app.instance.db.begin().await?;
    for (tag, content) in manifests {
        let tag: Option<Tag> = tag.parse().ok();
        let manifest = Manifest::parse(None, &content)?;
        let push = Push {
            tags: tag.as_slice(),
            manifest: &manifest,
            digest: &Digest::of(&content),
            content: &content,
            platform: None,
            required: &Required::All,
        };
        artifacts::push(&mut tx, permit, &push, app.now()).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Kinds of requests, each with its times in order.
type Table = Vec<(&'static str, Vec<Duration>)>;

struct Client {
    actor: Actor,
    token: String,
}

impl Client {
    fn registry(&self, method: Method, path: &str) -> RequestBuilder {
        self.actor.plain(method, &format!("/v2/{path}")).bearer_auth(&self.token)
    }
}

async fn measure(app: &TestApp, content: &Content, size: usize) -> Result<Table> {
    let actor = app.admin();
    let scope = format!("repository:{REPOSITORY}:pull,push,delete");
    let token = actor.token(&[&scope, "registry:catalog:*"]).await;
    let client = Client { actor, token };
    let some = |index: usize| spread(index, size);
    let last = |index: usize| repository(spread(index, size / TAGS_PER_REPOSITORY));
    let subject = Digest::of(&content.image(0));
    let mut table = vec![("start until clients can connect", vec![app.started_in])];
    let mut add = |kind, times| table.push((kind, times));
    let get = |path: String| client.registry(Method::GET, &path);
    let page = |index| get(format!("{REPOSITORY}/tags/list?n=100&last={}", tag(some(index))));
    add("a page of 100 tags", times(&client, 200, page).await?);
    let page = |index| get(format!("_catalog?n=100&last={}", last(index)));
    add("a page of 100 repositories", times(&client, 200, page).await?);
    let page = |_| get(format!("{REPOSITORY}/referrers/{subject}"));
    add("a page of referrers", times(&client, 200, page).await?);
    let pull = |index| get(format!("{REPOSITORY}/manifests/{}", tag(some(index))));
    add("GET of a manifest by tag", times(&client, 200, pull).await?);
    let put = |index| {
        let path = format!("{REPOSITORY}/manifests/new{size}-{index}");
        let body = content.image(usize::MAX - size - index);
        client.registry(Method::PUT, &path).header("content-type", IMAGE).body(body)
    };
    add("PUT of a manifest by tag", times(&client, 201, put).await?);
    let delete = |index| {
        let path = format!("{REPOSITORY}/manifests/new{size}-{index}");
        client.registry(Method::DELETE, &path)
    };
    add("DELETE of a tag", times(&client, 202, delete).await?);
    let delete = |index| {
        let digest = Digest::of(&content.image(usize::MAX - size - index));
        client.registry(Method::DELETE, &format!("{REPOSITORY}/manifests/{digest}"))
    };
    add("DELETE of a manifest", times(&client, 202, delete).await?);
    let list = "/api/v2.0/projects/library/repositories?page_size=15";
    let page = |_| client.actor.request(Method::GET, list);
    add("REST: 15 repositories, and how many there are", times(&client, 200, page).await?);
    let list = "/api/v2.0/projects/library/repositories/many/artifacts?page_size=15";
    let page = |_| client.actor.request(Method::GET, list);
    add("REST: 15 artifacts, and how many there are", times(&client, 200, page).await?);
    Ok(table)
}

/// Some of `size`, all over it.
fn spread(index: usize, size: usize) -> usize {
    index.wrapping_mul(0x9E37_79B9_7F4A_7C15) % size.max(1)
}

async fn times(
    client: &Client,
    status: u16,
    request: impl Fn(usize) -> RequestBuilder,
) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(REQUESTS);
    for index in 0..REQUESTS {
        let request = request(index);
        let began = Instant::now();
        let answer = client.actor.send(request).await;
        times.push(began.elapsed());
        ensure!(answer.status == status, "{}: {}", answer.what, answer.text());
    }
    times.sort();
    Ok(times)
}

fn print(tables: &[(usize, Table)]) {
    let mut text = String::from("| |");
    for (size, _) in tables {
        text += &format!(" {size} tags, {} repositories |", size / TAGS_PER_REPOSITORY);
    }
    text += "\n|---|";
    text += &"---|".repeat(tables.len());
    let kinds = tables.first().map(|(_, table)| table.as_slice()).unwrap_or_default();
    for (row, (kind, _)) in kinds.iter().enumerate() {
        text += &format!("\n| {kind} |");
        for (_, table) in tables {
            let times = &table[row].1;
            let at = |share: f64| millis(times[place(share, times.len())]);
            let cell = match times.len() {
                1 => format!(" {:.0} |", at(1.0)),
                _ => format!(" {:.2} / {:.2} / {:.2} |", at(0.5), at(0.99), at(1.0)),
            };
            text += &cell;
        }
    }
    println!("{text}");
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a few hundred"
)]
fn place(share: f64, of: usize) -> usize {
    ((of as f64 * share) as usize).min(of - 1)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
