//! The rules of the collector in every interleaving: one blob, two repositories, clients that push, mount, upload and
//! delete, and a collector that never rests.
//!
//! A step is a statement of PostgreSQL under READ COMMITTED, or a commit. A statement reads what was committed when it
//! began, waits for rows that others hold, and then sees their new version, but everything else as it was before the wait.
//! Times are as coarse as the rules: of a young lease more than half is left, and a lease does not end while a client
//! relies on it in time.

mod states;
mod steps;

use stateright::{Checker, HasDiscoveries, Model, Property};

use self::states::{Action, Age, Link, PROCESSES, Process, Row, State, Step, repository_of};

const REPOSITORIES: [usize; 2] = [0, 1];
/// What the model must be able to reach, or it shows nothing.
const HAPPENS: [&str; 2] = ["bytes are removed and the digest is pushed again", "everybody pushes"];

/// What the protocol relies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Who takes links holds the repository, as who pushes does.
    ReleaseHoldsTheRepository,
    /// Links are looked for in a statement after the one that holds the blob.
    LinksAreAskedLater,
    /// Who makes a link holds the blob.
    LinksHoldTheBlob,
    /// A digest that is pushed again gets a new object.
    KeysAreUsedOnce,
    /// A lease is asked for its age in the row that is deleted, after a wait.
    TheAgeIsReadAgain,
}

/// All rules, or all but one, to see what it is for.
#[derive(Clone, Copy, Debug)]
struct Protocol {
    without: Option<Rule>,
}

impl Protocol {
    fn has(self, rule: Rule) -> bool {
        self.without != Some(rule)
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        // An image that was pushed to the first repository; and one that is about to go.
        let state = |link: Link, artifact| State {
            blob: Row::of(Some(0)),
            links: [Row::of(link), Row::of(Link::Absent)],
            artifacts: [Row::of(artifact), Row::of(false)],
            repositories: [Row::of(()), Row::of(())],
            bytes: 1,
            next: 1,
            steps: [Step::Begin; 6],
            removed_any: false,
        };
        vec![state(Link::Held(0), true), state(Link::Leased(0, Age::Over), false)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for process in PROCESSES {
            let idle = state.step(process) == Step::Begin;
            if !(idle && matches!(process, Process::Deleter | Process::Collector)) {
                actions.push(Action::Step(process));
            }
        }
        for repository in REPOSITORIES {
            actions.push(Action::Age(repository));
            if state.step(Process::Deleter) == Step::Begin && state.artifacts[repository].committed
            {
                actions.push(Action::Delete(repository));
            }
            let over = matches!(state.links[repository].committed, Link::Leased(_, Age::Over));
            if state.step(Process::Collector) == Step::Begin && over {
                actions.push(Action::Release(repository));
            }
        }
        if state.step(Process::Collector) == Step::Begin {
            actions.push(Action::Condemn);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        match action {
            Action::Step(process) => self.advance(state, process),
            Action::Delete(repository) => {
                started(state, Process::Deleter, repository, Step::DeleteArtifact(repository))
            }
            Action::Release(repository) if self.has(Rule::ReleaseHoldsTheRepository) => {
                started(state, Process::Collector, repository, Step::Release(repository))
            }
            Action::Release(repository) => {
                let mut after = state.clone();
                after.go(Process::Collector, Step::Release(repository));
                Some(after)
            }
            Action::Condemn => {
                let generation = state.blob.committed?;
                if state.links.iter().any(|row| row.committed != Link::Absent) {
                    return None;
                }
                let mut after = state.clone();
                after.go(Process::Collector, Step::HoldBlob(generation));
                Some(after)
            }
            Action::Age(repository) => grown_older(state, repository),
        }
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("who was told that a blob is there can push", |_, state: &State| {
                PROCESSES.iter().all(|process| state.step(*process) != Step::Failed)
            }),
            Property::always("what is promised is there", |_, state: &State| {
                PROCESSES
                    .into_iter()
                    .filter(|process| relies(state, *process))
                    .all(|process| is_whole(state, state.links[repository_of(process)].committed))
            }),
            Property::always("an artifact has its blob", |_, state: &State| {
                REPOSITORIES.into_iter().filter(|it| state.artifacts[*it].committed).all(|it| {
                    matches!(state.links[it].committed, Link::Held(_))
                        && is_whole(state, state.links[it].committed)
                })
            }),
            Property::always("a link leads to bytes", |_, state: &State| {
                state
                    .links
                    .iter()
                    .all(|row| row.committed == Link::Absent || is_whole(state, row.committed))
            }),
            Property::sometimes(HAPPENS[0], |_, state: &State| {
                state.removed_any && state.artifacts[0].committed && state.blob.committed > Some(0)
            }),
            Property::sometimes(HAPPENS[1], |_, state: &State| {
                [Process::Pusher, Process::Mounter, Process::Uploader]
                    .iter()
                    .all(|process| state.step(*process) == Step::Done)
            }),
        ]
    }
}

/// A transaction that begins by holding the repository.
fn started(state: &State, process: Process, repository: usize, step: Step) -> Option<State> {
    let mut after = state.clone();
    after.hold(process, repository)?;
    after.go(process, step);
    Some(after)
}

fn relies(state: &State, process: Process) -> bool {
    process != Process::Latecomer
        && matches!(state.step(process), Step::Relies | Step::ReadLink | Step::HoldLink)
}

/// Whether the link leads to the blob's row, and that to bytes.
fn is_whole(state: &State, link: Link) -> bool {
    link.generation().is_some_and(|generation| {
        state.blob.committed == Some(generation) && state.has_bytes(generation)
    })
}

/// Time passes for a lease. What a client was promised in time does not end before the client has pushed.
fn grown_older(state: &State, repository: usize) -> Option<State> {
    let Link::Leased(generation, age) = state.links[repository].committed else { return None };
    if state.links[repository].held.is_some() {
        return None;
    }
    let relied = PROCESSES
        .into_iter()
        .any(|process| repository_of(process) == repository && relies(state, process));
    let older = match age {
        Age::Young => Age::Old,
        Age::Old if !relied => Age::Over,
        Age::Old | Age::Over => return None,
    };
    let mut after = state.clone();
    after.links[repository].committed = Link::Leased(generation, older);
    Some(after)
}

#[test]
fn with_all_rules_nothing_is_lost() {
    Protocol { without: None }.checker().threads(2).spawn_bfs().join().assert_properties();
}

#[track_caller]
fn loses_something_without(rule: Rule) {
    let checker = Protocol { without: Some(rule) }.checker().threads(2);
    let ended = checker.finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let found = ended.discoveries();
    assert!(found.keys().any(|name| !HAPPENS.contains(name)), "{rule:?} is not needed");
}

#[test]
fn every_rule_is_needed() {
    loses_something_without(Rule::ReleaseHoldsTheRepository);
    loses_something_without(Rule::LinksAreAskedLater);
    loses_something_without(Rule::LinksHoldTheBlob);
    loses_something_without(Rule::KeysAreUsedOnce);
    loses_something_without(Rule::TheAgeIsReadAgain);
}
