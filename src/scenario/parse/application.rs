//! `topics`: what an application writes; and `produce`, with which a timeline writes it.

use std::collections::BTreeMap;

use super::Reader;
use super::catalogue::{Catalogue, Place};
use super::pipeline::{TOPIC_NAME, is_topic_name};
use super::shape::Fields;
use super::timeline::Around;
use crate::base::text::{Span, Text};
use crate::scenario::application::{
    self, Application, BESIDES, Ending, KEY, OP, PARTITION, Produce, TIMESTAMP, VALUE, Wire, millis,
};
use crate::scenario::code::Code;
use crate::scenario::diagnose::At;
use crate::scenario::expect::{Row, RowCell, RowTable};
use crate::scenario::timeline::Action;
use crate::scenario::words::{ENDING, TOPIC, WIRE, suggestion};
use crate::scenario::yaml::{Key, Node, Value};
use crate::sql::flink::{self, ColumnKind, CreateTable, Statement};

/// Types of Flink's whose values are written here.
const TYPES: [&str; 24] = [
    "ARRAY",
    "BIGINT",
    "BINARY",
    "BOOLEAN",
    "BYTES",
    "CHAR",
    "DATE",
    "DEC",
    "DECIMAL",
    "DOUBLE",
    "FLOAT",
    "INT",
    "INTEGER",
    "MAP",
    "NUMERIC",
    "ROW",
    "SMALLINT",
    "STRING",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP_LTZ",
    "TINYINT",
    "VARBINARY",
    "VARCHAR",
];

/// A topic as it is declared, and as the table that its row tables are read by.
#[derive(Debug)]
pub(super) struct Declared {
    pub application: Application,
    pub table: CreateTable,
}

