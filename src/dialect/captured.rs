//! The topics of the connector, as Confluent would infer tables from them.

use super::World;
use super::avro;
use super::connector::{EXTRACT, is_managed};
use super::numbers::Counted;
use super::refusal::Refusal;
use super::types::{flink_type, has_numbers};
use crate::base::text::Text;
use crate::model::creation::Creation;
use crate::model::lists::of_table;
use crate::model::routes::{Routes, class, transforms};
use crate::scenario::application::{self, Application};
use crate::scenario::settings::Options;
use crate::sql::columns::{Column, PgType};
use crate::sql::schema::{self, Schema};
use crate::sql::split;

/// The topic of one source table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Captured {
    /// Its name.
    pub topic: String,
    /// The columns, each with its Flink type or the reason why it has none.
    columns: Vec<(String, Result<String, String>, bool)>,
    /// Columns of the record's key.
    pub key: Vec<String>,
    /// The text of the DDL does not show all columns.
    is_partial: bool,
    /// The topic is compacted.
    pub is_compacted: bool,
    /// How the connector writes the records.
    pub wire: Wire,
    /// How it writes their keys.
    pub keys: Wire,
    /// The records are rows, and no envelopes.
    pub is_flat: bool,
    /// How times stand in the records.
    times: Times,
}

/// How times stand in records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    /// As their types say.
    Typed,
    /// As numbers that nothing there marks.
    Numbers,
}

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    /// JSON that stands for JSON with a registered schema.
    Json,
    /// Avro with a registered schema.
    Avro,
    /// Without a registered schema: Confluent sees bytes.
    Raw,
}

/// The topics of all tables of the source DDL.
pub(super) fn captured(world: &World<'_>) -> Vec<Captured> {
    let mut statements: Vec<Text> = Vec::new();
    for text in world.source {
        // DDL that cannot be split is refused where it is run.
        statements.extend(split::postgres(text).unwrap_or_default());
    }
    let schema = Schema::of(&statements);
    let mut all = Vec::new();
    for (nth, options) in world.connectors.iter().enumerate() {
        let is_own = |table: &&schema::Table| {
            of_table(world.connectors, &table.schema, &table.name) == Some(nth)
        };
        let tables: Vec<_> = schema.tables.iter().filter(is_own).collect();
        all.extend(captured_by(options, &tables, (world, &schema)));
    }
    all.extend(world.applications.iter().map(|(topic, of)| written(topic, of, world)));
    all
}

/// The topics of one connector's tables.
fn captured_by(
    connector: &Options,
    tables: &[&schema::Table],
    (world, schema): (&World<'_>, &Schema),
) -> Vec<Captured> {
    // Names that cannot be told are refused before anything starts.
    let Ok(routes) = Routes::of(connector) else { return Vec::new() };
    let creation = Creation::of(connector).unwrap_or_default();
    let format = connector.get("output.data.format").map(String::as_str);
    let is_raw = match format {
        Some(format) => format == "JSON",
        // JSON without a schema is the managed connector's default.
        None => is_managed(connector),
    };
    let wire = match is_avro(connector) {
        true => Wire::Avro,
        false if is_raw => Wire::Raw,
        false => Wire::Json,
    };
    let types = Types { enums: &schema.enums, domains: &schema.domains };
    let keys = match connector.get("key.converter") {
        Some(class) if avro::is_converter(class) => Wire::Avro,
        None if wire == Wire::Avro => Wire::Avro,
        Some(_) | None => Wire::Json,
    };
    let flat = transforms(connector)
        .find(|name| class(connector, name).is_some_and(|class| class == EXTRACT));
    // Which fields the transform adds to rows, the DDL does not say.
    let adds =
        flat.is_some_and(|name| connector.contains_key(&format!("transforms.{name}.add.fields")));
    let table = |table: &schema::Table| {
        let full = format!("{}.{}", table.schema, table.name);
        let topic = routes.table(&table.schema, &table.name);
        let set = world.topics.get(&full).or_else(|| world.topics.get(&table.name));
        let mut options =
            creation.as_ref().map(|all| all.of_topic(&topic).options.clone()).unwrap_or_default();
        options.extend(set.cloned().unwrap_or_default());
        Captured {
            topic,
            columns: table.columns.iter().map(|c| types.column(c, connector)).collect(),
            key: message_key(connector, &full).unwrap_or_else(|| table.key.clone()),
            is_partial: table.is_partial || adds,
            keys,
            is_flat: flat.is_some(),
            times: if has_numbers(connector) { Times::Numbers } else { Times::Typed },
            is_compacted: is_compacted(&options),
            wire,
        }
    };
    tables.iter().copied().map(table).collect()
}

/// The topic of an application.
fn written(topic: &str, of: &Application, world: &World<'_>) -> Captured {
    let wire = |format| match format {
        application::Wire::Json => Wire::Json,
        application::Wire::Raw => Wire::Raw,
        application::Wire::AvroRegistry => Wire::Avro,
    };
    let column = |(name, kind): &(String, String)| {
        let is_raw = of.key_format == application::Wire::Raw && of.key.contains(name);
        let why = "its topic has raw keys, which Confluent shows as bytes without a name; write \
                   `key_format: json`, or the statements in the dialect `flink`";
        let kind = if is_raw { Err(why.to_owned()) } else { Ok(kind.clone()) };
        (name.clone(), kind, false)
    };
    Captured {
        topic: topic.to_owned(),
        columns: of.columns.iter().map(column).collect(),
        key: of.key.clone(),
        is_partial: false,
        is_compacted: world.topics.get(topic).is_some_and(is_compacted),
        wire: wire(of.value_format),
        keys: wire(of.key_format),
        is_flat: true,
        times: Times::Typed,
    }
}

/// Whether the connector writes values in Avro.
pub(super) fn is_avro(connector: &Options) -> bool {
    connector.get("value.converter").is_some_and(|class| avro::is_converter(class))
}

fn is_compacted(options: &Options) -> bool {
    options.get("cleanup.policy").is_some_and(|policy| policy.contains("compact"))
}

/// `message.key.columns`: `schema.table:a,b;…`.
fn message_key(connector: &Options, table: &str) -> Option<Vec<String>> {
    let all = connector.get("message.key.columns")?;
    all.split(';').filter_map(|one| one.split_once(':')).find_map(|(name, columns)| {
        (name.trim() == table).then(|| columns.split(',').map(|c| c.trim().to_owned()).collect())
    })
}

/// Types that the DDL itself defines.
struct Types<'a> {
    enums: &'a [String],
    domains: &'a [(String, PgType)],
}

