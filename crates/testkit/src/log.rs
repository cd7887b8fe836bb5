//! The log of a test run: warnings are shown with the output of a test that fails.

use std::sync::OnceLock;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

static STARTED: OnceLock<()> = OnceLock::new();

pub(crate) fn start() {
    STARTED.get_or_init(|| {
        let shown = tracing_subscriber::fmt::layer().with_test_writer();
        let subscriber = tracing_subscriber::registry().with(shown.with_filter(LevelFilter::WARN));
        if subscriber.try_init().is_err() {
            tracing::debug!("another subscriber is in place");
        }
    });
}
