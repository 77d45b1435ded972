//! Column types by the names that Postgres (`format_type`) and Flink (`DESCRIBE`) give them.

use crate::base::value::Type;

/// A column type, as deep as it must be known to read a value of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataType {
    /// One value.
    Scalar(Type),
    /// `real`, `FLOAT`: a floating-point number of single precision.
    Real,
    /// `character(n)`, `CHAR(n)`: text that is padded to its length, so that spaces at its end say
    /// nothing.
    Char,
    /// `bit(3)`, `bit varying`: its digits without leading zeros, which no record keeps.
    Bits,
    /// `money`: a number.
    Money,
    /// `point`: its two coordinates.
    Point,
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
    /// Text in which values of another type are written: compared under that type as far as the
    /// text is one of its values, and as text where not.
    Within(Box<DataType>),
}

impl DataType {
    /// Nothing is known of the type but its name: what differs as text may still be equal.
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::Scalar(Type::Other(_)) => true,
            Self::Array(element) | Self::Map(element) | Self::Within(element) => {
                element.is_unknown()
            }
            Self::Row(fields) => fields.iter().any(|(_, field)| field.is_unknown()),
            Self::Scalar(_)
            | Self::Real
            | Self::Char
            | Self::Bits
            | Self::Money
            | Self::Point
            | Self::Time(_)
            | Self::TimeTz
            | Self::Interval
            | Self::Hstore => false,
        }
    }

    /// Its values are compared in another form than that of any text, so that a text says nothing of
    /// whether a column can hold them.
    pub fn is_written_otherwise(&self) -> bool {
        matches!(self, Self::Interval | Self::TimeTz | Self::Point | Self::Bits | Self::Hstore)
    }

    /// Debezium may write a value of it as more than one field.
    pub fn has_parts(&self) -> bool {
        match self {
            Self::Point | Self::Hstore | Self::Scalar(Type::Other(_)) => true,
            Self::Scalar(Type::Decimal { scale }) => scale.is_none(),
            _ => false,
        }
    }

    /// Whether two values of it are equal up to a tolerance only.
    pub fn is_float(&self) -> bool {
        match self {
            Self::Scalar(Type::Float) | Self::Real => true,
            Self::Within(kind) => kind.is_float(),
            _ => false,
        }
    }

    /// This type of a sink's column, compared as the reference says: where the sink has text and the
    /// reference a number, a truth value, a time with its date, JSON or a padded text (by the names of
    /// Postgres), as that.
    #[must_use]
    pub fn said_by(self, postgres: &str) -> Self {
        match (self, Self::postgres(postgres)) {
            (Self::Array(element), Self::Array(_)) => {
                let of_element = postgres.strip_suffix("[]").unwrap_or_default();
                Self::Array(Box::new(element.said_by(of_element)))
            }
            (Self::Scalar(Type::Text) | Self::Char, Self::Char) => Self::Char,
            (
                Self::Scalar(Type::Text),
                said @ (Self::Scalar(
                    Type::Json
                    | Type::Bool
                    | Type::Int
                    | Type::Decimal { .. }
                    | Type::Float
                    | Type::Timestamp { .. }
                    | Type::TimestampTz { .. },
                )
                | Self::Real
                | Self::Money),
            ) => Self::Within(Box::new(said)),
            (own, _) => own,
        }
    }

    /// By the name that `format_type` writes: `numeric(10,2)`, `timestamp(3) without time zone`.
    pub fn postgres(name: &str) -> Self {
        if let Some(element) = name.strip_suffix("[]") {
            return Self::Array(Box::new(Self::postgres(element)));
        }
        let (word, arguments, rest) = split(name);
        // The types of extensions stand in the schema that the extension was created in.
        let word =
            if word.starts_with('"') { word } else { word.rsplit('.').next().unwrap_or(word) };
        let digits = |default| arguments.first().copied().unwrap_or(default);
        Self::Scalar(match (word, rest) {
            ("boolean", "") => Type::Bool,
            ("bit", "") if arguments == [1] || arguments.is_empty() => Type::Bool,
            ("bit varying", "") if arguments == [1] => Type::Bool,
            ("bit" | "bit varying", "") => return Self::Bits,
            ("money", "") => return Self::Money,
            ("point", "") => return Self::Point,
            ("character" | "bpchar", "") => return Self::Char,
            ("smallint" | "integer" | "bigint" | "oid", "") => Type::Int,
            ("numeric", "") => Type::Decimal {
                scale: (!arguments.is_empty()).then(|| arguments.get(1).copied().unwrap_or(0)),
            },
            ("real", "") => return Self::Real,
            ("double precision", "") => Type::Float,
            (
                "text" | "character varying" | "\"char\"" | "name" | "uuid" | "xml" | "citext"
                | "inet" | "cidr" | "macaddr" | "macaddr8" | "ltree" | "int4range" | "int8range"
                | "numrange" | "tsrange" | "tstzrange" | "daterange" | "tsvector",
                "",
            ) => Type::Text,
            ("bytea", "") => Type::Bytes,
            ("date", "") => Type::Date,
            ("time", "without time zone") => return Self::Time(digits(6)),
            ("time", "with time zone") => return Self::TimeTz,
            ("timestamp", "without time zone") => Type::Timestamp { precision: digits(6) },
            ("timestamp", "with time zone") => Type::TimestampTz { precision: digits(6) },
            ("json" | "jsonb", "") => Type::Json,
            ("hstore", "") => return Self::Hstore,
            _ if word.starts_with("interval") => return Self::Interval,
            _ => Type::Other(name.to_owned()),
        })
    }

    /// By the name that `DESCRIBE` writes: `DECIMAL(10, 2)`, ``ROW<`a` INT>``.
    pub fn flink(name: &str) -> Self {
        let name = bare(name);
        if let Some((outer, inner)) = generic(name) {
            let parts = top_level(inner);
            return match (outer, parts.as_slice()) {
                ("ARRAY", [element]) => Self::Array(Box::new(Self::flink(element))),
                ("MAP", [_, value]) => Self::Map(Box::new(Self::flink(value))),
                ("MULTISET", [_]) => Self::Map(Box::new(Self::Scalar(Type::Int))),
                ("ROW", _) => {
                    let fields = fields(name).into_iter();
                    Self::Row(fields.map(|(name, kind)| (name, Self::flink(&kind))).collect())
                }
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
            ("FLOAT", "") => return Self::Real,
            ("DOUBLE" | "DOUBLE PRECISION", "") => Type::Float,
            ("STRING" | "VARCHAR", "") => Type::Text,
            ("CHAR", "") => return Self::Char,
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

/// Without what `DESCRIBE` says of a column besides its type.
pub(super) fn bare(name: &str) -> &str {
    ["*ROWTIME*", "*PROCTIME*", "NOT NULL", "NULL"]
        .iter()
        .fold(name.trim(), |name, suffix| name.strip_suffix(suffix).unwrap_or(name).trim_end())
}

/// The fields of a `ROW<…>` with their types as they are written; none for another type.
pub fn fields(name: &str) -> Vec<(String, String)> {
    match generic(bare(name)) {
        Some(("ROW", inner)) => top_level(inner).into_iter().map(field).collect(),
        _ => Vec::new(),
    }
}

/// The name of a Flink type and what stands in its parentheses.
pub fn arguments(name: &str) -> (String, Vec<u32>) {
    let name = bare(name).to_ascii_uppercase();
    let (word, arguments, _) = split(&name);
    (word.to_owned(), arguments)
}

/// `timestamp(3) without time zone` → (`timestamp`, [3], `without time zone`); words without
/// arguments stand in the first part, a zone clause in the last.
pub(super) fn split(name: &str) -> (&str, Vec<u32>, &str) {
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
fn field(field: &str) -> (String, String) {
    let (name, rest) = match field.strip_prefix('`').and_then(|rest| rest.split_once('`')) {
        Some(quoted) => quoted,
        None => field.split_once(' ').unwrap_or((field, "")),
    };
    let rest = rest.split_once('\'').map_or(rest, |(kind, _)| kind);
    (name.to_owned(), rest.trim().to_owned())
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
