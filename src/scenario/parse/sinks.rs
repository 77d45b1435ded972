//! Sinks: the reference query of each, and the clock of those whose rows are windows.

use std::collections::BTreeSet;

use camino::Utf8Path;
use itertools::Itertools as _;

use super::Reader;
use super::catalogue::{Catalogue, inserts, is_named};
use crate::base::text::Text;
use crate::scenario::code::Code;
use crate::scenario::diagnose::At;
use crate::scenario::pipeline::{Sink, Window, WindowTime};
use crate::scenario::words::{SINK, TIME, WINDOW, suggestion};
use crate::scenario::yaml::{Node, Value};
use crate::sql::flink::{self, Name, Statement, Watermark};
use crate::sql::moment::Moment;
use crate::sql::table::{self, Action, Part};
use crate::sql::token::Language;

impl Reader<'_> {
    /// The value of one sink: its reference, a map, or `unjudged`.
    pub(super) fn sink(
        &mut self,
        name: &str,
        node: &Node,
        file: &Utf8Path,
        (statements, catalogue): (&[Text], &Catalogue),
    ) -> Option<Sink> {
        if let Value::Scalar(scalar) = &node.value {
            if scalar.text.value.trim() == "unjudged" {
                return Some(Sink::Unjudged);
            }
            return Some(Sink::Judged { reference: self.reference(node, file)?, window: None });
        }
        let fields = self.map(node, SINK)?;
        let help = "write one SELECT over the source tables that gives the rows of the sink";
        let reference = self.required(&fields, "reference", help);
        let reference = reference.and_then(|node| self.reference(node, file));
        let window = match fields.get("window") {
            Some(node) => Some(self.window(name, node, (statements, catalogue))?),
            None => None,
        };
        Some(Sink::Judged { reference: reference?, window })
    }

    /// One SELECT.
    fn reference(&mut self, node: &Node, file: &Utf8Path) -> Option<Text> {
        let sql = self.sql(node, file, Language::Postgres).into_iter().next()?;
        let mut statements = sql.statements.into_iter();
        let first = statements.next()?;
        if let Some(second) = statements.next() {
            let message = "a reference is one SELECT; a second statement begins here";
            self.error(Code::OneStatement, &At::start_of(&second), message)
                .help("join the two, by `WITH` or `UNION ALL`, or take one out");
            return None;
        }
        let word = crate::sql::token::significant(Language::Postgres, &first.value);
        let starts = ["SELECT", "WITH", "VALUES", "TABLE"];
        let is_query = word.first().is_some_and(|token| {
            starts.iter().any(|start| token.is(start)) || token.is_symbol("(")
        });
        if !is_query {
            let message = "a reference is one SELECT";
            self.error(Code::OneStatement, &At::start_of(&first), message)
                .help("write a query over the source tables, or `unjudged` for a sink without one");
            return None;
        }
        Some(first)
    }

    fn window(
        &mut self,
        sink: &str,
        node: &Node,
        (statements, catalogue): (&[Text], &Catalogue),
    ) -> Option<Window> {
        let fields = self.map(node, WINDOW)?;
        let help = "name the column of the reference that holds the window's end";
        let end = self.required(&fields, "end", help).and_then(|node| self.text(node, "a column"));
        let help = "write `table.column`, an expression, a list of them, `commit` or `record`";
        let time = self.required(&fields, "time", help);
        let time = time.and_then(|node| self.window_time(node, catalogue));
        let given = match fields.get("delay") {
            Some(node) => Some((self.duration(node)?, &node.at)),
            None => None,
        };
        let delay_ms = self.window_delay(given, &fields.at, &watermarks(statements, sink));
        Some(Window { end: end?, time: time?, delay_ms })
    }

    fn window_time(&mut self, node: &Node, catalogue: &Catalogue) -> Option<WindowTime> {
        if let Value::Scalar(scalar) = &node.value {
            match scalar.text.value.trim() {
                "commit" => return Some(WindowTime::Commit),
                "record" => return Some(WindowTime::Record),
                _ => {}
            }
        }
        let (mut columns, mut expressions) = (Vec::new(), Vec::new());
        for item in self.one_or_list(node) {
            match &item.value {
                Value::Map(_) => expressions.extend(self.time_expression(item, catalogue)),
                Value::Scalar(_) | Value::List(_) => {
                    columns.extend(self.time_column(item, catalogue));
                }
            }
        }
        match (columns.is_empty(), expressions.is_empty()) {
            (true, true) => None,
            (false, true) => Some(WindowTime::Columns(columns)),
            (_, false) => Some(WindowTime::Computed { columns, expressions }),
        }
    }

    /// An expression over the columns of one source table, with that table.
    fn time_expression(&mut self, node: &Node, catalogue: &Catalogue) -> Option<(String, String)> {
        let fields = self.map(node, TIME)?;
        let help = "write an expression of Flink's over columns as `table.column`";
        let node = self.required(&fields, "expression", help)?;
        let text = self.text(node, "an expression")?;
        let moment = match Moment::parse(&text) {
            Ok(moment) => moment,
            Err(why) => {
                let message = format!("the expression of the clock cannot be read: {why}");
                self.error(Code::BadValue, &node.at, message)
                    .help("as in `TO_TIMESTAMP_LTZ(payments.paid_s * 1000, 3)`");
                return None;
            }
        };
        let columns = moment.columns();
        let tables: BTreeSet<&String> = columns.iter().map(|(table, _)| table).collect();
        if let [first, second, ..] = tables.iter().collect::<Vec<_>>().as_slice() {
            let message = format!("the clock is over columns of `{first}` and of `{second}`");
            self.error(Code::BadValue, &node.at, message)
                .help("write an expression for each table, in a list");
            return None;
        }
        for (table, column) in &columns {
            self.known_column((table, column), &node.at, catalogue)?;
        }
        Some(((*tables.first()?).clone(), text))
    }

    /// A column of a source table. One that the table lacks is an error, and taken all the same.
    fn known_column(
        &mut self,
        (table, column): (&str, &str),
        at: &At,
        catalogue: &Catalogue,
    ) -> Option<()> {
        if let Some(declared) = catalogue.topics.get(table) {
            let names = declared.application.columns.iter().map(|(name, _)| name.as_str());
            if !names.clone().any(|name| name == column) {
                let message = format!("`{table}` has no column `{column}`");
                self.error(Code::UnknownColumn, at, message).help(suggestion(column, names));
                return None;
            }
            return Some(());
        }
        let known = self.known_source(table, at, catalogue)?;
        if let Some(columns) = &known.columns
            && !columns.iter().any(|known| known == column)
        {
            let help = suggestion(column, columns.iter().map(String::as_str));
            let message = format!("`{table}` has no column `{column}`");
            self.error(Code::UnknownColumn, at, message).help(help);
        }
        Some(())
    }

    fn time_column(&mut self, node: &Node, catalogue: &Catalogue) -> Option<(String, String)> {
        let text = self.text(node, "`table.column`, `commit` or `record`")?;
        let Some((table, column)) = text.rsplit_once('.') else {
            let message = format!("`{text}` is neither `table.column`, nor `commit`, nor `record`");
            self.error(Code::BadValue, &node.at, message);
            return None;
        };
        self.known_column((table, column), &node.at, catalogue)?;
        Some((table.to_owned(), column.to_owned()))
    }

    /// The delay that the WATERMARK clauses say. One that is given is a promise: a statement that says
    /// another is what is wrong.
    fn window_delay(
        &mut self,
        given: Option<(u64, &At)>,
        window: &At,
        written: &[Clause],
    ) -> Option<u64> {
        let told = written.iter().filter_map(|clause| Some((clause.delay_ms?, &clause.at)));
        let told = told.collect::<Vec<_>>();
        match given {
            Some((given, _)) if told.is_empty() || told.iter().any(|(ms, _)| *ms == given) => {
                Some(given)
            }
            Some((given, _)) => {
                let mut wrong = told;
                wrong.sort_by_key(|(_, at)| at.span.start);
                wrong.dedup_by_key(|(_, at)| at.span);
                for (ms, at) in wrong {
                    let (ms, given) = (duration_text(ms), duration_text(given));
                    let message = format!(
                        "this WATERMARK is {ms} behind, and the pipeline promises `delay: {given}`"
                    );
                    self.error(Code::Delay, at, message).help("mend the statement, or the promise");
                }
                None
            }
            None => self.written_delay(window, &told.iter().map(|(ms, _)| *ms).collect()),
        }
    }

    /// The one delay that the clauses say; of several, each counts for its own table.
    fn written_delay(&mut self, window: &At, known: &BTreeSet<u64>) -> Option<u64> {
        if known.is_empty() {
            let message = "no WATERMARK clause that this sink reads says its delay readably";
            self.error(Code::Delay, window, message).help("give it as `delay`, e.g. `delay: 5s`");
        }
        known.first().copied().filter(|_| known.len() == 1)
    }
}

