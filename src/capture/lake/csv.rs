//! The rows of a CSV file as Flink writes one: by the options of its format, without a head line,
//! the columns in the table's order.

use camino::Utf8Path;
use csv::{ReaderBuilder, StringRecord, Terminator};
use itertools::Itertools as _;
use serde_json::{Map, Value as Json};

use super::LakeError;
use crate::base::value::Type;
use crate::codec::types::DataType;
use crate::sql::flink::With;

/// How values are parted and quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
    null: Option<String>,
}

impl Form {
    /// What the options of a table say; an error is an option that is not read here.
    pub(super) fn of(with: Option<&With>) -> Result<Self, String> {
        let get = |option: &str| with.and_then(|with| with.get(&format!("csv.{option}")));
        let sign = |option: &str| match get(option).map(|value| (value, byte(value))) {
            None => Ok(None),
            Some((_, Some(byte))) => Ok(Some(byte)),
            Some((value, None)) => Err(format!("'csv.{option}' = '{value}'")),
        };
        let is_quoted = get("disable-quote-character") != Some("true");
        let quote = sign("quote-character")?.unwrap_or(b'"');
        Ok(Self {
            delimiter: sign("field-delimiter")?.unwrap_or(b','),
            quote: Some(quote).filter(|_| is_quoted),
            escape: sign("escape-character")?,
            null: get("null-literal").map(ToOwned::to_owned),
        })
    }
}

/// The sign that an option names; Flink reads escapes as Java has them.
fn byte(value: &str) -> Option<u8> {
    let unicode = |digits: &str| u8::from_str_radix(digits, 16).ok().filter(u8::is_ascii);
    match value {
        "\\t" => Some(b'\t'),
        "\\\\" => Some(b'\\'),
        _ => match (value.strip_prefix("\\u"), value.as_bytes()) {
            (Some(digits), _) => unicode(digits),
            (None, [byte]) => Some(*byte),
            (None, _) => None,
        },
    }
}

/// The rows in their order, as Flink's JSON format would write them.
pub(super) fn rows(
    (path, bytes): (&Utf8Path, &[u8]),
    columns: &[(String, DataType)],
    with: Option<&With>,
) -> Result<Vec<String>, LakeError> {
    let form = Form::of(with).map_err(|option| LakeError::unknown(path, option))?;
    read(bytes, columns, &form).map_err(|problem| match problem {
        Problem::Unread(what) => LakeError::unread(path, what),
        Problem::Unknown(what) => LakeError::unknown(path, what),
    })
}

/// Why rows cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Problem {
    Unread(String),
    Unknown(String),
}

fn read(bytes: &[u8], columns: &[(String, DataType)], form: &Form) -> Result<Vec<String>, Problem> {
    // The reader skips an empty line, which in a table of one column is a row.
    let is_skipped = |pair: &[u8]| pair == b"\n\n";
    if columns.len() == 1 && (bytes.starts_with(b"\n") || bytes.windows(2).any(is_skipped)) {
        return Err(Problem::Unknown("an empty line".to_owned()));
    }
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .terminator(Terminator::Any(b'\n'))
        .delimiter(form.delimiter)
        .quoting(form.quote.is_some())
        .quote(form.quote.unwrap_or(b'"'))
        .escape(form.escape)
        .double_quote(form.escape.is_none())
        .from_reader(bytes);
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| Problem::Unread(error.to_string()))?;
        rows.push(row(&record, columns, form)?);
    }
    Ok(rows)
}

fn row(
    record: &StringRecord,
    columns: &[(String, DataType)],
    form: &Form,
) -> Result<String, Problem> {
    if record.len() != columns.len() {
        let what =
            format!("a line has {} values, and the table {} columns", record.len(), columns.len());
        return Err(Problem::Unread(what));
    }
    let mut members = Map::new();
    for (text, (column, kind)) in record.iter().zip_eq(columns) {
        members.insert(column.clone(), value(text, (column, kind), form)?);
    }
    Ok(Json::Object(members).to_string())
}

