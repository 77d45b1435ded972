//! What was found in a stranger's folders, file by file.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::{harvest, sort};
use crate::base::text::Text;
use crate::scenario::settings::Options;
use crate::scenario::statements_in_json;
use crate::sql::flink::{self, Statement};
use crate::sql::split;
use crate::sql::token::{Language, significant};

/// Endings of the names of files that may hold something.
const ENDINGS: [&str; 14] = [
    "sql",
    "json",
    "tf",
    "md",
    "sh",
    "properties",
    "ddl",
    "dml",
    "yaml",
    "yml",
    "py",
    "java",
    "kt",
    "scala",
];

/// Programs, in which statements may stand.
const PROGRAMS: [&str; 4] = ["py", "java", "kt", "scala"];

/// A connector's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    /// As the pipeline file names it.
    pub path: Utf8PathBuf,
    /// What it says.
    pub options: Options,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Files with DDL of the source tables, by the path that the pipeline file names.
    pub source: Vec<(Utf8PathBuf, Text)>,
    /// Files with Flink statements in their order, by the path that the pipeline file names.
    pub statements: Vec<(Utf8PathBuf, Text)>,
    /// Connectors of Debezium for Postgres.
    pub connectors: Vec<Connector>,
    /// Files to be written beside the pipeline file, since what is in them was found in others.
    pub taken_out: Vec<(Utf8PathBuf, String)>,
    /// Where that was found.
    pub(super) taken_from: Vec<(Utf8PathBuf, String)>,
    /// What cannot be used, and why.
    left_out: Vec<(Utf8PathBuf, String)>,
    /// Files of other kinds, in which the same may be found.
    others: Vec<(Utf8PathBuf, String)>,
}

impl Found {
    /// Whether a file of this name is worth reading.
    pub fn wants(path: &Utf8Path) -> bool {
        let ending = path.extension().unwrap_or_default().to_lowercase();
        ENDINGS.contains(&ending.as_str()) || path.file_name() == Some("Makefile")
    }

    /// Adds a file, by the path that the pipeline file names. With `with_source` DDL in it counts.
    pub fn add(&mut self, path: Utf8PathBuf, text: String, with_source: bool) {
        match path.extension().unwrap_or_default() {
            "sql" | "ddl" | "dml" => self.add_sql(path, text, with_source),
            "json" => match harvest::connector(&text) {
                Some(options) => {
                    self.add_connector(path, options);
                }
                None => self.add_json(path, text),
            },
            ending if PROGRAMS.contains(&ending) => {
                let upper = text.to_uppercase();
                if upper.contains("CREATE TABLE") && upper.contains("'CONNECTOR'") {
                    let why = "its statements stand in a program: put them into an .sql file";
                    self.left_out.push((path, why.to_owned()));
                }
            }
            _ => self.others.push((path, text)),
        }
    }

    fn add_sql(&mut self, path: Utf8PathBuf, text: String, with_source: bool) {
        let text = Text::whole(path.clone(), text);
        if let Some(why) = foreign(&text) {
            self.left_out.push((path, why));
        } else if is_flink(&text) {
            self.statements.push((path, text));
        } else if with_source {
            self.source.push((path, text));
        }
    }

    /// A JSON file that holds statements of Flink's and nothing else under the keys of statements.
    fn add_json(&mut self, path: Utf8PathBuf, text: String) {
        let pieces = statements_in_json(&Text::whole(path.clone(), text));
        let split = |piece: &Text| split::flink(piece).unwrap_or_default();
        let statements: Vec<Text> = pieces.iter().flat_map(split).collect();
        let is_known = |one: &Text| flink::parse(one) != Statement::Other || flink::only_shows(one);
        let joined: String = statements.iter().map(|one| one.value.clone() + ";\n").collect();
        let joined = Text::whole(path.clone(), joined);
        if statements.is_empty() || !statements.iter().all(is_known) || !is_flink(&joined) {
            return;
        }
        match foreign(&joined) {
            Some(why) => self.left_out.push((path, why)),
            None => self.statements.push((path, joined)),
        }
    }

