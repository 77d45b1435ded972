//! Source tables as their DDL leaves them: created, altered statement by statement as migrations do,
//! and with what is seeded into them.

use std::collections::BTreeMap;

use super::columns::{Column, Reference, items, name, references};
use crate::base::text::Text;
use crate::scenario::settings::Options;
use crate::sql::token::{Kind, Language, Token, significant};

/// A source table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub schema: String,
    pub name: String,
    pub columns: Vec<Column>,
    pub key: Vec<String>,
    /// The DDL sets its replica identity.
    pub sets_identity: bool,
    /// The DDL puts rows into it.
    pub is_seeded: bool,
    /// It is parted, and rows must fall into a part: the column, and a value that one takes.
    pub part: Option<(String, Option<String>)>,
}

/// All that the DDL says.
#[derive(Debug, Clone, Default)]
pub(super) struct Tables {
    pub all: Vec<Table>,
    /// The labels of enums, and what domains are of.
    types: BTreeMap<String, Kinds>,
    /// The greatest whole number in seeded rows.
    pub greatest: usize,
    schema: Option<String>,
}

/// A type that the DDL itself defines.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kinds {
    Enum(String),
    Domain(Column),
}

/// The tables that these statements leave, in an order in which rows can be put into them.
pub(super) fn read(statements: &[Text]) -> Tables {
    let mut tables = Tables::default();
    for statement in statements {
        let tokens = significant(Language::Postgres, &statement.value);
        tables.statement(statement, &tokens);
    }
    let types = tables.types.clone();
    for column in tables.all.iter_mut().flat_map(|table| table.columns.iter_mut()) {
        match types.get(&column.kind) {
            Some(Kinds::Enum(label)) => {
                column.allowed = Some(label.clone());
                "enum".clone_into(&mut column.kind);
            }
            Some(Kinds::Domain(of)) => column.is_of(of),
            None => {}
        }
    }
    tables.all = in_order(tables.all);
    tables
}

impl Tables {
    /// All rows of an outbox table go one way.
    pub(super) fn route(&mut self, table: &str, options: &Options) {
        let field = options.iter().find(|(key, _)| key.ends_with(".route.by.field"));
        let field = field.map_or("aggregatetype", |(_, field)| field.as_str());
        let of_table = self.all.iter_mut().filter(|own| own.name == table);
        for column in of_table.flat_map(|own| own.columns.iter_mut()) {
            if column.name == field {
                column.allowed = Some(super::pipeline::ROUTED.to_owned());
            }
        }
    }

