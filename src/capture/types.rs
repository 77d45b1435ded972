//! Flink's column types as Postgres' types, so that a reference is written as its sink would write
//! it. What does not fit its sink's type is not made to: the sink must not hold another value, and
//! the check tells why it does.

/// Types of Postgres whose texts are numbers.
const EXACT: &[&str] = &["smallint", "integer", "bigint", "numeric"];
/// Types of Postgres whose texts are numbers with digits that mean nothing.
const FLOATS: &[&str] = &["real", "double"];
/// Types of Postgres that are text.
const TEXTS: &[&str] = &["text", "character", "bpchar"];

/// The SQL that writes a column of a Postgres type as its sink's Flink type (as DESCRIBE writes it:
/// `DECIMAL(10, 2)`, `TIMESTAMP(3) *ROWTIME*`, `BIGINT NOT NULL`).
pub fn written(column: &str, postgres: &str, flink: &str) -> String {
    let text = flink.trim().to_ascii_uppercase();
    let text = text.trim_end_matches("*ROWTIME*").trim_end_matches("NOT NULL").trim();
    let (name, arguments, rest) = parts(text);
    let base = postgres.split(['(', ' ']).next().unwrap_or(postgres);
    let is = |names: &[&str]| !postgres.ends_with("[]") && names.contains(&base);
    let plain = || as_text(column, postgres);
    let cast = |sql: &str| format!("CAST({column} AS {sql})::text");
    let timed = |sql: &str, widest: &str| {
        if !may_lose(base, widest) {
            return cast(sql);
        }
        format!(
            "CASE WHEN CAST(CAST({column} AS {sql}) AS {widest}) IS DISTINCT FROM \
             CAST({column} AS {widest}) THEN CAST({column} AS {widest})::text ELSE {} END",
            cast(sql)
        )
    };
    match name {
        "TINYINT" | "SMALLINT" | "INT" | "INTEGER" | "BIGINT" | "DECIMAL" | "DEC" | "NUMERIC" => {
            if is(EXACT) || is(TEXTS) {
                plain()
            } else if is(FLOATS) || is(&["money"]) {
                cast("numeric")
            } else {
                cast(number(name))
            }
        }
        "FLOAT" | "DOUBLE" if is(EXACT) || is(FLOATS) || is(TEXTS) => plain(),
        "FLOAT" => cast("real"),
        "DOUBLE" => cast("double precision"),
        "BOOLEAN" => cast("boolean"),
        "BYTES" | "BINARY" | "VARBINARY" => cast("bytea"),
        "DATE" => timed("date", "timestamp"),
        "TIME" => timed(&format!("time({})", digits(arguments, "0")), "time"),
        "TIMESTAMP" if rest.contains("LOCAL TIME ZONE") => {
            timed(&format!("timestamptz({})", digits(arguments, "6")), "timestamptz")
        }
        "TIMESTAMP_LTZ" => {
            timed(&format!("timestamptz({})", digits(arguments, "6")), "timestamptz")
        }
        "TIMESTAMP" => timed(&format!("timestamp({})", digits(arguments, "6")), "timestamp"),
        "ARRAY" | "MAP" | "ROW" | "MULTISET" if is(TEXTS) => cast("jsonb"),
        "ARRAY" | "MAP" | "ROW" | "MULTISET" => format!("to_jsonb({column})::text"),
        _ => plain(),
    }
}

/// The text of a value as its type writes it: a cast of `inet` adds the length of its prefix.
pub fn as_text(column: &str, postgres: &str) -> String {
    if postgres == "inet" {
        return format!("CASE WHEN {column} IS NOT NULL THEN format('%s', {column}) END");
    }
    format!("{column}::text")
}

/// The type of Postgres that takes values which are neither numbers nor text (`boolean`) as whole
/// numbers.
fn number(flink: &str) -> &'static str {
    match flink {
        "DECIMAL" | "DEC" | "NUMERIC" => "numeric",
        "BIGINT" => "bigint",
        _ => "integer",
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

/// Postgres keeps at most six digits of a second.
fn digits<'a>(text: &'a str, default: &'a str) -> &'a str {
    match if text.is_empty() { default } else { text } {
        "7" | "8" | "9" => "6",
        digits => digits,
    }
}

/// Whether values of this Postgres type can lose something in a cast to a time.
fn may_lose(base: &str, widest: &str) -> bool {
    match widest {
        "time" => base == "time",
        _ => ["timestamp", "date"].contains(&base),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("bigint", "INT NOT NULL", "c::text")]
    #[case("numeric", "DECIMAL(38, 2)", "c::text")]
    #[case("text", "DECIMAL", "c::text")]
    #[case("double precision", "DECIMAL(10, 2)", "CAST(c AS numeric)::text")]
    #[case("money", "DECIMAL(10, 2)", "CAST(c AS numeric)::text")]
    #[case("boolean", "INT", "CAST(c AS integer)::text")]
    #[case("numeric(10,4)", "DOUBLE", "c::text")]
    #[case("boolean", "DOUBLE", "CAST(c AS double precision)::text")]
    #[case("integer", "VARCHAR(2147483647)", "c::text")]
    #[case("jsonb", "STRING", "c::text")]
    #[case("integer", "BOOLEAN", "CAST(c AS boolean)::text")]
    #[case("text", "DATE", "CAST(c AS date)::text")]
    #[case("text", "TIMESTAMP(3)", "CAST(c AS timestamp(3))::text")]
    #[case("integer[]", "ARRAY<INT>", "to_jsonb(c)::text")]
    #[case("text[]", "ARRAY<STRING>", "to_jsonb(c)::text")]
    #[case("jsonb", "ARRAY<INT>", "to_jsonb(c)::text")]
    #[case("text", "ROW<a INT, b STRING NOT NULL>", "CAST(c AS jsonb)::text")]
    #[case("hstore", "MAP<STRING, STRING>", "to_jsonb(c)::text")]
    #[case("integer", "RAW('x')", "c::text")]
    #[case("inet", "STRING", "CASE WHEN c IS NOT NULL THEN format('%s', c) END")]
    fn a_column_is_written_as_its_sinks_type(
        #[case] postgres: &str,
        #[case] flink: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(written("c", postgres, flink), expected);
    }

    #[rstest]
    #[case("timestamp without time zone", "TIMESTAMP(3) *ROWTIME*", "timestamp(3)")]
    #[case("timestamp without time zone", "TIMESTAMP(9) NOT NULL", "timestamp(6)")]
    #[case("timestamp with time zone", "TIMESTAMP_LTZ(3)", "timestamptz(3)")]
    #[case("timestamp with time zone", "TIMESTAMP(3) WITH LOCAL TIME ZONE", "timestamptz(3)")]
    #[case("timestamp without time zone", "DATE", "date")]
    #[case("time(6) without time zone", "TIME", "time(0)")]
    fn a_time_that_loses_digits_keeps_them(
        #[case] postgres: &str,
        #[case] flink: &str,
        #[case] cast: &str,
    ) {
        let sql = written("c", postgres, flink);
        assert!(sql.starts_with("CASE WHEN"), "{sql}");
        assert!(sql.ends_with(&format!("ELSE CAST(c AS {cast})::text END")), "{sql}");
    }
}
