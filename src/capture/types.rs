//! Flink's column types as Postgres' types, so that a reference can be cast to its sink.

/// What a column of a reference is cast to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The Postgres type.
    pub sql: String,
    /// What the value is turned into before and after the cast to see whether the cast lost
    /// anything; `None` where a cast can lose nothing, or is approximate by nature.
    pub exact: Option<&'static str>,
}

/// The Postgres type for a Flink type as DESCRIBE writes it (`DECIMAL(10, 2)`, `TIMESTAMP(3)
/// *ROWTIME*`, `BIGINT NOT NULL`); `None` for a type that Postgres has no counterpart of.
pub fn target(flink: &str) -> Option<Target> {
    let text = flink.trim().to_ascii_uppercase();
    let text = text.trim_end_matches("*ROWTIME*").trim_end_matches("NOT NULL").trim();
    let (name, arguments, rest) = parts(text);
    let zoned = rest.contains("LOCAL TIME ZONE");
    let exact = |sql: String, exact| Some(Target { sql, exact: Some(exact) });
    let plain = |sql: &str| Some(Target { sql: sql.to_owned(), exact: None });
    match name {
        "BOOLEAN" => plain("boolean"),
        "TINYINT" | "SMALLINT" => exact("smallint".to_owned(), "numeric"),
        "INT" | "INTEGER" => exact("integer".to_owned(), "numeric"),
        "BIGINT" => exact("bigint".to_owned(), "numeric"),
        "DECIMAL" | "DEC" | "NUMERIC" => {
            exact(format!("numeric({})", or(arguments, "10,0")), "numeric")
        }
        "FLOAT" => plain("real"),
        "DOUBLE" => plain("double precision"),
        "STRING" | "VARCHAR" | "CHAR" => plain("text"),
        "BYTES" | "BINARY" | "VARBINARY" => plain("bytea"),
        "DATE" => exact("date".to_owned(), "timestamp"),
        "TIME" => exact(format!("time({})", digits(arguments, "0")), "time"),
        "TIMESTAMP_LTZ" => exact(format!("timestamptz({})", digits(arguments, "6")), "timestamptz"),
        "TIMESTAMP" if zoned => {
            exact(format!("timestamptz({})", digits(arguments, "6")), "timestamptz")
        }
        "TIMESTAMP" => exact(format!("timestamp({})", digits(arguments, "6")), "timestamp"),
        "ARRAY" | "MAP" | "ROW" | "MULTISET" => plain("jsonb"),
        _ => None,
    }
}

/// The name, what stands in its round brackets, and what follows.
fn parts(text: &str) -> (&str, &str, &str) {
    let end = text.find(['(', '<', ' ']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    match rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((arguments, rest)) => (name, arguments.trim(), rest.trim()),
        None => (name, "", rest.trim()),
    }
}

fn or<'a>(text: &'a str, default: &'a str) -> &'a str {
    if text.is_empty() { default } else { text }
}

/// Postgres keeps at most six digits of a second.
fn digits<'a>(text: &'a str, default: &'a str) -> &'a str {
    match or(text, default) {
        "7" | "8" | "9" => "6",
        digits => digits,
    }
}

/// Whether values of this Postgres type can lose something in a cast that `exact` is to notice.
pub fn is_checked(postgres: &str, exact: &str) -> bool {
    let base = postgres.split(['(', ' ']).next().unwrap_or(postgres);
    let numbers = ["smallint", "integer", "bigint", "numeric", "real", "double", "text"];
    let times = ["timestamp", "date", "time"];
    match exact {
        "numeric" => numbers.contains(&base),
        "time" => base == "time",
        _ => times.contains(&base) && base != "time",
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("INT NOT NULL", "integer", Some("numeric"))]
    #[case("DECIMAL(38, 2)", "numeric(38, 2)", Some("numeric"))]
    #[case("DECIMAL", "numeric(10,0)", Some("numeric"))]
    #[case("VARCHAR(2147483647)", "text", None)]
    #[case("TIMESTAMP(3) *ROWTIME*", "timestamp(3)", Some("timestamp"))]
    #[case("TIMESTAMP(9) NOT NULL", "timestamp(6)", Some("timestamp"))]
    #[case("TIMESTAMP_LTZ(3)", "timestamptz(3)", Some("timestamptz"))]
    #[case("TIMESTAMP(3) WITH LOCAL TIME ZONE", "timestamptz(3)", Some("timestamptz"))]
    #[case("TIME", "time(0)", Some("time"))]
    #[case("DOUBLE", "double precision", None)]
    #[case("ROW<a INT, b STRING NOT NULL>", "jsonb", None)]
    #[case("ARRAY<INT>", "jsonb", None)]
    fn a_flink_type_has_its_postgres_type(
        #[case] flink: &str,
        #[case] sql: &str,
        #[case] exact: Option<&str>,
    ) {
        assert_eq!(target(flink), Some(Target { sql: sql.to_owned(), exact: exact.map(leak) }));
    }

    fn leak(text: &str) -> &'static str {
        text.to_owned().leak()
    }

    #[test]
    fn an_unknown_type_has_none() {
        assert_eq!(target("RAW('x')"), None);
    }

    #[rstest]
    #[case("numeric(10,4)", "numeric", true)]
    #[case("double precision", "numeric", true)]
    #[case("boolean", "numeric", false)]
    #[case("timestamp without time zone", "timestamp", true)]
    #[case("timestamp(6) with time zone", "timestamptz", true)]
    #[case("text", "timestamp", false)]
    fn only_what_can_lose_digits_is_checked(
        #[case] postgres: &str,
        #[case] exact: &str,
        #[case] checked: bool,
    ) {
        assert_eq!(is_checked(postgres, exact), checked);
    }
}
