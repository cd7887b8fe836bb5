//! What a connection from outside is doing, so that nobody can hold one without using it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Shared by what sees bytes, the requests, and the task that ends the connection.
#[derive(Clone)]
pub(crate) struct Pulse(Arc<Mutex<State>>);

struct State {
    phase: Phase,
    requests: usize,
    framed_twice: bool,
    /// A body was not read to its end.
    unread: bool,
    /// Pieces of answers that the client has still to take, oldest first.
    handed: BTreeSet<(Instant, u64)>,
    pieces: u64,
    limits: Limits,
}

#[derive(Clone, Copy)]
enum Phase {
    /// Since when nothing was asked.
    Idle(Instant),
    /// Since when a head is coming in.
    Head(Instant),
    Busy,
}

#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) head: Duration,
    pub(crate) idle: Duration,
    /// Over HTTP/2 a client may answer pings and yet take nothing of an answer. Over HTTP/1 the socket sees it.
    pub(crate) send: Option<Duration>,
}

/// A wait that has not begun yet is not looked for more often.
const SHORTEST: Duration = Duration::from_secs(1);

/// What bytes belong to.
pub(crate) enum Bytes {
    NewHead,
    Head,
    /// Or a request that does not wait for the answer before it.
    Body,
}

/// What the task that watches has to do.
pub(crate) enum Verdict {
    /// Look again then.
    Wait(Instant),
    /// Long idle: close politely.
    Idle,
    /// The head, or taking an answer, takes too long: just close.
    Slow,
}

impl Pulse {
    /// A connection that was just made owes a head.
    pub(crate) fn new(limits: Limits) -> Self {
        let phase = Phase::Head(Instant::now());
        Self(Arc::new(Mutex::new(State {
            phase,
            requests: 0,
            framed_twice: false,
            unread: false,
            handed: BTreeSet::new(),
            pieces: 0,
            limits,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of HTTP/1 came in. HTTP/2 has frames that ask nothing.
    pub(crate) fn bytes(&self) -> Bytes {
        let mut state = self.state();
        match state.phase {
            Phase::Idle(_) => {
                state.phase = Phase::Head(Instant::now());
                Bytes::NewHead
            }
            Phase::Head(_) => Bytes::Head,
            Phase::Busy => Bytes::Body,
        }
    }

    /// From here on an answer that is not taken for so long ends the connection.
    pub(crate) fn limit_sends(&self, limit: Duration) {
        self.state().limits.send = Some(limit);
    }

    /// The head that came says in two ways where its body ends.
    pub(crate) fn framed_twice(&self) {
        self.state().framed_twice = true;
    }

    pub(crate) fn is_framed_twice(&self) -> bool {
        self.state().framed_twice
    }

    /// What the client still sends is of no use: the connection will end, and must linger.
    pub(crate) fn unread(&self) {
        self.state().unread = true;
    }

    pub(crate) fn is_unread(&self) -> bool {
        self.state().unread
    }

    /// A request begins; it lasts as long as what is returned.
    pub(crate) fn request(&self) -> Busy {
        let mut state = self.state();
        state.requests += 1;
        state.phase = Phase::Busy;
        Busy(self.clone())
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let state = self.state();
        let now = Instant::now();
        let Limits { idle, head, send } = state.limits;
        let oldest = state.handed.first().map(|(since, _)| *since);
        // A piece that is handed out from now on is looked for when its time is over at the earliest.
        let taken = send.map(|send| oldest.map_or(now + send.max(SHORTEST), |since| since + send));
        if taken.is_some_and(|taken| taken <= now) {
            return Verdict::Slow;
        }
        let (deadline, verdict) = match state.phase {
            Phase::Idle(since) => (since + idle, Verdict::Idle),
            Phase::Head(since) => (since + head, Verdict::Slow),
            // The end of the request starts a new wait, which cannot be over before this one.
            Phase::Busy => (now + idle.min(head).max(SHORTEST), Verdict::Idle),
        };
        let deadline = taken.map_or(deadline, |taken| deadline.min(taken));
        if deadline > now { Verdict::Wait(deadline) } else { verdict }
    }
}

/// A request that is being served.
pub(crate) struct Busy(Pulse);

impl Busy {
    pub(crate) fn pulse(&self) -> &Pulse {
        &self.0
    }

    /// A piece of the answer is on its way; it is taken when what is returned is dropped.
    pub(crate) fn hand(&self) -> Handed {
        let mut state = self.0.state();
        state.pieces += 1;
        let piece = (Instant::now(), state.pieces);
        state.handed.insert(piece);
        Handed { pulse: self.0.clone(), piece }
    }
}

/// A piece of an answer that the client has still to take.
pub(crate) struct Handed {
    pulse: Pulse,
    piece: (Instant, u64),
}

impl Drop for Handed {
    fn drop(&mut self) {
        self.pulse.state().handed.remove(&self.piece);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.requests = state.requests.saturating_sub(1);
        if state.requests == 0 {
            state.phase = Phase::Idle(Instant::now());
        }
    }
}
