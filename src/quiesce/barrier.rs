//! Barriers: logical messages of the harness that come back as records of the topic
//! `<prefix>.message`.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::Value;
use tokio::sync::watch;

use super::Connector;
use crate::base::position::RecordPosition;
use crate::client::clock::Stopwatch;
use crate::client::postgres::{Connection, PostgresError};
use crate::client::wait::{self, Look, TimedOut};
use crate::codec::debezium;
use crate::history::event::Record;

/// The prefix of a barrier's message. The connector captures it; notes have another one.
pub const BARRIER_PREFIX: &str = "changeproof.barrier";

/// After how long a barrier that has not come back is emitted again.
const AGAIN: Duration = Duration::from_secs(3);

/// Barriers that came back, by content.
#[derive(Debug)]
pub struct Barriers {
    /// By topic and content.
    seen: watch::Sender<BTreeMap<(String, String), RecordPosition>>,
}

impl Default for Barriers {
    fn default() -> Self {
        Self { seen: watch::Sender::new(BTreeMap::new()) }
    }
}

impl Barriers {
    /// Takes note of a record of the barrier topic; others are ignored. To be called by the handler
    /// of the tap for every record of that topic.
    pub fn note(&self, record: &Record) {
        let contents = contents(record).unwrap_or_default();
        let position = RecordPosition {
            topic: record.topic.clone(),
            partition: record.partition,
            offset: record.offset,
            file: None,
        };
        self.seen.send_modify(|seen| {
            // The first sight counts: a replay repeats barriers too.
            for content in contents {
                let place = (record.topic.clone(), content);
                seen.entry(place).or_insert_with(|| position.clone());
            }
        });
    }

    /// Waits until the barrier came back through each of these connectors; gives where it stands.
    pub async fn back(
        &self,
        connectors: &[Connector],
        content: &str,
        limit: Duration,
    ) -> Result<Vec<RecordPosition>, TimedOut> {
        let mut seen = self.seen.subscribe();
        let back = wait::observe("the barrier to come back", limit, &mut seen, |seen| {
            let mut positions = Vec::new();
            for connector in connectors {
                match seen.get(&(connector.barriers.clone(), content.to_owned())) {
                    Some(position) => positions.push(position.clone()),
                    None => {
                        let own = seen.keys().filter(|(topic, _)| *topic == connector.barriers);
                        let others = format!("{} other barriers came back", own.count());
                        return Look::NotYet(connector.says(others));
                    }
                }
            }
            Look::Holds(positions)
        });
        back.await
    }

    /// The same, for a barrier that was emitted through this connection: it is emitted again from time
    /// to time, since one that a snapshot's point leaves behind never comes back. A connector takes its
    /// snapshot long after its slot is there where it was started anew in between.
    pub async fn back_again(
        &self,
        (database, connectors): (&Connection, &[Connector]),
        content: &str,
        limit: Duration,
    ) -> Result<Vec<RecordPosition>, TimedOut> {
        let watch = Stopwatch::start();
        loop {
            let left = limit.saturating_sub(watch.elapsed());
            match self.back(connectors, content, left.min(AGAIN)).await {
                Ok(positions) => return Ok(positions),
                Err(late) if watch.elapsed() >= limit => {
                    return Err(TimedOut { waited: watch.elapsed(), ..late });
                }
                // A database that does not answer now may answer again before the limit.
                Err(_) => drop(tokio::time::timeout(AGAIN, emit(database, content)).await),
            }
        }
    }
}

/// Emits a barrier in the session's database. Its commit is the session's own, so everything the
/// server acknowledged before is before it.
pub async fn emit(database: &Connection, content: &str) -> Result<(), PostgresError> {
    database.emit_message(BARRIER_PREFIX, content).await.map(|_| ())
}

/// Whether a record is a barrier, and no message of the author's.
pub fn is_barrier(record: &Record) -> bool {
    contents(record).is_some()
}

