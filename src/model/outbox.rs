//! What Debezium's outbox router makes of the rows of an outbox table: one record for each insert,
//! in commit order, on the topic of its routing column. Updates are not passed on, deletes vanish.
//!
//! Source: Debezium's manual, "Outbox Event Router", "Configuration options"
//! (`table.op.invalid.behavior`: deletes are filtered out, updates are never emitted). Seen on
//! 3.6.3 (scenarios `outbox/deleted-rows-leave-no-trace`, `outbox/events-come-in-commit-order`
//! and `outbox/payload-and-headers-are-placed-as-asked`).

use std::collections::BTreeMap;

use crate::codec::debezium;
use crate::codec::pgoutput::Cell;
use crate::model::routes;
use crate::model::source::{Kind, Rows, Transaction};
use crate::scenario::pipeline::ROUTER;
use crate::scenario::settings::Options;

/// Where a row goes if the file does not say so.
pub const REPLACEMENT: &str = "outbox.event.${routedByValue}";

/// The router of a connector's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Router {
    /// The name of the transform.
    pub name: String,
    id: String,
    key: String,
    payload: String,
    route: String,
    /// A payload of JSON text is written as JSON.
    expand: bool,
    /// Column → header.
    headers: Vec<(String, String)>,
    /// Column → field beside the payload.
    fields: Vec<(String, String)>,
    /// The column that says the partition.
    partition: Option<String>,
    /// Events without a payload become tombstones.
    tombstones: bool,
    /// Columns that are placed and not there are left out.
    lenient: bool,
}

/// Options that are read, and those that change nothing that is looked at.
const KNOWN: &[&str] = &[
    "type",
    "predicate",
    "negate",
    "table.field.event.id",
    "table.field.event.key",
    "table.field.event.payload",
    "route.by.field",
    "route.topic.regex",
    "route.topic.replacement",
    "table.expand.json.payload",
    "table.json.payload.null.behavior",
    "table.fields.additional.placement",
    "table.field.event.timestamp",
    "table.field.event.type",
    "table.field.additional.missing",
    "route.tombstone.on.empty.payload",
    // It names the version of a schema, which no value shows.
    "table.field.event.schema.version",
    // What it does at updates: a warning, an error, or the end of the connector.
    "table.op.invalid.behavior",
    // Spans are sent where OpenTelemetry is, which no worker of a run has.
    "tracing.span.context.field",
    "tracing.operation.name",
    "tracing.with.context.field.only",
];

impl Router {
    /// The router among the transforms, if there is one; what has no model is told in sentences.
    pub fn of(config: &Options) -> Option<Result<Self, Vec<String>>> {
        let name = name(config)?;
        let prefix = format!("transforms.{name}.");
        let get = |option: &str, default: &str| {
            config.get(&format!("{prefix}{option}")).map_or(default, String::as_str).to_owned()
        };
        let mut problems: Vec<String> = config
            .keys()
            .filter_map(|key| key.strip_prefix(&prefix))
            .filter(|option| !KNOWN.contains(option))
            .map(|option| format!("the outbox router's option `{option}` has no model"))
            .collect();
        let mut router = Self {
            id: get("table.field.event.id", "id"),
            key: get("table.field.event.key", "aggregateid"),
            payload: get("table.field.event.payload", "payload"),
            route: get("route.by.field", "aggregatetype"),
            expand: get("table.expand.json.payload", "false") == "true",
            headers: Vec::new(),
            fields: Vec::new(),
            partition: None,
            tombstones: get("route.tombstone.on.empty.payload", "false") == "true",
            lenient: get("table.field.additional.missing", "error") == "ignore",
            name,
        };
        let placed = get("table.fields.additional.placement", "");
        for entry in placed.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let mut parts = entry.split(':');
            let (column, place) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            let pair = (column.to_owned(), parts.next().unwrap_or(column).to_owned());
            match place {
                "header" => router.headers.push(pair),
                "envelope" => router.fields.push(pair),
                "partition" => router.partition = Some(pair.0),
                other => problems.push(format!("the outbox router's placement `{other}`")),
            }
        }
        Some(if problems.is_empty() { Ok(router) } else { Err(problems) })
    }

    /// The names of the columns that make a record's key.
    pub fn key_column(&self) -> &str {
        &self.key
    }

    fn routed(&self, columns: &[String], cells: &[Cell]) -> Routed {
        let text = |name: &str| {
            let place = columns.iter().position(|column| column == name)?;
            match cells.get(place)? {
                Cell::Text(text) => Some(text.clone()),
                Cell::Null | Cell::Unchanged => None,
            }
        };
        let placed = |placed: &[(String, String)]| {
            let there = |(column, _): &&(String, String)| !self.lenient || columns.contains(column);
            let placed = placed.iter().filter(there);
            placed.map(|(column, alias)| (alias.clone(), text(column))).collect()
        };
        let payload = text(&self.payload);
        let is_empty = payload.as_ref().is_none_or(|payload| payload.trim().is_empty());
        Routed {
            id: text(&self.id).unwrap_or_default(),
            key: text(&self.key),
            payload,
            is_tombstone: self.tombstones && is_empty,
            partition: self.partition.as_ref().and_then(|column| text(column)?.parse().ok()),
            value: text(&self.route).unwrap_or_default(),
            headers: placed(&self.headers),
            fields: placed(&self.fields),
            expand: self.expand,
            order: None,
        }
    }

    /// The records that the rows of a snapshot and the transactions behind it must give.
    pub fn records(&self, table: usize, shown: &Rows, streamed: &[Transaction]) -> Vec<Routed> {
        let mut all: Vec<_> = shown.iter().map(|row| self.routed(&shown.columns, row)).collect();
        let changes = streamed.iter().flat_map(|transaction| &transaction.changes);
        let inserts = changes.filter(|c| c.table == table && c.kind == Kind::Insert);
        for (nth, change) in inserts.enumerate() {
            let Some(new) = &change.new else { continue };
            all.push(Routed { order: Some(nth), ..self.routed(&change.columns, new) });
        }
        all
    }
}

