//! The tables after the targets: everything that was measured, server beside server.

use super::summary::{Key, Row, Summary};
use super::{
    BARE, BEHIND_NGINX, BEHIND_NGINX_TLS, CHAINED, CHAINED_TLS, DEPLOYMENT, DEPLOYMENT_TLS, DIRECT,
    OURS,
};
use crate::measurement::Measurement;

/// Servers that are shown side by side.
struct Group {
    title: &'static str,
    servers: &'static [&'static str],
    ours: &'static str,
    /// What ours is compared with; the first one by CPU time too.
    bases: &'static [&'static str],
}

const GROUPS: [Group; 3] = [
    Group {
        title: "One process",
        servers: &[OURS, BARE, CHAINED],
        ours: OURS,
        bases: &[BARE, CHAINED],
    },
    Group {
        title: "The whole chain",
        servers: &[DEPLOYMENT, BEHIND_NGINX, DIRECT, CHAINED],
        ours: DEPLOYMENT,
        bases: &[CHAINED, BEHIND_NGINX],
    },
    Group {
        title: "The whole chain, over TLS",
        servers: &[DEPLOYMENT_TLS, BEHIND_NGINX_TLS, CHAINED_TLS],
        ours: DEPLOYMENT_TLS,
        bases: &[CHAINED_TLS, BEHIND_NGINX_TLS],
    },
];

/// In more than one group, and the reason to show none.
const SHARED: &str = CHAINED;

const SERVERS: [&str; 9] = [
    OURS,
    BARE,
    CHAINED,
    DEPLOYMENT,
    BEHIND_NGINX,
    DIRECT,
    DEPLOYMENT_TLS,
    BEHIND_NGINX_TLS,
    CHAINED_TLS,
];

/// Every group of which something was measured.
pub(super) fn groups(summary: &Summary) -> String {
    let mut text = String::new();
    for group in &GROUPS {
        if group.rows(summary).next().is_none() {
            continue;
        }
        text.push_str(&format!("## {}\n\n", group.title));
        let tables = [Group::throughput, Group::latency, Group::cpu, Group::trust];
        for table in tables {
            text.push_str(&table(group, summary));
            text.push('\n');
        }
    }
    text
}

impl Group {
    fn rows<'a>(&'a self, summary: &'a Summary) -> impl Iterator<Item = (&'a Key, &'a Row)> {
        let own = |row: &Row| self.servers.iter().any(|it| *it != SHARED && row.has(it));
        summary.rows.iter().filter(move |(_, row)| own(row))
    }

    /// A table of one line per work; `cells` fills what follows the work and its connections.
    fn table(
        &self,
        summary: &Summary,
        title: &str,
        columns: &[String],
        cells: impl Fn(&Row) -> Vec<String>,
    ) -> String {
        let mut text = format!("### {title}\n\n| work | connections |");
        for column in columns {
            text.push_str(&format!(" {column} |"));
        }
        text.push_str(&format!("\n|---|---|{}\n", "---|".repeat(columns.len())));
        for (key, row) in self.rows(summary) {
            let cells = cells(row).join(" | ");
            text.push_str(&format!("| {} | {} | {cells} |\n", key.name(), key.concurrency));
        }
        text
    }

    /// The servers' names, for columns.
    fn names(&self) -> Vec<String> {
        self.servers.iter().map(|server| (*server).to_owned()).collect()
    }

    fn cells(&self, row: &Row, cell: fn(&Row, &str) -> Option<String>) -> Vec<String> {
        self.servers.iter().map(|server| cell(row, server).unwrap_or_else(dash)).collect()
    }

    fn throughput(&self, summary: &Summary) -> String {
        let mut columns = self.names();
        columns.extend(self.bases.iter().map(|base| format!("{} ÷ {base}", self.ours)));
        self.table(summary, "Throughput", &columns, |row| {
            let mut cells = self.cells(row, speed);
            cells.extend(self.bases.iter().map(|base| times(row.ratio(self.ours, base))));
            cells
        })
    }

    fn latency(&self, summary: &Summary) -> String {
        let title = "Latency in milliseconds: p50 / p90 / p99 / max";
        self.table(summary, title, &self.names(), |row| self.cells(row, percentiles))
    }

    fn cpu(&self, summary: &Summary) -> String {
        let base = self.bases.first().copied();
        let mut columns = self.names();
        columns.extend(base.map(|base| format!("{base} ÷ {}", self.ours)));
        self.table(summary, "CPU time of the server", &columns, |row| {
            let mut cells = self.cells(row, cost);
            cells.extend(base.map(|base| times(row.cost_ratio(base, self.ours))));
            cells
        })
    }

    fn trust(&self, summary: &Summary) -> String {
        let mut columns: Vec<String> =
            self.servers.iter().map(|server| format!("spread {server}")).collect();
        columns.extend(["client", "others", "errors"].map(str::to_owned));
        let mut text = self.table(summary, "How far to trust this", &columns, |row| {
            let cores = |of: fn(&Measurement) -> f64| {
                let all = self.servers.iter().flat_map(|server| row.values(server, of));
                all.reduce(f64::max).map_or_else(dash, |cores| format!("{cores:.2}"))
            };
            let mut cells = self.cells(row, spread);
            cells.push(cores(Measurement::client_cores));
            cells.push(cores(Measurement::other_cores));
            cells.push(row.errors(self.servers).to_string());
            cells
        });
        text.push_str(
            "\nSpread is the slowest and the fastest round as a share of the median. Client and others are the most cores \
             that the load generator, and whatever else ran on the machine, kept busy in any round: cores that the server \
             could not have.\n",
        );
        text
    }
}

