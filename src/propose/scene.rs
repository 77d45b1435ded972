//! What the statements define and read, over which tables of Postgres: who writes a table, whose
//! topic it reads, and what stands behind it.

use std::collections::BTreeSet;

use super::query::{Why, Writer};
use super::tables::{Table, quoted};
use super::wire;
use crate::base::text::{Span, Text};
use crate::model::lists::of_table;
use crate::model::routes::{self, Routes};
use crate::scenario::settings::Options;
use crate::sql::flink::{ColumnKind, CreateTable, Insert, Statement};
use crate::sql::token::{Language, Token, significant};

/// The class of Debezium's transform that leaves only the row.
const UNWRAP: &str = "io.debezium.transforms.ExtractNewRecordState";

/// All that is known of one pipeline.
pub(super) struct Scene<'a> {
    pub tables: &'a [Table],
    pub parsed: &'a [(&'a Text, Statement)],
    /// The options of each connector; there is one at least.
    pub connectors: &'a [Options],
    /// The time zone of the session.
    pub zone: String,
    /// The topic of each table.
    topics: Vec<String>,
    has_star: bool,
}

/// Whether a transform leaves only the row.
fn is_unwrapped(connector: &Options) -> bool {
    let unwraps = |name| routes::class(connector, name) == Some(UNWRAP);
    routes::transforms(connector).any(unwraps)
        || connector.get("after.state.only").is_some_and(|value| value == "true")
}

/// How a table of Flink's is read in Postgres.
pub(super) enum Read {
    /// As a table, or a query in brackets.
    Source(String),
    /// As a query of this name, which stands before.
    Named,
}

