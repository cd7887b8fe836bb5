//! How far the transactions of a group are, and the texts that take them further.

/// IMMEDIATE: SQLite takes the write lock now, not at the first write, where it could fail.
const BEGIN: &str = "BEGIN IMMEDIATE; SAVEPOINT this_transaction; ";
/// How many statements begin a transaction, before its own first one.
pub(in crate::db) const STATEMENTS_AHEAD: u8 = 2;

/// What is known of the transaction that has the connection, or had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::db) enum Stage {
    /// There is no outer transaction.
    Idle,
    /// The outer one and the first within it are being begun, or were not.
    Beginning,
    Open(Savepoint),
    /// Its owner wanted it kept, and is gone: the next one releases it, or the commit of all does.
    Kept(Savepoint),
    /// That next one is about it, and may not have come to the end.
    Passing(Savepoint),
    /// There may be an outer transaction or none, and it may not be the one that somebody waits for.
    Unsure,
}

/// There is at most one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::db) enum Savepoint {
    This,
    Other,
}

impl Stage {
    /// What the first statement of a transaction is preceded by, and what is so once that is done. `None` if it was tried
    /// before.
    pub(in crate::db) fn begin(&mut self) -> Option<(&'static str, Self)> {
        let (stage, text, begun) = match *self {
            Self::Idle => (Self::Beginning, BEGIN, Savepoint::This),
            Self::Kept(before) => (Self::Passing(before), before.handing_on(), before.next()),
            Self::Beginning | Self::Open(_) | Self::Passing(_) | Self::Unsure => return None,
        };
        *self = stage;
        Some((text, Self::Open(begun)))
    }
}

impl Savepoint {
    pub(super) const fn next(self) -> Self {
        match self {
            Self::This => Self::Other,
            Self::Other => Self::This,
        }
    }

    pub(super) const fn make(self) -> &'static str {
        match self {
            Self::This => "SAVEPOINT this_transaction",
            Self::Other => "SAVEPOINT other_transaction",
        }
    }

    pub(super) const fn undo(self) -> &'static str {
        match self {
            Self::This => "ROLLBACK TO this_transaction",
            Self::Other => "ROLLBACK TO other_transaction",
        }
    }

    pub(super) const fn release(self) -> &'static str {
        match self {
            Self::This => "RELEASE this_transaction",
            Self::Other => "RELEASE other_transaction",
        }
    }

    /// Releases it and makes the next one.
    pub(super) const fn handing_on(self) -> &'static str {
        match self {
            Self::This => "RELEASE this_transaction; SAVEPOINT other_transaction; ",
            Self::Other => "RELEASE other_transaction; SAVEPOINT this_transaction; ",
        }
    }
}
