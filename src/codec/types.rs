//! Column types by the names that Postgres (`format_type`) and Flink (`DESCRIBE`) give them.

use crate::base::value::Type;

/// A column type, as deep as it must be known to read a value of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataType {
    /// One value.
    Scalar(Type),
    /// `time(3)`: microseconds since midnight; the digits behind the second decide how Debezium
    /// writes it.
    Time(u32),
    /// `time with time zone`: compared as microseconds since midnight UTC.
    TimeTz,
    /// `interval`.
    Interval,
    /// `hstore`.
    Hstore,
    /// `integer[]`, `ARRAY<INT>`.
    Array(Box<DataType>),
    /// `MAP<STRING, INT>`: keys are text in JSON.
    Map(Box<DataType>),
    /// `ROW<a INT, b STRING>`.
    Row(Vec<(String, DataType)>),
}

impl DataType {
    /// The type it is compared under.
    pub fn compared_as(&self) -> Type {
        match self {
            Self::Scalar(kind) => kind.clone(),
            Self::Time(_) | Self::TimeTz => Type::Time,
            Self::Interval => Type::Text,
            Self::Hstore | Self::Array(_) | Self::Map(_) | Self::Row(_) => Type::Json,
        }
    }

    /// Nothing is known of the type but its name: what differs as text may still be equal.
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::Scalar(Type::Other(_)) => true,
            Self::Array(element) | Self::Map(element) => element.is_unknown(),
            Self::Row(fields) => fields.iter().any(|(_, field)| field.is_unknown()),
            Self::Scalar(_) | Self::Time(_) | Self::TimeTz | Self::Interval | Self::Hstore => false,
        }
    }

    /// By the name that `format_type` writes: `numeric(10,2)`, `timestamp(3) without time zone`.
    pub fn postgres(name: &str) -> Self {
        if let Some(element) = name.strip_suffix("[]") {
            return Self::Array(Box::new(Self::postgres(element)));
        }
        let (word, arguments, rest) = split(name);
        let digits = |default| arguments.first().copied().unwrap_or(default);
        Self::Scalar(match (word, rest) {
            ("boolean", "") => Type::Bool,
            ("bit", "") if arguments == [1] || arguments.is_empty() => Type::Bool,
            ("smallint" | "integer" | "bigint" | "oid", "") => Type::Int,
            ("numeric", "") => Type::Decimal {
                scale: (!arguments.is_empty()).then(|| arguments.get(1).copied().unwrap_or(0)),
            },
            ("real" | "double precision", "") => Type::Float,
            (
                "text" | "character varying" | "character" | "\"char\"" | "name" | "uuid" | "xml"
                | "citext" | "inet" | "cidr" | "macaddr" | "macaddr8" | "ltree" | "int4range"
                | "int8range" | "numrange" | "tsrange" | "tstzrange" | "daterange",
                "",
            ) => Type::Text,
            ("bytea", "") => Type::Bytes,
            ("date", "") => Type::Date,
            ("time", "without time zone") => return Self::Time(digits(6)),
            ("time", "with time zone") => return Self::TimeTz,
            ("timestamp", "without time zone") => Type::Timestamp { precision: digits(6) },
            ("timestamp", "with time zone") => Type::TimestampTz { precision: digits(6) },
            ("json" | "jsonb", "") => Type::Json,
            ("hstore" | "public.hstore", "") => return Self::Hstore,
            _ if word.starts_with("interval") => return Self::Interval,
            _ => Type::Other(name.to_owned()),
        })
    }

    /// By the name that `DESCRIBE` writes: `DECIMAL(10, 2)`, ``ROW<`a` INT>``.
    pub fn flink(name: &str) -> Self {
        let name = name.trim();
        let name = ["*ROWTIME*", "*PROCTIME*", "NOT NULL", "NULL"]
            .iter()
            .fold(name, |name, suffix| name.strip_suffix(suffix).unwrap_or(name).trim_end());
        if let Some((outer, inner)) = generic(name) {
            let parts = top_level(inner);
            return match (outer, parts.as_slice()) {
                ("ARRAY", [element]) => Self::Array(Box::new(Self::flink(element))),
                ("MAP", [_, value]) => Self::Map(Box::new(Self::flink(value))),
                ("MULTISET", [_]) => Self::Map(Box::new(Self::Scalar(Type::Int))),
                ("ROW", fields) => Self::Row(fields.iter().map(|field| row_field(field)).collect()),
                _ => Self::Scalar(Type::Other(name.to_owned())),
            };
        }
        let (word, arguments, rest) = split(name);
        let digits = |default| arguments.first().copied().unwrap_or(default);
        Self::Scalar(match (word, rest) {
            ("BOOLEAN", "") => Type::Bool,
            ("TINYINT" | "SMALLINT" | "INT" | "INTEGER" | "BIGINT", "") => Type::Int,
            ("DECIMAL" | "DEC" | "NUMERIC", "") => {
                Type::Decimal { scale: Some(arguments.get(1).copied().unwrap_or(0)) }
            }
            ("FLOAT" | "DOUBLE" | "DOUBLE PRECISION", "") => Type::Float,
            ("STRING" | "VARCHAR" | "CHAR", "") => Type::Text,
            ("BYTES" | "VARBINARY" | "BINARY", "") => Type::Bytes,
            ("DATE", "") => Type::Date,
            ("TIME", "" | "WITHOUT TIME ZONE") => return Self::Time(digits(0)),
            ("TIMESTAMP", "" | "WITHOUT TIME ZONE") => Type::Timestamp { precision: digits(6) },
            ("TIMESTAMP_LTZ", "") | ("TIMESTAMP", "WITH LOCAL TIME ZONE") => {
                Type::TimestampTz { precision: digits(6) }
            }
            _ => Type::Other(name.to_owned()),
        })
    }
}

