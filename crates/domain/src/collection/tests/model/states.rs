//! What the processes share, and what each does next.

/// A row, or the place of one that is not there, and what an open transaction has made of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Row<T> {
    pub(super) committed: T,
    pub(super) held: Option<(Process, T)>,
}

impl<T: Clone> Row<T> {
    pub(super) fn of(committed: T) -> Self {
        Self { committed, held: None }
    }

    /// What the process sees when it may write, which it may not while another one holds the row.
    pub(super) fn for_update(&self, process: Process) -> Option<T> {
        match &self.held {
            None => Some(self.committed.clone()),
            Some((holder, value)) => (*holder == process).then(|| value.clone()),
        }
    }

    pub(super) fn write(&mut self, process: Process, value: T) {
        self.held = Some((process, value));
    }

    pub(super) fn commit(&mut self, process: Process) {
        if let Some((_, value)) = self.held.take_if(|(holder, _)| *holder == process) {
            self.committed = value;
        }
    }
}

/// Of `repository_blobs`: the generation is that of the blob's row and object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Link {
    Absent,
    Held(u8),
    Leased(u8, Age),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Age {
    Young,
    Old,
    Over,
}

impl Link {
    pub(super) fn generation(self) -> Option<u8> {
        match self {
            Self::Absent => None,
            Self::Held(generation) | Self::Leased(generation, _) => Some(generation),
        }
    }

    /// Renewed by a promise, an upload or a mount; a held link stays held.
    pub(super) fn renewed(self, generation: u8) -> Self {
        match self {
            Self::Held(_) => self,
            Self::Absent | Self::Leased(..) => Self::Leased(generation, Age::Young),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Process {
    Pusher,
    /// Pushes an image of a blob that it was promised too long ago.
    Latecomer,
    Mounter,
    Uploader,
    Deleter,
    Collector,
}

pub(super) const PROCESSES: [Process; 6] = [
    Process::Pusher,
    Process::Latecomer,
    Process::Mounter,
    Process::Uploader,
    Process::Deleter,
    Process::Collector,
];

/// What a process does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Begin,
    /// `blobs::promise`, because the lease that HEAD saw is old.
    Promise(u8),
    Promised,
    NotPromised,
    /// The bytes are written, `blobs::record` is next: the row of the blob, then the link, then the commit.
    Record(u8),
    LinkBlob {
        generation: u8,
        redundant: Option<u8>,
    },
    /// Of an upload or a mount; a redundant object is removed after it.
    CommitLink {
        redundant: Option<u8>,
    },
    /// `blobs::mount` has begun, and saw the source's link or not.
    Mount {
        seen: Option<u8>,
    },
    /// The client was told that the blob is there.
    Relies,
    /// `artifacts::push` holds the repository.
    ReadLink,
    HoldLink,
    InsertArtifact,
    CommitPush,
    Failed,
    Refused,
    Done,
    /// `artifacts::delete` holds the repository.
    DeleteArtifact(usize),
    LeaseLink(usize),
    CommitDelete,
    /// `collection::release` holds the repository.
    Release(usize),
    CommitRelease,
    /// `collection::condemn` has found a candidate.
    HoldBlob(u8),
    DeleteBlob(u8),
    CommitCondemned(Option<u8>),
    RemoveBytes(u8),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) blob: Row<Option<u8>>,
    pub(super) links: [Row<Link>; 2],
    pub(super) artifacts: [Row<bool>; 2],
    pub(super) repositories: [Row<()>; 2],
    /// Objects whose bytes are in the store, by generation.
    pub(super) bytes: u32,
    pub(super) next: u8,
    pub(super) steps: [Step; 6],
    pub(super) removed_any: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Action {
    Step(Process),
    Delete(usize),
    Release(usize),
    Condemn,
    /// A lease grows older.
    Age(usize),
}

impl State {
    pub(super) fn step(&self, process: Process) -> Step {
        self.steps[process as usize]
    }

    pub(super) fn go(&mut self, process: Process, step: Step) {
        self.steps[process as usize] = step;
    }

    /// Takes the repository's row; `None` while another one has it.
    pub(super) fn hold(&mut self, process: Process, repository: usize) -> Option<()> {
        let row = &mut self.repositories[repository];
        row.for_update(process)?;
        row.write(process, ());
        Some(())
    }

    pub(super) fn commit(&mut self, process: Process) {
        self.blob.commit(process);
        self.links.iter_mut().for_each(|row| row.commit(process));
        self.artifacts.iter_mut().for_each(|row| row.commit(process));
        self.repositories.iter_mut().for_each(|row| row.commit(process));
    }

    pub(super) fn has_bytes(&self, generation: u8) -> bool {
        self.bytes & (1 << generation) != 0
    }

    pub(super) fn remove(&mut self, generation: u8) {
        self.bytes &= !(1 << generation);
        self.removed_any = true;
    }
}

/// The repository that a client works in.
pub(super) fn repository_of(process: Process) -> usize {
    match process {
        Process::Pusher | Process::Latecomer => 0,
        Process::Mounter | Process::Uploader | Process::Deleter | Process::Collector => 1,
    }
}
