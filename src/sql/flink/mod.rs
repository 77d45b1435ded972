//! The heads of Flink statements: what a statement creates, writes and reads.

use std::fmt;

use super::reader::Reader;
use super::token::{Kind, Language, Token, significant};
use crate::base::text::{Span, Text};

/// What a statement is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// `CREATE TABLE`.
    CreateTable(Box<CreateTable>),
    /// `CREATE MODEL`.
    CreateModel(Box<Created>),
    /// `CREATE CATALOG`.
    CreateCatalog(Box<Created>),
    /// `CREATE DATABASE`.
    CreateDatabase(Box<Created>),
    /// `CREATE VIEW`.
    CreateView {
        /// Its name.
        name: Name,
        /// The tables and views it reads.
        reads: Vec<Name>,
    },
    /// `INSERT INTO`, `INSERT OVERWRITE`.
    Insert(Insert),
    /// `EXECUTE STATEMENT SET BEGIN … END`, or as the client has it, `BEGIN STATEMENT SET; … END`.
    StatementSet(Vec<Insert>),
    /// `SET 'key' = 'value'`.
    Set {
        /// The option.
        key: String,
        /// Its value.
        value: String,
    },
    /// `RESET 'key'`.
    Reset(String),
    /// `USE CATALOG catalog`.
    UseCatalog(String),
    /// `USE database`, `USE catalog.database`.
    Use(Name),
    /// Anything else (`ALTER TABLE`, `CREATE FUNCTION`, …).
    Other,
}

/// A model, a catalog or a database that a statement creates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its name.
    pub name: Name,
    /// Its `WITH` clause.
    pub with: Option<With>,
    /// Where one can be put.
    pub with_at: usize,
}

impl Statement {
    /// The INSERTs of this statement; `CREATE TABLE … AS` is one too.
    pub fn inserts(&self) -> &[Insert] {
        match self {
            Self::Insert(insert) => std::slice::from_ref(insert),
            Self::StatementSet(inserts) => inserts,
            Self::CreateTable(table) => table.writes.as_slice(),
            Self::CreateModel(_)
            | Self::CreateCatalog(_)
            | Self::CreateDatabase(_)
            | Self::CreateView { .. }
            | Self::Set { .. }
            | Self::Reset(_)
            | Self::UseCatalog(_)
            | Self::Use(_)
            | Self::Other => &[],
        }
    }
}

/// A name of one to three parts, quotes removed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// Catalog, database, table: as many as are written.
    pub parts: Vec<String>,
    /// Where it stands.
    pub span: Span,
}

impl Name {
    /// The last part.
    pub fn table(&self) -> &str {
        self.parts.last().map_or("", String::as_str)
    }

    /// As SQL writes it, whatever is in it.
    pub fn in_backticks(&self) -> String {
        let part = |part: &String| format!("`{}`", part.replace('`', "``"));
        self.parts.iter().map(part).collect::<Vec<_>>().join(".")
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join("."))
    }
}

/// One INSERT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insert {
    /// The table it writes.
    pub target: Name,
    /// The tables and views it reads (names after FROM, JOIN and TABLE), without those that its
    /// own WITH clause defines.
    pub reads: Vec<Name>,
    /// Where it stands.
    pub span: Span,
}

/// A `CREATE TABLE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTable {
    /// Its name.
    pub name: Name,
    /// The session keeps it, whatever the catalog.
    pub is_temporary: bool,
    /// Its columns in order.
    pub columns: Vec<Column>,
    /// The columns of its primary key in key order.
    pub primary_key: Vec<String>,
    /// Its WATERMARK clause.
    pub watermark: Option<Watermark>,
    /// Its WITH clause.
    pub with: Option<With>,
    /// The byte at which a WITH clause would be put in.
    pub with_at: usize,
    /// `LIKE` or `AS`: more columns, options or rows than this text shows.
    pub derived: Option<Derived>,
    /// The table after `LIKE`.
    pub like: Option<Name>,
    /// How it takes over each part of that table: `INCLUDING`, `EXCLUDING` or `OVERWRITING`, and of
    /// what (`OPTIONS`, `ALL`, …), upper case.
    pub likes: Vec<(String, String)>,
    /// What `AS SELECT …` writes.
    pub writes: Option<Insert>,
}