    /// Leaves out JSON files whose statements stand in files of SQL too: a body that was sent, beside
    /// what it was made of.
    fn without_copies(&mut self) {
        let is_json = |path: &Utf8Path| path.extension() == Some("json");
        let of_sql = self.statements.iter().filter(|(path, _)| !is_json(path));
        let known: BTreeSet<String> = of_sql.flat_map(|(_, text)| targets(text)).collect();
        let is_copy = |(path, text): &(Utf8PathBuf, Text)| {
            let own = targets(text);
            is_json(path) && !own.is_empty() && own.is_subset(&known)
        };
        let (copies, rest) = std::mem::take(&mut self.statements).into_iter().partition(is_copy);
        self.statements = rest;
        let copies: Vec<(Utf8PathBuf, Text)> = copies;
        let why = || "its statements stand in files of SQL too".to_owned();
        self.left_out.extend(copies.into_iter().map(|(path, _)| (path, why())));
    }

    /// A connector, or why it is none for Postgres.
    fn add_connector(&mut self, path: Utf8PathBuf, options: Options) -> bool {
        let class = options.get("connector.class").map_or("", String::as_str);
        let is_postgres =
            class.ends_with("PostgresConnector") || class.starts_with("PostgresCdcSource");
        if is_postgres {
            self.connectors.push(Connector { path, options });
        } else {
            let class = class.rsplit('.').next().unwrap_or(class);
            let why =
                format!("it is a `{class}`, and only Debezium's connector for Postgres runs here");
            self.left_out.push((path, why));
        }
        is_postgres
    }

    /// In order, with what other files hold where no file of its own does, and what is left out.
    pub(super) fn sorted(mut self) -> (Self, Vec<(Utf8PathBuf, String)>) {
        self.others.sort();
        self.without_copies();
        self.views_of_flink();
        self.harvest_connectors();
        self.harvest_sql();
        let mut left_out = std::mem::take(&mut self.left_out);
        let (source, out) = sort::source(std::mem::take(&mut self.source));
        left_out.extend(out);
        self.source = source;
        self.statements = sort::statements(std::mem::take(&mut self.statements));
        self.connectors.sort_by(|a, b| a.path.cmp(&b.path));
        (self, left_out)
    }

    /// A file that creates nothing but views belongs to those beside it.
    fn views_of_flink(&mut self) {
        let makes = |text: &Text| text.value.to_uppercase().contains("CREATE TABLE");
        let is_beside = |path: &Utf8Path, files: &[(Utf8PathBuf, Text)], whole: bool| {
            let mut others =
                files.iter().filter(|(other, text)| other != path && (whole || makes(text)));
            others.any(|(other, _)| other.parent() == path.parent())
        };
        let (views, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.source).into_iter().partition(|(_, text)| {
                let pieces = split::flink(text).unwrap_or_default();
                !pieces.is_empty()
                    && pieces
                        .iter()
                        .all(|piece| matches!(flink::parse(piece), Statement::CreateView { .. }))
            });
        self.source = rest;
        for (path, text) in views {
            let is_flink =
                is_beside(&path, &self.statements, true) && !is_beside(&path, &self.source, false);
            let into = if is_flink { &mut self.statements } else { &mut self.source };
            into.push((path, text));
        }
    }

    fn harvest_connectors(&mut self) {
        if !self.connectors.is_empty() {
            return;
        }
        for (path, text) in self.others.clone() {
            let found = match path.extension() {
                Some("tf") => harvest::terraform_connectors(&text),
                Some("yaml" | "yml") => harvest::strimzi_connectors(&text),
                Some("properties") => harvest::properties(&text).into_iter().collect(),
                _ => harvest::connectors_within(&text),
            };
            for options in found {
                let n = self.connectors.len();
                let name = match n {
                    0 => Utf8PathBuf::from("connector.json"),
                    n => Utf8PathBuf::from(format!("connector-{}.json", n + 1)),
                };
                let json = serde_json::to_string_pretty(&options).expect("options are text") + "\n";
                if self.add_connector(name.clone(), options) {
                    self.taken_out.push((name.clone(), json));
                    self.taken_from.push((
                        path.clone(),
                        format!(
                            "its connector is written to {name}, since a pipeline names a JSON file"
                        ),
                    ));
                }
            }
        }
    }

