//! What the connector itself makes of columns: which of them it writes, what it masks, cuts and
//! hashes, and how it spells their names.
//!
//! Rules from Debezium's `ColumnMappers`, `MaskStrings`, `TruncateColumn`, `TableSchemaBuilder` and
//! `FieldNameSelector`: the first mapper that names a column counts, in the order cut, masked,
//! propagated, hashed; the fields of a key are neither left out nor mapped.
//!
//! Source: Debezium's manual, PostgreSQL connector, "Connector properties". Seen on 3.6.3
//! (scenarios `records/columns-as-the-lists-say`, `records/hashed-columns` and
//! `records/names-of-fields`).

use regex::Regex;

use super::step::{Hash, Step};
use crate::base::value::Type;
use crate::codec::types::DataType;
use crate::history::event::{Column, Table};
use crate::model::feed::message_key::expression;
use crate::scenario::settings::Options;

/// The lists of a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lists {
    include: Option<Vec<String>>,
    exclude: Vec<String>,
    mappers: Vec<(Vec<String>, Mapper)>,
    /// Columns are propagated by their types.
    by_type: bool,
    names: Names,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Mapper {
    Cut(usize),
    Stars(usize),
    /// A parameter of the schema, which changes no value, and keeps mappers behind it away.
    Propagate,
    Hash(Hash),
}

/// Lists of columns that map nothing.
const LISTS: [&str; 2] = ["column.exclude.list", "column.include.list"];

/// How names of fields are spelt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Names {
    #[default]
    AsTheyAre,
    /// What Avro's names cannot hold becomes `_`.
    Avro,
    /// What they cannot hold, and `_`, becomes its code.
    AvroUnicode,
}

impl Lists {
    /// Reads a configuration; what has no model is told in sentences.
    pub(super) fn of(config: &Options) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let get = |option: &str| config.get(option).filter(|value| !value.trim().is_empty());
        // A list that is there and empty lets no column through.
        let include = config.get("column.include.list");
        let include = include.map(|list| patterns(list, &mut problems));
        let exclude = get("column.exclude.list");
        let exclude = exclude.map(|list| patterns(list, &mut problems)).unwrap_or_default();
        let mut mappers: Vec<(u8, Vec<String>, Mapper)> = Vec::new();
        for (option, value) in config.iter().filter(|(option, _)| option.starts_with("column.")) {
            match mapper(option) {
                Some(Ok((rank, mapper))) => {
                    mappers.push((rank, patterns(value, &mut problems), mapper));
                }
                Some(Err(problem)) => problems.push(problem),
                None if LISTS.contains(&option.as_str()) => {}
                None => problems.push(format!("`{option}` is not known here")),
            }
        }
        mappers.sort_by_key(|(rank, ..)| *rank);
        let names = match get("field.name.adjustment.mode").map_or("none", String::as_str) {
            "none" => Names::AsTheyAre,
            "avro" => Names::Avro,
            "avro_unicode" => Names::AvroUnicode,
            other => {
                problems.push(format!("`field.name.adjustment.mode={other}` has no model"));
                Names::AsTheyAre
            }
        };
        let mappers = mappers.into_iter().map(|(_, list, mapper)| (list, mapper)).collect();
        let by_type = get("datatype.propagate.source.type").is_some();
        let lists = Self { include, exclude, mappers, by_type, names };
        if problems.is_empty() { Ok(lists) } else { Err(problems) }
    }

    /// Whether rows of a table have this column.
    pub(super) fn has(&self, table: &Table, column: &str) -> bool {
        let name = full(table, column);
        let is_in = self.include.as_ref().is_none_or(|list| names(list, &name));
        is_in && !names(&self.exclude, &name)
    }

    /// The name of a column's field.
    pub(super) fn field(&self, column: &str) -> String {
        let is_first = |c: char| match self.names {
            Names::AvroUnicode => c.is_ascii_alphabetic(),
            Names::AsTheyAre | Names::Avro => c.is_ascii_alphabetic() || c == '_',
        };
        if self.names == Names::AsTheyAre {
            return column.to_owned();
        }
        let mut field = String::new();
        for (n, c) in column.chars().enumerate() {
            if is_first(c) || (n > 0 && c.is_ascii_digit()) {
                field.push(c);
            } else if self.names == Names::Avro {
                field.push('_');
                field.extend((n == 0 && c.is_ascii_digit()).then_some(c));
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let hex = format!("{unit:x}");
                    let hex = if hex.len() <= 2 { format!("00{hex}") } else { hex };
                    field.push_str("_u");
                    field.push_str(&hex);
                }
            }
        }
        field
    }

    /// What becomes of the values of a column.
    pub(super) fn steps(&self, table: &Table, column: &Column) -> Result<Vec<Step>, String> {
        let name = full(table, &column.name);
        let mut found = self.mappers.iter().filter(|(list, _)| names(list, &name));
        let Some((_, mapper)) = found.next() else { return Ok(Vec::new()) };
        if let Some((_, second)) = found.next()
            && std::mem::discriminant(second) == std::mem::discriminant(mapper)
            && second != mapper
        {
            return Err(format!(
                "two options map the column `{name}`: which one counts has no model"
            ));
        }
        let kind = DataType::postgres(column.read_as());
        let step = match mapper {
            Mapper::Propagate => None,
            Mapper::Cut(n) => cut(&kind, *n, &name)?,
            Mapper::Stars(n) => text(&kind, column, &name)?.then(|| Step::Shown("*".repeat(*n))),
            Mapper::Hash(_) if self.by_type => {
                return Err(format!(
                    "`datatype.propagate.source.type` may keep `{name}` from being hashed: which one \
                     counts has no model"
                ));
            }
            Mapper::Hash(hash) => {
                text(&kind, column, &name)?.then(|| Step::Hash(hash.clone(), length(column)))
            }
        };
        Ok(step.into_iter().collect())
    }
}

