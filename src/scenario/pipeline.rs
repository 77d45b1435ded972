//! What is under test: source tables, connector, statements, and what each sink should hold.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::application::Application;
use super::settings::Options;
use crate::base::difference::Difference;
use crate::base::text::Text;

/// The class of Debezium's outbox router.
pub const ROUTER: &str = "io.debezium.transforms.outbox.EventRouter";

/// The wire format of keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// JSON, with schemas or without.
    Json,
    /// Avro behind the frame of a schema registry.
    AvroRegistry,
}

/// How the statements are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Confluent Cloud's: tables are inferred from the connector's topics.
    Confluent,
    /// Open-source Flink SQL.
    Flink,
}

/// A connector file, unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorFile {
    /// Where it is.
    pub path: Utf8PathBuf,
    /// What it is called among several; `None` where it is the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its options (of a `{"name", "config"}` file, the config).
    pub options: Options,
}

/// A pipeline, resolved: files read, scenario overrides applied (`settings.statements`, `only`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipeline {
    /// Its file; `None` when written inline.
    pub file: Option<Utf8PathBuf>,
    /// DDL of the source tables, in order; each text may hold several statements.
    pub source: Vec<Text>,
    /// What of the source's files is not run, with the reasons: lines of psql's, what takes a
    /// migration back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<Difference>,
    /// The connector files that are named. Histories before 1.8 have one or none.
    #[serde(rename = "connector", with = "one_or_several")]
    pub connectors: Vec<ConnectorFile>,
    /// Tables that the connector's outbox router routes, each with the values it routes by: a
    /// topic for each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outbox: BTreeMap<String, Vec<String>>,
    /// Topics that an application writes, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub topics: BTreeMap<String, Application>,
    /// The format that everything is brought to because the author asks for it; `None`: every file
    /// means what it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// The dialect of `statements`.
    pub dialect: Dialect,
    /// Flink statements in order of submission, one a text (already split).
    pub statements: Vec<Text>,
    /// Every table that an INSERT writes.
    pub sinks: BTreeMap<String, Sink>,
}

/// What is known of one sink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sink {
    /// Judged against a reference query.
    Judged {
        /// One SELECT on the shadow Postgres.
        reference: Text,
        /// Set when its rows are windows.
        window: Option<Window>,
    },
    /// Not judged; listed in the report.
    Unjudged,
}

/// What makes the rows of a sink windows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The column of the reference that holds the window's end.
    pub end: String,
    /// The clock that closes windows.
    pub time: WindowTime,
    /// How far the watermark stays behind the clock, in milliseconds; `None`: as the WATERMARK
    /// clause says.
    pub delay_ms: Option<u64>,
}

/// The declared clock of a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WindowTime {
    /// Columns of source tables, as `table.column`.
    Columns(Vec<(String, String)>),
    /// Times that statements compute, besides columns.
    Computed {
        /// As in [`WindowTime::Columns`].
        columns: Vec<(String, String)>,
        /// Source tables, each with the expression of Flink's over its columns.
        expressions: Vec<(String, String)>,
    },
    /// The commit time.
    Commit,
    /// The record's timestamp.
    Record,
}

/// No file is written as null, one as itself, several as a list.
mod one_or_several {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::ConnectorFile;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        One(ConnectorFile),
        Several(Vec<ConnectorFile>),
    }

    pub(super) fn serialize<S: Serializer>(
        files: &[ConnectorFile],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match files {
            [] => to.serialize_none(),
            [one] => one.serialize(to),
            several => several.serialize(to),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<ConnectorFile>, D::Error> {
        Ok(match Option::<Form>::deserialize(from)? {
            None => Vec::new(),
            Some(Form::One(file)) => vec![file],
            Some(Form::Several(files)) => files,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Files(#[serde(with = "one_or_several")] Vec<ConnectorFile>);

    #[test]
    fn no_file_is_null_one_is_itself_and_several_are_a_list() {
        let file = |path: &str, name: Option<&str>| ConnectorFile {
            path: path.into(),
            name: name.map(ToOwned::to_owned),
            options: Options::new(),
        };
        let forms = [
            (vec![], "null"),
            (vec![file("a.json", None)], r#"{"path":"a.json","options":{}}"#),
            (
                vec![file("a.json", Some("a")), file("b.json", Some("b"))],
                r#"[{"path":"a.json","name":"a","options":{}},{"path":"b.json","name":"b","options":{}}]"#,
            ),
        ];
        for (files, json) in forms {
            let files = Files(files);
            assert_eq!(serde_json::to_string(&files).unwrap(), json);
            assert_eq!(serde_json::from_str::<Files>(json).unwrap(), files);
        }
    }
}
