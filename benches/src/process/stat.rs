//! `/proc/<pid>/stat` and `/proc/stat`.

use anyhow::{Context, Result};

/// `USER_HZ`: part of Linux's interface to programs, the same on every architecture we run on.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) parent: u32,
    /// User and system time, of the process and of its children that were waited for.
    ticks: u64,
}

impl Stat {
    pub(super) fn parse(text: &str) -> Result<Self> {
        // The second field is the program's name in parentheses, and may itself hold spaces and parentheses.
        let after_name = text.rsplit_once(") ").map(|(_, rest)| rest);
        let fields: Vec<&str> = after_name.unwrap_or_default().split_ascii_whitespace().collect();
        // proc_pid_stat(5) counts from one and the state is field 3: ppid 4, utime 14 to cstime 17.
        let field = |number: usize| {
            let text = fields.get(number - 3).context("a stat line is too short")?;
            text.parse::<u64>().with_context(|| format!("`{text}` in a stat line is no number"))
        };
        let mut ticks = 0;
        for number in 14..=17 {
            ticks += field(number)?;
        }
        Ok(Self { parent: u32::try_from(field(4)?)?, ticks })
    }

    #[expect(clippy::cast_precision_loss, reason = "2^53 hundredths of a second are an age")]
    pub(super) fn cpu_seconds(&self) -> f64 {
        self.ticks as f64 / TICKS_PER_SECOND
    }
}

/// All that is neither idle nor waiting for a disk, on all cores.
pub(super) fn busy_seconds(text: &str) -> Result<f64> {
    let line = text.lines().next().and_then(|line| line.strip_prefix("cpu "));
    let mut busy = 0.0;
    let fields = line.context("/proc/stat does not start with cpu")?.split_ascii_whitespace();
    // user nice system idle iowait irq softirq steal; guest times are part of user and nice.
    for (place, field) in fields.take(8).enumerate() {
        if !matches!(place, 3 | 4) {
            busy += field.parse::<f64>().context("a time in /proc/stat is no number")?;
        }
    }
    Ok(busy / TICKS_PER_SECOND)
}
