//! Sinks: the reference query of each, and the clock of those whose rows are windows.

use camino::Utf8Path;

use super::Reader;
use super::catalogue::{Catalogue, inserts, is_named};
use crate::base::text::Text;
use crate::scenario::code::Code;
use crate::scenario::diagnose::At;
use crate::scenario::pipeline::{Sink, Window, WindowTime};
use crate::scenario::words::{SINK, WINDOW, suggestion};
use crate::scenario::yaml::{Node, Value};
use crate::sql::flink::{self, Name, Statement};
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
        let help = "write `table.column`, a list of them, `commit` or `record`";
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
        let mut columns = Vec::new();
        for item in self.one_or_list(node) {
            columns.extend(self.time_column(item, catalogue));
        }
        (!columns.is_empty()).then_some(WindowTime::Columns(columns))
    }

    fn time_column(&mut self, node: &Node, catalogue: &Catalogue) -> Option<(String, String)> {
        let text = self.text(node, "`table.column`, `commit` or `record`")?;
        let Some((table, column)) = text.rsplit_once('.') else {
            let message = format!("`{text}` is neither `table.column`, nor `commit`, nor `record`");
            self.error(Code::BadValue, &node.at, message);
            return None;
        };
        let known = self.known_source(table, &node.at, catalogue)?;
        if let Some(columns) = &known.columns
            && !columns.iter().any(|known| known == column)
        {
            let help = suggestion(column, columns.iter().map(String::as_str));
            let message = format!("`{table}` has no column `{column}`");
            self.error(Code::UnknownColumn, &node.at, message).help(help);
        }
        Some((table.to_owned(), column.to_owned()))
    }

    /// The delay that the WATERMARK clauses say, checked against the one that is given.
    fn window_delay(
        &mut self,
        given: Option<(u64, &At)>,
        window: &At,
        written: &[Option<u64>],
    ) -> Option<u64> {
        let mut known: Vec<u64> = written.iter().copied().flatten().collect();
        known.sort_unstable();
        known.dedup();
        match (given, known.as_slice()) {
            (Some((given, _)), []) => Some(given),
            (Some((given, _)), known) if known.contains(&given) => Some(given),
            (Some((given, at)), known) => {
                let known: Vec<String> = known.iter().map(|ms| format!("{ms} ms")).collect();
                let known = known.join(", ");
                let message = format!("the WATERMARK clause says {known}, not {given} ms");
                self.error(Code::Delay, at, message)
                    .help("leave `delay` out: it is read from there");
                None
            }
            (None, [only]) => Some(*only),
            (None, []) => {
                let message = "no WATERMARK clause that this sink reads says its delay readably";
                self.error(Code::Delay, window, message)
                    .help("give it as `delay`, e.g. `delay: 5s`");
                None
            }
            (None, _) => {
                let message = "the WATERMARK clauses that this sink reads say different delays";
                self.error(Code::Delay, window, message).help("say as `delay` which one counts");
                None
            }
        }
    }
}

/// The delays of the WATERMARK clauses that an `ALTER TABLE` gives this table.
fn altered(statement: &Text, table: &str) -> Vec<Option<u64>> {
    let alter = table::alter(statement).filter(|alter| alter.name.table() == table);
    let Some(Action::Add(items, _) | Action::Modify(items, _)) = alter.map(|alter| alter.action)
    else {
        return Vec::new();
    };
    let delays = items.into_iter().filter_map(|item| match item.part {
        Part::Watermark(watermark) => Some(watermark.and_then(|watermark| watermark.delay_ms)),
        Part::Column(_) | Part::PrimaryKey(_) | Part::Other => None,
    });
    delays.collect()
}

/// The delays of the WATERMARK clauses of all tables from which the sink's rows come.
fn watermarks(statements: &[Text], sink: &str) -> Vec<Option<u64>> {
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
        delays.extend(statements.iter().flat_map(|text| altered(text, name.table())));
        for statement in &parsed {
            match statement {
                Statement::CreateTable(table) if table.name.table() == name.table() => {
                    delays.extend(table.watermark.as_ref().map(|watermark| watermark.delay_ms));
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