fn value(text: &str, (column, kind): (&str, &DataType), form: &Form) -> Result<Json, Problem> {
    let is_text = matches!(kind, DataType::Scalar(Type::Text | Type::Bytes) | DataType::Char);
    match (text, &form.null) {
        (text, Some(null)) if text == null => return Ok(Json::Null),
        ("", None) if is_text => {
            let what = format!(
                "an empty value of column `{column}`, which may be NULL (write 'csv.null-literal'),"
            );
            return Err(Problem::Unknown(what));
        }
        ("", _) if !is_text => return Ok(Json::Null),
        _ => {}
    }
    match kind {
        DataType::Scalar(Type::Bool) => match text {
            "true" => Ok(Json::Bool(true)),
            "false" => Ok(Json::Bool(false)),
            _ => Err(Problem::Unread(format!("column `{column}`: `{text}` is no boolean"))),
        },
        DataType::Scalar(Type::Int) => match text.parse::<i64>() {
            Ok(number) => Ok(number.into()),
            Err(_) => Err(Problem::Unread(format!("column `{column}`: `{text}` is no number"))),
        },
        DataType::Array(_) | DataType::Map(_) | DataType::Row(_) => {
            Err(Problem::Unknown(format!("the nested column `{column}`")))
        }
        _ => Ok(Json::String(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::base::text::Text;
    use crate::sql::flink::{Statement, parse};

    fn columns(kinds: &[&str]) -> Vec<(String, DataType)> {
        let column = |(n, kind): (usize, &&str)| (format!("c{n}"), DataType::flink(kind));
        kinds.iter().enumerate().map(column).collect()
    }

    fn form(options: &str) -> Result<Form, String> {
        let sql = format!("CREATE TABLE t (a INT) WITH ('format' = 'csv'{options})");
        let Statement::CreateTable(create) = parse(&Text::whole("a".into(), sql)) else {
            panic!("no table")
        };
        Form::of(create.with.as_ref())
    }

    #[rstest]
    #[case("", "1,a,true\n2,\"b,\"\"c\"\"\",false\n", &["INT", "STRING", "BOOLEAN"],
        r#"{"c0":1,"c1":"a","c2":true} {"c0":2,"c1":"b,\"c\"","c2":false}"#)]
    #[case(", 'csv.field-delimiter' = ';'", "1;2.50\n", &["INT", "DECIMAL(10, 2)"],
        r#"{"c0":1,"c1":"2.50"}"#)]
    #[case(", 'csv.field-delimiter' = '\\t'", "1\t2\n", &["INT", "INT"], r#"{"c0":1,"c1":2}"#)]
    #[case(", 'csv.field-delimiter' = '\\u0001'", "1\u{1}2\n", &["INT", "INT"], r#"{"c0":1,"c1":2}"#)]
    #[case(", 'csv.null-literal' = 'NULL'", "NULL,,NULL\n", &["INT", "STRING", "STRING"],
        r#"{"c0":null,"c1":"","c2":null}"#)]
    #[case("", ",2025-01-01 10:00:00.5\n", &["DOUBLE", "TIMESTAMP(3)"],
        r#"{"c0":null,"c1":"2025-01-01 10:00:00.5"}"#)]
    #[case(", 'csv.disable-quote-character' = 'true'", "\"a\",1\n", &["STRING", "INT"],
        r#"{"c0":"\"a\"","c1":1}"#)]
    #[case(", 'csv.quote-character' = '''', 'csv.escape-character' = '\\'", "'a\\',b'\n", &["STRING"],
        r#"{"c0":"a',b"}"#)]
    fn rows_are_read_by_the_options(
        #[case] options: &str,
        #[case] text: &str,
        #[case] kinds: &[&str],
        #[case] expected: &str,
    ) {
        let rows = read(text.as_bytes(), &columns(kinds), &form(options).unwrap()).unwrap();
        assert_eq!(rows.join(" "), expected);
    }

    #[rstest]
    #[case("a,\n", &["STRING", "STRING"], Problem::Unknown("an empty value of column `c1`, which may be NULL (write 'csv.null-literal'),".to_owned()))]
    #[case("1\n", &["ARRAY<INT>"], Problem::Unknown("the nested column `c0`".to_owned()))]
    #[case("a\n\nb\n", &["STRING"], Problem::Unknown("an empty line".to_owned()))]
    #[case("1,2\n", &["INT"], Problem::Unread("a line has 2 values, and the table 1 columns".to_owned()))]
    #[case("x\n", &["INT"], Problem::Unread("column `c0`: `x` is no number".to_owned()))]
    fn what_is_not_sure_is_not_read(
        #[case] text: &str,
        #[case] kinds: &[&str],
        #[case] expected: Problem,
    ) {
        let read = read(text.as_bytes(), &columns(kinds), &form("").unwrap());
        assert_eq!(read, Err(expected));
    }

    #[test]
    fn a_sign_of_several_bytes_is_not_read() {
        assert_eq!(
            form(", 'csv.field-delimiter' = '§'"),
            Err("'csv.field-delimiter' = '§'".into())
        );
    }
}
