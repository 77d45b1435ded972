//! The rows of a Parquet file, as Flink's JSON format would write them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::BigInt;
use camino::Utf8Path;
use hyper::body::Bytes;
use parquet::basic::Type as Physical;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Map, Value as Json};

use super::LakeError;
use crate::base::value::{Type, Value};
use crate::codec::types::DataType;

/// INT96 is read as milliseconds.
const INT96_DIGITS: u32 = 3;

/// The rows in their order. Columns of which the sink knows no type (those of a file of places)
/// are read as they stand.
pub(super) fn rows(
    (path, bytes): (&Utf8Path, Vec<u8>),
    columns: &[(String, DataType)],
) -> Result<Vec<String>, LakeError> {
    let unread = |error: ParquetError| LakeError::unread(path, error);
    let reader = SerializedFileReader::new(Bytes::from(bytes)).map_err(unread)?;
    for column in reader.metadata().file_metadata().schema_descr().columns() {
        let kind = columns.iter().find(|(name, _)| name == column.name());
        let digits = kind.and_then(|(_, kind)| digits(kind)).unwrap_or(INT96_DIGITS);
        if column.physical_type() == Physical::INT96 && digits > INT96_DIGITS {
            let what = format!(
                "column `{}` in INT96 with {digits} digits of a second (write \
                 'parquet.write.int64.timestamp' = 'true' and \
                 'parquet.timestamp.time.unit' = 'micros')",
                column.name()
            );
            return Err(LakeError::unknown(path, what));
        }
    }
    let mut rows = Vec::new();
    for row in reader.get_row_iter(None).map_err(unread)? {
        let row = row.map_err(unread)?;
        let mut members = Map::new();
        for (name, field) in row.get_column_iter() {
            let kind = columns.iter().find(|(column, _)| column == name).map(|(_, kind)| kind);
            members.insert(name.clone(), json(field, kind));
        }
        rows.push(Json::Object(members).to_string());
    }
    Ok(rows)
}

/// Digits behind the second.
fn digits(kind: &DataType) -> Option<u32> {
    match kind {
        DataType::Scalar(Type::Timestamp { precision } | Type::TimestampTz { precision }) => {
            Some(*precision)
        }
        _ => None,
    }
}

/// A value of the type that Flink declares, which alone says whether a time is one of a zone.
fn json(field: &Field, kind: Option<&DataType>) -> Json {
    let text = |value: Value| Json::String(value.to_string());
    let timestamp = |micros: i64| match kind {
        Some(DataType::Scalar(Type::TimestampTz { .. })) => text(Value::TimestampTz(micros)),
        _ => text(Value::Timestamp(micros)),
    };
    match field {
        Field::Null => Json::Null,
        Field::Bool(value) => (*value).into(),
        Field::Byte(value) => (*value).into(),
        Field::Short(value) => (*value).into(),
        Field::Int(value) => (*value).into(),
        Field::Long(value) => (*value).into(),
        Field::UByte(value) => (*value).into(),
        Field::UShort(value) => (*value).into(),
        Field::UInt(value) => (*value).into(),
        Field::ULong(value) => (*value).into(),
        Field::Float16(value) => float(f64::from(value.to_f32())),
        // Its shortest text, not that of the double that is nearest to it.
        Field::Float(value) => Json::String(value.to_string()),
        Field::Double(value) => float(*value),
        Field::Decimal(value) => {
            let digits = BigInt::from_signed_bytes_be(value.data());
            text(Value::Number(BigDecimal::new(digits, i64::from(value.scale()))))
        }
        Field::Str(value) => Json::String(value.clone()),
        Field::Bytes(value) => Json::String(STANDARD.encode(value.data())),
        Field::Date(days) => text(Value::Date(i64::from(*days))),
        Field::TimeMillis(millis) => text(Value::Time(i64::from(*millis) * 1000)),
        Field::TimeMicros(micros) => text(Value::Time(*micros)),
        Field::TimestampMillis(millis) => timestamp(millis.saturating_mul(1000)),
        Field::TimestampMicros(micros) => timestamp(*micros),
        Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => nested(field, kind),
    }
}

fn nested(field: &Field, kind: Option<&DataType>) -> Json {
    let of_row = |name: &str| match kind {
        Some(DataType::Row(fields)) => fields.iter().find(|(of, _)| of == name).map(|(_, k)| k),
        _ => None,
    };
    let element = match kind {
        Some(DataType::Array(element) | DataType::Map(element)) => Some(&**element),
        _ => None,
    };
    match field {
        Field::Group(row) => {
            let members = row.get_column_iter();
            members.map(|(name, field)| (name.clone(), json(field, of_row(name)))).collect()
        }
        Field::ListInternal(list) => list.elements().iter().map(|f| json(f, element)).collect(),
        Field::MapInternal(map) => {
            let key = |field: &Field| match json(field, None) {
                Json::String(text) => text,
                other => other.to_string(),
            };
            map.entries().iter().map(|(name, f)| (key(name), json(f, element))).collect()
        }
        _ => Json::Null,
    }
}

/// JSON has no numbers for the special ones.
fn float(value: f64) -> Json {
    serde_json::Number::from_f64(value).map_or_else(|| value.to_string().into(), Json::Number)
}
