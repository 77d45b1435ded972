//! What is done to parts of the pipeline, and whether that fits what they are doing then.

use std::collections::{BTreeMap, BTreeSet};

use super::Reader;
use super::catalogue::Among;
use super::timeline::{Around, Placed};
use crate::base::limits;
use crate::scenario::code::Code;
use crate::scenario::diagnose::At;
use crate::scenario::settings::Settings;
use crate::scenario::timeline::{Action, Condition, Fault, Target, Trigger, Upset, Verb};
use crate::scenario::words::{ARM, BOOL, TARGET, TARGET_MAP, suggestion};
use crate::scenario::yaml::{Key, Node, Value};

impl Reader<'_> {
    /// `kill: worker`.
    pub(super) fn fault(
        &mut self,
        (key, value): (&Key, &Node),
        modifiers: &[&(Key, Node)],
        around: Around<'_>,
    ) -> Option<Fault> {
        let verb = Verb::of(&key.name)?;
        let (target, connector) = self.target(value, around)?;
        let refusal = match (verb, target) {
            (Verb::Kill, Target::Connector) => {
                Some("it is not a process: kill `worker`, or stop the connector")
            }
            (Verb::Pause | Verb::Resume, Target::Statements) => {
                Some("they are not a process: pause `taskmanager`, or stop the statements")
            }
            _ => None,
        };
        if let Some(why) = refusal {
            let message = format!("there is no `{verb}` of `{target}`");
            self.error(Code::Target, &value.at, message).help(why);
            return None;
        }
        let mut savepoint = verb == Verb::Stop && target == Target::Statements;
        if let Some((key, node)) = modifiers.iter().find(|(key, _)| key.name == "savepoint") {
            if !savepoint {
                let message = format!("a `{verb}` of `{target}` makes no savepoint");
                self.error(Code::Modifier, &key.at, message)
                    .help("`savepoint` belongs to `stop: statements`");
            }
            savepoint &= self.word(node, BOOL) == Some("true");
        }
        Some(Fault { verb, target, savepoint, connector })
    }

    /// `worker`, or `{connector: orders}` where there are several.
    fn target(&mut self, node: &Node, around: Around<'_>) -> Option<(Target, Option<usize>)> {
        if !matches!(node.value, Value::Map(_)) {
            return Some((Target::of(self.word(node, TARGET)?)?, None));
        }
        let fields = self.map(node, TARGET_MAP)?;
        let help = "name one of the connectors: `{connector: orders}`";
        let one = self.required(&fields, "connector", help)?;
        let name = self.text(one, "the name of a connector")?;
        let names = &around.catalogue.connectors;
        if let Some(nth) = names.iter().position(|known| *known == name) {
            return Some((Target::Connector, Some(nth)));
        }
        if around.catalogue.is_partial {
            return None;
        }
        let (message, help) = if names.is_empty() {
            let message =
                format!("`{name}`, but the pipeline has one connector, without a name here");
            (message, "write `connector` alone".to_owned())
        } else {
            let message = format!("no connector of the pipeline is called `{name}`");
            (message, suggestion(&name, names.iter().map(String::as_str)))
        };
        self.error(Code::Target, &one.at, message).help(help);
        None
    }

    /// `{kill: worker, at: {payments: 60}}`.
    pub(super) fn arm(&mut self, node: &Node, around: Around<'_>) -> Option<Action> {
        let fields = self.map(node, ARM)?;
        let done: Vec<_> =
            ["kill", "pause", "stop"].iter().filter_map(|verb| fields.entry(verb)).collect();
        let [(key, value)] = done.as_slice() else {
            self.error(Code::NoMainKey, &node.at, "an `arm` does exactly one thing")
                .help("write `{kill: worker, at: {orders: 10}}`, or with `pause` or `stop`");
            return None;
        };
        let modifiers: Vec<_> = fields.entry("savepoint").into_iter().collect();
        let fault = self.fault((key, value), &modifiers, around);
        let help = "say when: `at: {orders: 10}`, or `at: {checkpoint: 2}`";
        let at = self.required(&fields, "at", help)?;
        let at = self.trigger(at, around)?;
        Some(Action::Arm { fault: fault?, at })
    }

    fn trigger(&mut self, node: &Node, around: Around<'_>) -> Option<Trigger> {
        let [(key, value)] = self.entries(node, "`at`")? else {
            self.error(Code::WrongShape, &node.at, "`at` is one place with a number")
                .help("write `at: {orders: 10}`, or `at: {checkpoint: 2}`");
            return None;
        };
        if key.name == "checkpoint" {
            if !around.has_statements {
                self.error(Code::Target, &key.at, "no checkpoint is ever taken")
                    .help("the pipeline has no `statements`");
            }
            return self
                .count(value, "a number of checkpoints", limits::ROUNDS)
                .map(Trigger::Checkpoint);
        }
        self.known_place(&key.name, &key.at, Among::Tables, around.catalogue);
        let count = self.count(value, "a number of records", limits::ROUNDS)?;
        Some(Trigger::Records { place: key.name.clone(), count })
    }

    /// Reports what is done to a target that is not in the state for it, and what needs a target
    /// that is not there.
    pub(super) fn check_states(&mut self, entries: &[Placed], around: Around<'_>) {
        let mut states = States::at_the_beginning(entries, around);
        // What many entries lack is said once.
        let mut told = BTreeSet::new();
        for (n, placed) in entries.iter().enumerate() {
            let wrong = match &placed.entry.action {
                Action::Session(entry) => {
                    let mut needed = vec![Target::Postgres];
                    needed.extend(entry.until.iter().flat_map(|until| needs(until, around)));
                    // An armed fault may act while the entry runs.
                    needed.iter().find_map(|target| states.lacks(*target, entry.until.is_none()))
                }
                Action::Permute { .. } => states.lacks(Target::Postgres, false),
                Action::Await { condition, .. } => {
                    needs(condition, around).iter().find_map(|target| states.lacks(*target, false))
                }
                Action::Set(set) => {
                    let later = entries.get(n + 1..).unwrap_or_default();
                    self.check_counts(set, &placed.main, later, around);
                    changed(set).find_map(|target| states.lacks(target, false))
                }
                Action::Upset(upset) => states.runs(*upset),
                Action::Hold { .. } | Action::Release { .. } | Action::Produce(_) => {
                    states.lacks(Target::Kafka, false)
                }
                Action::Fault(fault) | Action::Arm { fault, .. }
                    if fault.target == Target::Statements && !around.has_statements =>
                {
                    Some("the pipeline has no `statements`".to_owned())
                }
                Action::Fault(fault) => states.take(*fault, &placed.main, false),
                Action::Arm { fault, .. } => states.take(*fault, &placed.main, true),
            };
            if let Some(message) = wrong.filter(|message| told.insert(message.clone())) {
                let help = match placed.entry.action {
                    Action::Upset(_) => "write `stop: connector` before it, and `start` after it",
                    _ => "`start` what was killed or stopped, and `resume` what was paused",
                };
                self.error(Code::TargetState, &placed.main, message).help(help);
            }
        }
    }

    /// Reports settings of the statements that would never count.
    fn check_counts(&mut self, set: &Settings, at: &At, later: &[Placed], around: Around<'_>) {
        let starts = |fault: Fault| fault.verb == Verb::Start && fault.target == Target::Statements;
        let mut faults = later.iter().filter_map(|placed| placed.entry.action.fault());
        if !set.awaits_start() || around.has_statements && faults.any(starts) {
            return;
        }
        let message = "`flink` and `parallelism` count when the statements are started next, and \
                       no `start: statements` follows";
        self.error(Code::TargetState, at, message)
            .help("write `stop: statements` and `start: statements` after it");
    }
}