/// Where the rest of a table comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Derived {
    /// `LIKE other`.
    Like,
    /// `AS SELECT …`, which also writes the table.
    As,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ColumnKind,
}

/// Where the values of a column come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnKind {
    /// The record; with its type as written (`DECIMAL(10, 2)`), upper case, without NOT NULL.
    Physical(String),
    /// An expression.
    Computed,
    /// Metadata of the connector.
    Metadata {
        /// The type as written, upper case.
        data_type: String,
        /// It cannot be written.
        is_virtual: bool,
    },
}

impl Column {
    /// An INSERT gives it a value.
    pub fn is_written(&self) -> bool {
        match &self.kind {
            ColumnKind::Physical(_) => true,
            ColumnKind::Computed => false,
            ColumnKind::Metadata { is_virtual, .. } => !is_virtual,
        }
    }

    /// Its type as written, where it has one.
    pub fn data_type(&self) -> Option<&str> {
        match &self.kind {
            ColumnKind::Physical(data_type) | ColumnKind::Metadata { data_type, .. } => {
                Some(data_type)
            }
            ColumnKind::Computed => None,
        }
    }
}

/// `WATERMARK FOR column AS expression`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watermark {
    /// The rowtime column.
    pub column: String,
    /// How far the watermark stays behind, in milliseconds; `None` if the expression is neither the
    /// column nor the column minus an interval of seconds, minutes, hours or days.
    pub delay_ms: Option<u64>,
    /// Where the clause stands.
    pub span: Span,
}

/// A WITH clause.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct With {
    /// Its options in order.
    pub options: Vec<WithOption>,
    /// Items that are no `'key' = 'value'` of plain strings.
    pub unread: Vec<Span>,
    /// The opening parenthesis.
    pub open: Span,
    /// The closing parenthesis.
    pub close: Span,
}

impl With {
    /// The value of an option.
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.options.iter().find(|option| option.key == key);
        found.map(|option| option.value.as_str())
    }

    /// Whether an option is true whose key ends so, as those of formats do: each may stand behind
    /// `key.` or `value.` and the format's name.
    pub fn is_on(&self, ending: &str) -> bool {
        let fits = |option: &&WithOption| option.key.ends_with(ending);
        self.options.iter().filter(fits).any(|option| option.value.eq_ignore_ascii_case("true"))
    }
}

/// One `'key' = 'value'`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithOption {
    /// The key, quotes removed.
    pub key: String,
    /// The value, quotes removed.
    pub value: String,
    /// Both.
    pub span: Span,
    /// The value with its quotes.
    pub value_span: Span,
}

/// The head of one statement (a piece of [`super::split::flink`]). What it cannot read is
/// [`Statement::Other`]: Flink will say what is wrong with it.
pub fn parse(statement: &Text) -> Statement {
    let tokens = significant(Language::Flink, &statement.value);
    let mut reader = Reader { tokens: &tokens, at: 0 };
    reader.statement().unwrap_or(Statement::Other)
}

/// Heads of statements that show something to a person, and of commands of a client.
const SHOWS: [&str; 11] = [
    "SELECT", "WITH", "VALUES", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "HELP", "CLEAR", "QUIT",
    "EXIT",
];

/// Whether a statement only shows something, and changes nothing. A query over a topic never ends.
pub fn only_shows(statement: &Text) -> bool {
    let tokens = significant(Language::Flink, &statement.value);
    let head = tokens.iter().find(|token| !token.is_symbol("("));
    head.is_some_and(|head| SHOWS.iter().any(|word| head.is(word)))
}