    fn statement(&mut self, text: &Text, tokens: &[Token<'_>]) {
        let is = |n: usize, word: &str| tokens.get(n).is_some_and(|token| token.is(word));
        match tokens.first() {
            Some(first) if first.is("CREATE") => self.create(text, tokens),
            Some(first) if first.is("ALTER") && is(1, "TABLE") => {
                self.alter(tokens.get(2..).unwrap_or_default());
            }
            Some(first) if first.is("DROP") && is(1, "TABLE") => {
                let gone = tokens.iter().filter_map(name).collect::<Vec<_>>();
                self.all.retain(|table| !gone.contains(&table.name));
            }
            Some(first) if first.is("INSERT") || first.is("COPY") => self.seed(tokens),
            Some(first) if first.is("SET") && is(1, "search_path") => {
                let mut names = tokens.iter().skip(3).filter_map(|one| name(one).or(one.string()));
                self.schema = names.find(|name| name != "$user").filter(|name| !name.is_empty());
            }
            _ => {}
        }
    }

    fn create(&mut self, text: &Text, tokens: &[Token<'_>]) {
        let is = |n: usize, word: &str| tokens.get(n).is_some_and(|token| token.is(word));
        let rest = |n: usize| tokens.get(n..).unwrap_or_default();
        if is(1, "TYPE") && tokens.iter().any(|token| token.is("ENUM")) {
            let (Some(name), label) = (last_name(rest(2)), tokens.iter().find_map(Token::string))
            else {
                return;
            };
            self.types.insert(name, Kinds::Enum(label.unwrap_or_default()));
        } else if is(1, "DOMAIN") {
            let Some(name) = last_name(rest(2)) else { return };
            let after = rest(2).iter().position(|token| token.is("AS")).map_or(3, |at| at + 3);
            let mut item = tokens.get(2..3).unwrap_or_default().to_vec();
            item.extend(rest(after).iter().copied());
            self.types.extend(Column::read(&item).map(|of| (name, Kinds::Domain(of))));
        } else if is(1, "UNIQUE") {
            let Some(on) = tokens.iter().position(|token| token.is("ON")) else { return };
            let named: Vec<String> =
                items(rest(on)).into_iter().filter_map(|item| name(item.first()?)).collect();
            let skip = usize::from(rest(on + 1).first().is_some_and(|t| t.is("ONLY")));
            let Some(table) = last_name(rest(on + 1 + skip)) else { return };
            for column in self.named(&table).into_iter().flat_map(|t| t.columns.iter_mut()) {
                column.is_unique |= named.contains(&column.name);
            }
        } else if let Some(created) = crate::sql::postgres::created_table(text) {
            self.table(created.schema, created.name, created.primary_key, tokens);
        }
    }

    fn table(&mut self, schema: String, name: String, key: Vec<String>, tokens: &[Token<'_>]) {
        let schema = match &self.schema {
            Some(set) if schema == "public" => set.clone(),
            _ => schema,
        };
        if let Some(at) = tokens.iter().position(|token| token.is("PARTITION"))
            && tokens.get(at + 1).is_some_and(|token| token.is("OF"))
        {
            let value = tokens.iter().skip(at).find_map(Token::string);
            let parent = tokens.get(at + 2..).and_then(last_name);
            let part = parent.and_then(|parent| self.named(&parent)?.part.as_mut());
            if let Some((_, first)) = part {
                *first = first.take().or(value);
            }
            return;
        }
        // The first one counts, as IF NOT EXISTS has it.
        if self.named(&name).is_some_and(|table| table.schema == schema) {
            return;
        }
        let by = tokens
            .windows(2)
            .position(|two| matches!(two, [a, b] if a.is("PARTITION") && b.is("BY")));
        let part = by.and_then(|by| {
            let column =
                items(tokens.get(by..)?).first()?.first().and_then(super::columns::name)?;
            Some((column, None))
        });
        let mut table = Table {
            schema,
            name,
            columns: Vec::new(),
            key,
            sets_identity: false,
            is_seeded: false,
            part,
        };
        for item in items(tokens) {
            table.item(item);
        }
        self.all.push(table);
    }

    /// What follows ALTER TABLE.
    fn alter(&mut self, tokens: &[Token<'_>]) {
        let skipped =
            tokens.iter().take_while(|t| ["IF", "EXISTS", "ONLY"].iter().any(|w| t.is(w)));
        let rest = tokens.get(skipped.count()..).unwrap_or_default();
        let Some(table) = last_name(rest) else { return };
        let rest = match rest {
            [_, dot, _, rest @ ..] if dot.is_symbol(".") => rest,
            [_, rest @ ..] => rest,
            [] => return,
        };
        let Some(table) = self.named(&table) else { return };
        for action in super::query::parts(rest) {
            table.action(action);
        }
    }

    /// Rows that the DDL puts into a table.
    fn seed(&mut self, tokens: &[Token<'_>]) {
        let after = if tokens.first().is_some_and(|token| token.is("COPY")) { 1 } else { 2 };
        let Some(table) = tokens.get(after..).and_then(last_name) else { return };
        let numbers = tokens.iter().filter(|token| token.kind == Kind::Number);
        let numbers = numbers.filter_map(|token| token.text.parse::<usize>().ok());
        let greatest = numbers.filter(|number| *number < 30_000).max().unwrap_or(0);
        let n_rows = super::query::parts(tokens).len();
        self.greatest = self.greatest.max(greatest).max(n_rows);
        if let Some(table) = self.named(&table) {
            table.is_seeded = true;
        }
    }

    fn named(&mut self, name: &str) -> Option<&mut Table> {
        self.all.iter_mut().find(|table| table.name == name)
    }
}

/// The last part of a name with a schema or without.
pub(super) fn last_name(tokens: &[Token<'_>]) -> Option<String> {
    let skipped = tokens.iter().take_while(|t| ["IF", "NOT", "EXISTS"].iter().any(|w| t.is(w)));
    match tokens.get(skipped.count()..)? {
        [_, dot, last, ..] if dot.is_symbol(".") => name(last),
        [first, ..] => name(first),
        [] => None,
    }
}

impl Table {
    /// An item of a CREATE TABLE.
    fn item(&mut self, item: &[Token<'_>]) {
        let Some(first) = item.first() else { return };
        let constraints =
            ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE", "LIKE"];
        if constraints.iter().any(|word| first.is(word)) {
            self.constraint(item);
        } else {
            self.columns.extend(Column::read(item));
        }
    }

    /// One action of an ALTER TABLE.
    fn action(&mut self, action: &[Token<'_>]) {
        let is = |n: usize, word: &str| action.get(n).is_some_and(|token| token.is(word));
        let skip = |n: usize| {
            let rest = action.get(n..).unwrap_or_default();
            let words = ["COLUMN", "IF", "NOT", "EXISTS"];
            let skipped = rest.iter().take_while(|t| words.iter().any(|w| t.is(w))).count();
            rest.get(skipped..).unwrap_or_default()
        };
        if is(0, "REPLICA") {
            self.sets_identity = true;
        } else if is(0, "ADD") {
            let is_key =
                action.windows(2).any(|p| matches!(p, [a, b] if a.is("PRIMARY") && b.is("KEY")));
            let item = skip(1);
            let is_constraint = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE"];
            let is_constraint = item.first().is_some_and(|t| is_constraint.iter().any(|w| t.is(w)));
            if is_key {
                let of_column = item.first().filter(|_| !is_constraint).and_then(name);
                let listed = items(item).iter().filter_map(|i| name(i.first()?)).collect();
                self.key = of_column.map_or(listed, |column| vec![column]);
            }
            self.item(item);
        } else if is(0, "DROP") {
            let gone = skip(1).first().and_then(name);
            self.columns.retain(|column| Some(&column.name) != gone.as_ref());
        } else if is(0, "RENAME") && is(1, "TO") {
            self.name = action.get(2).and_then(name).unwrap_or_default();
        } else if is(0, "RENAME") {
            if let [old, to, new, ..] = skip(1)
                && to.is("TO")
            {
                self.rename(name(old), name(new));
            }
        } else if is(0, "SET") && is(1, "SCHEMA") {
            self.schema = action.get(2).and_then(name).unwrap_or_default();
        } else if is(0, "ALTER") {
            let item = skip(1);
            let column = item.first().and_then(name);
            let column = self.columns.iter_mut().find(|own| Some(&own.name) == column.as_ref());
            if let (Some(column), Some(rest)) = (column, item.get(1..)) {
                column.alter(rest);
            }
        }
    }

    fn rename(&mut self, old: Option<String>, new: Option<String>) {
        let (Some(old), Some(new)) = (old, new) else { return };
        for key in self.key.iter_mut().filter(|key| **key == old) {
            key.clone_from(&new);
        }
        for column in self.columns.iter_mut().filter(|column| column.name == old) {
            column.name.clone_from(&new);
        }
    }

    /// `CHECK (column …)`, `UNIQUE (…)` and `FOREIGN KEY (column) REFERENCES …` of the table.
    fn constraint(&mut self, item: &[Token<'_>]) {
        // The first list alone: that of REFERENCES names columns of the other table.
        let names: Vec<String> = items(item).into_iter().flatten().filter_map(name).collect();
        let has = |word: &str| item.iter().any(|token| token.is(word));
        if has("CHECK") {
            let named = self.columns.iter_mut().find(|column| names.contains(&column.name));
            if let Some(column) = named {
                column.checked(item);
            }
        } else if has("UNIQUE") && !has("CHECK") {
            for column in self.columns.iter_mut().filter(|column| names.contains(&column.name)) {
                column.is_unique = true;
            }
        }
        for reference in references(item) {
            let Some(name) = names.get(reference.nth) else { continue };
            for column in self.columns.iter_mut().filter(|column| column.name == *name) {
                column.refers_to = column.refers_to.take().or_else(|| Some(reference.clone()));
            }
        }
    }

    /// The table as Postgres must be told of it.
    pub(super) fn full_name(&self) -> String {
        if self.schema == "public" {
            quoted(&self.name)
        } else {
            format!("{}.{}", quoted(&self.schema), quoted(&self.name))
        }
    }

    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Column {
    /// It waits for a row of one of these tables.
    fn waits_for(&self, own: &Table, open: &[Table]) -> bool {
        self.refers_to.as_ref().is_some_and(|other| {
            let is_open = open.iter().any(|open| open.name == other.table);
            other.table != own.name && is_open && !other.is_cut
        })
    }
}

impl Reference {
    pub(super) fn column<'t>(&'t self, other: &'t Table) -> Option<&'t String> {
        self.column.as_ref().or_else(|| other.key.get(self.nth))
    }
}

/// Tables that others refer to come before those. A circle is cut where a column may stay null;
/// where none may, it stays as it is written.
fn in_order(mut tables: Vec<Table>) -> Vec<Table> {
    let mut sorted: Vec<Table> = Vec::new();
    while !tables.is_empty() {
        let waits =
            |table: &Table| table.columns.iter().any(|column| column.waits_for(table, &tables));
        let next = tables.iter().position(|table| !waits(table));
        if next.is_none() && cut(&mut tables) {
            continue;
        }
        sorted.push(tables.remove(next.unwrap_or(0)));
    }
    sorted
}

/// Leaves the columns null by which one of these tables waits for another, if all of those may be.
fn cut(tables: &mut [Table]) -> bool {
    let may = |table: &&Table| {
        let mut waiting = table.columns.iter().filter(|column| column.waits_for(table, tables));
        waiting.all(|column| !column.is_required && !table.key.contains(&column.name))
    };
    let Some(name) = tables.iter().find(may).map(|table| table.name.clone()) else { return false };
    let open: Vec<Table> = tables.to_vec();
    for table in tables.iter_mut().filter(|table| table.name == name) {
        let own = table.clone();
        let waiting = table.columns.iter_mut().filter(|column| column.waits_for(&own, &open));
        for reference in waiting.filter_map(|column| column.refers_to.as_mut()) {
            reference.is_cut = true;
        }
    }
    true
}

/// A name with quotes where Postgres would read it otherwise.
pub(super) fn quoted(name: &str) -> String {
    const RESERVED: [&str; 34] = [
        "user",
        "order",
        "group",
        "table",
        "select",
        "from",
        "where",
        "default",
        "check",
        "end",
        "limit",
        "offset",
        "primary",
        "references",
        "to",
        "timestamp",
        "all",
        "and",
        "any",
        "as",
        "asc",
        "case",
        "cast",
        "column",
        "desc",
        "do",
        "grant",
        "in",
        "not",
        "or",
        "then",
        "union",
        "when",
        "window",
    ];
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if is_plain && !RESERVED.contains(&name) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}
