//! Histories that are broken or incomplete: an error with its place, or a verdict that names the
//! missing evidence; never a pass, never a panic.

use changeproof::check::judge;
use changeproof::check::verdict::{Outcome, Verdict};
use changeproof::history::event::{Event, Role};
use changeproof::history::{History, HistoryError, Reader};
use proptest::prelude::*;
use proptest::sample::Index;

use super::recorded::{folder, histories};

/// The bytes of all recorded runs with their names.
fn files() -> Vec<(String, Vec<u8>)> {
    let path = |name: &str| folder().join(format!("{name}.jsonl"));
    let read = |(name, _): (String, History)| {
        let bytes = std::fs::read(path(&name)).unwrap();
        (name, bytes)
    };
    histories().into_iter().map(read).collect()
}

/// Read once, for all cases of a test.
fn corpus() -> &'static [(String, Vec<u8>)] {
    static CORPUS: std::sync::OnceLock<Vec<(String, Vec<u8>)>> = std::sync::OnceLock::new();
    CORPUS.get_or_init(files)
}

fn runs() -> &'static [(String, History)] {
    static RUNS: std::sync::OnceLock<Vec<(String, History)>> = std::sync::OnceLock::new();
    RUNS.get_or_init(histories)
}

fn read(bytes: &[u8]) -> Result<History, HistoryError> {
    let reader = Reader::new(bytes, "broken.jsonl")?;
    let header = reader.header().clone();
    let events = reader.collect::<Result<_, _>>()?;
    Ok(History::new(header, events))
}

/// The line that an error names.
fn line(error: &HistoryError) -> usize {
    match error {
        HistoryError::Line { line, .. } => *line,
        HistoryError::Unread(_)
        | HistoryError::Io { .. }
        | HistoryError::Version { .. }
        | HistoryError::Block { .. } => {
            panic!("{error}")
        }
    }
}

/// Whether a checker stopped with a bug of its own.
fn has_bug(verdict: &Verdict) -> bool {
    verdict.gaps.iter().any(|gap| gap.missing.contains("a bug in changeproof"))
}

/// A recorded run that passes on its own, and was not made to show a fault.
fn passes((_, history): &(String, History)) -> bool {
    let verdict = judge(history);
    verdict.outcome == Outcome::Pass && !verdict.control
}

proptest! {
    #[test]
    fn a_flipped_bit_is_found_at_its_line(run: Index, at: Index, bit in 0_u8..8) {
        let (_, bytes) = run.get(corpus());
        let mut bytes = bytes.clone();
        let at = at.index(bytes.len());
        let wanted = bytes[..=at].split(|byte| *byte == b'\n').count();
        let wanted = if bytes[at] == b'\n' { wanted - 1 } else { wanted };
        bytes[at] ^= 1 << bit;
        prop_assert_eq!(line(&read(&bytes).unwrap_err()), wanted);
    }

    #[test]
    fn a_run_that_was_cut_off_is_never_judged_to_the_end(run: Index, at: Index) {
        let (_, bytes) = run.get(corpus());
        let at = at.index(bytes.len());
        match read(&bytes[..at]) {
            Ok(history) => prop_assert!(judge(&history).outcome != Outcome::Pass),
            Err(error) => prop_assert!(error.to_string().starts_with("broken.jsonl:")),
        }
    }

    #[test]
    fn lines_that_are_missing_moved_or_repeated_are_found(run: Index, one: Index, other: Index, what in 0..3) {
        let (_, bytes) = run.get(corpus());
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').collect::<Vec<_>>();
        let (one, other) = (one.index(lines.len()), other.index(lines.len()));
        let changed = match what {
            // Without its last line a run is cut off, which the verdict says.
            0 if one + 1 < lines.len() => { lines.remove(one); one }
            1 if one != other => { lines.swap(one, other); one.min(other) }
            2 => { lines.insert(one, lines[one]); one + 1 }
            _ => return Ok(()),
        };
        prop_assert_eq!(line(&read(&lines.concat()).unwrap_err()), changed + 1);
    }

    #[test]
    fn bytes_of_records_and_of_the_journal_never_make_a_checker_panic(
        run: Index, at: Index, byte: Index, value: u8, what in 0..3,
    ) {
        let (_, history) = run.get(runs());
        let mut history = history.clone();
        let places = history.events.iter().enumerate();
        let places = places.filter(|(_, e)| matches!(e, Event::Record(_) | Event::Wal { .. }));
        let places = places.map(|(place, _)| place).collect::<Vec<_>>();
        let bytes = match &mut history.events[*at.get(&places[..])] {
            Event::Record(record) if what == 0 => record.key.as_mut().map(|key| &mut key.0),
            Event::Record(record) => record.value.as_mut().map(|value| &mut value.0),
            Event::Wal { data, .. } => Some(data),
            _ => None,
        };
        let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
        let byte = byte.index(bytes.len());
        if what == 1 { bytes.truncate(byte) } else { bytes[byte] = value }
        prop_assert!(!has_bug(&judge(&history)));
    }
}

