//! The partitions of a folder of files: Flink keeps the values of a partition in the names of its
//! folders (`depot=north/hour=7/`), and not in the files.

use camino::Utf8Path;
use serde_json::{Map, Value as Json};

use crate::base::value::{Type, Value};
use crate::codec::types::DataType;
use crate::sql::flink::With;

/// The name of a NULL, and of an empty text, unless the table says otherwise.
const NOTHING: &str = "__DEFAULT_PARTITION__";

/// The values that a file's folders name, by column; NULL for what has the name of nothing. An error
/// is a folder that is none of a partition.
pub(super) fn values(
    name: &str,
    columns: &[(String, DataType)],
    with: Option<&With>,
) -> Result<Map<String, Json>, String> {
    let nothing = with.and_then(|with| with.get("partition.default-name")).unwrap_or(NOTHING);
    let mut values = Map::new();
    let folders = Utf8Path::new(name).parent().into_iter().flat_map(Utf8Path::components);
    for folder in folders {
        let of_none = || format!("the folder `{folder}`, which is no partition of the table,");
        let (column, value) = folder.as_str().split_once('=').ok_or_else(of_none)?;
        let column = plain(column);
        let kind = columns.iter().find(|(name, _)| *name == column).map(|(_, kind)| kind);
        let kind = kind.ok_or_else(of_none)?;
        let value = plain(value);
        let read = if value == nothing { Some(Json::Null) } else { json(&value, kind) };
        let unknown = || format!("the partition `{folder}`, whose value is of another type,");
        values.insert(column, read.ok_or_else(unknown)?);
    }
    Ok(values)
}

/// A name without the escapes (`%3A`) that keep signs out of paths.
fn plain(name: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = name.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A value as Flink's JSON format would write it. Flink names a date by its days since 1970, and a
/// time stamp as Java writes one.
fn json(text: &str, kind: &DataType) -> Option<Json> {
    let number = || text.parse::<i64>().ok();
    match kind {
        DataType::Scalar(Type::Bool) => text.parse::<bool>().ok().map(Json::Bool),
        DataType::Scalar(Type::Int) => number().map(Json::from),
        DataType::Scalar(Type::Date) => match number() {
            Some(days) => Some(Value::Date(days).to_string().into()),
            None => Some(text.into()),
        },
        DataType::Scalar(Type::Timestamp { .. } | Type::TimestampTz { .. }) => {
            let text = text.replace('T', " ");
            let minutes = "2025-01-01 10:00".len();
            Some(if text.len() == minutes { format!("{text}:00") } else { text }.into())
        }
        DataType::Scalar(Type::Decimal { .. } | Type::Float | Type::Text) => Some(text.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("part-0", "STRING", "{}")]
    #[case("p=north/part-0", "STRING", r#"{"p":"north"}"#)]
    #[case("p=a%2Fb%3D1 ä/part-0", "STRING", r#"{"p":"a/b=1 ä"}"#)]
    #[case("p=100%/part-0", "STRING", r#"{"p":"100%"}"#)]
    #[case("p=__DEFAULT_PARTITION__/part-0", "INT", r#"{"p":null}"#)]
    #[case("p=7/part-0", "INT", r#"{"p":7}"#)]
    #[case("p=true/part-0", "BOOLEAN", r#"{"p":true}"#)]
    #[case("p=1.50/part-0", "DECIMAL(10, 2)", r#"{"p":"1.50"}"#)]
    #[case("p=20089/part-0", "DATE", r#"{"p":"2025-01-01"}"#)]
    #[case("p=2025-01-01/part-0", "DATE", r#"{"p":"2025-01-01"}"#)]
    #[case("p=2025-01-01T10:00/part-0", "TIMESTAMP(3)", r#"{"p":"2025-01-01 10:00:00"}"#)]
    #[case("p=1/q=x/part-0", "BIGINT", r#"{"p":1,"q":"x"}"#)]
    fn values_stand_in_the_names_of_folders(
        #[case] name: &str,
        #[case] kind: &str,
        #[case] expected: &str,
    ) {
        let columns =
            [("p".to_owned(), DataType::flink(kind)), ("q".to_owned(), DataType::flink("STRING"))];
        let values = values(name, &columns, None).unwrap();
        assert_eq!(Json::Object(values).to_string(), expected);
    }

    #[rstest]
    #[case("old/part-0", "the folder `old`, which is no partition of the table,")]
    #[case("r=1/part-0", "the folder `r=1`, which is no partition of the table,")]
    #[case("p=x/part-0", "the partition `p=x`, whose value is of another type,")]
    fn what_is_no_partition_is_not_read(#[case] name: &str, #[case] expected: &str) {
        let columns = [("p".to_owned(), DataType::flink("INT"))];
        assert_eq!(values(name, &columns, None), Err(expected.to_owned()));
    }
}
