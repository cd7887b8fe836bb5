//! The long soak: `cargo run --release -p testkit --example soak -- 100000`; on PostgreSQL with `TEST_DATABASE_URL`.
//!
//! Prints what came of it, and fails if a push failed, a blob was lost, or anything was left over.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testkit::TestApp;
use testkit::soak::{self, Plan};

#[tokio::main]
async fn main() -> Result<()> {
    let pushes = std::env::args().nth(1).context("say how many images are pushed")?;
    let plan = Plan {
        pushes: pushes.parse().context("the number of pushes is none")?,
        pushers: 8,
        repositories: 50,
        layers: 2_000,
        kept: 500,
        lease: Duration::from_secs(20),
    };
    let clock = soak::clock();
    let (engine, app) = match TestApp::start_on_postgres_at(clock.clone()).await {
        Some(app) => ("PostgreSQL", app),
        None => ("SQLite", TestApp::start_at(clock).await),
    };
    let outcome = soak::run(&app, plan).await;
    drop(app);
    #[expect(clippy::print_stdout, reason = "this is what it is for")]
    {
        println!("{engine}: {outcome:#?}");
    }
    ensure!(outcome.failures.is_empty(), "{} things went wrong", outcome.failures.len());
    Ok(())
}