impl Types<'_> {
    fn column(
        &self,
        column: &Column,
        connector: &Options,
    ) -> (String, Result<String, String>, bool) {
        let mut kind = column.data_type.clone();
        if let Some((_, base)) = self.domains.iter().find(|(name, _)| *name == kind.name) {
            kind = PgType { is_array: kind.is_array || base.is_array, ..base.clone() };
        }
        if self.enums.contains(&kind.name) {
            "enum".clone_into(&mut kind.name);
        }
        (column.name.clone(), flink_type(&kind, connector), column.not_null)
    }
}

/// What Confluent reads a topic as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// The columns of the row: a Debezium format.
    Decoded,
    /// `before`, `after`, `op`, `source`, …: a plain registry format.
    Envelope,
    /// Key and value as bytes.
    Raw,
}

/// `source` of Debezium's envelope.
const SOURCE: &str = "ROW<`version` STRING, `connector` STRING, `name` STRING, `ts_ms` BIGINT, \
    `snapshot` STRING, `db` STRING, `sequence` STRING, `ts_us` BIGINT, `ts_ns` BIGINT, \
    `schema` STRING, `table` STRING, `txId` BIGINT, `lsn` BIGINT, `xmin` BIGINT>";

/// `transaction` of Debezium's envelope.
const TRANSACTION: &str = "ROW<`id` STRING, `total_order` BIGINT, `data_collection_order` BIGINT>";

impl Captured {
    /// Columns with their types.
    pub(super) fn columns(&self) -> Result<Vec<(&str, &str)>, Refusal> {
        if self.is_partial {
            return Err(Refusal::new(
                format!("the columns behind `{}` are not all in the source DDL's text", self.topic),
                "write the source table as one CREATE TABLE with its columns",
            ));
        }
        let mut columns = Vec::new();
        for (name, kind, _) in &self.columns {
            let kind = kind.as_ref().map_err(|why| {
                Refusal::new(
                    format!("column `{name}` of `{}`: {why}", self.topic),
                    "give the column a type that Debezium maps, or exclude it from the capture and the DDL",
                )
            })?;
            columns.push((name.as_str(), kind.as_str()));
        }
        Ok(columns)
    }

    /// The type of an image of the row.
    pub(super) fn image(&self) -> Result<String, Refusal> {
        let columns = self.columns()?;
        let fields: Vec<_> =
            columns.iter().map(|(name, kind)| format!("{} {kind}", ticked(name))).collect();
        Ok(format!("ROW<{}>", fields.join(", ")))
    }

