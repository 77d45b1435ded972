//! How many trials a scenario makes, before any is made.

use itertools::Itertools as _;

use super::Reader;
use crate::base::limits::{self, grouped, size};
use crate::scenario::code::Code;
use crate::scenario::diagnose::At;
use crate::scenario::orders;
use crate::scenario::scenario::Setting;
use crate::scenario::timeline::{Action, Entry};

/// How many of the lists a sentence names.
const NAMED: usize = 6;

/// Something of which every trial has one: a value of a list, or an order.
struct Axis {
    name: String,
    count: u64,
    at: At,
}

impl Reader<'_> {
    /// Refuses a scenario whose trials, or what they hold together, would be too many.
    pub(super) fn check_trials(&mut self, settings: &[Setting], timeline: &[Entry]) {
        let axes = axes(settings, timeline);
        let Some(last) = axes.last() else { return };
        let trials = axes.iter().map(|axis| axis.count).try_fold(1_u64, u64::checked_mul);
        let entries = trials.and_then(|trials| trials.checked_mul(length(timeline)));
        let bytes = trials.and_then(|trials| trials.checked_mul(self.files.bytes()));
        let most = |wanted: Option<u64>, most: u64| wanted.is_none_or(|wanted| wanted > most);
        let told = if most(trials, limits::TRIALS) {
            let trials = trials.map_or_else(|| "more than 10^19".to_owned(), grouped);
            Some((format!("makes {trials} trials"), grouped(limits::TRIALS)))
        } else if most(entries, limits::ENTRIES) {
            let entries = entries.map(grouped).unwrap_or_default();
            Some((format!("has {entries} entries in all its trials"), grouped(limits::ENTRIES)))
        } else if most(bytes, limits::TRIALS_BYTES) {
            let bytes = bytes.map(size).unwrap_or_default();
            Some((format!("has {bytes} of texts in all its trials"), size(limits::TRIALS_BYTES)))
        } else {
            None
        };
        if let Some((what, most)) = told {
            let message = format!("the scenario {what}: {}", product(&axes));
            let help = format!("at most {most}: list fewer values, or write several scenarios");
            self.error(Code::TooMuch, &last.at, message).help(help);
        }
    }
}

/// The lists and the orders that make more than one trial.
fn axes(settings: &[Setting], timeline: &[Entry]) -> Vec<Axis> {
    let lists = settings.iter().filter(|setting| setting.is_axis).map(|setting| Axis {
        name: setting.name(),
        count: u64::try_from(setting.choices.len()).unwrap_or(u64::MAX),
        at: setting.at.clone(),
    });
    let orders = timeline.iter().filter_map(|entry| {
        let Action::Permute { count, of } = &entry.action else { return None };
        let all = orders::count(of);
        let count = count.map_or(all, |count| all.min(u64::from(count)));
        let at = At { place: entry.place.clone(), span: entry.span };
        Some(Axis { name: "permute".to_owned(), count, at })
    });
    lists.chain(orders).filter(|axis| axis.count > 1).collect()
}

/// The entries of one trial's timeline.
fn length(timeline: &[Entry]) -> u64 {
    let of = |entry: &Entry| match &entry.action {
        Action::Permute { of, .. } => of.len(),
        _ => 1,
    };
    u64::try_from(timeline.iter().map(of).sum::<usize>()).unwrap_or(u64::MAX)
}

/// ``10 of `partitions` × 20 of `permute` ``.
fn product(axes: &[Axis]) -> String {
    let named = axes.iter().take(NAMED);
    let named = named.map(|axis| format!("{} of `{}`", grouped(axis.count), axis.name));
    let further = axes.len().saturating_sub(NAMED);
    let further = (further > 0).then(|| format!("{further} more"));
    named.chain(further).join(" × ")
}
