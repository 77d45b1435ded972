//! The types of values that keys take, for the schema and the reference.

use super::words::Words;
use crate::base::limits::grouped;

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    /// Any single value, taken as text.
    Text,
    /// SQL, or the path of a SQL file.
    Sql,
    /// The path of a file, relative to the one it stands in.
    Path,
    /// A whole number from 1 up to this.
    Count(u64),
    /// A number with `ms`, `s`, `m` or `h`.
    Duration,
    /// `true` or `false`.
    Bool,
    /// The name of a session.
    Session,
    /// One of these words.
    Word(&'static Words),
    /// A map with these keys.
    Map(&'static Words),
    /// A map from names of a kind to a type.
    Named(&'static str, &'static Self),
    /// A list.
    List(&'static Self),
    /// A single value or a list.
    OneOrList(&'static Self),
    /// One of these.
    OneOf(&'static [Self]),
    /// The value of a setting: one, a list of them (an axis), or `null`.
    Choice(&'static Self),
    /// A setting for all places, or a map from names of a kind to one each.
    PerPlace(&'static str, &'static Self),
    /// A map from names of options to their values.
    Options,
    /// Values of an axis, or a map to them.
    Labels,
    /// A reference query, a map that has one, or `unjudged`.
    Sink,
    /// `finding: place`, with these modifiers.
    Shown(&'static Words),
    /// The entries of a timeline.
    Timeline,
    /// Entries of sessions alone.
    Sessions,
    /// A row table.
    RowTable,
    /// The pattern of a key's life.
    Life,
}

impl Type {
    /// What to call it in the reference.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Sql => "sql".to_owned(),
            Self::Path => "path".to_owned(),
            Self::Count(most) => format!("number from 1 to {}", grouped(most)),
            Self::Duration => "duration".to_owned(),
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Session => "session".to_owned(),
            Self::Word(words) => {
                let words: Vec<String> = words.known.iter().map(|w| format!("`{w}`")).collect();
                words.join(", ")
            }
            Self::Map(_) => "map".to_owned(),
            Self::Named(of, to) => format!("map {of} → {}", to.name()),
            Self::List(of) => format!("list of {}", of.name()),
            Self::OneOrList(of) => format!("{} or a list", of.name()),
            Self::OneOf(types) => {
                let types: Vec<String> = types.iter().map(|one| one.name()).collect();
                types.join(" or ")
            }
            Self::Choice(of) => of.name(),
            Self::PerPlace(place, of) => format!("{}, or map {place} → that", of.name()),
            Self::Options => "map of options".to_owned(),
            Self::Labels => "value or list".to_owned(),
            Self::Sink => "sql, map, or `unjudged`".to_owned(),
            Self::Shown(_) => "`finding: place`".to_owned(),
            Self::Timeline => "list of entries".to_owned(),
            Self::Sessions => "list of sessions' entries".to_owned(),
            Self::RowTable => "row table".to_owned(),
            Self::Life => "life".to_owned(),
        }
    }
}
