//! Expected lives of keys: patterns over the events that a place showed of them.

use std::collections::{BTreeMap, BTreeSet};

use super::case::Case;
use super::found::Found;
use super::topic::letter;
use super::verdict::{Difference, Unmet};
use crate::history::event::SinkMode;
use crate::model::feed::{Columns, Order};
use crate::scenario::expect::{Life, LifeItem};

/// The events of each key at a place.
type Events = BTreeMap<String, Vec<&'static str>>;

pub(super) fn check(case: &Case<'_>, found: &mut Found) -> Vec<Unmet> {
    let mut unmet = Vec::new();
    if case.ended_in_trouble() {
        return unmet;
    }
    for (written, lives) in &case.expect.life {
        let place = case.place(written);
        if let Some(missing) = without_rows(case, &place) {
            found.gap(format!("the life of keys at `{place}`"), missing);
            continue;
        }
        let Some(events) = at_topic(case, &place).or_else(|| at_sink(case, &place)) else {
            let missing = "its records were not proven and read to their end";
            found.gap(format!("the life of keys at `{place}`"), missing);
            continue;
        };
        for (key, life) in lives {
            let seen = events.get(key).map_or(&[][..], Vec::as_slice);
            // At a sink nothing tells a repeat from a value that came back, so both readings count.
            let repeats = case.may_repeat_at_sinks() && !case.is_source(&place);
            let fits = fits(&life.items, seen) || repeats && fits(&life.items, &folded(seen));
            if !fits {
                unmet.push(differing(&place, key, life, seen));
            }
        }
    }
    unmet
}

fn differing(place: &str, key: &str, life: &Life, seen: &[&'static str]) -> Unmet {
    let captured = if seen.is_empty() { "never".to_owned() } else { seen.join(" ") };
    Unmet {
        demand: "life".to_owned(),
        at: Some(life.place.to_string()),
        sentence: format!(
            "the life of key {key} at `{place}` is `{captured}`, expected `{}`",
            life.source
        ),
        difference: vec![Difference {
            column: None,
            expected: Some(life.source.clone()),
            captured: Some(captured),
        }],
    }
}

/// Why the records of a source topic do not say which row they are about.
fn without_rows(case: &Case<'_>, place: &str) -> Option<&'static str> {
    let topic = case.topics.iter().find(|topic| topic.place == place)?;
    let columns = case.columns.get(topic.table)?;
    let nameless = columns.is_keyed_otherwise() && columns.table.key.is_empty();
    nameless.then_some(
        "rows of a table without primary key may share a key of `message.key.columns`, and nothing \
         else in a record says which row it is about",
    )
}

/// At a source topic: legal replays are folded.
fn at_topic(case: &Case<'_>, place: &str) -> Option<Events> {
    let proof = case.last_proof()?;
    let topic = case.topics.iter().find(|topic| topic.place == place && topic.n_unread == 0)?;
    if topic.unread_partition(proof).is_some() {
        return None;
    }
    let order = topic.alignment.matches.iter().map(|found| (found.logged, found.order));
    let replayed = order.filter(|(_, order)| *order == Order::Replayed);
    let replayed = replayed.map(|(logged, _)| logged).collect::<BTreeSet<_>>();
    // A key of `message.key.columns` may name several rows: there the row is what the record is for.
    let otherwise = case.columns.get(topic.table).is_some_and(Columns::is_keyed_otherwise);
    let wanted = topic.matched();
    let wanted = wanted.map(|(found, wanted, _)| (found.logged, (found.expected, wanted)));
    let wanted = wanted.collect::<BTreeMap<_, _>>();
    let mut lives = BTreeMap::<String, Vec<Shown>>::new();
    for (n, logged) in topic.log.iter().enumerate() {
        let wanted = wanted.get(&n);
        let row = || wanted.and_then(|(_, wanted)| wanted.row.as_ref());
        let key = if otherwise { row() } else { logged.key.as_ref() };
        if let Some(key) = key.filter(|_| !replayed.contains(&n)) {
            lives.entry(key.to_string()).or_default().push(Shown {
                partition: logged.record.partition,
                committed: wanted.map(|(committed, _)| *committed),
                event: letter(logged),
            });
        }
    }
    Some(lives.into_iter().map(|(key, shown)| (key, merged(shown))).collect())
}

/// An event of a key at a source topic.
struct Shown {
    partition: i32,
    /// Its number among all that the topic owes, in commit order.
    committed: Option<usize>,
    event: &'static str,
}

/// One life from all partitions that show it. Each keeps its own order; between two of them, which
/// no consumer can order, the commits decide: when their records were read says nothing.
fn merged(shown: Vec<Shown>) -> Vec<&'static str> {
    let mut last = BTreeMap::<i32, usize>::new();
    let placed = shown.into_iter().map(|shown| {
        // What no commit explains stays behind the record before it, as does what came too late.
        let last = last.entry(shown.partition).or_default();
        *last = shown.committed.unwrap_or_default().max(*last);
        (*last, shown.event)
    });
    let mut placed = placed.collect::<Vec<_>>();
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, event)| event).collect()
}