/// What must be up so that settings can change.
fn changed(set: &Settings) -> impl Iterator<Item = Target> {
    let source = [Target::Postgres, Target::Kafka, Target::Worker, Target::Connector];
    let topics = !set.topics.is_empty() || set.partitions.is_some();
    let source = source.into_iter().filter(|_| !set.connector.is_empty());
    source.chain(Some(Target::Kafka).filter(|_| topics))
}

/// What must be up so that a condition can come to hold.
fn needs(condition: &Condition, around: Around<'_>) -> Vec<Target> {
    let source = [Target::Postgres, Target::Kafka, Target::Worker, Target::Connector];
    let flink = [Target::Jobmanager, Target::Taskmanager, Target::Statements];
    match condition {
        Condition::Streaming | Condition::Captured | Condition::Stored | Condition::Confirmed => {
            source.to_vec()
        }
        Condition::Slot => vec![Target::Postgres, Target::Connector],
        Condition::Processed if around.has_statements => [&source[..], &flink[..]].concat(),
        Condition::Processed => source.to_vec(),
        Condition::Watermark(_) => flink.to_vec(),
        Condition::Compacted { .. } | Condition::Uncommitted { .. } => vec![Target::Kafka],
        Condition::Expired { .. } => Vec::new(),
    }
}

/// What a target is doing, and since which line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Up,
    /// A fault will act on it at some time.
    Armed(Verb),
    Paused,
    Down,
}

/// What each target is doing; of several connectors, each.
struct States<'a> {
    known: BTreeMap<(Target, usize), (State, usize)>,
    /// What several connectors are called.
    connectors: &'a [String],
}

