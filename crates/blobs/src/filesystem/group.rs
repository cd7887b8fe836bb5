//! Group commit: one run of a costly action serves everyone who asked before it began.
//!
//! Whoever asks while nobody runs becomes the runner. Those who ask meanwhile wait for the *next* run, because the current
//! one may have begun before their change; one of them runs it for all.

use std::{
    io,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use rustix::io::Errno;

#[derive(Debug, Default)]
pub(super) struct Group {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Runs begun and ended, counted from one. They differ by one while somebody runs.
    begun: u64,
    ended: u64,
    /// The last run that failed. The kernel tells an error of a sync once; all whom it concerns must hear it.
    failed: Option<(u64, Option<i32>)>,
    #[cfg(test)]
    waiting: usize,
}

impl Group {
    /// Returns when a run of `action` that began after this call has ended.
    pub(super) fn run(&self, action: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut state = self.lock();
        let wanted = state.begun + 1;
        loop {
            if state.ended >= wanted {
                return state.outcome(wanted);
            }
            if state.begun == state.ended {
                break;
            }
            #[cfg(test)]
            {
                state.waiting += 1;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.begun += 1;
        drop(state);
        let outcome = action();
        let mut state = self.lock();
        state.ended = state.begun;
        if let Err(error) = &outcome {
            state.failed = Some((state.ended, error.raw_os_error()));
        }
        drop(state);
        self.changed.notify_all();
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How the run `wanted` ended. A later failure counts too: it is about the same directory.
    fn outcome(&self, wanted: u64) -> io::Result<()> {
        match self.failed {
            Some((run, code)) if run >= wanted => {
                Err(code.map_or(Errno::IO.into(), io::Error::from_raw_os_error))
            }
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