/// Each recorded run that passes, without the events that `left_out` names.
fn incomplete(left_out: impl Fn(&Event) -> bool) -> Vec<(String, Verdict)> {
    let mut judged = Vec::new();
    for (name, history) in runs().iter().filter(|run| passes(run)) {
        let mut history = history.clone();
        let whole = history.events.len();
        history.events.retain(|event| !left_out(event));
        if history.events.len() < whole {
            judged.push((name.clone(), judge(&history)));
        }
    }
    assert!(!judged.is_empty());
    judged
}

/// What no verdict can do without.
#[rstest::rstest]
#[case::tables(|event: &Event| matches!(event, Event::Tables { .. }))]
#[case::connector(|event: &Event| matches!(event, Event::Connector { .. }))]
#[case::topics(|event: &Event| matches!(event, Event::Topics { .. }))]
#[case::sinks(|event: &Event| matches!(event, Event::Sinks { sinks } if !sinks.is_empty()))]
#[case::proofs(|event: &Event| matches!(event, Event::Proof(_)))]
#[case::references(|event: &Event| matches!(event, Event::Reference(_)))]
#[case::comparisons_of_the_journal(|event: &Event| matches!(event, Event::Capture { .. }))]
#[case::end(|event: &Event| matches!(event, Event::End(_)))]
fn a_run_without_some_evidence_is_unknown(#[case] left_out: fn(&Event) -> bool) {
    for (name, verdict) in incomplete(left_out) {
        assert_eq!(verdict.outcome, Outcome::Unknown, "{name}: {verdict:#?}");
        assert!(!verdict.gaps.is_empty() && !has_bug(&verdict), "{name}: {:?}", verdict.gaps);
    }
}

#[test]
fn a_run_without_its_journal_is_broken() {
    for (name, verdict) in incomplete(|event| matches!(event, Event::Wal { .. })) {
        assert_eq!(verdict.outcome, Outcome::Invalid, "{name}");
    }
}

#[test]
fn a_topic_that_was_not_read_is_unknown_and_nothing_is_said_to_be_lost_on_it() {
    for (name, history) in runs().iter().filter(|run| passes(run)) {
        let index = history.index();
        for topic in index.topics.iter().filter(|topic| topic.role != Role::Transaction) {
            let of_topic = |event: &Event| matches!(event, Event::Record(record) if record.topic == topic.name);
            if topic.role == Role::Barrier || !history.events.iter().any(of_topic) {
                continue;
            }
            let mut history = history.clone();
            history.events.retain(|event| !of_topic(event));
            let verdict = judge(&history);
            let what = format!("{name} without {}: {:#?}", topic.name, verdict.findings);
            assert_eq!(verdict.outcome, Outcome::Unknown, "{what} {:#?}", verdict.unmet);
        }
    }
}
