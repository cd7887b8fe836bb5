//! The statements of each process, as `domain` has them.

use super::states::{Age, Link, Process, State, Step, repository_of};
use super::{Protocol, Rule};

impl Protocol {
    /// The state after the next statement of the process; `None` while it waits, or has nothing more to do.
    pub(super) fn advance(self, before: &State, process: Process) -> Option<State> {
        let mut after = before.clone();
        let next = match before.step(process) {
            Step::Begin => self.begin(&mut after, process),
            Step::Promise(_) | Step::Promised | Step::NotPromised => {
                self.promise(&mut after, process)?
            }
            Step::Record(own) => self.record(&mut after, process, own)?,
            Step::Mount { seen } => self.mount(&mut after, process, seen)?,
            Step::LinkBlob { .. } | Step::CommitLink { .. } => link(&mut after, process)?,
            Step::Relies
            | Step::ReadLink
            | Step::HoldLink
            | Step::InsertArtifact
            | Step::CommitPush
            | Step::Refused => push(&mut after, process)?,
            Step::DeleteArtifact(_) | Step::LeaseLink(_) | Step::CommitDelete => {
                delete(&mut after, process)?
            }
            Step::Release(_) | Step::CommitRelease => self.release(&mut after, process)?,
            Step::HoldBlob(_)
            | Step::DeleteBlob(_)
            | Step::CommitCondemned(_)
            | Step::RemoveBytes(_) => self.condemn(&mut after, process)?,
            Step::Failed | Step::Done => return None,
        };
        after.go(process, next);
        Some(after)
    }

    /// HEAD, a mount, an upload, or a manifest without any of them.
    fn begin(self, state: &mut State, process: Process) -> Step {
        match (process, state.links[0].committed) {
            (Process::Pusher, Link::Held(_) | Link::Leased(_, Age::Young)) => Step::Relies,
            (Process::Pusher, Link::Leased(generation, Age::Old | Age::Over)) => {
                Step::Promise(generation)
            }
            (Process::Mounter, link) => Step::Mount { seen: link.generation() },
            (Process::Latecomer, _) => Step::Relies,
            (Process::Pusher | Process::Uploader, _) => self.upload(state),
            (Process::Deleter | Process::Collector, _) => Step::Begin,
        }
    }

    /// The bytes arrive in the store under a key of their own.
    fn upload(self, state: &mut State) -> Step {
        let own = if self.has(Rule::KeysAreUsedOnce) { state.next } else { 0 };
        state.next += 1;
        state.bytes |= 1 << own;
        Step::Record(own)
    }

    /// `blobs::promise`
    fn promise(self, state: &mut State, process: Process) -> Option<Step> {
        let repository = repository_of(process);
        let Step::Promise(generation) = state.step(process) else {
            let kept = state.step(process) == Step::Promised;
            state.commit(process);
            return Some(if kept { Step::Relies } else { self.upload(state) });
        };
        let link = state.links[repository].for_update(process)?;
        if link.generation() != Some(generation) {
            return Some(Step::NotPromised);
        }
        state.links[repository].write(process, link.renewed(generation));
        Some(Step::Promised)
    }

    /// `blobs::record`: the row of the blob.
    fn record(self, state: &mut State, process: Process, own: u8) -> Option<Step> {
        let row = state.blob.for_update(process)?;
        let generation = row.unwrap_or(own);
        if self.has(Rule::LinksHoldTheBlob) || row.is_none() {
            state.blob.write(process, Some(generation));
        }
        Some(Step::LinkBlob { generation, redundant: (generation != own).then_some(own) })
    }

    /// `blobs::mount`: holds the row of the blob, if the source had a link when the statement began.
    fn mount(self, state: &mut State, process: Process, seen: Option<u8>) -> Option<Step> {
        let row = state.blob.for_update(process)?;
        let Some(generation) = row.filter(|generation| seen == Some(*generation)) else {
            state.commit(process);
            return Some(self.upload(state));
        };
        if self.has(Rule::LinksHoldTheBlob) {
            state.blob.write(process, Some(generation));
        }
        Some(Step::LinkBlob { generation, redundant: None })
    }

