//! The log of a test run: warnings are shown with the output of a test that fails, errors fail one.

use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;

static STARTED: OnceLock<()> = OnceLock::new();
static ERRORS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static EXPECTED: Mutex<Vec<String>> = Mutex::new(Vec::new());

pub(crate) fn start() {
    STARTED.get_or_init(|| {
        let shown = tracing_subscriber::fmt::layer().with_test_writer();
        let subscriber = tracing_subscriber::registry()
            .with(shown.with_filter(LevelFilter::WARN))
            .with(Errors.with_filter(LevelFilter::ERROR));
        if subscriber.try_init().is_err() {
            tracing::debug!("another subscriber is in place");
        }
    });
}

/// The errors that were logged since somebody looked: by the test that ends, or by one that runs beside it.
pub(crate) fn take_errors() -> Vec<String> {
    std::mem::take(&mut ERRORS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// An error with this text fails no test: one is about it.
pub(crate) fn expect(text: String) {
    EXPECTED.lock().unwrap_or_else(PoisonError::into_inner).push(text);
}

fn is_expected(line: &str) -> bool {
    let expected = EXPECTED.lock().unwrap_or_else(PoisonError::into_inner);
    expected.iter().any(|text| line.contains(text))
}

struct Errors;

impl<S: Subscriber> Layer<S> for Errors {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == Level::ERROR {
            let mut line = Line(format!("logged by {}:", event.metadata().target()));
            event.record(&mut line);
            if !is_expected(&line.0) {
                ERRORS.lock().unwrap_or_else(PoisonError::into_inner).push(line.0);
            }
        }
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!(" {field}={value:?}"));
    }
}
