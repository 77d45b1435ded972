//! The columns that stand in the key of a sink's records, which the value may leave out
//! (`value.fields-include`), under names without their prefix (`key.fields-prefix`).
//!
//! Source: Flink's manual, Kafka SQL connector, "Key and Value Formats". Seen on 2.2.0 (scenario
//! `sinks/columns-that-stand-in-the-key-alone`).

use bigdecimal::BigDecimal;

use super::Shape;
use crate::base::value::{Type, Value};
use crate::codec::flink::{self, Row};
use crate::codec::types::DataType;
use crate::history::event::Bytes;
use crate::history::written::RecordKey;

/// The formats in which a key is a JSON object once it is recorded.
const OBJECTS: [&str; 2] = ["json", "avro-confluent"];

/// The columns of a key, by the names that they have in the table. A null key gives NULLs.
pub(super) fn columns(
    shape: &Shape<'_>,
    key: &RecordKey,
    bytes: Option<&Bytes>,
) -> Result<Row, String> {
    let mut kinds = Vec::new();
    for column in &key.columns {
        let kind =
            shape.kind(column).ok_or_else(|| format!("the sink has no column `{column}`"))?;
        kinds.push((column, kind));
    }
    let Some(bytes) = bytes else {
        return Ok(kinds.into_iter().map(|(column, _)| (column.clone(), Value::Null)).collect());
    };
    match (key.format.as_str(), kinds.as_slice()) {
        ("raw", [(column, kind)]) => {
            let value = raw(key, (column, kind), &bytes.0)?;
            Ok(Row::from([((*column).clone(), value)]))
        }
        (format, _) if OBJECTS.contains(&format) => object(key, &kinds, &bytes.0),
        (format, _) => Err(format!("a key in {format} is not read")),
    }
}

fn object(key: &RecordKey, kinds: &[(&String, &DataType)], bytes: &[u8]) -> Result<Row, String> {
    let bare = |column: &str| column.strip_prefix(&key.prefix).unwrap_or(column).to_owned();
    let named = kinds.iter().map(|(column, kind)| (bare(column), (*kind).clone()));
    let named = named.collect::<Vec<_>>();
    let mut members = flink::row(bytes, &named).map_err(|problem| problem.to_string())?;
    let taken = kinds.iter().map(|(column, _)| {
        let value = members.remove(&bare(column)).unwrap_or(Value::Null);
        ((*column).clone(), value)
    });
    Ok(taken.collect())
}

/// A value as Flink's `raw` format writes it: a text in its character set, a number in as many bytes
/// as its type has, a boolean in one.
fn raw(key: &RecordKey, (column, kind): (&str, &DataType), bytes: &[u8]) -> Result<Value, String> {
    let wrong = || format!("{} bytes are no value of the column `{column}`", bytes.len());
    let mut big_endian = bytes.to_vec();
    if key.little_endian {
        big_endian.reverse();
    }
    match kind {
        DataType::Scalar(Type::Text) => match &key.charset {
            Some(charset) => Err(format!("a text in {charset} is not read")),
            None => String::from_utf8(bytes.to_vec()).map(Value::Text).map_err(|_| wrong()),
        },
        DataType::Scalar(Type::Bytes) => Ok(Value::Bytes(bytes.to_vec())),
        DataType::Scalar(Type::Bool) => match bytes {
            [byte] => Ok(Value::Bool(*byte != 0)),
            _ => Err(wrong()),
        },
        DataType::Scalar(Type::Int) => {
            integer(&big_endian).map(|n| Value::Number(BigDecimal::from(n))).ok_or_else(wrong)
        }
        DataType::Scalar(Type::Float) | DataType::Real => {
            float(&big_endian).map(Value::Float).ok_or_else(wrong)
        }
        _ => Err("`raw` has no form for its type".to_owned()),
    }
}

/// A whole number of one, two, four or eight bytes.
fn integer(bytes: &[u8]) -> Option<i64> {
    match *bytes {
        [_] => bytes.try_into().ok().map(i8::from_be_bytes).map(i64::from),
        [_, _] => bytes.try_into().ok().map(i16::from_be_bytes).map(i64::from),
        [_, _, _, _] => bytes.try_into().ok().map(i32::from_be_bytes).map(i64::from),
        _ => bytes.try_into().ok().map(i64::from_be_bytes),
    }
}