/// A WATERMARK clause, and how far it stays behind; `None` if that cannot be read.
struct Clause {
    delay_ms: Option<u64>,
    at: At,
}

impl Clause {
    fn of(text: &Text, watermark: &Watermark) -> Self {
        Self { delay_ms: watermark.delay_ms, at: At::of(text, watermark.span) }
    }
}

/// `5s`, `500ms`: as an author writes it.
fn duration_text(ms: u64) -> String {
    humantime::format_duration(std::time::Duration::from_millis(ms)).to_string()
}

/// The delays of the WATERMARK clauses that an `ALTER TABLE` gives this table.
fn altered(statement: &Text, table: &str) -> Vec<Clause> {
    let alter = table::alter(statement).filter(|alter| alter.name.table() == table);
    let Some(Action::Add(items, _) | Action::Modify(items, _)) = alter.map(|alter| alter.action)
    else {
        return Vec::new();
    };
    let delays = items.into_iter().filter_map(|item| match item.part {
        Part::Watermark(watermark) => Some(Clause::of(statement, &watermark?)),
        Part::Column(_) | Part::PrimaryKey(_) | Part::Other => None,
    });
    delays.collect()
}

/// The delays of the WATERMARK clauses of all tables from which the sink's rows come.
fn watermarks(statements: &[Text], sink: &str) -> Vec<Clause> {
    let parsed: Vec<Statement> = statements.iter().map(flink::parse).collect();
    let mut open: Vec<Name> = inserts(statements)
        .into_iter()
        .filter(|(_, insert)| is_named(&insert.target, sink))
        .flat_map(|(_, insert)| insert.reads)
        .collect();
    let mut seen: Vec<String> = Vec::new();
    let mut delays = Vec::new();
    while let Some(name) = open.pop() {
        if seen.iter().any(|seen| *seen == name.table()) {
            continue;
        }
        seen.push(name.table().to_owned());
        // The last that an ALTER TABLE gives a table is the one it has.
        let altered = statements.iter().flat_map(|text| altered(text, name.table())).last();
        let is_altered = altered.is_some();
        delays.extend(altered);
        for (text, statement) in statements.iter().zip_eq(&parsed) {
            match statement {
                Statement::CreateTable(table) if table.name.table() == name.table() => {
                    let clause = table.watermark.as_ref().filter(|_| !is_altered);
                    delays.extend(clause.map(|clause| Clause::of(text, clause)));
                }
                Statement::CreateView { name: view, reads } if view.table() == name.table() => {
                    open.extend(reads.iter().cloned());
                }
                Statement::CreateTable(_)
                | Statement::CreateView { .. }
                | Statement::Insert(_)
                | Statement::StatementSet(_)
                | Statement::Set { .. }
                | Statement::CreateModel(_)
                | Statement::CreateCatalog(_)
                | Statement::CreateDatabase(_)
                | Statement::Reset(_)
                | Statement::UseCatalog(_)
                | Statement::Use(_)
                | Statement::Other => {}
            }
            let writes = statement.inserts().iter().filter(|i| i.target.table() == name.table());
            open.extend(writes.flat_map(|insert| insert.reads.clone()));
        }
    }
    delays
}