    /// `collection::release`: that no artifact needs the link is as it was before a wait, its age is read again.
    fn release(self, state: &mut State, process: Process) -> Option<Step> {
        let Step::Release(repository) = state.step(process) else {
            state.commit(process);
            return Some(Step::Begin);
        };
        let link = state.links[repository].for_update(process)?;
        let over = !self.has(Rule::TheAgeIsReadAgain) || matches!(link, Link::Leased(_, Age::Over));
        if over && !state.artifacts[repository].committed {
            state.links[repository].write(process, Link::Absent);
        }
        Some(Step::CommitRelease)
    }

    /// `collection::condemn`, and the removal of the bytes after it.
    fn condemn(self, state: &mut State, process: Process) -> Option<Step> {
        Some(match state.step(process) {
            Step::HoldBlob(generation) => {
                let row = state.blob.for_update(process)?;
                if row != Some(generation) {
                    return Some(Step::CommitCondemned(None));
                }
                state.blob.write(process, row);
                Step::DeleteBlob(generation)
            }
            Step::DeleteBlob(generation) => {
                let linked = state.links.iter().any(|row| row.committed != Link::Absent);
                if linked && self.has(Rule::LinksAreAskedLater) {
                    return Some(Step::CommitCondemned(None));
                }
                state.blob.write(process, None);
                Step::CommitCondemned(Some(generation))
            }
            Step::CommitCondemned(condemned) => {
                state.commit(process);
                condemned.map_or(Step::Begin, Step::RemoveBytes)
            }
            Step::RemoveBytes(generation) => {
                state.remove(generation);
                Step::Begin
            }
            other => other,
        })
    }
}

/// The link of an uploaded or mounted blob; after the commit a redundant object is removed.
fn link(state: &mut State, process: Process) -> Option<Step> {
    let repository = repository_of(process);
    match state.step(process) {
        Step::LinkBlob { generation, redundant } => {
            let link = state.links[repository].for_update(process)?;
            state.links[repository].write(process, link.renewed(generation));
            Some(Step::CommitLink { redundant })
        }
        Step::CommitLink { redundant } => {
            state.commit(process);
            redundant.into_iter().for_each(|generation| state.remove(generation));
            Some(Step::Relies)
        }
        other => Some(other),
    }
}

/// `artifacts::push`
fn push(state: &mut State, process: Process) -> Option<Step> {
    let repository = repository_of(process);
    Some(match state.step(process) {
        Step::Relies => {
            state.hold(process, repository)?;
            Step::ReadLink
        }
        Step::ReadLink => match state.links[repository].committed {
            Link::Absent if process == Process::Latecomer => Step::Refused,
            Link::Absent => Step::Failed,
            Link::Held(_) => Step::InsertArtifact,
            Link::Leased(..) => Step::HoldLink,
        },
        Step::HoldLink => {
            let link = state.links[repository].for_update(process)?;
            if let Some(generation) = link.generation() {
                state.links[repository].write(process, Link::Held(generation));
            }
            Step::InsertArtifact
        }
        Step::InsertArtifact => {
            state.artifacts[repository].for_update(process)?;
            state.artifacts[repository].write(process, true);
            Step::CommitPush
        }
        _ => {
            state.commit(process);
            Step::Done
        }
    })
}

/// `artifacts::delete`
fn delete(state: &mut State, process: Process) -> Option<Step> {
    Some(match state.step(process) {
        Step::DeleteArtifact(repository) => {
            state.artifacts[repository].for_update(process)?;
            state.artifacts[repository].write(process, false);
            Step::LeaseLink(repository)
        }
        Step::LeaseLink(repository) => {
            let link = state.links[repository].for_update(process)?;
            if let Some(generation) = link.generation() {
                state.links[repository].write(process, Link::Leased(generation, Age::Young));
            }
            Step::CommitDelete
        }
        _ => {
            state.commit(process);
            Step::Begin
        }
    })
}
