//! The options of Flink's session: what the author sets, and what the run adds and takes out.

use std::collections::BTreeMap;

use crate::base::difference::Difference;
use crate::contain::fate::Fate;
use crate::contain::session::option;
use crate::run::names::Names;
use crate::scenario::settings::Settings;
use crate::scenario::trial::Trial;

/// Where a fault of the timeline takes tasks down, they come back within this many attempts, which
/// are enough for a process that is started a minute later.
const RESTARTS: [(&str, &str); 3] = [
    ("restart-strategy.type", "fixed-delay"),
    ("restart-strategy.fixed-delay.attempts", "600"),
    ("restart-strategy.fixed-delay.delay", "100 ms"),
];
/// A job that fails shall say so; by default it would be restarted for ever.
const NO_RESTART: [(&str, &str); 1] = [("restart-strategy.type", "none")];

/// The name by which the run's jobs are found again.
const NAME: &str = "pipeline.name";
const PARALLELISM: &str = "parallelism.default";
/// What the differences are about.
const PART: &str = "session";

/// Options of the session. What the author sets counts, except what is the run's or the stack's.
pub(in crate::run) fn properties(
    trial: &Trial,
    settings: &Settings,
    names: &Names,
) -> BTreeMap<String, String> {
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    let mut properties: BTreeMap<_, _> =
        added(trial).map(|(key, value, _)| owned((key, value))).collect();
    let parallelism = settings.parallelism.unwrap_or(1);
    properties.insert(PARALLELISM.to_owned(), parallelism.to_string());
    let theirs = settings.flink.iter().filter(|(key, value)| option(key, value) == Fate::Kept);
    properties.extend(theirs.map(|(key, value)| (key.clone(), value.clone())));
    properties.insert(NAME.to_owned(), names.job());
    properties
}

/// What the run adds where the author says nothing, and why.
fn added(trial: &Trial) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let restarts = trial.faults().any(|fault| fault.target.restarts_statements());
    let (strategy, why): (&[_], _) = if restarts {
        (&RESTARTS, "tasks come back after the faults of the timeline")
    } else {
        (&NO_RESTART, "a statement that fails shall say so")
    };
    let zone = ("table.local-time-zone", "UTC", "the same on every machine");
    let strategy = strategy.iter().map(move |(key, value)| (*key, *value, why));
    std::iter::once(zone).chain(strategy)
}

/// How the options of the session differ from the settings, whenever they count.
pub(in crate::run) fn differences(trial: &Trial, names: &Names) -> Vec<Difference> {
    let mut differences = Vec::new();
    for settings in trial.settings_in_turn() {
        let submitted = properties(trial, &settings, names);
        for (key, theirs) in &settings.flink {
            let why = match option(key, theirs) {
                Fate::Ours(why) | Fate::LeftOut(why) => why,
                Fate::Kept | Fate::Refused(..) => continue,
            };
            let mut difference = Difference::new(PART, key, why).theirs(theirs);
            difference.ours = submitted.get(key).cloned();
            differences.push(difference);
        }
        for (key, ours, why) in added(trial).filter(|(key, ..)| !settings.flink.contains_key(*key))
        {
            differences.push(Difference::new(PART, key, why).ours(ours));
        }
        if settings.parallelism.is_none() && !settings.flink.contains_key(PARALLELISM) {
            let why = "what no setting says is 1";
            differences.push(Difference::new(PART, PARALLELISM, why).ours("1"));
        }
        if !settings.flink.contains_key(NAME) {
            let why = "the run's jobs carry its name";
            differences.push(Difference::new(PART, NAME, why).ours(names.job()));
        }
    }
    differences.sort();
    differences.dedup();
    differences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::pipeline::{Dialect, Format, Pipeline};

    fn trial(flink: &[(&str, &str)]) -> Trial {
        let pipeline = Pipeline {
            file: None,
            source: Vec::new(),
            left_out: Vec::new(),
            connectors: Vec::new(),
            outbox: BTreeMap::new(),
            topics: BTreeMap::new(),
            format: Some(Format::Json),
            dialect: Dialect::Flink,
            statements: Vec::new(),
            sinks: BTreeMap::new(),
        };
        let mut trial = Trial::idle("t", "t", pipeline);
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        trial.settings.flink = flink.iter().map(owned).collect();
        trial
    }

    #[test]
    fn what_is_submitted_is_what_is_set_plus_and_minus_the_list() {
        let trial = trial(&[
            ("table.exec.state.ttl", "1 h"),
            ("state.checkpoints.dir", "s3://bucket/checkpoints"),
            ("rest.address", "flink.example"),
            ("pipeline.name", "production"),
            ("restart-strategy.type", "exponential-delay"),
        ]);
        let names = Names::from_parts("t", 0);
        let mut expected = trial.settings.flink.clone();
        for Difference { key, theirs, ours, .. } in differences(&trial, &names) {
            assert_eq!(expected.remove(&key), theirs, "{key}");
            expected.extend(ours.map(|ours| (key, ours)));
        }
        assert_eq!(properties(&trial, &trial.settings, &names), expected);
        assert!(!expected.contains_key("rest.address"));
    }
}
