//! Rows in Avro, as an application writes them: behind the frame that names their schema.

use apache_avro::schema::Schema as AvroSchema;
use apache_avro::types::Value as AvroValue;
use apache_avro::writer::datum::GenericDatumWriter;

use super::{AvroError, MAGIC};
use crate::base::value::Value;
use crate::codec::flink;
use crate::codec::types::{DataType, arguments};
use crate::codec::written::Field;

/// The framed bytes of a row. Its fields are those of the schema, in its order, and each may be null.
pub fn row(id: u32, schema: &str, fields: &[Field<'_>]) -> Result<Vec<u8>, AvroError> {
    let schema = AvroSchema::parse_str(schema);
    let schema = schema.map_err(|error| AvroError::Schema(error.to_string()))?;
    let members = fields.iter().map(|(name, kind, text)| {
        let value = match text {
            None => AvroValue::Union(0, Box::new(AvroValue::Null)),
            Some(text) => AvroValue::Union(1, Box::new(value(kind, text)?)),
        };
        Ok(((*name).to_owned(), value))
    });
    let members = members.collect::<Result<Vec<_>, AvroError>>()?;
    let problem = |error: apache_avro::Error| AvroError::Value(error.to_string());
    let writer = GenericDatumWriter::builder(&schema).build().map_err(problem)?;
    let body = writer.write_value_to_vec(AvroValue::Record(members)).map_err(problem)?;
    let mut framed = vec![MAGIC];
    framed.extend(id.to_be_bytes());
    framed.extend(body);
    Ok(framed)
}

fn value(kind: &str, text: &str) -> Result<AvroValue, AvroError> {
    let read = flink::cell(text, &DataType::flink(kind));
    let read = read.map_err(|error| AvroError::Value(error.to_string()))?;
    let other = || AvroError::Value(format!("`{text}` as {kind}"));
    let (word, numbers) = arguments(kind);
    Ok(match (word.as_str(), read) {
        (_, Value::Bool(value)) => AvroValue::Boolean(value),
        ("TINYINT" | "SMALLINT" | "INT", Value::Number(_)) => {
            AvroValue::Int(text.parse().map_err(|_| other())?)
        }
        ("BIGINT", Value::Number(_)) => AvroValue::Long(text.parse().map_err(|_| other())?),
        ("DECIMAL", Value::Number(number)) => {
            let scale = numbers.get(1).copied().unwrap_or_default();
            let (digits, _) = number.with_scale(i64::from(scale)).into_bigint_and_exponent();
            AvroValue::Decimal(digits.to_signed_bytes_be().into())
        }
        ("FLOAT", Value::Float(_)) => AvroValue::Float(text.parse().map_err(|_| other())?),
        (_, Value::Float(value)) => AvroValue::Double(value),
        (_, Value::Text(_)) => AvroValue::String(text.to_owned()),
        (_, Value::Bytes(bytes)) => AvroValue::Bytes(bytes),
        (_, Value::Date(days)) => AvroValue::Date(i32::try_from(days).map_err(|_| other())?),
        (_, Value::Timestamp(micros)) => AvroValue::TimestampMillis(micros.div_euclid(1000)),
        _ => return Err(other()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::avro::{Schema, Writer, framed};

    #[test]
    fn a_row_reads_back() {
        let schema = r#"{"type":"record","name":"r","fields":[
            {"name":"id","type":["null","int"]},
            {"name":"at","type":["null",{"type":"long","logicalType":"timestamp-millis"}]},
            {"name":"amount","type":["null",{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}]},
            {"name":"name","type":["null","string"]}]}"#;
        let fields = [
            ("id", "INT", Some("7")),
            ("at", "TIMESTAMP(3)", Some("2025-01-01 10:00:00.5")),
            ("amount", "DECIMAL(10, 2)", Some("-1.5")),
            ("name", "STRING", None),
        ];
        let bytes = row(258, schema, &fields).unwrap();
        let (id, body) = framed(&bytes).unwrap();
        assert_eq!(id, 258);
        let json = Schema::parse(schema).unwrap().json(body, Writer::Flink).unwrap();
        assert_eq!(json, r#"{"id":7,"at":"2025-01-01 10:00:00.5","amount":-1.50,"name":null}"#);
    }
}
