//! Columns of source tables, as far as rows for them must know.

use crate::sql::columns::AFTER_TYPE;
use crate::sql::token::{Kind, Token};

/// A column of a source table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a clause of the DDL, and any may stand beside any"
)]
pub(super) struct Column {
    pub name: String,
    /// The type, lower case, without its arguments and its schema.
    pub kind: String,
    /// The arguments of the type.
    pub arguments: Vec<usize>,
    pub is_array: bool,
    /// It gets a value by itself.
    pub is_given: bool,
    /// It is computed from others, and nothing can be put into it.
    pub is_generated: bool,
    /// It is numbered by the database alone, unless an INSERT overrides that.
    pub is_always: bool,
    /// What it refers to.
    pub refers_to: Option<Reference>,
    /// It must not be null.
    pub is_required: bool,
    /// The first text that a CHECK allows, or the first label of an enum.
    pub allowed: Option<String>,
    /// What a CHECK wants numbers to be above.
    pub above: usize,
    pub is_unique: bool,
}

/// A column of another table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub table: String,
    /// Its name, where it is written.
    pub column: Option<String>,
    /// Which of the columns of the reference it is; without names, those of the primary key.
    pub nth: usize,
    /// The column is left null, since its table and this one each want to be first.
    pub is_cut: bool,
}

/// Words that end a type besides, where it stands in a statement.
const ALSO_AFTER_TYPE: [&str; 2] = ["USING", "ON"];

impl Column {
    /// An item of a CREATE TABLE, or of ADD COLUMN.
    pub(super) fn read(item: &[Token<'_>]) -> Option<Self> {
        let column = name(item.first()?)?;
        let (kind, arguments, is_array) = data_type(item.get(1..)?);
        let has = |word: &str| item.iter().any(|token| token.is(word));
        let is_serial = kind.ends_with("serial");
        let is_generated = has("GENERATED") && has("STORED");
        let mut read = Self {
            name: column,
            is_given: has("GENERATED") || has("DEFAULT") || is_serial,
            kind,
            arguments,
            is_array,
            is_generated,
            is_always: has("GENERATED") && has("ALWAYS") && !is_generated,
            refers_to: references(item).into_iter().next(),
            is_required: has("NOT") || has("PRIMARY") || is_serial,
            allowed: None,
            above: 0,
            is_unique: has("UNIQUE") || has("PRIMARY"),
        };
        read.checked(item);
        Some(read)
    }

    /// What follows `ALTER COLUMN name`.
    pub(super) fn alter(&mut self, rest: &[Token<'_>]) {
        let has = |word: &str| rest.iter().any(|token| token.is(word));
        let kind = rest.iter().position(|token| token.is("TYPE"));
        if let Some(kind) = kind.and_then(|at| rest.get(at + 1..)) {
            (self.kind, self.arguments, self.is_array) = data_type(kind);
        } else if has("GENERATED") {
            self.is_given = true;
            self.is_always = has("ALWAYS");
        } else if has("DEFAULT") {
            self.is_given = has("SET");
        } else if has("NULL") {
            self.is_required = has("SET");
        }
    }

    /// What a CHECK says of its values.
    pub(super) fn checked(&mut self, item: &[Token<'_>]) {
        let Some(check) = item.iter().position(|token| token.is("CHECK")) else { return };
        let check = item.get(check..).unwrap_or_default();
        let text = check.iter().find_map(Token::string);
        self.allowed = self.allowed.take().or(text);
        let above = check.windows(2).find_map(|two| match two {
            [sign, number] if sign.is_symbol(">") || sign.is_symbol(">=") => {
                number.text.parse::<usize>().ok()
            }
            _ => None,
        });
        self.above = above.unwrap_or(self.above);
    }

    /// It is of a domain.
    pub(super) fn is_of(&mut self, domain: &Self) {
        self.kind.clone_from(&domain.kind);
        self.arguments.clone_from(&domain.arguments);
        self.allowed = self.allowed.take().or_else(|| domain.allowed.clone());
        self.above = self.above.max(domain.above);
        self.is_given |= domain.is_given;
    }

    /// Whether it is true or false.
    pub(super) fn is_boolean(&self) -> bool {
        matches!(self.kind.as_str(), "bool" | "boolean") && !self.is_array
    }

    pub(super) fn is_decimal(&self) -> bool {
        matches!(self.kind.as_str(), "numeric" | "decimal" | "money")
    }
}

/// The type that the tokens begin with: its name, its arguments, and whether it is an array of it.
fn data_type(tokens: &[Token<'_>]) -> (String, Vec<usize>, bool) {
    let mut words: Vec<String> = Vec::new();
    let (mut arguments, mut is_array, mut depth) = (Vec::new(), false, 0_usize);
    for (n, token) in tokens.iter().enumerate() {
        if depth == 0 && AFTER_TYPE.iter().chain(&ALSO_AFTER_TYPE).any(|word| token.is(word)) {
            break;
        }
        let next_is_dot = tokens.get(n + 1).is_some_and(|next| next.is_symbol("."));
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        } else if token.is_symbol("[") || token.is("ARRAY") {
            is_array = true;
        } else if depth > 0 {
            arguments.extend(token.text.parse::<usize>().ok());
        } else if !next_is_dot && !token.is_symbol(".") && token.kind != Kind::Number {
            words.extend(name(token).filter(|_| token.kind != Kind::Symbol));
        }
    }
    let kind = words.join(" ");
    let kind = match kind.as_str() {
        "timestamp with time zone" => "timestamptz",
        "timestamp without time zone" => "timestamp",
        "time without time zone" => "time",
        "time with time zone" => "timetz",
        "character varying" => "varchar",
        "double precision" => "float8",
        other => other,
    };
    (kind.to_owned(), arguments, is_array)
}

pub(super) fn name(token: &Token<'_>) -> Option<String> {
    let name = token.name()?;
    Some(if token.kind == Kind::Word { name.to_lowercase() } else { name })
}

/// The items of the first list in parentheses.
pub(super) fn items<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let Some(open) = tokens.iter().position(|token| token.is_symbol("(")) else {
        return Vec::new();
    };
    let mut depth = 0_usize;
    let close = tokens.iter().skip(open).position(|token| {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        }
        depth == 0
    });
    let end = close.map_or(tokens.len(), |n| open + n);
    let mut found = super::query::parts(tokens.get(open + 1..end).unwrap_or_default());
    found.retain(|item| !item.is_empty());
    found
}

/// `REFERENCES table (column, …)`, one for each of the columns that refer; without names, as many as
/// a list before it has.
pub(super) fn references(item: &[Token<'_>]) -> Vec<Reference> {
    let Some(at) = item.iter().position(|token| token.is("REFERENCES")) else { return Vec::new() };
    let (before, rest) = item.split_at(at);
    let mut rest = rest.get(1..).unwrap_or(&[]);
    if let [_, dot, further @ ..] = rest
        && dot.is_symbol(".")
    {
        rest = further;
    }
    let Some(table) = rest.first().and_then(name) else { return Vec::new() };
    let is_list = rest.get(1).is_some_and(|token| token.is_symbol("("));
    let columns: Vec<Option<String>> = if is_list {
        items(rest).into_iter().map(|column| column.first().and_then(name)).collect()
    } else {
        let is_constraint = before.iter().any(|token| token.is("FOREIGN"));
        let n = if is_constraint { items(before).len() } else { 1 };
        vec![None; n]
    };
    let reference = |(nth, column)| Reference { table: table.clone(), column, nth, is_cut: false };
    columns.into_iter().enumerate().map(reference).collect()
}
