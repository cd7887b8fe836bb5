//! What an import says: on standard error while it runs, on standard output when it has ended.

use std::io::{IsTerminal, stderr};
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context, Result};
use import::{Counter, Progress, Report};

use crate::backup::progress::{ELSEWHERE, ON_TERMINAL, amount, clear, show};
use crate::output::print;

/// Waits for the import, and shows now and then how far it is.
pub(super) async fn while_it_runs<T>(
    mut importing: Pin<Box<impl Future<Output = T>>>,
    progress: &Progress,
) -> T {
    let is_terminal = stderr().is_terminal();
    let pause: Duration = if is_terminal { ON_TERMINAL } else { ELSEWHERE };
    loop {
        if let Ok(ended) = tokio::time::timeout(pause, &mut importing).await {
            clear(is_terminal);
            return ended;
        }
        show(&line(progress), is_terminal);
    }
}

fn line(progress: &Progress) -> String {
    // What was found grows until the whole tree was seen.
    let of = if progress.has_found_all() { "of" } else { "of at least" };
    let part = |counter: &Counter| format!("{} {of} {}", counter.done(), counter.found());
    format!(
        "imported {} repositories, {} manifests, {} tags",
        part(&progress.repositories),
        part(&progress.manifests),
        part(&progress.tags)
    )
}

pub(super) fn tell(report: &Report, json: bool) -> Result<()> {
    if json {
        let text = serde_json::to_string_pretty(report).context("cannot write the report")?;
        print(&text);
        return Ok(());
    }
    for problem in &report.problems {
        print(&format!("{}: {}", problem.path, problem.reason));
    }
    if report.unlisted > 0 {
        print(&format!("… and {} more", report.unlisted));
    }
    for line in summary(report) {
        print(&line);
    }
    Ok(())
}

fn summary(report: &Report) -> Vec<String> {
    let mut lines = vec![format!(
        "read {} repositories; new are {} manifests, {} tags and {} blobs with {}",
        report.repositories,
        report.manifests,
        report.tags,
        report.blobs,
        amount(report.bytes)
    )];
    if !report.projects.is_empty() {
        let names: Vec<&str> = report.projects.iter().map(String::as_str).collect();
        lines.push(format!(
            "new projects, which nobody but a system administrator sees until they have members or are made public: {}",
            names.join(", ")
        ));
    }
    let mut line = |count: u64, text: &str| {
        if count > 0 {
            lines.push(format!("{count} {text}"));
        }
    };
    line(report.duplicates, "blobs of the tree are here already; those in the tree are not used");
    line(
        report.deleted,
        "manifests and tags were deleted here and stay so; --again brings them back",
    );
    line(report.uploads, "uploads had not ended; they are left alone");
    lines
}
