//! The short form of the soak; `crates/testkit/examples/soak.rs` is the long one.

use std::time::Duration;

use testkit::TestApp;
use testkit::soak::{self, Plan};

const PLAN: Plan = Plan {
    pushes: 400,
    pushers: 4,
    repositories: 6,
    layers: 40,
    kept: 60,
    lease: Duration::from_secs(3),
};

async fn holds(app: TestApp) {
    let outcome = soak::run(&app, PLAN).await;
    assert!(outcome.failures.is_empty(), "{outcome:#?}");
    assert_eq!(outcome.pushed, PLAN.pushes);
    assert!(outcome.deleted >= 300 && outcome.verified >= 60, "{outcome:#?}");
    // What was pushed and is not kept is gone: the configs of deleted images, each once.
    assert!(outcome.collected_blobs >= outcome.deleted, "{outcome:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_and_deletions_beside_endless_collections_lose_nothing_and_leave_nothing() {
    holds(TestApp::start_at(soak::clock()).await).await;
    if let Some(app) = TestApp::start_on_postgres_at(soak::clock()).await {
        holds(app).await;
    }
}