/// Bulk works in bytes, all others in operations.
fn speed(row: &Row, server: &str) -> Option<String> {
    if row.is_bulk() {
        let speed = row.median(server, Measurement::mib_per_second)?;
        return Some(format!("{speed:.0} MiB/s"));
    }
    Some(format!("{:.0}/s", row.median(server, Measurement::per_second)?))
}

fn percentiles(row: &Row, server: &str) -> Option<String> {
    let p50 = row.median(server, |one| one.latency_ms.p50)?;
    let p90 = row.median(server, |one| one.latency_ms.p90)?;
    let p99 = row.median(server, |one| one.latency_ms.p99)?;
    let max = row.median(server, |one| one.latency_ms.max)?;
    Some(format!("{p50:.2} / {p90:.2} / {p99:.2} / {max:.1}"))
}

fn cost(row: &Row, server: &str) -> Option<String> {
    if row.is_bulk() {
        let cost = row.median(server, Measurement::cpu_seconds_per_gib)?;
        return Some(format!("{cost:.2} s/GiB"));
    }
    Some(format!("{:.3} ms/op", row.median(server, Measurement::cpu_ms_per_operation)?))
}

fn spread(row: &Row, server: &str) -> Option<String> {
    let speeds = row.values(server, Measurement::per_second);
    let median = row.median(server, Measurement::per_second).filter(|median| *median > 0.0)?;
    let slowest = speeds.iter().copied().reduce(f64::min)?;
    let fastest = speeds.iter().copied().reduce(f64::max)?;
    Some(format!("{:.0}–{:.0} %", slowest / median * 100.0, fastest / median * 100.0))
}

/// Of every server that was measured.
pub(super) fn memory(summary: &Summary) -> String {
    let mut text = String::from(
        "## Memory of the server in MiB\n\nIdle is the median over rounds, loaded the worst moment of all works. A database \
         is not part of it.\n\n\
         | server | idle RSS | idle PSS | loaded RSS | loaded PSS |\n|---|---|---|---|---|\n",
    );
    let pair = |memory: Option<(f64, f64)>| match memory {
        Some((rss, pss)) => format!("{rss:.0} | {pss:.0}"),
        None => "– | –".to_owned(),
    };
    for server in SERVERS {
        let (idle, loaded) = (summary.idle(server), summary.loaded(server));
        if idle.or(loaded).is_some() {
            text.push_str(&format!("| {server} | {} | {} |\n", pair(idle), pair(loaded)));
        }
    }
    text
}

fn times(ratio: Option<f64>) -> String {
    ratio.map_or_else(dash, |ratio| format!("{ratio:.2}×"))
}

fn dash() -> String {
    "–".to_owned()
}