impl Reader<'_, '_> {
    fn statement(&mut self) -> Option<Statement> {
        if self.eat(&["EXECUTE", "STATEMENT", "SET", "BEGIN"])
            || self.eat(&["BEGIN", "STATEMENT", "SET", ";"])
        {
            return Some(Statement::StatementSet(self.statement_set()));
        }
        if self.eat(&["EXECUTE"]) || self.peek().is_some_and(|token| token.is("INSERT")) {
            return Some(Statement::Insert(self.insert()?));
        }
        if self.eat(&["SET"]) {
            return self.set();
        }
        if self.eat(&["RESET"]) {
            return Some(Statement::Reset(self.next()?.string()?));
        }
        if self.eat(&["USE", "CATALOG"]) {
            return Some(Statement::UseCatalog(self.name()?.table().to_owned()));
        }
        if self.eat(&["USE"]) {
            self.peek().filter(|token| !token.is("MODULES"))?;
            return Some(Statement::Use(self.name()?));
        }
        if !self.eat(&["CREATE"]) {
            return None;
        }
        self.eat(&["OR", "REPLACE"]);
        let is_temporary = self.eat(&["TEMPORARY"]);
        if self.eat(&["VIEW"]) {
            self.eat(&["IF", "NOT", "EXISTS"]);
            let name = self.name()?;
            return Some(Statement::CreateView { name, reads: reads(self.rest()) });
        }
        if self.eat(&["MODEL"]) {
            return Some(Statement::CreateModel(self.created()?));
        }
        if self.eat(&["CATALOG"]) {
            return Some(Statement::CreateCatalog(self.created()?));
        }
        if self.eat(&["DATABASE"]) {
            return Some(Statement::CreateDatabase(self.created()?));
        }
        self.eat(&["TABLE"]).then(|| self.create_table(is_temporary))?
    }

    fn created(&mut self) -> Option<Box<Created>> {
        self.eat(&["IF", "NOT", "EXISTS"]);
        let name = self.name()?;
        let mut created = Created { with_at: name.span.end, name, with: None };
        while let Some(token) = self.peek() {
            let (is_with, end) = (token.is("WITH"), token.span.end);
            self.next();
            if is_with {
                created.with = Some(self.with()?);
                break;
            }
            created.with_at = end;
        }
        Some(Box::new(created))
    }

    fn statement_set(&self) -> Vec<Insert> {
        let pieces = self.rest().split(|token| token.is_symbol(";"));
        pieces.filter_map(|piece| Reader { tokens: piece, at: 0 }.insert()).collect()
    }

    fn insert(&mut self) -> Option<Insert> {
        let start = self.peek()?.span.start;
        if !(self.eat(&["INSERT", "INTO"]) || self.eat(&["INSERT", "OVERWRITE"])) {
            return None;
        }
        self.eat(&["TABLE"]);
        let target = self.name()?;
        let end = self.tokens.last()?.span.end;
        Some(Insert { target, reads: reads(self.rest()), span: Span::new(start, end) })
    }

    fn set(&mut self) -> Option<Statement> {
        let key = self.next()?.string()?;
        self.eat(&["="]).then_some(())?;
        Some(Statement::Set { key, value: self.next()?.string()? })
    }

    fn create_table(&mut self, is_temporary: bool) -> Option<Statement> {
        self.eat(&["IF", "NOT", "EXISTS"]);
        let name = self.name()?;
        let with_at = name.span.end;
        let mut table = CreateTable {
            name,
            is_temporary,
            columns: Vec::new(),
            primary_key: Vec::new(),
            watermark: None,
            with: None,
            with_at,
            derived: None,
            like: None,
            likes: Vec::new(),
            writes: None,
        };
        if self.peek().is_some_and(|token| token.is_symbol("(")) {
            let (list, close) = self.list()?;
            table.with_at = close.end;
            for item in list {
                table.item(item);
            }
        }
        while let Some(token) = self.peek() {
            if token.is("WITH") {
                self.next();
                table.with = Some(self.with()?);
            } else if token.is("LIKE") || token.is("AS") {
                table.derived = Some(if token.is("AS") { Derived::As } else { Derived::Like });
                let end = self.tokens.last().map_or(0, |last| last.span.end);
                let after = self.tokens.get(self.at + 1..).unwrap_or_default();
                table.like = Reader { tokens: after, at: 0 }.name().filter(|_| token.is("LIKE"));
                table.likes = likes(after);
                table.writes = token.is("AS").then(|| Insert {
                    target: table.name.clone(),
                    reads: reads(self.rest()),
                    span: Span::new(token.span.end, end),
                });
                break;
            } else {
                self.next();
                if table.with.is_none() {
                    table.with_at = token.span.end;
                }
            }
        }
        Some(Statement::CreateTable(Box::new(table)))
    }
}

