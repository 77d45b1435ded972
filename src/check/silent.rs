//! Nothing is dropped in silence.
//!
//! Source: Debezium's manual, PostgreSQL connector, "truncate events" and property
//! `skipped.operations`, which leaves TRUNCATE out by default; Flink's manual, Debezium format,
//! option `ignore-parse-errors`. Seen on 3.6.3 and Flink 2.2.0 (scenarios
//! `silent/a-truncate-that-no-topic-shows` and `silent/an-update-that-ignored-errors-swallow`).

use super::case::Case;
use super::found::{Draft, Found};
use super::topic::TopicCase;
use crate::base::anomaly::Anomaly;
use crate::model::feed::Part;
use crate::model::source::{Change, Kind, Rows, Turn};
use crate::scenario::settings::ReplicaIdentity;

pub(super) const FINDS: &[Anomaly] = &[Anomaly::TruncateUnseen, Anomaly::CaptureDrift];

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    truncates(case, found);
    drift(case, found);
}

/// A TRUNCATE that removed rows, and that no record tells of.
fn truncates(case: &Case<'_>, found: &mut Found) {
    let mut tables = case.index.tables.iter().map(Rows::of).collect::<Vec<_>>();
    for transaction in &case.transactions {
        let mut turns = transaction.turns.iter().peekable();
        for (n, change) in transaction.changes.iter().enumerate() {
            while let Some(turn) = turns.next_if(|turn| turn.behind <= n) {
                turned(&mut tables, turn);
            }
            let Some(rows) = tables.get_mut(change.table) else { continue };
            if change.kind == Kind::Truncate {
                let point = case.point_of(change.table);
                let streamed = point.is_none_or(|point| transaction.commit >= point);
                let removed = rows.iter().count();
                let topic = case.topics.iter().find(|topic| topic.table == change.table);
                let unread = topic.filter(|topic| !shows(topic, change) && is_whole(case, topic));
                if let Some(topic) = unread.filter(|_| streamed && removed > 0)
                    && is_due(case, transaction.end)
                {
                    found.add(unseen(topic, change, removed));
                }
                rows.clear();
            }
            rows.replace(&change.columns, change.old.as_ref(), change.new.as_ref());
        }
        for turn in turns {
            turned(&mut tables, turn);
        }
    }
}

fn turned(tables: &mut [Rows], turn: &Turn) {
    for (place, rows) in tables.iter_mut().enumerate() {
        rows.turn(turn, place);
    }
}

/// Whether all that the proof says of the topic was read: else the record may be there.
fn is_whole(case: &Case<'_>, topic: &TopicCase<'_>) -> bool {
    let unread = case.last_proof().and_then(|proof| topic.unread_partition(proof));
    topic.n_unread == 0 && unread.is_none()
}

fn is_due(case: &Case<'_>, end: crate::base::position::Lsn) -> bool {
    let last = case.last_proof().and_then(|proof| proof.last_commit_end);
    last.is_some_and(|last| end <= last)
}

fn shows(topic: &TopicCase<'_>, change: &Change) -> bool {
    topic.matched().any(|(_, wanted, _)| {
        let same = wanted.change.as_ref().is_some_and(|other| other.position == change.position);
        same && wanted.part == Part::Truncate
    })
}

fn unseen<'a>(topic: &'a TopicCase<'_>, change: &Change, removed: usize) -> Draft<'a> {
    let name = &topic.topic.name;
    Draft {
        anomaly: Anomaly::TruncateUnseen,
        place: &topic.place,
        key: None,
        key_columns: &[],
        sentence: format!(
            "the TRUNCATE at {} (transaction {}) is not on `{name}`: the {removed} rows that it \
             removed are still there for everyone who reads the topic",
            change.position, change.xid,
        ),
        record: None,
        position: Some(change.position),
        first_hop: Some(format!("journal → {name}")),
        difference: Vec::new(),
    }
}

/// The letter by which Postgres' catalogue names a replica identity.
fn letter(identity: ReplicaIdentity) -> char {
    match identity {
        ReplicaIdentity::Default => 'd',
        ReplicaIdentity::Full => 'f',
        ReplicaIdentity::Index => 'i',
        ReplicaIdentity::Nothing => 'n',
    }
}

/// What the connector captures is another thing than when it started.
fn drift(case: &Case<'_>, found: &mut Found) {
    for table in case.index.tables {
        let name = format!("{}.{}", table.schema, table.name);
        let seen = case.index.publications.iter().find_map(|(proof, published)| {
            // A table that was dropped is no longer in the catalogue.
            let now = published.iter().find(|now| now.table == name)?;
            let what = if now.published != table.captured {
                let verb = if now.published { "entered" } else { "left" };
                format!("{verb} the connector's publication")
            } else if table.captured && now.identity != letter(table.identity) {
                let (was, is) = (letter(table.identity), now.identity);
                format!("changed its replica identity from `{was}` to `{is}`")
            } else {
                return None;
            };
            Some((*proof, what))
        });
        if let Some((proof, what)) = seen {
            found.add(Draft {
                anomaly: Anomaly::CaptureDrift,
                place: &case.place_of(table),
                key: None,
                key_columns: &[],
                sentence: format!("`{name}` {what} during the run; seen at proof {proof}"),
                record: None,
                position: None,
                first_hop: None,
                difference: Vec::new(),
            });
        }
    }
}