/// `timestamp(3) without time zone` → (`timestamp`, [3], `without time zone`); words without
/// arguments stand in the first part, a zone clause in the last.
fn split(name: &str) -> (&str, Vec<u32>, &str) {
    if let Some((word, rest)) = name.split_once('(')
        && let Some((arguments, rest)) = rest.split_once(')')
    {
        let arguments = arguments.split(',').filter_map(|n| n.trim().parse().ok()).collect();
        return (word.trim(), arguments, rest.trim());
    }
    let zone = [" without time zone", " with time zone", " WITHOUT TIME ZONE"];
    let zone = zone.iter().chain(&[" WITH LOCAL TIME ZONE"]);
    for zone in zone {
        if let Some(word) = name.strip_suffix(zone) {
            return (word, Vec::new(), zone.trim_start());
        }
    }
    (name, Vec::new(), "")
}

fn generic(name: &str) -> Option<(&str, &str)> {
    let (outer, inner) = name.split_once('<')?;
    Some((outer.trim(), inner.strip_suffix('>')?))
}

/// Splits at commas that stand outside of brackets and quotes.
fn top_level(list: &str) -> Vec<&str> {
    let (mut parts, mut from, mut depth, mut quote) = (Vec::new(), 0, 0_i32, None);
    for (at, char) in list.char_indices() {
        match char {
            _ if quote == Some(char) => quote = None,
            '`' | '\'' if quote.is_none() => quote = Some(char),
            '<' | '(' if quote.is_none() => depth += 1,
            '>' | ')' if quote.is_none() => depth -= 1,
            ',' if quote.is_none() && depth == 0 => {
                parts.push(list.get(from..at).unwrap_or_default().trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    let last = list.get(from..).unwrap_or_default().trim();
    if !last.is_empty() {
        parts.push(last);
    }
    parts
}

/// `` `a` INT 'comment' `` → (`a`, `INT`).
fn row_field(field: &str) -> (String, DataType) {
    let (name, rest) = match field.strip_prefix('`').and_then(|rest| rest.split_once('`')) {
        Some(quoted) => quoted,
        None => field.split_once(' ').unwrap_or((field, "")),
    };
    let rest = rest.split_once('\'').map_or(rest, |(kind, _)| kind);
    (name.to_owned(), DataType::flink(rest))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("boolean", Type::Bool)]
    #[case("bigint", Type::Int)]
    #[case("numeric", Type::Decimal { scale: None })]
    #[case("numeric(10,2)", Type::Decimal { scale: Some(2) })]
    #[case("numeric(5)", Type::Decimal { scale: Some(0) })]
    #[case("character varying(50)", Type::Text)]
    #[case("timestamp without time zone", Type::Timestamp { precision: 6 })]
    #[case("timestamp(3) without time zone", Type::Timestamp { precision: 3 })]
    #[case("timestamp with time zone", Type::TimestampTz { precision: 6 })]
    #[case("mood", Type::Other("mood".to_owned()))]
    fn postgres_names_are_known(#[case] name: &str, #[case] kind: Type) {
        assert_eq!(DataType::postgres(name), DataType::Scalar(kind));
    }

    #[rstest]
    #[case("INT NOT NULL", Type::Int)]
    #[case("DECIMAL(38, 2)", Type::Decimal { scale: Some(2) })]
    #[case("DECIMAL", Type::Decimal { scale: Some(0) })]
    #[case("TIMESTAMP(3) *ROWTIME*", Type::Timestamp { precision: 3 })]
    #[case("TIMESTAMP_LTZ(3) NOT NULL", Type::TimestampTz { precision: 3 })]
    #[case("TIMESTAMP(3) WITH LOCAL TIME ZONE", Type::TimestampTz { precision: 3 })]
    #[case("VARCHAR(2147483647)", Type::Text)]
    #[case("RAW('x')", Type::Other("RAW('x')".to_owned()))]
    fn flink_names_are_known(#[case] name: &str, #[case] kind: Type) {
        assert_eq!(DataType::flink(name), DataType::Scalar(kind));
    }

    #[test]
    fn nested_types_are_known() {
        let int = DataType::Scalar(Type::Int);
        let row = "ROW<`a, b` INT NOT NULL, c MAP<STRING, ARRAY<INT>> 'it, too'>";
        let array = DataType::Array(Box::new(int.clone()));
        let fields = vec![
            ("a, b".to_owned(), int.clone()),
            ("c".to_owned(), DataType::Map(Box::new(array.clone()))),
        ];
        assert_eq!(DataType::flink(row), DataType::Row(fields));
        assert_eq!(DataType::postgres("integer[]"), array);
        assert_eq!(DataType::postgres("interval(3)"), DataType::Interval);
        assert_eq!(DataType::postgres("time with time zone"), DataType::TimeTz);
        assert_eq!(DataType::postgres("time(3) without time zone"), DataType::Time(3));
        assert_eq!(DataType::flink("TIME(0)"), DataType::Time(0));
    }
}