impl Reader<'_> {
    /// The topics that an application writes.
    pub(super) fn topics(
        &mut self,
        fields: &Fields<'_>,
        catalogue: &mut Catalogue,
    ) -> BTreeMap<String, Application> {
        let entries = fields.get("topics").and_then(|node| self.entries(node, "`topics`"));
        let mut topics = BTreeMap::new();
        let sinks = match fields.get("sinks").map(|node| &node.value) {
            Some(Value::Map(sinks)) => sinks.as_slice(),
            Some(Value::Scalar(_) | Value::List(_)) | None => &[],
        };
        for (key, node) in entries.unwrap_or_default() {
            let is_sink = sinks.iter().any(|(sink, _)| sink.name == key.name);
            self.check_topic_name(key, is_sink, catalogue);
            let Some(declared) = self.topic(key, node) else {
                catalogue.is_partial = true;
                continue;
            };
            topics.insert(key.name.clone(), declared.application.clone());
            catalogue.topics.insert(key.name.clone(), declared);
        }
        topics
    }

    /// A name that stands for something else already, or for nothing.
    fn check_topic_name(&mut self, key: &Key, is_sink: bool, catalogue: &Catalogue) {
        let name = &key.name;
        if !is_topic_name(name) {
            let message = format!("`{name}` is no name of a topic");
            self.error(Code::ApplicationTopic, &key.at, message).help(TOPIC_NAME);
            return;
        }
        let is = match catalogue.place(name) {
            Some(Place::Source(_)) => "a source table",
            Some(Place::Connector) => "the connector",
            Some(Place::Sink(_) | Place::Topic(_)) | None if is_sink => "a sink",
            Some(Place::Sink(_) | Place::Topic(_)) | None => return,
        };
        let message = format!("`{name}` is {is} of this pipeline already");
        self.error(Code::ApplicationTopic, &key.at, message).help(
            "references and findings go by this name: give the topic that an application writes \
             another one",
        );
    }

    fn topic(&mut self, name: &Key, node: &Node) -> Option<Declared> {
        let fields = self.map(node, TOPIC)?;
        let help = "write the columns of its records: `columns: id INT, url STRING`";
        let written = self.required(&fields, "columns", help)?;
        let mut table = self.columns(written)?;
        let mut wire = |key: &str| match fields.get(key) {
            Some(node) => self.word(node, WIRE).map(wire_of),
            None => Some(Wire::Json),
        };
        let (key_format, value_format) = (wire("key_format"), wire("value_format"));
        let key = self.key(fields.get("key"), &table)?;
        let partitions = match fields.get("partitions") {
            Some(node) => {
                let most = crate::base::limits::PARTITIONS;
                self.count(node, "a number of partitions", most)?
            }
            None => 1,
        };
        let is_own = |name: &str| !BESIDES.iter().any(|(own, _)| *own == name);
        let of_table = table.columns.iter().filter(|column| is_own(&column.name));
        let columns = of_table.filter_map(|column| {
            column.data_type().map(|kind| (column.name.clone(), kind.to_owned()))
        });
        let columns = columns.collect();
        let (key_format, value_format) = (key_format?, value_format?);
        table.primary_key.clone_from(&key);
        let text = self.scalar(written, "columns")?.text.clone();
        let application = Application { text, columns, key, key_format, value_format, partitions };
        let at = |key: &str| fields.get(key).map_or(&name.at, |node| &node.at);
        self.check_formats((at("key_format"), at("value_format")), &application)?;
        Some(Declared { application, table })
    }

    /// The columns with those that every row table may have besides.
    fn columns(&mut self, node: &Node) -> Option<CreateTable> {
        let written = self.text(node, "columns with their types")?;
        let besides = BESIDES.map(|(name, kind)| format!("`{name}` {kind}")).join(", ");
        let sql = format!("CREATE TABLE t (\n{written}\n, {besides})");
        let text = Text::whole("columns".into(), sql);
        let help = "write them as Flink's DDL has them: `id INT, url STRING, at TIMESTAMP(3)`";
        let table = match flink::parse(&text) {
            Statement::CreateTable(table) if table.columns.len() > BESIDES.len() => *table,
            _ => {
                let message = "these are no columns with their types";
                self.error(Code::ApplicationTopic, &node.at, message).help(help);
                return None;
            }
        };
        if table.watermark.is_some() || !table.primary_key.is_empty() {
            let message = "a topic has no WATERMARK and no PRIMARY KEY: its readers have them";
            let help = "write the columns of its records alone, and `key` for those of its key";
            self.error(Code::ApplicationTopic, &node.at, message).help(help);
            return None;
        }
        let mut seen = Vec::new();
        for column in &table.columns {
            let (name, kind) = (&column.name, column.data_type().unwrap_or_default());
            let word = kind.split(['(', '<', ' ']).next().unwrap_or_default();
            let wrong = if seen.contains(&name) {
                Some(format!("the column `{name}` stands twice, or is one that every topic has"))
            } else if !matches!(column.kind, ColumnKind::Physical(_)) {
                Some(format!("`{name}` is computed or metadata, which no record holds"))
            } else if !TYPES.contains(&word) {
                Some(format!("nothing here writes values of the type `{kind}` of `{name}`"))
            } else {
                None
            };
            seen.push(name);
            if let Some(message) = wrong {
                self.error(Code::ApplicationTopic, &node.at, message).help(help);
                return None;
            }
        }
        Some(table)
    }

    fn key(&mut self, node: Option<&Node>, table: &CreateTable) -> Option<Vec<String>> {
        let Some(node) = node else { return Some(Vec::new()) };
        let mut key = Vec::new();
        for item in self.one_or_list(node) {
            let name = self.text(item, "a column")?;
            let known = table.columns.iter().map(|column| column.name.as_str());
            let known = known.filter(|name| !BESIDES.iter().any(|(own, _)| own == name));
            if !known.clone().any(|known| known == name) {
                let message = format!("`{name}` is none of its columns");
                let help = suggestion(&name, known);
                self.error(Code::UnknownColumn, &item.at, message).help(help);
                return None;
            }
            key.push(name);
        }
        Some(key)
    }

    /// What a format cannot hold.
    fn check_formats(&mut self, (key, value): (&At, &At), of: &Application) -> Option<()> {
        let keys = (of.key_format, of.of_key().collect::<Vec<_>>(), ("key", key));
        let values = (of.value_format, of.of_value().collect::<Vec<_>>(), ("value", value));
        let keys = Some(keys).filter(|_| !of.key.is_empty());
        for (wire, columns, (part, at)) in keys.into_iter().chain([values]) {
            let problem = match (wire, columns.as_slice()) {
                (Wire::Raw, [(_, kind)]) if is_bytes(kind) => None,
                (Wire::Raw, [(name, kind)]) => {
                    Some(format!("a raw {part} is a STRING or BYTES, and `{name}` is {kind}"))
                }
                (Wire::Raw, all) => {
                    Some(format!("a raw {part} holds one column, and there are {}", all.len()))
                }
                (Wire::AvroRegistry, all) => {
                    let odd = all.iter().find(|(_, kind)| !application::is_in_avro(kind));
                    odd.map(|(name, kind)| {
                        format!("Flink's Avro has no form for `{name}`, which is {kind}")
                    })
                }
                (Wire::Json, _) => None,
            };
            if let Some(message) = problem {
                let help = "write another format, or other columns";
                self.error(Code::ApplicationTopic, at, message).help(help);
                return None;
            }
        }
        Some(())
    }

    /// `produce: clicks`, with its rows.
    pub(super) fn produce(
        &mut self,
        (key, value): (&Key, &Node),
        modifiers: &[&(Key, Node)],
        around: Around<'_>,
    ) -> Option<Action> {
        let get = |name: &str| modifiers.iter().find(|(key, _)| key.name == name).map(|(_, n)| n);
        let topic = self.text(value, "a topic")?;
        let catalogue = around.catalogue;
        let declared = catalogue.topics.get(&topic);
        let is_table = matches!(catalogue.place(&topic), Some(Place::Source(_) | Place::Sink(_)));
        if declared.is_none() && !is_table {
            if !catalogue.is_partial {
                let message = format!("`{topic}` is no topic of this pipeline");
                let names = catalogue.topics.keys().map(String::as_str);
                let help = format!("declare it under `topics`; {}", suggestion(&topic, names));
                self.error(Code::UnknownPlace, &value.at, message).help(help);
            }
            return None;
        }
        let Some(node) = get("rows") else {
            self.error(Code::MissingKey, &key.at, "a `produce` has no `rows`")
                .help("write `rows: |` with a header, and a row for each record");
            return None;
        };
        let rows = self.records(node, &topic, declared);
        let headers = get("headers").map(|node| self.headers(node));
        let transaction = get("transaction").map(|node| self.word(node, ENDING));
        let transaction = match transaction {
            Some(word) => Some(if word? == "abort" { Ending::Abort } else { Ending::Commit }),
            None => None,
        };
        let headers = headers.unwrap_or_default();
        let rows = rows?;
        Some(Action::Produce(Box::new(Produce { topic, rows, headers, transaction })))
    }

    fn headers(&mut self, node: &Node) -> Vec<(String, String)> {
        let entries = self.entries(node, "`headers`").unwrap_or_default();
        let header =
            |(key, node): &(Key, Node)| Some((key.name.clone(), self.text(node, "a header")?));
        entries.iter().filter_map(header).collect()
    }

    fn records(
        &mut self,
        node: &Node,
        topic: &str,
        declared: Option<&Declared>,
    ) -> Option<RowTable> {
        let mut tables: Vec<CreateTable> =
            declared.map(|declared| declared.table.clone()).into_iter().collect();
        let head = self.scalar(node, "a row table")?.text.value.lines().next().unwrap_or_default();
        let has = |column: &str| head.split('|').any(|name| name.trim() == column);
        if has(KEY) {
            for table in &mut tables {
                table.primary_key.clear();
            }
        }
        let rows = self.row_table(node, topic, &tables)?;
        let errors = self.diagnostics.len();
        if declared.is_none() {
            self.check_bytes_alone(node, topic, &rows);
        }
        if rows.rows.is_empty() || rows.open {
            let message = "the row table says no record, or not which";
            self.error(Code::RowTable, &node.at, message).help("write a row for each record");
        }
        for row in &rows.rows {
            self.record(&rows, row, declared);
        }
        (self.diagnostics.len() == errors).then_some(rows)
    }

    /// To a topic that the pipeline writes itself nothing is written that could pass for its own.
    fn check_bytes_alone(&mut self, node: &Node, topic: &str, rows: &RowTable) {
        let allowed = [KEY, VALUE, PARTITION, TIMESTAMP];
        let stranger = rows.columns.iter().find(|name| !allowed.contains(&name.as_str()));
        let is_bare = !rows.columns.iter().any(|name| name == KEY || name == VALUE);
        if stranger.is_some() || is_bare {
            let message = format!(
                "`{topic}` is no topic of an application's: only bytes as they stand are written to it"
            );
            self.error(Code::Produce, &node.at, message).help(
                "write `_key` and `_value`; what the table holds, the sessions write into Postgres",
            );
        }
    }

    fn record(&mut self, rows: &RowTable, row: &Row, declared: Option<&Declared>) {
        let at = line(&rows.text, row);
        let place = |column: &str| rows.columns.iter().position(|name| name == column);
        let cell = |column: &str| place(column).and_then(|place| row.cells.get(place));
        let text = |column: &str| match cell(column) {
            Some(RowCell::Value { text, .. }) => Some(text.as_str()),
            Some(RowCell::Null | RowCell::Any) | None => None,
        };
        let of = declared.map(|declared| &declared.application);
        let is_any = row.cells.iter().any(|cell| matches!(cell, RowCell::Any));
        let told = |name: &str| text(name).is_some();
        let wrong = if is_any {
            Some((Code::RowTable, "`...` is no value: a record says what it holds".to_owned()))
        } else if let Some(word) = text(OP).filter(|word| !["c", "d"].contains(word)) {
            let message = format!("`{word}` is neither `c` (a value) nor `d` (a tombstone)");
            Some((Code::Produce, message))
        } else if text(OP) == Some("d") && of.is_some_and(|of| of.key.is_empty()) {
            let message = "the topic's records have no key, so that none takes a row away";
            Some((Code::Produce, message.to_owned()))
        } else if text(OP) == Some("d") && (place(VALUE).is_some() || told_besides(of, &told)) {
            let message = "a tombstone (`_op` is `d`) has no value, and one stands in its row";
            Some((Code::Produce, message.to_owned()))
        } else if let (Some(of), Some(partition)) = (of, text(PARTITION)) {
            let number = partition.parse::<u32>().ok();
            let is_there = number.is_some_and(|number| number < of.partitions);
            let last = of.partitions.saturating_sub(1);
            let message = format!("there is no partition {partition}: the last one is {last}");
            (!is_there).then_some((Code::Produce, message))
        } else {
            None
        };
        let time = text(TIMESTAMP).filter(|text| millis(text).is_none());
        let wrong = wrong.or_else(|| {
            time.map(|text| (Code::CellType, format!("`{text}` in `_timestamp` is not a time")))
        });
        if let Some((code, message)) = wrong {
            let help = match code {
                Code::CellType => "write `2025-01-01 10:00:00Z`; without a zone it is UTC",
                Code::RowTable => "write its value, or `NULL`",
                _ => "correct the row, or the topic under `topics`",
            };
            self.error(code, &at, message).help(help);
        }
    }
}

/// Whether a row says something of a column that is not in the key.
fn told_besides(of: Option<&Application>, told: &impl Fn(&str) -> bool) -> bool {
    let columns = of.into_iter().flat_map(|of| {
        of.columns.iter().map(|(name, _)| name).filter(|name| !of.key.contains(name))
    });
    columns.into_iter().any(|name| told(name))
}

fn line(text: &Text, row: &Row) -> At {
    let rest = text.value.get(row.at..).unwrap_or_default();
    let line = rest.lines().next().unwrap_or_default();
    let lead = line.len() - line.trim_start().len();
    At::of(text, Span::new(row.at + lead, row.at + line.trim_end().len()))
}

fn is_bytes(kind: &str) -> bool {
    let word = kind.split(['(', ' ']).next().unwrap_or_default();
    ["STRING", "VARCHAR", "CHAR", "BYTES", "VARBINARY", "BINARY"].contains(&word)
}

fn wire_of(word: &str) -> Wire {
    match word {
        "raw" => Wire::Raw,
        "avro-registry" => Wire::AvroRegistry,
        _ => Wire::Json,
    }
}
