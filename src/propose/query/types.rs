//! Flink's types and patterns of times in Postgres' words.

/// The Postgres type that holds what a Flink type does; `None` for types without one.
pub(in crate::propose) fn postgres(flink: &str) -> Option<String> {
    let text = flink.trim().to_uppercase();
    let text = text.strip_suffix("NOT NULL").unwrap_or(&text).trim();
    if let Some(inner) = text.strip_prefix("ARRAY<").and_then(|rest| rest.strip_suffix('>')) {
        return Some(format!("{}[]", postgres(inner)?));
    }
    let (name, rest) = text.split_at(text.find(['(', ' ']).unwrap_or(text.len()));
    let arguments: String = match rest.split_once(')') {
        Some((arguments, _)) if rest.starts_with('(') => format!("{arguments})"),
        _ => String::new(),
    };
    let zoned = rest.contains("LOCAL TIME ZONE");
    Some(match name {
        "STRING" => "text".to_owned(),
        "VARCHAR" | "CHAR" => format!("{}{arguments}", name.to_lowercase()),
        "TINYINT" | "SMALLINT" => "smallint".to_owned(),
        "INT" | "INTEGER" => "int".to_owned(),
        "BIGINT" => "bigint".to_owned(),
        "FLOAT" => "real".to_owned(),
        "DOUBLE" => "double precision".to_owned(),
        "DECIMAL" | "DEC" | "NUMERIC" if arguments.is_empty() => "numeric(10, 0)".to_owned(),
        "DECIMAL" | "DEC" | "NUMERIC" => format!("numeric{arguments}"),
        "BOOLEAN" => "boolean".to_owned(),
        "BYTES" | "VARBINARY" | "BINARY" => "bytea".to_owned(),
        "DATE" => "date".to_owned(),
        "TIME" => format!("time{arguments}"),
        "TIMESTAMP" if zoned => format!("timestamptz{arguments}"),
        "TIMESTAMP" => format!("timestamp{arguments}"),
        "TIMESTAMP_LTZ" => format!("timestamptz{arguments}"),
        _ => return None,
    })
}

/// A pattern of Java's `DateTimeFormatter` as one of `to_char`; `None` where a letter of it is not
/// known here.
pub(super) fn pattern(java: &str) -> Option<String> {
    let mut written = String::new();
    let mut rest = java;
    while let Some(first) = rest.chars().next() {
        let run: String = rest.chars().take_while(|c| *c == first).collect();
        rest = rest.get(run.len()..)?;
        written += match run.as_str() {
            "yyyy" | "uuuu" => "YYYY",
            "yy" => "YY",
            "MM" => "MM",
            "dd" => "DD",
            "HH" => "HH24",
            "hh" => "HH12",
            "mm" => "MI",
            "ss" => "SS",
            "SSS" => "MS",
            "SSSSSS" => "US",
            _ if first == '\'' => {
                let (text, after) = rest.split_once('\'')?;
                rest = after;
                written.push_str(&format!("\"{text}\""));
                continue;
            }
            _ if first.is_ascii_alphabetic() => return None,
            other => {
                written.push_str(other);
                continue;
            }
        };
    }
    Some(written)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("STRING NOT NULL", Some("text"))]
    #[case("DECIMAL(10, 2)", Some("numeric(10, 2)"))]
    #[case("TIMESTAMP(3)", Some("timestamp(3)"))]
    #[case("TIMESTAMP(3) WITH LOCAL TIME ZONE", Some("timestamptz(3)"))]
    #[case("TIMESTAMP_LTZ(3)", Some("timestamptz(3)"))]
    #[case("ARRAY<INT>", Some("int[]"))]
    #[case("ROW<a INT>", None)]
    fn types_have_their_like(#[case] flink: &str, #[case] expected: Option<&str>) {
        assert_eq!(postgres(flink).as_deref(), expected);
    }

    #[rstest]
    #[case("yyyy-MM-dd", Some("YYYY-MM-DD"))]
    #[case("yyyy-MM-dd'T'HH:mm:ss.SSS", Some("YYYY-MM-DD\"T\"HH24:MI:SS.MS"))]
    #[case("EEE", None)]
    fn patterns_have_their_like(#[case] java: &str, #[case] expected: Option<&str>) {
        assert_eq!(pattern(java).as_deref(), expected);
    }
}