fn full(table: &Table, column: &str) -> String {
    format!("{}.{}.{column}", table.schema, table.name)
}

/// What an option of columns does, and its place in the order of them.
fn mapper(option: &str) -> Option<Result<(u8, Mapper), String>> {
    let number = |start: &str| {
        let count = option.strip_prefix(start)?.strip_suffix(".chars")?.parse::<usize>();
        count.ok()
    };
    if let Some(n) = number("column.truncate.to.") {
        return Some(Ok((0, Mapper::Cut(n))));
    }
    if let Some(n) = number("column.mask.with.") {
        return Some(Ok((1, Mapper::Stars(n))));
    }
    if option == "column.propagate.source.type" {
        return Some(Ok((2, Mapper::Propagate)));
    }
    let hash = option.strip_prefix("column.mask.hash.")?;
    let (is_plain, hash) = hash.strip_prefix("v2.").map_or((false, hash), |hash| (true, hash));
    let (name, salt) = hash.split_once(".with.salt.")?;
    let rank = if is_plain { 4 } else { 3 };
    Some(match Hash::of(name, salt, is_plain) {
        Some(hash) => Ok((rank, Mapper::Hash(hash))),
        None => Err(format!("`{option}`: the algorithm {name} has no model")),
    })
}

/// The expressions of a list; upper and lower case are the same to the connector.
fn patterns(list: &str, problems: &mut Vec<String>) -> Vec<String> {
    let all = list.split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
    let all = all.map(ToOwned::to_owned).collect::<Vec<_>>();
    for pattern in all.iter().filter(|pattern| expression(pattern).is_none()) {
        problems.push(format!("a list of columns says `{pattern}`, which has no model"));
    }
    all
}

fn names(list: &[String], name: &str) -> bool {
    list.iter().filter_map(|pattern| expression(pattern)).any(|found: Regex| found.is_match(name))
}

/// The length of `varchar(20)`; none that would cut anything of other types.
fn length(column: &Column) -> Option<usize> {
    let (_, rest) = column.type_name.split_once('(')?;
    rest.split_once(')')?.0.parse().ok()
}

/// Whether a column holds what the connector masks: texts of JDBC's kinds of characters, which
/// neither `uuid` nor `json` nor `citext` is.
fn text(kind: &DataType, column: &Column, name: &str) -> Result<bool, String> {
    if kind.is_unknown() {
        let kind = &column.type_name;
        return Err(format!("whether `{name}` of type {kind} is masked has no model"));
    }
    let word = column.read_as().split('(').next().unwrap_or("").trim();
    let is_text = ["text", "character varying", "character", "name", "\"char\""].contains(&word);
    Ok(is_text && matches!(kind, DataType::Scalar(Type::Text) | DataType::Char))
}

fn cut(kind: &DataType, n: usize, name: &str) -> Result<Option<Step>, String> {
    match kind {
        DataType::Scalar(Type::Text | Type::Bytes | Type::Json) | DataType::Char => {
            Ok(Some(Step::Cut(n)))
        }
        DataType::Scalar(Type::Bool | Type::Int | Type::Float | Type::Date)
        | DataType::Real
        | DataType::Array(_) => Ok(None),
        DataType::Scalar(_)
        | DataType::Bits
        | DataType::Money
        | DataType::Point
        | DataType::Within(_)
        | DataType::Time(_)
        | DataType::TimeTz
        | DataType::Interval
        | DataType::Hstore
        | DataType::Map(_)
        | DataType::Row(_) => Err(format!("how `{name}` is cut to {n} characters has no model")),
    }
}