impl<'a> Scene<'a> {
    pub(super) fn of(
        tables: &'a [Table],
        parsed: &'a [(&'a Text, Statement)],
        connectors: &'a [Options],
    ) -> Self {
        let plain = || Routes::of(&Options::new());
        let routes = connectors.iter().map(|one| Routes::of(one).or_else(|_| plain()).ok());
        let routes: Vec<_> = routes.collect();
        let topic = |table: &Table| {
            let nth = of_table(connectors, &table.schema, &table.name);
            let routes = nth.and_then(|nth| routes.get(nth)?.as_ref());
            let routed = routes.map(|routes| routes.table(&table.schema, &table.name));
            routed.unwrap_or_else(|| format!("{}.{}", table.schema, table.name))
        };
        let zone = parsed.iter().find_map(|(_, statement)| match statement {
            Statement::Set { key, value } if key == "table.local-time-zone" => Some(value.clone()),
            _ => None,
        });
        let has_star = parsed.iter().any(|(text, _)| shows_star(&text.value));
        Self {
            tables,
            parsed,
            connectors,
            zone: zone.unwrap_or_else(|| "UTC".to_owned()),
            topics: tables.iter().map(topic).collect(),
            has_star,
        }
    }

    /// The statement that creates a table, with its text.
    pub(super) fn create(&self, name: &str) -> Option<(&'a Text, &'a CreateTable)> {
        self.parsed.iter().find_map(|(text, statement)| match statement {
            Statement::CreateTable(table) if table.name.table() == name => Some((*text, &**table)),
            _ => None,
        })
    }

    /// The INSERTs that write a table, with their texts.
    pub(super) fn writers(&self, name: &str) -> Vec<(&'a Text, &'a Insert)> {
        let all = self.parsed.iter().flat_map(|(text, statement)| {
            statement.inserts().iter().map(move |insert| (*text, insert))
        });
        all.filter(|(_, insert)| insert.target.table() == name).collect()
    }

    /// The topic that a table of Flink's has.
    fn topic<'n>(&self, name: &'n str) -> &'n str
    where
        'a: 'n,
    {
        let with = self.create(name).and_then(|(_, table)| table.with.as_ref());
        with.and_then(|with| with.get("topic")).unwrap_or(name)
    }

    /// The captured table whose topic a table of Flink's reads.
    pub(super) fn source(&self, name: &str) -> Option<&'a Table> {
        let topic = self.topic(name);
        let at = self.topics.iter().position(|own| own == topic);
        at.and_then(|at| self.tables.get(at))
    }

    /// The prefix of the topics that these statements read of the tables, where none is configured.
    pub(super) fn prefix(&self) -> Option<String> {
        let reads = self.parsed.iter().flat_map(|(_, statement)| statement.inserts());
        let reads =
            reads.flat_map(|insert| insert.reads.iter().map(|name| name.table().to_owned()));
        let created = self.parsed.iter().filter_map(|(_, statement)| match statement {
            Statement::CreateTable(table) => Some(table.name.table().to_owned()),
            _ => None,
        });
        let mut topics = created.chain(reads).map(|name| self.topic(&name).to_owned());
        topics.find_map(|topic| {
            self.tables.iter().find_map(|table| {
                let prefix = topic.strip_suffix(&format!(".{}.{}", table.schema, table.name));
                // A placeholder is no prefix.
                prefix.filter(|prefix| !prefix.contains(['$', '{', '<'])).map(str::to_owned)
            })
        })
    }

    /// The table whose writers give what a table reads: itself, or another of the same topic.
    fn written_as(&self, name: &str) -> Option<&'a CreateTable> {
        let topic = self.topic(name);
        self.parsed.iter().find_map(|(_, statement)| match statement {
            Statement::CreateTable(table)
                if !self.writers(table.name.table()).is_empty()
                    && self.topic(table.name.table()) == topic =>
            {
                Some(&**table)
            }
            _ => None,
        })
    }

    fn view(&self, name: &str) -> Option<&'a Text> {
        self.parsed.iter().find_map(|(text, statement)| match statement {
            Statement::CreateView { name: own, .. } if own.table() == name => Some(*text),
            _ => None,
        })
    }

    /// What stands behind a table or view.
    pub(super) fn read(&self, name: &str) -> Result<Read, Why> {
        if self.view(name).is_some() {
            return Ok(Read::Named);
        }
        if let Some(table) = self.source(name) {
            return Ok(Read::Source(self.rows_of(name, table)?));
        }
        let Some(writer) = self.written_as(name) else {
            return Err(format!(
                "`{name}` reads `{}`, which is the topic of no captured table",
                self.topic(name)
            ));
        };
        let appends = connector_of(self.create(name).map(|(_, table)| table)) == Some("kafka");
        let upserts = connector_of(Some(writer)) == Some("upsert-kafka");
        if appends && upserts && writer.name.table() != name {
            return Err(format!("`{name}` reads every change of `{}` as a row", writer.name));
        }
        Ok(Read::Named)
    }

    /// The rows of a captured table as a table of Flink's shows them.
    fn rows_of(&self, name: &str, table: &Table) -> Result<String, Why> {
        let create = self.create(name);
        let format = create.and_then(|(_, create)| create.with.as_ref()).and_then(|with| {
            with.get("format").or_else(|| with.get("value.format")).map(str::to_owned)
        });
        let is_envelope = format.as_deref().is_none_or(|format| format.contains("debezium"));
        let is_unwrapped = self.options_of(table).is_some_and(is_unwrapped);
        if create.is_some()
            && !is_envelope
            && !is_unwrapped
            && format.is_some()
            && !self.is_confluent()
        {
            return Err(format!("`{name}` reads Debezium's envelope as a row"));
        }
        let is_log = is_unwrapped && connector_of(create.map(|(_, t)| t)) != Some("upsert-kafka");
        let columns = self.columns(name, table)?;
        let shows_all = {
            let own = table.columns.iter().filter(|column| !column.is_generated);
            let own: Vec<&str> = own.map(|column| column.name.as_str()).collect();
            own == columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>()
        };
        let is_plain = columns.iter().all(|(name, sql)| *sql == quoted(name));
        if !is_log && is_plain && (shows_all || !self.has_star) {
            return Ok(table.full_name());
        }
        let list: Vec<String> = columns
            .iter()
            .map(|(name, sql)| {
                let name = quoted(name);
                if *sql == name { name } else { format!("{sql} AS {name}") }
            })
            .collect();
        let list = list.join(", ");
        let rows = if is_log {
            let of = quoted(&table.name);
            format!("(SELECT {list} FROM changes.{of} WHERE _op IN ('r', 'c', 'u'))")
        } else {
            format!("(SELECT {list} FROM {})", table.full_name())
        };
        match create {
            Some((text, create)) => self.computed(&rows, text, create),
            None => Ok(rows),
        }
    }

    /// The columns with the SQL that gives them.
    fn columns(&self, name: &str, table: &Table) -> Result<Vec<(String, String)>, Why> {
        let none = Options::new();
        let connector = self.options_of(table).unwrap_or(&none);
        let declared = self.create(name).map(|(_, create)| &create.columns);
        let Some(declared) = declared.filter(|columns| !columns.is_empty()) else {
            // As Confluent infers a table: the key first.
            let is_key = |name: &String| table.key.contains(name);
            let keys = table.key.iter().filter_map(|key| table.column(key));
            let rest = table.columns.iter().filter(|own| !is_key(&own.name) && !own.is_generated);
            let all = keys.chain(rest).map(|column| {
                let flink = wire::inferred(column, connector);
                (column.name.clone(), wire::written(column, flink, connector))
            });
            return Ok(all.collect());
        };
        let physical = declared.iter().filter_map(|column| match &column.kind {
            ColumnKind::Physical(kind) => Some((&column.name, kind)),
            ColumnKind::Computed | ColumnKind::Metadata { .. } => None,
        });
        let all = physical.map(|(own, kind)| {
            if kind.starts_with("ROW") || kind.starts_with("MAP") {
                return Err(format!("`{own}` of `{name}` is a {kind}"));
            }
            Ok((
                own.clone(),
                match table.column(own) {
                    Some(column) => wire::written(column, kind, connector),
                    None => wire::nothing(kind),
                },
            ))
        });
        all.collect()
    }

    /// With the computed columns of the table.
    fn computed(&self, rows: &str, text: &Text, create: &CreateTable) -> Result<String, Why> {
        let tokens = significant(Language::Flink, &text.value);
        let mut list = Vec::new();
        for column in &create.columns {
            if matches!(column.kind, ColumnKind::Computed) {
                let Some(expression) = expression(&tokens, &column.name) else { continue };
                let mut writer = Writer::new(self, Vec::new());
                let sql = writer.query(&text.value, expression)?;
                list.push(format!("{sql} AS {}", quoted(&column.name)));
            }
        }
        if list.is_empty() {
            return Ok(rows.to_owned());
        }
        Ok(format!("(SELECT *, {} FROM {rows} AS record)", list.join(", ")))
    }

    /// The query of a view, or of the statements that write a table.
    pub(super) fn definition(
        &self,
        name: &str,
        writer: &mut Writer<'_, 'a>,
    ) -> Result<String, Why> {
        if let Some(text) = self.view(name) {
            let tokens = significant(Language::Flink, &text.value);
            let at = tokens.iter().position(|token| token.is("AS")).unwrap_or(tokens.len());
            let query = tokens.get(at + 1..).unwrap_or_default();
            return writer.query(&text.value, query);
        }
        let table = self.written_as(name).ok_or_else(|| format!("nothing writes `{name}`"))?;
        self.written(table.name.table(), writer)
    }

    /// What the INSERTs of a table write, all of them.
    pub(super) fn written(&self, name: &str, writer: &mut Writer<'_, 'a>) -> Result<String, Why> {
        let mut all = Vec::new();
        for (text, insert) in self.writers(name) {
            let tokens = significant(Language::Flink, &text.value);
            let own = |token: &&Token<'_>| {
                token.span.start >= insert.span.start && token.span.end <= insert.span.end
            };
            let tokens: Vec<Token<'_>> = tokens.iter().filter(own).copied().collect();
            let (columns, query) = parted(insert, &tokens);
            self.refuse_metadata(insert, query)?;
            let sql = writer.query(&text.value, query)?;
            let columns = match columns {
                Some(columns) => Some(columns),
                None => self.create(name).and_then(|(_, create)| written_columns(create)),
            };
            all.push(match columns {
                Some(columns) => {
                    let columns: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
                    format!("SELECT * FROM (\n{}\n) AS q ({})", indented(&sql), columns.join(", "))
                }
                None => sql,
            });
        }
        if all.is_empty() {
            return Err(format!("nothing writes `{name}`"));
        }
        Ok(all.join("\nUNION ALL\n"))
    }

    /// Metadata of records is in no table of Postgres.
    fn refuse_metadata(&self, insert: &Insert, query: &[Token<'_>]) -> Result<(), Why> {
        for name in &insert.reads {
            let Some((_, create)) = self.create(name.table()) else { continue };
            for column in &create.columns {
                let is_metadata = matches!(column.kind, ColumnKind::Metadata { .. });
                let is_used = query.iter().any(|token| token.name().as_ref() == Some(&column.name));
                if is_metadata && is_used {
                    return Err(format!(
                        "`{}` of `{name}` is metadata of a record, which no table of Postgres holds",
                        column.name
                    ));
                }
            }
        }
        Ok(())
    }

    /// The options of the connector that captures a table.
    fn options_of(&self, table: &Table) -> Option<&'a Options> {
        let nth = of_table(self.connectors, &table.schema, &table.name)?;
        self.connectors.get(nth)
    }

    /// No table names a connector: Confluent's dialect.
    pub(super) fn is_confluent(&self) -> bool {
        let is_named = |statement: &Statement| match statement {
            Statement::CreateTable(table) => {
                connector_of(Some(table)).is_some_and(|c| c != "confluent")
            }
            _ => false,
        };
        !self.parsed.iter().any(|(_, statement)| is_named(statement))
    }

    /// Whether any statement says this word.
    pub(super) fn names(&self, word: &str) -> bool {
        self.parsed.iter().any(|(text, _)| text.value.contains(word))
    }

    /// Whether a column of a table counts the time of a zone.
    pub(super) fn is_zoned(&self, table: &str, column: &str) -> bool {
        let Some((text, create)) = self.create(table) else { return false };
        let Some(own) = create.columns.iter().find(|own| own.name == column) else { return false };
        match &own.kind {
            ColumnKind::Physical(kind) => kind.contains("LTZ") || kind.contains("LOCAL"),
            ColumnKind::Metadata { data_type, .. } => data_type.contains("LTZ"),
            ColumnKind::Computed => {
                let tokens = significant(Language::Flink, &text.value);
                let of = expression(&tokens, column).unwrap_or_default();
                of.iter().any(|token| token.text.to_uppercase().contains("LTZ"))
            }
        }
    }

    /// Whether any table has a column of this name that counts the time of a zone.
    pub(super) fn is_zoned_anywhere(&self, column: &str) -> bool {
        let creates = self.parsed.iter().filter_map(|(_, statement)| match statement {
            Statement::CreateTable(table) => Some(table.name.table()),
            _ => None,
        });
        creates.into_iter().any(|table| self.is_zoned(table, column))
    }

    /// Names with capital letters.
    pub(super) fn cased(&self) -> BTreeSet<String> {
        let creates = self.parsed.iter().filter_map(|(_, statement)| match statement {
            Statement::CreateTable(table) => Some(table),
            _ => None,
        });
        let flink = creates.flat_map(|table| &table.columns).map(|column| &column.name);
        let own = self.tables.iter().flat_map(|table| &table.columns).map(|column| &column.name);
        let cased = flink.chain(own).filter(|name| name.chars().any(char::is_uppercase));
        cased.cloned().collect()
    }
}

