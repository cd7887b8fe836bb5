//! What is to be reached, and whether it is.

use super::summary::{Key, Row, Summary};
use super::{
    BARE, BEHIND_NGINX, BEHIND_NGINX_TLS, CHAINED, CHAINED_TLS, DEPLOYMENT, DEPLOYMENT_TLS, DIRECT,
    OURS,
};
use crate::measurement::Measurement;

/// What `server` is to do better than `base`.
struct Target {
    name: &'static str,
    work: &'static str,
    server: &'static str,
    goal: Goal,
    base: &'static str,
}

#[derive(Clone, Copy)]
enum Goal {
    /// At least this many times the operations per second.
    Speed(f64),
    /// At most this many times the CPU time per operation, and so per byte.
    Cost(f64),
}

/// Alone, as `registry:2` runs.
const fn alone(name: &'static str, work: &'static str, factor: f64, base: &'static str) -> Target {
    Target { name, work, server: OURS, goal: Goal::Speed(factor), base }
}

/// As [`alone`], of CPU time.
const fn cheap(name: &'static str, work: &'static str, factor: f64) -> Target {
    Target { name, work, server: OURS, goal: Goal::Cost(factor), base: BARE }
}

/// Through the proxy.
const fn plain(name: &'static str, work: &'static str, goal: Goal) -> Target {
    Target { name, work, server: DEPLOYMENT, goal, base: CHAINED }
}

const fn tls(name: &'static str, work: &'static str, goal: Goal) -> Target {
    Target { name, work, server: DEPLOYMENT_TLS, goal, base: CHAINED_TLS }
}

/// The proxy itself, beside nginx that sends the same files from the same services.
const fn front(server: &'static str, base: &'static str) -> Target {
    let (name, work) = ("128 MiB blob pull", "blob-pull-128m");
    Target { name, work, server, goal: Goal::Speed(0.8), base }
}

const TARGETS: &[Target] = &[
    alone("small image push", "image-push", 3.0, BARE),
    alone("small image pull", "image-pull", 5.0, BARE),
    alone("push of blobs of 1 to 16 KiB", "blob-push-small", 10.0, BARE),
    alone("manifest PUT by tag", "manifest-put-tag", 8.0, BARE),
    alone("manifest PUT by digest", "manifest-put-digest", 8.0, BARE),
    alone("manifest GET by tag", "manifest-get-tag", 10.0, BARE),
    alone("manifest GET by digest", "manifest-get-digest", 10.0, BARE),
    alone("manifest HEAD by tag", "manifest-head-tag", 10.0, BARE),
    alone("manifest HEAD by digest", "manifest-head-digest", 10.0, BARE),
    alone("32 MiB blob push", "blob-push-32m", 2.0, BARE),
    cheap("CPU time of a 128 MiB blob push", "blob-push-128m", 0.5),
    alone("128 MiB blob pull", "blob-pull-128m", 1.5, BARE),
    alone("128 MiB blob pull", "blob-pull-128m", 5.0, CHAINED),
    plain("small image pull", "image-pull", Goal::Speed(5.0)),
    plain("manifest GET by tag", "manifest-get-tag", Goal::Speed(4.0)),
    plain("manifest GET by digest", "manifest-get-digest", Goal::Speed(4.0)),
    plain("128 MiB blob pull", "blob-pull-128m", Goal::Speed(5.0)),
    plain("CPU time of a 128 MiB blob pull", "blob-pull-128m", Goal::Cost(0.3)),
    plain("small image push", "image-push", Goal::Speed(2.0)),
    tls("small image pull", "image-pull", Goal::Speed(5.0)),
    tls("manifest GET by tag", "manifest-get-tag", Goal::Speed(4.0)),
    tls("manifest GET by digest", "manifest-get-digest", Goal::Speed(4.0)),
    tls("128 MiB blob pull", "blob-pull-128m", Goal::Speed(5.0)),
    tls("CPU time of a 128 MiB blob pull", "blob-pull-128m", Goal::Cost(0.3)),
    tls("small image push", "image-push", Goal::Speed(2.0)),
    front(DEPLOYMENT, BEHIND_NGINX),
    front(DEPLOYMENT_TLS, BEHIND_NGINX_TLS),
];

/// What the way through the proxy may add to the median latency of the work, with one connection.
const HOP_WORK: &str = "manifest-get-tag";
const HOP_MS: f64 = 0.3;

/// What a server may hold.
struct Limit {
    server: &'static str,
    state: State,
    kind: Kind,
    mebibytes: f64,
}

#[derive(Clone, Copy)]
enum State {
    Idle,
    Loaded,
}

/// Many processes of one program share pages, and what they hold together is their PSS.
#[derive(Clone, Copy)]
enum Kind {
    Rss,
    Pss,
}

const LIMITS: &[Limit] = &[
    Limit { server: OURS, state: State::Loaded, kind: Kind::Rss, mebibytes: 120.0 },
    Limit { server: OURS, state: State::Idle, kind: Kind::Rss, mebibytes: 40.0 },
    Limit { server: DEPLOYMENT, state: State::Loaded, kind: Kind::Pss, mebibytes: 150.0 },
    Limit { server: DEPLOYMENT, state: State::Idle, kind: Kind::Pss, mebibytes: 60.0 },
    Limit { server: DEPLOYMENT_TLS, state: State::Loaded, kind: Kind::Pss, mebibytes: 150.0 },
    Limit { server: DEPLOYMENT_TLS, state: State::Idle, kind: Kind::Pss, mebibytes: 60.0 },
];