/// A floating-point number of four or eight bytes.
fn float(bytes: &[u8]) -> Option<f64> {
    match *bytes {
        [_, _, _, _] => bytes.try_into().ok().map(f32::from_be_bytes).map(f64::from),
        _ => bytes.try_into().ok().map(f64::from_be_bytes),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::base::text::Text;
    use crate::history::event::{SinkMode, SinkTable};
    use crate::history::files::Kept;

    fn table(kinds: &[(&str, &str)], key: RecordKey) -> SinkTable {
        let column = |(name, kind): &(&str, &str)| ((*name).to_owned(), (*kind).to_owned());
        SinkTable {
            name: "s".to_owned(),
            topic: "s".to_owned(),
            kept: Kept::Topic,
            mode: SinkMode::Append,
            columns: kinds.iter().map(column).collect(),
            key: Vec::new(),
            statement: Text::whole("p.yaml".into(), String::new()).place(0),
            written: crate::history::written::Written { key: Some(key), ..Default::default() },
        }
    }

    fn key(format: &str, columns: &[&str], prefix: &str) -> RecordKey {
        RecordKey {
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
            prefix: prefix.to_owned(),
            format: format.to_owned(),
            little_endian: false,
            charset: None,
            in_value: false,
        }
    }

    fn read(
        kinds: &[(&str, &str)],
        key: &RecordKey,
        bytes: Option<&[u8]>,
    ) -> Result<String, String> {
        let table = table(kinds, key.clone());
        let bytes = bytes.map(|bytes| Bytes(bytes.to_vec()));
        let row = columns(&Shape::of(&table), key, bytes.as_ref())?;
        let shown = row.iter().map(|(column, value)| format!("{column}={value}"));
        Ok(shown.collect::<Vec<_>>().join(" "))
    }

    #[rstest]
    #[case::text("STRING", b"a:1", "k=a:1")]
    #[case::empty("STRING", b"", "k=")]
    #[case::tiny("TINYINT", &[0xff], "k=-1")]
    #[case::small("SMALLINT", &[1, 0], "k=256")]
    #[case::int("INT", &[0, 0, 0, 7], "k=7")]
    #[case::big("BIGINT", &[0, 0, 0, 1, 0, 0, 0, 0], "k=4294967296")]
    #[case::yes("BOOLEAN", &[1], "k=true")]
    #[case::float("FLOAT", &[0x3f, 0xc0, 0, 0], "k=1.5")]
    #[case::double("DOUBLE", &[0x3f, 0xf8, 0, 0, 0, 0, 0, 0], "k=1.5")]
    #[case::bytes("BYTES", &[0xca, 0xfe], "k=\\xcafe")]
    fn a_raw_key_is_read_by_its_type(
        #[case] kind: &str,
        #[case] bytes: &[u8],
        #[case] expected: &str,
    ) {
        let read = read(&[("k", kind)], &key("raw", &["k"], ""), Some(bytes));
        assert_eq!(read.as_deref(), Ok(expected));
    }

    #[test]
    fn the_lowest_byte_may_come_first() {
        let key = RecordKey { little_endian: true, ..key("raw", &["k"], "") };
        assert_eq!(read(&[("k", "INT")], &key, Some(&[7, 0, 0, 0])).as_deref(), Ok("k=7"));
    }

    #[test]
    fn a_prefix_stands_in_the_table_alone() {
        let kinds = [("k_id", "INT"), ("id", "INT")];
        let read = |bytes| read(&kinds, &key("json", &["k_id"], "k_"), bytes);
        assert_eq!(read(Some(br#"{"id":3}"#)).as_deref(), Ok("k_id=3"));
        assert_eq!(read(None).as_deref(), Ok("k_id=NULL"));
    }

    #[rstest]
    #[case::not_whole(key("raw", &["k"], ""), "INT", "3 bytes are no value of the column `k`")]
    #[case::csv(key("csv", &["k"], ""), "INT", "a key in csv is not read")]
    #[case::charset(
        RecordKey { charset: Some("UTF-16".to_owned()), ..key("raw", &["k"], "") },
        "STRING", "a text in UTF-16 is not read"
    )]
    #[case::no_such_column(key("raw", &["l"], ""), "INT", "the sink has no column `l`")]
    fn what_is_not_sure_is_not_read(
        #[case] key: RecordKey,
        #[case] kind: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(read(&[("k", kind)], &key, Some(b"123")), Err(expected.to_owned()));
    }
}