    fn harvest_sql(&mut self) {
        let (no_source, no_statements) = (self.source.is_empty(), self.statements.is_empty());
        let (mut source, mut statements) = (String::new(), String::new());
        for (path, text) in &self.others {
            let blocks = match path.extension() {
                Some("md") => harvest::fenced(text)
                    .into_iter()
                    .filter(|(word, _)| word.contains("sql"))
                    .map(|(_, block)| harvest::unprompted(&block))
                    .collect(),
                Some("tf") => harvest::terraform_statements(text),
                _ => Vec::new(),
            };
            for block in blocks {
                let block = block.trim_end().trim_end_matches(';').to_owned() + ";\n";
                let whole = Text::whole(path.clone(), block.clone());
                let pieces = split::flink(&whole).unwrap_or_default();
                if foreign(&whole).is_some() || pieces.iter().all(flink::only_shows) {
                    continue;
                }
                let into = if is_flink(&whole) { &mut statements } else { &mut source };
                into.push_str(&block);
                into.push('\n');
            }
        }
        let mut keep = |name: &str, text: String, files: &mut Vec<(Utf8PathBuf, Text)>| {
            files.push((name.into(), Text::whole(name.into(), text.clone())));
            self.taken_out.push((name.into(), text));
        };
        if no_statements && !statements.is_empty() {
            keep("statements.sql", statements, &mut self.statements);
        }
        let makes = source.to_uppercase().contains("CREATE TABLE");
        if no_source && makes {
            keep("source.sql", source, &mut self.source);
        }
    }
}

/// The tables that statements make or write, each with the word for which.
fn targets(text: &Text) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for statement in split::flink(text).unwrap_or_default() {
        let parsed = flink::parse(&statement);
        if let Statement::CreateTable(create) = &parsed {
            found.insert(format!("CREATE {}", create.name.table()));
        }
        let inserts = parsed.inserts().iter();
        found.extend(inserts.map(|insert| format!("INSERT {}", insert.target.table())));
    }
    found
}

/// Why SQL is neither for Postgres nor for Flink.
fn foreign(text: &Text) -> Option<String> {
    let tokens = significant(Language::Flink, &text.value);
    let pair =
        |a: &str, b: &str| tokens.windows(2).any(|two| matches!(two, [x, y] if x.is(a) && y.is(b)));
    if pair("CREATE", "STREAM") || pair("EMIT", "CHANGES") {
        return Some("it is written for ksqlDB".to_owned());
    }
    let has = |word: &str| tokens.iter().any(|token| token.is(word));
    if has("AUTO_INCREMENT") || has("ENGINE") && pair("CREATE", "TABLE") {
        return Some("it is written for MySQL".to_owned());
    }
    None
}

/// Whether SQL is meant for Flink: something in it is no Postgres.
pub(super) fn is_flink(text: &Text) -> bool {
    let tokens = significant(Language::Flink, &text.value);
    let words = ["ENFORCED", "WATERMARK", "METADATA", "TUMBLE", "DESCRIPTOR", "BUCKETS"];
    let has = |word: &str| tokens.iter().any(|token| token.is(word));
    let with = tokens.windows(3).any(|three| {
        matches!(three, [with, open, key] if with.is("WITH") && open.is_symbol("(") && key.string().is_some())
    });
    let statements = split::flink(text).unwrap_or_default();
    let (mut creates, mut selects) = (false, false);
    for statement in &statements {
        let tokens = significant(Language::Flink, &statement.value);
        let first = |word: &str| tokens.first().is_some_and(|token| token.is(word));
        let is_set = first("SET") && tokens.get(1).is_some_and(|key| key.string().is_some());
        let executes = first("EXECUTE") && tokens.get(1).is_some_and(|next| next.is("STATEMENT"));
        let backtick = tokens.iter().any(|token| token.text.starts_with('`'));
        if is_set || executes || backtick {
            return true;
        }
        let parsed = flink::parse(statement);
        creates |= matches!(&parsed, Statement::CreateTable(table) if table.derived.is_none());
        selects |= parsed.inserts().iter().any(|insert| !insert.reads.is_empty());
    }
    // A table of Flink's has a WITH or a key that is not enforced; a seeded one of Postgres neither.
    with || words.iter().any(|word| has(word)) || selects && !creates && !has("LANGUAGE")
}