/// The name of the transform that is the router, if there is one.
pub fn name(config: &Options) -> Option<String> {
    let found = routes::transforms(config).find(|name| is_router(config, name));
    found.map(ToOwned::to_owned)
}

/// A configuration without its outbox router, as far as other tables are concerned.
pub fn apart(config: &Options) -> Options {
    routes::without(config, |name| is_router(config, name))
}

fn is_router(config: &Options, transform: &str) -> bool {
    routes::class(config, transform) == Some(ROUTER)
}

/// A record that the router must write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// The event's id, which is the header `id`.
    pub id: String,
    /// The record's key.
    pub key: Option<String>,
    /// The payload as the row has it.
    pub payload: Option<String>,
    /// What stands in the routing column.
    pub value: String,
    /// Headers beside the id.
    pub headers: Vec<(String, Option<String>)>,
    /// Fields beside the payload.
    pub fields: Vec<(String, Option<String>)>,
    /// Its place in commit order; `None` for a row of the snapshot.
    pub order: Option<usize>,
    /// The partition that the row says, if it says one.
    pub partition: Option<i32>,
    expand: bool,
    is_tombstone: bool,
}

impl Routed {
    /// Whether this is the value that the JSON converter writes for it.
    pub fn is_value(&self, bytes: Option<&[u8]>) -> bool {
        if self.is_tombstone {
            return bytes.is_none();
        }
        let Some(bytes) = bytes else { return self.payload.is_none() && self.fields.is_empty() };
        let Some(captured) = unwrapped(bytes) else { return false };
        if self.fields.is_empty() {
            return self.is_payload(&captured);
        }
        let Some(object) = captured.as_object() else { return false };
        let payload = object.get("payload").is_some_and(|payload| self.is_payload(payload));
        let field = |(name, text): &(String, Option<String>)| {
            object.get(name).is_some_and(|captured| is_text(captured, text.as_deref()))
        };
        payload && object.len() == self.fields.len() + 1 && self.fields.iter().all(field)
    }

    fn is_payload(&self, captured: &serde_json::Value) -> bool {
        let Some(payload) = &self.payload else { return captured.is_null() };
        if self.expand {
            let wanted = serde_json::from_str::<serde_json::Value>(payload);
            // A text that is no JSON is passed on as it is.
            return wanted.map_or_else(|_| captured == payload, |wanted| wanted == *captured);
        }
        captured == payload
    }

    /// Whether these bytes are the key as the JSON converter writes it. A key column of text is a text
    /// in JSON whatever it says: `42` is another key than `"42"`, on another partition.
    pub fn is_key(&self, bytes: Option<&[u8]>, of_text: bool) -> bool {
        let Some(bytes) = bytes else { return self.key.is_none() };
        unwrapped(bytes).is_some_and(|captured| {
            let is_kind = captured.is_null() || captured.is_string() == of_text;
            is_kind && is_text(&captured, self.key.as_deref())
        })
    }
}

/// What a part of a record means, behind its schema or without one.
fn unwrapped(bytes: &[u8]) -> Option<serde_json::Value> {
    match debezium::payload(bytes).ok()? {
        Some(raw) => serde_json::from_str(raw.get()).ok(),
        None => Some(serde_json::Value::Null),
    }
}