/// What the content of a barrier's record may be: Debezium's envelope of a logical message holds it
/// as `binary.handling.mode` says, and a text may be read in more than one of its forms.
fn contents(record: &Record) -> Option<Vec<String>> {
    let value = debezium::payload(&record.value.as_ref()?.0).ok()??;
    let value: Value = serde_json::from_str(value.get()).ok()?;
    let message = value.get("message")?;
    if message.get("prefix")?.as_str()? != BARRIER_PREFIX {
        return None;
    }
    let text = message.get("content")?.as_str()?;
    let forms = [hex::decode(text).ok(), STANDARD.decode(text).ok(), URL_SAFE.decode(text).ok()];
    Some(forms.into_iter().flatten().filter_map(|bytes| String::from_utf8(bytes).ok()).collect())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::history::event::Bytes;

    fn connector(prefix: &str) -> Connector {
        Connector {
            name: prefix.to_owned(),
            called: Some(prefix.to_owned()),
            slot: prefix.to_owned(),
            barriers: format!("{prefix}.message"),
            confirms: true,
        }
    }

    const MILLI: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn a_barrier_is_back_once_every_connector_has_let_it_through() {
        let barriers = Barriers::default();
        let value = r#"{"message":{"prefix":"changeproof.barrier","content":"YjE="}}"#;
        barriers.note(&record(Some(value)));
        let both = [connector("p"), connector("q")];
        let late = barriers.back(&both, "b1", MILLI).await.unwrap_err();
        assert_eq!(late.last, "the connector `q`: 0 other barriers came back");
        barriers.note(&Record { topic: "q.message".to_owned(), ..record(Some(value)) });
        let positions = barriers.back(&both, "b1", MILLI).await.unwrap();
        assert_eq!(positions.len(), 2);
    }

    fn record(value: Option<&str>) -> Record {
        Record {
            topic: "p.message".to_owned(),
            partition: 0,
            offset: 3,
            timestamp: None,
            key: None,
            value: value.map(|value| Bytes(value.as_bytes().to_vec())),
            headers: Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_barrier_is_recognised_behind_its_schema_too() {
        let barriers = Barriers::default();
        let value = r#"{"schema":{"type":"struct"},"payload":
            {"op":"m","message":{"prefix":"changeproof.barrier","content":"YjE="}}}"#;
        barriers.note(&record(Some(value)));
        assert!(barriers.back(&[connector("p")], "b1", MILLI).await.is_ok());
    }

    #[rstest]
    #[case::base64("YjE/Pg==")]
    #[case::for_urls("YjE_Pg==")]
    #[case::hexadecimal("62313f3e")]
    #[tokio::test]
    async fn a_barrier_is_recognised_however_bytes_are_written(#[case] content: &str) {
        let barriers = Barriers::default();
        let value = format!(
            r#"{{"op":"m","message":{{"prefix":"changeproof.barrier","content":"{content}"}}}}"#
        );
        barriers.note(&record(Some(&value)));
        assert!(barriers.back(&[connector("p")], "b1?>", MILLI).await.is_ok());
    }

    #[tokio::test]
    async fn a_barrier_is_recognised_by_prefix_and_content() {
        let barriers = Barriers::default();
        barriers.note(&record(None));
        barriers.note(&record(Some("{\"op\":\"m\"}")));
        barriers.note(&record(Some(r#"{"message":{"prefix":"other","content":"YjE="}}"#)));
        let late = barriers.back(&[connector("p")], "b1", MILLI).await.unwrap_err();
        assert_eq!(late.last, "the connector `p`: 0 other barriers came back");
        let value = r#"{"op":"m","message":{"prefix":"changeproof.barrier","content":"YjE="}}"#;
        barriers.note(&record(Some(value)));
        let positions = barriers.back(&[connector("p")], "b1", MILLI).await.unwrap();
        assert_eq!(positions[0].to_string(), "p.message[0]@3");
    }
}
