//! From a folder of reports to `results.md`: medians over rounds, ratios, the targets, and how far to trust them.

mod summary;
mod targets;
mod tables;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};

use self::summary::Summary;
use crate::arguments::CompareArguments;

/// Names that `run.sh` gives to the servers.
const OURS: &str = "harbor";
const BARE: &str = "docker-registry";
const CHAINED: &str = "docker-registry-nginx";
const CHAINED_TLS: &str = "docker-registry-nginx-tls";
/// Our services behind our proxy.
const DEPLOYMENT: &str = "deployment";
const DEPLOYMENT_TLS: &str = "deployment-tls";
/// Our services behind nginx, with the file that is our proxy's.
const BEHIND_NGINX: &str = "deployment-nginx";
const BEHIND_NGINX_TLS: &str = "deployment-nginx-tls";
/// Our services without a proxy.
const DIRECT: &str = "deployment-direct";

/// Writes the page, and tells on stdout which server falls short in which work, as `run.sh` names both.
pub(crate) fn write(arguments: &CompareArguments) -> Result<()> {
    let summary = Summary::new(read(&arguments.folder)?);
    if summary.rows.is_empty() {
        bail!("there is no report in {}", arguments.folder.display());
    }
    let page = page(&summary, &arguments.fact);
    let output = &arguments.output;
    fs::write(output, page).with_context(|| format!("cannot write {}", output.display()))?;
    let mut stdout = io::stdout();
    for (server, key) in targets::missed(&summary) {
        writeln!(stdout, "{server} {key}")?;
    }
    Ok(())
}

/// The texts of all reports, in the order of their names.
fn read(folder: &Path) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    let entries = fs::read_dir(folder);
    for entry in entries.with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    paths
        .iter()
        .map(|path| {
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
        })
        .collect()
}

fn page(summary: &Summary, facts: &[String]) -> String {
    let mut page = String::from(
        "# Results\n\nWritten by `benches/run.sh`; `benches/README.md` tells what is measured and how.\n\n",
    );
    for fact in facts {
        let (name, value) = fact.split_once('=').unwrap_or((fact, ""));
        page.push_str(&format!("- {name}: {value}\n"));
    }
    page.push_str(&format!(
        "- Rounds: {}; every figure is the median over them\n\n",
        summary.rounds
    ));
    page.push_str(&targets::section(summary));
    page.push('\n');
    page.push_str(&tables::groups(summary));
    page.push_str(&tables::memory(summary));
    page
}

#[cfg(test)]
mod tests;