/// The columns that an INSERT lists, and its query.
fn parted<'t, 'b>(
    insert: &Insert,
    tokens: &'t [Token<'b>],
) -> (Option<Vec<String>>, &'t [Token<'b>]) {
    let target: Span = insert.target.span;
    let behind = tokens.iter().position(|token| token.span.start >= target.end);
    let is_insert = tokens.first().is_some_and(|token| token.is("INSERT"));
    let rest = match behind {
        Some(at) if is_insert => tokens.get(at..).unwrap_or_default(),
        _ => tokens,
    };
    let is_list = rest.first().is_some_and(|token| token.is_symbol("("))
        && !rest.get(1).is_some_and(|token| token.is("SELECT") || token.is("WITH"));
    let close = rest.iter().position(|token| token.is_symbol(")"));
    match close {
        Some(close) if is_list => {
            let list = rest.get(1..close).unwrap_or_default();
            let columns = list.iter().filter_map(Token::name).collect();
            (Some(columns), rest.get(close + 1..).unwrap_or_default())
        }
        _ => (None, rest),
    }
}

/// The connector that a table names.
fn connector_of(table: Option<&CreateTable>) -> Option<&str> {
    table?.with.as_ref()?.get("connector")
}

/// The columns that an INSERT without a list writes; `None` where the text does not show them.
fn written_columns(create: &CreateTable) -> Option<Vec<String>> {
    let written = create.columns.iter().filter(|column| column.is_written());
    let columns: Vec<String> = written.map(|column| column.name.clone()).collect();
    (!columns.is_empty() && create.writes.is_none()).then_some(columns)
}

/// The expression of a computed column.
fn expression<'t, 'a>(tokens: &'t [Token<'a>], column: &str) -> Option<&'t [Token<'a>]> {
    let open = tokens.iter().position(|token| token.is_symbol("("))?;
    let parts = super::query::parts(tokens.get(open + 1..)?);
    let item = parts.into_iter().find(|item| match item {
        [name, word, ..] => name.name().as_deref() == Some(column) && word.is("AS"),
        _ => false,
    })?;
    item.get(2..)
}

/// Whether a query selects all columns of something.
fn shows_star(sql: &str) -> bool {
    let tokens = significant(Language::Flink, sql);
    tokens.windows(2).any(|two| match two {
        [before, star] if star.is_symbol("*") => {
            before.is("SELECT")
                || before.is("DISTINCT")
                || before.is_symbol(".")
                || before.is_symbol(",")
        }
        _ => false,
    })
}

/// Lines of a query that stands in another.
pub(super) fn indented(sql: &str) -> String {
    sql.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