fn at_sink(case: &Case<'_>, place: &str) -> Option<Events> {
    let proof = case.last_proof()?;
    let sink = case.sinks.iter().find(|sink| sink.name == place && sink.unread.is_none())?;
    if !sink.shape.table.kept.is_topic() {
        // Files do not tell the order of the rows that a commit adds.
        return None;
    }
    if sink.unread_partition(proof).is_some() {
        return None;
    }
    let mut events = Events::new();
    for emitted in &sink.log {
        let event = match (sink.shape.table.mode, &emitted.row) {
            (SinkMode::Append, _) | (SinkMode::Retract, Some(_)) => "+I",
            (SinkMode::Upsert, Some(_)) => "+U",
            (SinkMode::Upsert | SinkMode::Retract, None) => "-D",
        };
        let of_row = || emitted.row.as_ref().and_then(|row| sink.shape.key_of(row));
        if let Some(key) = emitted.key.clone().or_else(of_row) {
            events.entry(key.to_string()).or_default().push(event);
        }
    }
    Some(events)
}

/// The events without those that repeat the ones before them.
fn folded(events: &[&'static str]) -> Vec<&'static str> {
    let mut kept = Vec::new();
    for event in events {
        if kept.last() != Some(event) {
            kept.push(*event);
        }
    }
    kept
}

/// Whether a pattern fits all of the events. No item means `never`.
fn fits(items: &[LifeItem], events: &[&str]) -> bool {
    // The places that the items so far can reach.
    let mut reached = BTreeSet::from([0]);
    for item in items {
        let mut next = BTreeSet::new();
        for start in reached {
            let rest = events.get(start..).unwrap_or_default();
            let run = rest.iter().take_while(|event| item.events.iter().any(|e| e == *event));
            let longest = run.count();
            let longest = item
                .max
                .map_or(longest, |max| longest.min(usize::try_from(max).unwrap_or(longest)));
            let shortest = usize::try_from(item.min).unwrap_or(usize::MAX);
            next.extend((shortest..=longest).map(|n| start + n));
        }
        reached = next;
    }
    reached.contains(&events.len())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn item(events: &str, min: u32, max: Option<u32>) -> LifeItem {
        let events = events.split('|').map(str::to_owned).collect();
        LifeItem { events, min, max }
    }

    fn shown(partition: i32, committed: Option<usize>, event: &'static str) -> Shown {
        Shown { partition, committed, event }
    }

    #[rstest]
    #[case::the_partition_of_the_new_key_is_read_first(
        vec![shown(1, Some(0), "r"), shown(0, Some(3), "c"), shown(1, Some(1), "d"), shown(1, Some(2), "null")],
        "r d null c"
    )]
    #[case::one_partition_keeps_its_order(
        vec![shown(0, Some(0), "c"), shown(0, Some(2), "d"), shown(0, Some(1), "u")],
        "c d u"
    )]
    #[case::what_is_late_on_its_partition_stays_late(
        vec![shown(0, Some(0), "c"), shown(0, Some(3), "d"), shown(0, Some(1), "u"), shown(1, Some(2), "r")],
        "c r d u"
    )]
    #[case::what_no_commit_explains_stays_where_it_is(
        vec![shown(1, Some(1), "u"), shown(1, None, "d"), shown(0, Some(0), "c"), shown(0, Some(2), "u")],
        "c u d u"
    )]
    fn a_life_on_several_partitions_is_merged_by_commits(
        #[case] shown: Vec<Shown>,
        #[case] expected: &str,
    ) {
        assert_eq!(merged(shown).join(" "), expected);
    }

    #[test]
    fn a_life_is_folded_where_an_event_repeats_the_one_before_it() {
        assert_eq!(folded(&["c", "c", "u", "c", "u", "u"]), ["c", "u", "c", "u"]);
        assert_eq!(folded(&[]), Vec::<&str>::new());
    }

    #[rstest]
    #[case::exact(&[item("c", 1, Some(1)), item("u", 1, Some(1))], "c u", true)]
    #[case::too_short(&[item("c", 1, Some(1)), item("u", 1, Some(1))], "c", false)]
    #[case::too_long(&[item("c", 1, Some(1))], "c u", false)]
    #[case::never(&[], "", true)]
    #[case::not_never(&[], "c", false)]
    #[case::any_number_then_one(&[item("u", 0, None), item("u", 1, Some(1)), item("d", 1, Some(1))], "u u u d", true)]
    #[case::choice(&[item("c|r", 1, Some(1)), item("u", 0, Some(1))], "r", true)]
    #[case::counted(&[item("u", 3, Some(3))], "u u", false)]
    fn a_pattern_fits_all_events_or_not(
        #[case] items: &[LifeItem],
        #[case] events: &str,
        #[case] expected: bool,
    ) {
        let events = events.split_whitespace().collect::<Vec<_>>();
        assert_eq!(fits(items, &events), expected);
    }
}
