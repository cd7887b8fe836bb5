//! The tables after the targets: everything that was measured, server beside server.

use super::summary::{Key, Row, Summary};
use super::{BARE, CHAINED, OURS};
use crate::measurement::Measurement;

const SERVERS: [&str; 3] = [OURS, BARE, CHAINED];

/// A table of one line per work; `cells` fills what follows the work and its connections.
fn table(
    summary: &Summary,
    title: &str,
    columns: &[&str],
    cells: impl Fn(&Row) -> Vec<String>,
) -> String {
    let mut text = format!("## {title}\n\n| work | connections |");
    for column in columns {
        text.push_str(&format!(" {column} |"));
    }
    text.push_str(&format!("\n|---|---|{}\n", "---|".repeat(columns.len())));
    for (key, row) in &summary.rows {
        text.push_str(&line(key, &cells(row)));
    }
    text
}

fn line(key: &Key, cells: &[String]) -> String {
    format!("| {} | {} | {} |\n", key.name(), key.concurrency, cells.join(" | "))
}

pub(super) fn throughput(summary: &Summary) -> String {
    let columns =
        [OURS, BARE, CHAINED, "harbor ÷ docker-registry", "harbor ÷ docker-registry-nginx"];
    table(summary, "Throughput", &columns, |row| {
        let mut cells: Vec<String> =
            SERVERS.iter().map(|server| shown(row, server, speed)).collect();
        cells.push(times(row.ratio(OURS, BARE)));
        cells.push(times(row.ratio(OURS, CHAINED)));
        cells
    })
}

/// Bulk works in bytes, all others in operations.
fn speed(row: &Row, server: &str) -> Option<String> {
    if row.is_bulk() {
        let speed = row.median(server, Measurement::mib_per_second)?;
        return Some(format!("{speed:.0} MiB/s"));
    }
    Some(format!("{:.0}/s", row.median(server, Measurement::per_second)?))
}

pub(super) fn latency(summary: &Summary) -> String {
    let title = "Latency in milliseconds: p50 / p90 / p99 / max";
    table(summary, title, &SERVERS, |row| {
        SERVERS.iter().map(|server| shown(row, server, percentiles)).collect()
    })
}

fn percentiles(row: &Row, server: &str) -> Option<String> {
    let p50 = row.median(server, |one| one.latency_ms.p50)?;
    let p90 = row.median(server, |one| one.latency_ms.p90)?;
    let p99 = row.median(server, |one| one.latency_ms.p99)?;
    let max = row.median(server, |one| one.latency_ms.max)?;
    Some(format!("{p50:.2} / {p90:.2} / {p99:.2} / {max:.1}"))
}

pub(super) fn cpu(summary: &Summary) -> String {
    let columns = [OURS, BARE, CHAINED, "docker-registry ÷ harbor"];
    table(summary, "CPU time of the server", &columns, |row| {
        let mut cells: Vec<String> =
            SERVERS.iter().map(|server| shown(row, server, cost)).collect();
        let of = |server| row.median(server, Measurement::cpu_ms_per_operation);
        let ours = of(OURS).filter(|ours| *ours > 0.0);
        cells.push(times(of(BARE).zip(ours).map(|(bare, ours)| bare / ours)));
        cells
    })
}

fn cost(row: &Row, server: &str) -> Option<String> {
    if row.is_bulk() {
        let cost = row.median(server, Measurement::cpu_seconds_per_gib)?;
        return Some(format!("{cost:.2} s/GiB"));
    }
    Some(format!("{:.3} ms/op", row.median(server, Measurement::cpu_ms_per_operation)?))
}

pub(super) fn memory(summary: &Summary) -> String {
    let mut text = String::from(
        "## Memory of the server in MiB\n\nIdle is the median over rounds, loaded the worst moment of all works.\n\n\
         | server | idle RSS | idle PSS | loaded RSS | loaded PSS |\n|---|---|---|---|---|\n",
    );
    for server in SERVERS {
        let pair = |memory: Option<(f64, f64)>| match memory {
            Some((rss, pss)) => format!("{rss:.0} | {pss:.0}"),
            None => "– | –".to_owned(),
        };
        let (idle, loaded) = (pair(summary.idle(server)), pair(summary.loaded(server)));
        text.push_str(&format!("| {server} | {idle} | {loaded} |\n"));
    }
    text
}

pub(super) fn trust(summary: &Summary) -> String {
    let columns = ["spread harbor", "spread docker-registry", "client", "others", "errors"];
    let mut text = table(summary, "How far to trust this", &columns, |row| {
        let cores = |of: fn(&Measurement) -> f64| {
            let busiest = SERVERS.iter().flat_map(|server| row.values(server, of)).reduce(f64::max);
            busiest.map_or_else(dash, |cores| format!("{cores:.2}"))
        };
        vec![
            spread(row, OURS),
            spread(row, BARE),
            cores(|one| per_second(one, one.cost.client_cpu_seconds)),
            cores(|one| per_second(one, one.cost.other_cpu_seconds)),
            row.errors().to_string(),
        ]
    });
    text.push_str(
        "\nSpread is the slowest and the fastest round as a share of the median. Client and others are the most cores \
         that the load generator, and whatever else ran on the machine, kept busy in any round: cores that the server \
         could not have.\n",
    );
    text
}

fn per_second(measurement: &Measurement, seconds: f64) -> f64 {
    if measurement.seconds > 0.0 { seconds / measurement.seconds } else { 0.0 }
}

fn spread(row: &Row, server: &str) -> String {
    let speeds = row.values(server, Measurement::per_second);
    let median = row.median(server, Measurement::per_second).filter(|median| *median > 0.0);
    let slowest = speeds.iter().copied().reduce(f64::min);
    let fastest = speeds.iter().copied().reduce(f64::max);
    match (median, slowest, fastest) {
        (Some(median), Some(slowest), Some(fastest)) => {
            format!("{:.0}–{:.0} %", slowest / median * 100.0, fastest / median * 100.0)
        }
        _ => dash(),
    }
}

fn shown(row: &Row, server: &str, cell: fn(&Row, &str) -> Option<String>) -> String {
    cell(row, server).unwrap_or_else(dash)
}

fn times(ratio: Option<f64>) -> String {
    ratio.map_or_else(dash, |ratio| format!("{ratio:.2}×"))
}

fn dash() -> String {
    "–".to_owned()
}
