//! `harbor scrub`: reads every blob again, beside a running server or without one, and tells what is damaged.

mod heal;

use anyhow::{Result, bail};
use domain::queue::{Job, State, Task};

use self::heal::Source;
use crate::job::{self, number};
use crate::output::print;
use crate::settings::Scrub;

const BUSY: &str = "a scrub is under way already: wait for it, or stop it on the web page";
const MIB: u64 = 1024 * 1024;

pub(crate) async fn run(settings: &Scrub) -> Result<()> {
    let task = Task::Scrub { bytes_per_sec: u64::from(settings.rate) * MIB };
    let source = settings.heal_from.as_deref().map(Source::of).transpose()?;
    if source.is_some() {
        heal::refuse_beside_a_server(&settings.store)?;
    }
    let job = job::run(&settings.store, &task, "harbor scrub", BUSY).await?;
    let healed = match source {
        Some(source) if job.state == State::Success => heal::heal(&settings.store, source).await?,
        _ => 0,
    };
    report(&job, healed)
}

/// Fails if anything was found damaged, so that a script hears of it.
fn report(job: &Job, healed: u64) -> Result<()> {
    match job.state {
        State::Success => {
            print(&format!(
                "read {} blobs with {} bytes: {} damaged, {} whole again, {} healed",
                number(job, "checked_blobs"),
                number(job, "checked_bytes"),
                number(job, "damaged_blobs"),
                number(job, "restored_blobs"),
                number(job, "healed_blobs") + healed,
            ));
            match number(job, "quarantined_blobs").saturating_sub(healed) {
                0 => Ok(()),
                left => bail!("{left} blobs are damaged and not served: push their images again"),
            }
        }
        State::Stopped => bail!("the scrub was stopped; the next one goes on from there"),
        State::Error | State::Pending | State::Running => {
            bail!("the scrub failed: {}", job.error.as_deref().unwrap_or("no reason is known"))
        }
    }
}
