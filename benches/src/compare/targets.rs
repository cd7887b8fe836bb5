//! What is to be reached, and whether it is.

use super::summary::{Key, Row, Summary};
use super::{BARE, CHAINED, OURS};

/// `factor` times the work per second that `base` does.
struct Speed {
    name: &'static str,
    work: &'static str,
    factor: f64,
    base: &'static str,
}

const fn speed(name: &'static str, work: &'static str, factor: f64, base: &'static str) -> Speed {
    Speed { name, work, factor, base }
}

const SPEEDS: &[Speed] = &[
    speed("small image push", "image-push", 3.0, BARE),
    speed("small image pull", "image-pull", 5.0, BARE),
    speed("manifest GET by tag", "manifest-get-tag", 5.0, BARE),
    speed("manifest GET by digest", "manifest-get-digest", 5.0, BARE),
    speed("manifest HEAD by tag", "manifest-head-tag", 5.0, BARE),
    speed("manifest HEAD by digest", "manifest-head-digest", 5.0, BARE),
    speed("32 MiB blob push", "blob-push-32m", 2.0, BARE),
    speed("128 MiB blob pull", "blob-pull-128m", 1.5, BARE),
    speed("128 MiB blob pull", "blob-pull-128m", 5.0, CHAINED),
];

const LOADED_MIB: f64 = 120.0;
const IDLE_MIB: f64 = 40.0;

pub(super) fn section(summary: &Summary) -> String {
    let mut text = String::from(
        "## Targets\n\nSpeeds are operations per second as a multiple of the other server's.\n\n\
         | target | connections | wanted | measured | |\n|---|---|---|---|---|\n",
    );
    for speed in SPEEDS {
        let rows = summary.rows.iter().filter(|(key, _)| key.work == speed.work);
        for (key, row) in rows {
            let upload = if key.upload.is_empty() { "" } else { " by " };
            text.push_str(&format!(
                "| {}{upload}{} | {} | {}\n",
                speed.name,
                key.upload.to_uppercase(),
                key.concurrency,
                verdict(speed, row)
            ));
        }
    }
    let loaded = summary.loaded(OURS).map(|(rss, _)| rss);
    text.push_str(&limit("memory under load, peak RSS", LOADED_MIB, loaded));
    let idle = summary.idle(OURS).map(|(rss, _)| rss);
    text.push_str(&limit("memory idle, RSS", IDLE_MIB, idle));
    text
}

/// The works that do not reach every target set for them.
pub(super) fn missed(summary: &Summary) -> Vec<&Key> {
    let misses = |key: &Key, row: &Row| {
        let mut speeds = SPEEDS.iter().filter(|speed| speed.work == key.work);
        speeds.any(|speed| row.ratio(OURS, speed.base).is_some_and(|ratio| ratio < speed.factor))
    };
    summary.rows.iter().filter(|(key, row)| misses(key, row)).map(|(key, _)| key).collect()
}

fn verdict(speed: &Speed, row: &Row) -> String {
    let Speed { factor, base, .. } = speed;
    match row.ratio(OURS, base) {
        None => format!("≥ {factor}× {base} | – | not measured |"),
        Some(_) if row.errors() > 0 => format!("≥ {factor}× {base} | – | **had errors** |"),
        Some(ratio) => {
            let verdict = judge(ratio >= *factor);
            format!("≥ {factor}× {base} | {ratio:.2}× | {verdict} |")
        }
    }
}

fn limit(name: &str, most: f64, measured: Option<f64>) -> String {
    match measured {
        None => format!("| {name} | | ≤ {most} MiB | – | not measured |\n"),
        Some(value) => {
            format!("| {name} | | ≤ {most} MiB | {value:.0} MiB | {} |\n", judge(value <= most))
        }
    }
}

fn judge(reached: bool) -> &'static str {
    if reached { "reached" } else { "**falls short**" }
}