impl<'a> States<'a> {
    /// Everything runs, except what the timeline itself is the first to start.
    fn at_the_beginning(entries: &[Placed], around: Around<'a>) -> Self {
        let connectors = &around.catalogue.connectors;
        let mut states = Self { known: BTreeMap::new(), connectors };
        for target in [Target::Connector, Target::Statements] {
            for nth in states.places(target, None) {
                let mut of = entries.iter().filter_map(|placed| placed.entry.action.fault());
                let first = of.find(|fault| fault.is_of(target, nth));
                if first.is_some_and(|fault| fault.verb == Verb::Start) {
                    states.known.insert((target, nth), (State::Down, 0));
                }
            }
        }
        states
    }

    /// The places of what is meant: of a connector its own, or those of all.
    fn places(&self, target: Target, connector: Option<usize>) -> Vec<usize> {
        match (target, connector) {
            (Target::Connector, Some(nth)) => vec![nth],
            (Target::Connector, None) => (0..self.connectors.len().max(1)).collect(),
            _ => vec![0],
        }
    }

    fn of(&self, target: Target, nth: usize) -> (State, usize) {
        self.known.get(&(target, nth)).copied().unwrap_or((State::Up, 0))
    }

    /// What to call it in a message.
    fn called(&self, target: Target, nth: usize) -> String {
        match self.connectors.get(nth).filter(|_| target == Target::Connector) {
            Some(name) => format!("the connector `{name}`"),
            None => format!("`{target}`"),
        }
    }

    /// Why something that needs a target cannot be done.
    fn lacks(&self, target: Target, armed_is_fine: bool) -> Option<String> {
        self.places(target, None).into_iter().find_map(|nth| {
            let (state, line) = self.of(target, nth);
            let called = self.called(target, nth);
            let what = match state {
                State::Up => return None,
                State::Armed(_) if armed_is_fine => return None,
                State::Armed(verb) => format!("has an armed `{verb}`"),
                State::Paused => "is paused".to_owned(),
                State::Down if line == 0 => return Some(format!("{called} has not been started")),
                State::Down => "is down".to_owned(),
            };
            Some(format!("{called} {what} since line {line}, and this needs it"))
        })
    }

    /// Why the place from which the connector goes on cannot be changed: whoever reads the slot has
    /// it, and Connect gives the offsets away of a connector alone that is stopped. Of several, those
    /// are meant that are stopped.
    fn runs(&self, upset: Upset) -> Option<String> {
        let all = self.places(Target::Connector, None).into_iter();
        let all: Vec<_> = all.map(|nth| self.of(Target::Connector, nth)).collect();
        if all.iter().all(|known| *known == (State::Down, 0)) {
            return Some(format!("`{upset}`, but the connector has not been started"));
        }
        let is_stopped = all.iter().any(|(state, line)| *state == State::Down && *line > 0);
        let offsets = upset == Upset::Offsets;
        let needed = if offsets { Target::Worker } else { Target::Postgres };
        let gone = !offsets && self.of(Target::Worker, 0).0 == State::Down;
        if is_stopped || gone {
            return self.lacks(needed, false);
        }
        Some(format!("`{upset}`, but the connector runs"))
    }

    /// Takes a fault in; why it does not fit, if it does not.
    fn take(&mut self, fault: Fault, at: &At, armed: bool) -> Option<String> {
        let places = self.places(fault.target, fault.connector);
        let mut next = Vec::new();
        for nth in &places {
            match self.next(fault, *nth, armed) {
                Ok(state) => next.push(((fault.target, *nth), (state, at.place.line))),
                Err(message) => return Some(message),
            }
        }
        self.known.extend(next);
        None
    }

    /// What a target does after a fault.
    fn next(&self, fault: Fault, nth: usize, armed: bool) -> Result<State, String> {
        let verb = fault.verb;
        let (state, line) = self.of(fault.target, nth);
        let it = match self.connectors.get(nth).filter(|_| fault.target == Target::Connector) {
            Some(name) => format!("`{verb}: {}`, but `{name}`", fault.target),
            None => format!("`{fault}`, but it"),
        };
        Ok(match (verb, state) {
            (Verb::Kill | Verb::Pause | Verb::Stop, State::Up) if armed => State::Armed(verb),
            (Verb::Kill | Verb::Stop, State::Up) | (Verb::Kill, State::Paused) => State::Down,
            (Verb::Pause, State::Up) => State::Paused,
            (Verb::Start, State::Down | State::Armed(Verb::Kill | Verb::Stop))
            | (Verb::Resume, State::Paused | State::Armed(Verb::Pause)) => State::Up,
            (_, State::Up) => return Err(format!("{it} runs")),
            (_, State::Armed(armed)) => {
                return Err(format!(
                    "`{verb}: {}`, but a `{armed}` of it is armed since line {line}",
                    fault.target
                ));
            }
            (_, State::Paused) => return Err(format!("{it} is paused since line {line}")),
            (_, State::Down) if line == 0 => return Err(format!("{it} has not been started")),
            (_, State::Down) => return Err(format!("{it} is down since line {line}")),
        })
    }
}