pub(super) fn section(summary: &Summary) -> String {
    let mut text = String::from(
        "## Targets\n\nSpeed is operations per second, cost CPU time per operation, both as a multiple of the other \
         server's. Client is the cores that the load generator kept busy while ours played: where it is near the number \
         of connections, the client set the pace.\n\n\
         | target | connections | wanted | measured | client | |\n|---|---|---|---|---|---|\n",
    );
    for target in TARGETS {
        let rows: Vec<_> = target.rows(summary).collect();
        if rows.is_empty() {
            text.push_str(&target.absent());
        }
        for (key, row) in rows {
            text.push_str(&target.line(key, row));
        }
    }
    text.push_str(&hop(summary));
    for limit in LIMITS {
        text.push_str(&limit.line(summary));
    }
    text
}

/// The works in which a server does not reach every target set for it.
pub(super) fn missed(summary: &Summary) -> Vec<(&'static str, &Key)> {
    let mut missed = Vec::new();
    for target in TARGETS {
        for (key, row) in target.rows(summary) {
            let falls_short = target.measured(row).is_some_and(|ratio| !target.reached(ratio));
            if falls_short && !missed.contains(&(target.server, key)) {
                missed.push((target.server, key));
            }
        }
    }
    missed
}

impl Target {
    /// The ways in which the server did the work.
    fn rows<'a>(&'a self, summary: &'a Summary) -> impl Iterator<Item = (&'a Key, &'a Row)> {
        let rows = summary.rows.iter();
        rows.filter(|(key, row)| key.work == self.work && row.has(self.server))
    }

    fn measured(&self, row: &Row) -> Option<f64> {
        match self.goal {
            Goal::Speed(_) => row.ratio(self.server, self.base),
            Goal::Cost(_) => row.cost_ratio(self.server, self.base),
        }
    }

    fn reached(&self, ratio: f64) -> bool {
        match self.goal {
            Goal::Speed(least) => ratio >= least,
            Goal::Cost(most) => ratio <= most,
        }
    }

    fn wanted(&self) -> String {
        let Self { server, base, .. } = self;
        match self.goal {
            Goal::Speed(least) => format!("{server} ≥ {least}× {base}"),
            Goal::Cost(most) => format!("{server} ≤ {most}× {base}"),
        }
    }

    fn line(&self, key: &Key, row: &Row) -> String {
        let by = if key.upload.is_empty() { "" } else { " by " };
        let name = format!("{}{by}{}", self.name, key.upload.to_uppercase());
        let (measured, verdict) = match self.measured(row) {
            None => ("–".to_owned(), "not measured"),
            Some(_) if row.errors(&[self.server, self.base]) > 0 => {
                ("–".to_owned(), "**had errors**")
            }
            Some(ratio) => (format!("{ratio:.2}×"), judge(self.reached(ratio))),
        };
        let client = row.median(self.server, Measurement::client_cores).unwrap_or_default();
        let (connections, wanted) = (key.concurrency, self.wanted());
        format!("| {name} | {connections} | {wanted} | {measured} | {client:.2} | {verdict} |\n")
    }

    fn absent(&self) -> String {
        format!("| {} | | {} | – | | not measured |\n", self.name, self.wanted())
    }
}

/// The same services asked through the proxy and at the registry's own port.
fn hop(summary: &Summary) -> String {
    let alone = |(key, _): &(&Key, &Row)| key.work == HOP_WORK && key.concurrency == 1;
    let row = summary.rows.iter().find(alone).map(|(_, row)| row);
    let p50 = |server| row.and_then(|row| row.median(server, |one| one.latency_ms.p50));
    let wanted = format!("{DEPLOYMENT} ≤ {DIRECT} + {HOP_MS} ms");
    let (measured, verdict) = match p50(DEPLOYMENT).zip(p50(DIRECT)) {
        None => ("–".to_owned(), "not measured"),
        Some(_) if row.is_some_and(|row| row.errors(&[DEPLOYMENT, DIRECT]) > 0) => {
            ("–".to_owned(), "**had errors**")
        }
        Some((through, direct)) => {
            let added = through - direct;
            (format!("{added:+.3} ms"), judge(added <= HOP_MS))
        }
    };
    format!(
        "| what the proxy adds to the median of {HOP_WORK} | 1 | {wanted} | {measured} | | {verdict} |\n"
    )
}

impl Limit {
    fn line(&self, summary: &Summary) -> String {
        let Self { server, mebibytes: most, .. } = self;
        let (state, both) = match self.state {
            State::Idle => ("idle", summary.idle(server)),
            State::Loaded => ("under load", summary.loaded(server)),
        };
        let (kind, measured) = match self.kind {
            Kind::Rss => ("RSS", both.map(|(rss, _)| rss)),
            Kind::Pss => ("PSS", both.map(|(_, pss)| pss)),
        };
        let (measured, verdict) = match measured {
            None => ("–".to_owned(), "not measured"),
            Some(value) => (format!("{value:.0} MiB"), judge(value <= *most)),
        };
        format!("| memory {state}, {kind} | | {server} ≤ {most} MiB | {measured} | | {verdict} |\n")
    }
}

fn judge(reached: bool) -> &'static str {
    if reached { "reached" } else { "**falls short**" }
}