    /// Whether any time is a number in the records.
    pub(super) fn has_counted(&self) -> bool {
        self.columns.iter().any(|(name, ..)| self.counted(name).is_some())
    }

    /// The type of a column whose time is a number in the records, and what that counts.
    pub(super) fn counted(&self, column: &str) -> Option<(&str, Counted)> {
        let (_, kind, _) = self.columns.iter().find(|(name, ..)| name == column)?;
        let kind = kind.as_ref().ok().filter(|_| self.times == Times::Numbers)?;
        Some((kind, Counted::of(kind)?))
    }

    /// Whether a column holds times that a watermark can be of.
    pub(super) fn is_timestamp(&self, column: &str) -> bool {
        let found = self.columns.iter().find(|(name, ..)| name == column);
        found.is_some_and(|(_, kind, _)| kind.as_ref().is_ok_and(|k| k.starts_with("TIMESTAMP")))
    }

    /// The type of an image of the row as the records have it.
    pub(super) fn numbers(&self) -> Result<String, Refusal> {
        let columns = self.columns()?;
        let fields: Vec<_> = columns
            .iter()
            .map(|(name, kind)| {
                let number = self.counted(name).map(|(_, counted)| counted.number());
                format!("{} {}", ticked(name), number.unwrap_or(kind))
            })
            .collect();
        Ok(format!("ROW<{}>", fields.join(", ")))
    }

    /// What an expression for a column's value in the records is in the table.
    pub(super) fn time(&self, column: &str, number: &str) -> String {
        self.counted(column).map_or_else(|| number.to_owned(), |(_, counted)| counted.time(number))
    }

    /// A column of the records as an item of a view that has times; an image is made anew.
    pub(super) fn shown(&self, column: &str, shape: Shape) -> String {
        let name = ticked(column);
        let is_image = shape == Shape::Envelope && (column == "before" || column == "after");
        let (Ok(columns), Ok(image), true) = (self.columns(), self.image(), is_image) else {
            return match self.counted(column) {
                Some((_, counted)) => format!("{} AS {name}", counted.time(&name)),
                None => name,
            };
        };
        let fields: Vec<String> = columns
            .iter()
            .map(|(field, _)| self.time(field, &format!("{name}.{}", ticked(field))))
            .collect();
        format!(
            "CASE WHEN {name} IS NULL THEN NULL ELSE CAST(ROW({}) AS {image}) END AS {name}",
            fields.join(", ")
        )
    }

    /// The table as Confluent would show it, without options.
    pub(super) fn inferred(&self, shape: Shape, has_key: bool) -> Result<String, Refusal> {
        let mut items = Vec::new();
        match shape {
            Shape::Raw => {
                items.push("`key` BYTES".to_owned());
                items.push("`val` BYTES".to_owned());
            }
            Shape::Decoded => {
                for (name, kind) in self.columns()? {
                    let found = self.columns.iter().find(|(column, ..)| column == name);
                    let not_null = found.is_some_and(|(_, _, not_null)| *not_null)
                        || self.key.iter().any(|key| key == name);
                    let not_null = if not_null { " NOT NULL" } else { "" };
                    items.push(format!("{} {kind}{not_null}", ticked(name)));
                }
            }
            Shape::Envelope => {
                for (name, kind) in self.columns()? {
                    if self.key.iter().any(|key| key == name) {
                        items.push(format!("{} {kind} NOT NULL", ticked(name)));
                    }
                }
                let image = self.image()?;
                items.push(format!("`before` {image}"));
                items.push(format!("`after` {image}"));
                items.push(format!("`source` {SOURCE}"));
                items.push(format!("`transaction` {TRANSACTION}"));
                items.push("`op` STRING".to_owned());
                for time in ["ts_ms", "ts_us", "ts_ns"] {
                    items.push(format!("{} BIGINT", ticked(time)));
                }
            }
        }
        let key: Vec<_> = self.key.iter().map(|key| ticked(key)).collect();
        let key = if shape == Shape::Raw { "`key`".to_owned() } else { key.join(", ") };
        if has_key && !key.is_empty() {
            items.push(format!("PRIMARY KEY ({key}) NOT ENFORCED"));
        }
        let distributed =
            if key.is_empty() { String::new() } else { format!(" DISTRIBUTED BY HASH({key})") };
        let name = ticked(&self.topic);
        Ok(format!("CREATE TABLE {name} (\n  {}\n){distributed}", items.join(",\n  ")))
    }
}

/// A name in backticks.
pub(super) fn ticked(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