/// How a `LIKE` takes over each part of the other table.
fn likes(tokens: &[Token<'_>]) -> Vec<(String, String)> {
    let words = ["INCLUDING", "EXCLUDING", "OVERWRITING"];
    let pairs = tokens.windows(2).filter_map(|pair| match pair {
        [how, what] if words.iter().any(|word| how.is(word)) => {
            Some((how.text.to_uppercase(), what.text.to_uppercase()))
        }
        _ => None,
    });
    pairs.collect()
}

impl CreateTable {
    fn item(&mut self, item: &[Token<'_>]) {
        let Some(first) = item.first() else { return };
        let primary = item
            .windows(2)
            .position(|pair| matches!(pair, [a, b] if a.is("PRIMARY") && b.is("KEY")));
        if first.is("WATERMARK") {
            self.watermark = watermark(item);
        } else if let (Some(at), true) = (primary, first.is("PRIMARY") || first.is("CONSTRAINT")) {
            let names = item.iter().skip(at + 2).filter(|t| !t.is("NOT") && !t.is("ENFORCED"));
            self.primary_key = names.filter_map(Token::name).collect();
        } else if let Some(name) = first.name() {
            if primary.is_some() {
                self.primary_key = vec![name.clone()];
            }
            self.columns.push(Column { name, kind: column_kind(item) });
        }
    }
}

pub(super) fn column_kind(item: &[Token<'_>]) -> ColumnKind {
    let stops = ["NOT", "NULL", "PRIMARY", "METADATA", "COMMENT", "CONSTRAINT"];
    let mut data_type = String::new();
    let mut before: Option<&Token<'_>> = None;
    let mut depth = 0;
    for token in item.iter().skip(1) {
        if before.is_none() && token.is("AS") {
            return ColumnKind::Computed;
        }
        if depth == 0 && stops.iter().any(|stop| token.is(stop)) {
            break;
        }
        depth += deeper(token);
        let spaced = before
            .is_some_and(|before| before.is_symbol(",") || (is_wordy(before) && is_wordy(token)));
        if spaced {
            data_type.push(' ');
        }
        data_type.push_str(&token.text.to_uppercase());
        before = Some(token);
    }
    if item.iter().skip(1).any(|token| token.is("METADATA")) {
        let is_virtual = item.iter().any(|token| token.is("VIRTUAL"));
        return ColumnKind::Metadata { data_type, is_virtual };
    }
    ColumnKind::Physical(data_type)
}

/// How many more brackets are open behind a token of a type than before it.
pub(super) fn deeper(token: &Token<'_>) -> i32 {
    let count = |of: [char; 2]| token.text.chars().filter(|char| of.contains(char)).count();
    let count = |of| i32::try_from(count(of)).unwrap_or_default();
    if token.kind == Kind::Symbol { count(['<', '(']) - count(['>', ')']) } else { 0 }
}

fn is_wordy(token: &Token<'_>) -> bool {
    matches!(token.kind, Kind::Word | Kind::Name) || token.is_symbol(")")
}

pub(super) fn watermark(item: &[Token<'_>]) -> Option<Watermark> {
    let (first, last) = (item.first()?, item.last()?);
    let column = item.get(2)?.name()?;
    let delay_ms = match item.get(4..)? {
        [only] => (only.name()? == column).then_some(0),
        [of, minus, interval, amount, unit]
            if of.name()? == column && minus.is_symbol("-") && interval.is("INTERVAL") =>
        {
            delay(amount, unit)
        }
        _ => None,
    };
    Some(Watermark { column, delay_ms, span: Span::new(first.span.start, last.span.end) })
}

fn delay(amount: &Token<'_>, unit: &Token<'_>) -> Option<u64> {
    let amount = amount.string()?;
    let (whole, part) = amount.split_once('.').unwrap_or((&amount, ""));
    let units = [("SECOND", 1_000), ("MINUTE", 60_000), ("HOUR", 3_600_000), ("DAY", 86_400_000)];
    let named = |name: &&str| unit.is(name) || unit.is(&format!("{name}S"));
    let (_, unit_ms) = units.iter().find(|(name, _)| named(name))?;
    let fraction = match (part.is_empty(), *unit_ms) {
        (true, _) => 0,
        (false, 1_000) => format!("{part:0<3}").get(..3)?.parse().ok()?,
        (false, _) => return None,
    };
    whole.parse::<u64>().ok()?.checked_mul(*unit_ms)?.checked_add(fraction)
}

/// The names after FROM, JOIN and TABLE, without those that a WITH of this text defines.
fn reads(tokens: &[Token<'_>]) -> Vec<Name> {
    let mut found: Vec<Name> = Vec::new();
    let mut own: Vec<String> = Vec::new();
    for (n, token) in tokens.iter().enumerate() {
        let rest = tokens.get(n + 1..).unwrap_or_default();
        if let ([as_word, open, ..], Some(name)) = (rest, token.name())
            && as_word.is("AS")
            && open.is_symbol("(")
        {
            own.push(name);
        }
        let compares = n > 0 && tokens.get(n - 1).is_some_and(|before| before.is("DISTINCT"));
        let from = token.is("FROM") && !compares && !is_argument(tokens, n)
            || token.is("JOIN")
            || token.is("TABLE");
        if from || (token.is_symbol(",") && continues_from(tokens, n)) {
            let mut reader = Reader { tokens: rest, at: 0 };
            let name = reader.name();
            let opens = rest.first().is_some_and(|t| t.is("TABLE") || t.is("LATERAL"));
            // `UNNEST(tags)` is a call.
            let calls = reader.peek().is_some_and(|next| next.is_symbol("("));
            found.extend(name.filter(|_| !opens && !calls));
        }
    }
    found.retain(|name| name.parts.len() > 1 || !own.iter().any(|own| own == name.table()));
    let mut seen = Vec::new();
    found.retain(|name| {
        let new = !seen.contains(&name.parts);
        seen.push(name.parts.clone());
        new
    });
    found
}

/// Whether the FROM at `n` stands in a call (`EXTRACT(YEAR FROM a)`).
fn is_argument(tokens: &[Token<'_>], n: usize) -> bool {
    let mut depth = 0_usize;
    let before = tokens.get(..n).unwrap_or_default();
    for (at, token) in before.iter().enumerate().rev() {
        if token.is_symbol(")") {
            depth += 1;
        } else if token.is_symbol("(") {
            let Some(less) = depth.checked_sub(1) else {
                let calls = ["EXTRACT", "TRIM", "SUBSTRING", "OVERLAY"];
                let call = at.checked_sub(1).and_then(|at| before.get(at));
                return call.is_some_and(|word| calls.iter().any(|call| word.is(call)));
            };
            depth = less;
        } else if depth == 0 && token.is("SELECT") {
            return false;
        }
    }
    false
}

/// Whether the comma at `n` parts tables of a FROM (`FROM a, b`).
fn continues_from(tokens: &[Token<'_>], n: usize) -> bool {
    let mut depth = 0_usize;
    for token in tokens.get(..n).unwrap_or_default().iter().rev() {
        if token.is_symbol(")") {
            depth += 1;
        } else if token.is_symbol("(") {
            let Some(less) = depth.checked_sub(1) else { return false };
            depth = less;
        } else if depth == 0 && token.is("FROM") {
            return true;
        } else if depth == 0
            && ["SELECT", "WHERE", "GROUP", "ORDER", "ON"].iter().any(|w| token.is(w))
        {
            return false;
        }
    }
    false
}

pub mod like;
pub mod literals;
pub mod options;
pub mod reset;
#[cfg(test)]
mod tests;