/// Whether a JSON value is what Postgres writes as this text.
fn is_text(captured: &serde_json::Value, text: Option<&str>) -> bool {
    match (captured, text) {
        (serde_json::Value::Null, None) => true,
        (serde_json::Value::String(captured), Some(text)) => captured == text,
        (serde_json::Value::Number(captured), Some(text)) => captured.to_string() == text,
        (serde_json::Value::Bool(captured), Some(text)) => {
            text == if *captured { "t" } else { "f" }
        }
        (_, _) => false,
    }
}

/// Records that wait to be found, by id, in the order they are expected.
pub fn by_id(records: &[Routed]) -> BTreeMap<&str, Vec<usize>> {
    let mut ids = BTreeMap::<_, Vec<_>>::new();
    for (place, record) in records.iter().enumerate() {
        ids.entry(record.id.as_str()).or_default().push(place);
    }
    ids
}

/// Events for tests.
#[cfg(test)]
pub mod testing {
    use super::Routed;

    /// The event `id` of the aggregate `key` with the payload `p`, routed by `order`.
    pub fn routed(id: &str, key: &str) -> Routed {
        Routed {
            id: id.to_owned(),
            key: Some(key.to_owned()),
            payload: Some("p".to_owned()),
            value: "order".to_owned(),
            headers: Vec::new(),
            fields: Vec::new(),
            order: None,
            partition: None,
            expand: false,
            is_tombstone: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::base::position::{Lsn, Xid};
    use crate::codec::pgoutput::write;
    use crate::history::event::Table;
    use crate::history::testing::text_table;
    use crate::model::source::{Journal, prefix};

    fn options(pairs: &[(&str, &str)]) -> Options {
        let pairs = [("transforms", "o"), ("transforms.o.type", ROUTER)].iter().chain(pairs);
        pairs.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn routed(pairs: &[(&str, &str)], payload: &str) -> Routed {
        let columns = ["id", "aggregateid", "aggregatetype", "payload", "type"];
        let columns = columns.map(ToOwned::to_owned);
        let cells = ["e1", "42", "order", payload, "made"].map(|t| Cell::Text(t.to_owned()));
        Router::of(&options(pairs)).unwrap().unwrap().routed(&columns, &cells)
    }

    #[test]
    fn the_defaults_are_debeziums() {
        let router = Router::of(&options(&[])).unwrap().unwrap();
        assert_eq!(router.key_column(), "aggregateid");
        let routed = routed(&[], "{}");
        assert_eq!((routed.id.as_str(), routed.key.as_deref()), ("e1", Some("42")));
        assert_eq!(Router::of(&Options::new()), None);
    }

    #[rstest]
    #[case("false", r#"{"a": 1}"#, r#""{\"a\": 1}""#, true)]
    #[case("false", r#"{"a": 1}"#, r#"{"a":1}"#, false)]
    #[case("true", r#"{"a": 1}"#, r#"{"a":1}"#, true)]
    #[case("true", r#"{"a": 1}"#, r#"{"a":2}"#, false)]
    #[case("true", "no JSON", r#""no JSON""#, true)]
    #[case("false", "x", "null", false)]
    fn a_payload_is_text_or_json(
        #[case] expand: &str,
        #[case] payload: &str,
        #[case] captured: &str,
        #[case] is_it: bool,
    ) {
        let routed = routed(&[("transforms.o.table.expand.json.payload", expand)], payload);
        assert_eq!(routed.is_value(Some(captured.as_bytes())), is_it);
        assert!(!routed.is_value(None));
    }

    #[test]
    fn columns_are_placed_in_headers_and_beside_the_payload() {
        let placement = "transforms.o.table.fields.additional.placement";
        let routed = routed(&[(placement, "type:header:eventType,type:envelope")], "p");
        assert_eq!(routed.headers, [("eventType".to_owned(), Some("made".to_owned()))]);
        assert!(routed.is_value(Some(br#"{"payload":"p","type":"made"}"#)));
        assert!(!routed.is_value(Some(br#"{"payload":"p","type":"lost"}"#)));
        assert!(!routed.is_value(Some(br#"{"payload":"p"}"#)));
    }

    #[rstest]
    #[case(r#""42""#, true, true)]
    #[case("42", true, false)]
    #[case(r#""42""#, false, false)]
    #[case("42", false, true)]
    #[case(r#""43""#, true, false)]
    #[case("null", true, false)]
    fn a_key_is_the_aggregate(#[case] captured: &str, #[case] of_text: bool, #[case] is_it: bool) {
        assert_eq!(routed(&[], "p").is_key(Some(captured.as_bytes()), of_text), is_it);
    }

    #[test]
    fn what_has_no_model_is_told_and_what_is_left_is_as_before() {
        let written = options(&[("transforms.o.route.by.moon", "full"), ("a", "b")]);
        let problems = Router::of(&written).unwrap().unwrap_err();
        assert_eq!(problems, ["the outbox router's option `route.by.moon` has no model"]);
        let apart = apart(&written);
        assert_eq!(apart.get("transforms").unwrap(), "");
        assert_eq!((apart.len(), apart.get("a").unwrap().as_str()), (2, "b"));
    }

    #[rstest]
    #[case::empty("true", "", None, true)]
    #[case::blank("true", " ", None, true)]
    #[case::empty_and_written("true", "", Some("\"\""), false)]
    #[case::not_asked_for("false", "", Some("\"\""), true)]
    #[case::not_empty("true", "p", Some("\"p\""), true)]
    fn an_empty_payload_may_become_a_tombstone(
        #[case] on: &str,
        #[case] payload: &str,
        #[case] captured: Option<&str>,
        #[case] is_it: bool,
    ) {
        let routed = routed(&[("transforms.o.route.tombstone.on.empty.payload", on)], payload);
        assert_eq!(routed.is_value(captured.map(str::as_bytes)), is_it);
    }

    #[test]
    fn a_row_may_say_its_partition_and_lack_what_is_placed() {
        let placement = "transforms.o.table.fields.additional.placement";
        let written = [
            (placement, "aggregateid:partition,absent:header:x"),
            ("transforms.o.table.field.additional.missing", "ignore"),
        ];
        let routed = routed(&written, "p");
        assert_eq!((routed.partition, routed.headers.len()), (Some(42), 0));
    }

    fn table(oid: u32, name: &str) -> Table {
        Table { oid, ..text_table(name, &["id", "aggregateid"]) }
    }

    fn row(id: &str) -> write::Row {
        [id, "42"].map(|text| Cell::Text(text.to_owned())).to_vec()
    }

    #[test]
    fn the_rows_that_come_into_the_table_are_events() {
        let tables = [table(1, "outbox"), table(2, "orders")];
        let mut journal = Journal::new(&tables);
        let mut transactions = Vec::new();
        let messages = [
            write::insert(1, &row("shown")),
            write::insert(1, &row("one")),
            write::insert(2, &row("of another table")),
            write::delete(1, &write::full(&row("one"))),
            write::update(1, Some(&write::full(&row("shown"))), &row("changed")),
            write::insert(1, &row("two")),
        ];
        for (n, message) in messages.into_iter().enumerate() {
            let n = u32::try_from(n).unwrap() + 1;
            let lsn = Lsn(u64::from(n) * 10);
            let (begin, end) = (write::begin(lsn, 0, Xid(n)), write::commit(lsn, lsn, 0));
            for data in [begin, message, end] {
                transactions.extend(journal.push(lsn, Xid(n), &data).unwrap());
            }
        }
        let router = Router::of(&options(&[])).unwrap().unwrap();
        let (before, streamed) = transactions.split_at(1);
        let shown = prefix(&tables, before);
        let records = router.records(0, &shown[0], streamed);
        let events = records.iter().map(|record| (record.id.as_str(), record.order));
        let expected = [("shown", None), ("one", Some(0)), ("two", Some(1))];
        assert_eq!(events.collect::<Vec<_>>(), expected);
    }

    #[rstest]
    #[case::both(r#"{"payload":"p","type":"made"}"#, true)]
    #[case::one_more(r#"{"payload":"p","type":"made","more":1}"#, false)]
    #[case::another_payload(r#"{"payload":"q","type":"made"}"#, false)]
    #[case::no_payload(r#"{"type":"made","more":1}"#, false)]
    fn an_envelope_holds_payload_and_columns_and_nothing_else(
        #[case] captured: &str,
        #[case] is_it: bool,
    ) {
        let placed = [("transforms.o.table.fields.additional.placement", "type:envelope")];
        assert_eq!(routed(&placed, "p").is_value(Some(captured.as_bytes())), is_it);
    }

    #[rstest]
    #[case("true", Some("t"), true)]
    #[case("true", Some("f"), false)]
    #[case("false", Some("f"), true)]
    #[case("false", Some("t"), false)]
    #[case("false", None, false)]
    #[case("null", None, true)]
    fn a_truth_is_written_as_postgres_writes_it(
        #[case] captured: &str,
        #[case] text: Option<&str>,
        #[case] is_it: bool,
    ) {
        assert_eq!(is_text(&serde_json::from_str(captured).unwrap(), text), is_it);
    }
}
