//! Whether bytes are a value of a schema that is small enough to be read. A schema may nest without
//! end, and give many values to few bytes: so the bytes are walked before a value is made of them.

use std::collections::BTreeMap;

use apache_avro::schema::{InnerDecimalSchema, Schema, UuidSchema};

use crate::base::limits::{self, exceeds};

/// How deep a value may be nested; an envelope is nested four times.
const DEPTH: u32 = 64;
/// How many values may stand in no bytes at all: nulls and records without fields.
const FREE: u64 = 10_000;

/// Walks the bytes of a value. The error is the second half of a sentence.
pub(super) fn measure(
    schema: &Schema,
    named: &BTreeMap<String, Schema>,
    bytes: &[u8],
) -> Result<(), String> {
    let most = u64::try_from(bytes.len()).unwrap_or(u64::MAX).saturating_add(FREE);
    Walk { named, rest: bytes, left: most }.value(schema, DEPTH)
}

struct Walk<'a> {
    named: &'a BTreeMap<String, Schema>,
    rest: &'a [u8],
    /// How many values there may still be.
    left: u64,
}

impl Walk<'_> {
    fn value(&mut self, schema: &Schema, depth: u32) -> Result<(), String> {
        let depth = depth.checked_sub(1).ok_or_else(|| format!("it is nested {DEPTH} times"))?;
        self.left = self.left.checked_sub(1).ok_or("its few bytes stand for too many values")?;
        match schema {
            Schema::Null => Ok(()),
            Schema::Boolean => self.skip(1),
            Schema::Float => self.skip(4),
            Schema::Double => self.skip(8),
            Schema::Bytes | Schema::String | Schema::BigDecimal => self.text(),
            Schema::Uuid(UuidSchema::String | UuidSchema::Bytes) => self.text(),
            Schema::Uuid(UuidSchema::Fixed(fixed))
            | Schema::Fixed(fixed)
            | Schema::Duration(fixed) => self.skip(fixed.size),
            Schema::Decimal(decimal) if exceeds(decimal.scale, limits::SCALE) => {
                let most = limits::SCALE;
                Err(format!("a decimal of it has a scale of {}, at most {most}", decimal.scale))
            }
            Schema::Decimal(decimal) => match &decimal.inner {
                InnerDecimalSchema::Bytes => self.text(),
                InnerDecimalSchema::Fixed(fixed) => self.skip(fixed.size),
            },
            Schema::Array(array) => self.blocks(&array.items, false, depth),
            Schema::Map(map) => self.blocks(&map.types, true, depth),
            Schema::Union(union) => {
                let place = usize::try_from(self.number()?).ok();
                let one = place.and_then(|place| union.variants().get(place));
                self.value(one.ok_or("it has a type that is not there")?, depth)
            }
            Schema::Record(record) => {
                record.fields.iter().try_for_each(|field| self.value(&field.schema, depth))
            }
            Schema::Ref { name } => {
                let known = self.named.get(&name.to_string());
                self.value(known.ok_or_else(|| format!("`{name}` is not there"))?, depth)
            }
            // What is left is a number: whole ones, dates and times, and the places of enums.
            _ => self.number().map(drop),
        }
    }

    /// Items of an array, or of a map, which have keys: blocks of so many, up to an empty one. A
    /// negative number is followed by the length of its block.
    fn blocks(&mut self, items: &Schema, keyed: bool, depth: u32) -> Result<(), String> {
        loop {
            let count = self.number()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                self.number()?;
            }
            for _ in 0..count.unsigned_abs() {
                if keyed {
                    self.text()?;
                }
                self.value(items, depth)?;
            }
        }
    }

    fn text(&mut self) -> Result<(), String> {
        let length = self.number()?;
        self.skip(usize::try_from(length).map_err(|_| "a length in it is negative")?)
    }

    fn skip(&mut self, length: usize) -> Result<(), String> {
        self.rest = self.rest.get(length..).ok_or("the bytes end in it")?;
        Ok(())
    }

    /// A number: seven bits a byte, the lowest first, and the sign in the lowest of all.
    fn number(&mut self) -> Result<i64, String> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or("the bytes end in it")?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed());
            }
        }
        Err("a number in it is too long".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::codec::avro::{Schema, Writer};

    /// What is told of bytes that are no value, or none that is read.
    fn told(schema: &str, bytes: &[u8]) -> String {
        let schema = Schema::parse(schema).unwrap();
        let error = schema.json(bytes, Writer::Connect).unwrap_err().to_string();
        error.trim_start_matches("it is not an Avro value of its schema: ").to_owned()
    }

    const ENDLESS: &str = r#"{"type":"record","name":"r","fields":[{"name":"n","type":"r"}]}"#;
    const LIST: &str =
        r#"{"type":"record","name":"r","fields":[{"name":"n","type":["null","r"]}]}"#;
    const SCALE: &str =
        r#"{"type":"bytes","logicalType":"decimal","precision":2000000000,"scale":1999999999}"#;
    const FIXED: &str = r#"{"type":"fixed","name":"f","size":1099511627776}"#;

    #[rstest]
    #[case::a_record_that_holds_itself(ENDLESS, &[], "it is nested 64 times")]
    #[case::a_list_without_end(LIST, &[2; 1_000], "it is nested 64 times")]
    #[case::a_scale(SCALE, &[2, 5], "a decimal of it has a scale of 1999999999, at most 20000")]
    #[case::a_fixed(FIXED, &[1], "the bytes end in it")]
    #[case::a_text(r#""string""#, &[0xfe, 0xff, 0xff, 0xff, 0x0f], "the bytes end in it")]
    #[case::many_nulls(
        r#"{"type":"array","items":"null"}"#,
        &[0xfe, 0xff, 0xff, 0xff, 0x0f, 0],
        "its few bytes stand for too many values"
    )]
    #[case::a_union_of_nothing(r#"["null","int"]"#, &[4], "it has a type that is not there")]
    fn what_would_take_too_much_is_told(
        #[case] schema: &str,
        #[case] bytes: &[u8],
        #[case] expected: &str,
    ) {
        assert_eq!(told(schema, bytes), expected);
    }

    #[test]
    fn records_that_each_hold_the_one_before_twice_are_told() {
        let mut inner = r#"{"type":"record","name":"r0","fields":[]}"#.to_owned();
        for n in 1..30 {
            inner = format!(
                r#"{{"type":"record","name":"r{n}","fields":[{{"name":"a","type":{inner}}},{{"name":"b","type":"r{}"}}]}}"#,
                n - 1
            );
        }
        assert_eq!(told(&inner, &[]), "its few bytes stand for too many values");
    }
}
