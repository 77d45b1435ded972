//! JSON that keeps numbers as they are written.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::value::{ValueError, decimal, to_json};
use crate::base::value::Value;

/// An object whose members are not read yet.
pub(super) type Object<'a> = BTreeMap<String, &'a RawValue>;

/// One JSON value, its parts not read yet.
#[derive(Debug)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    /// As it is written.
    Number(&'a str),
    Text(String),
    Array(Vec<&'a RawValue>),
    Object(Object<'a>),
}

impl<'a> Json<'a> {
    /// Looks at one value; `raw` is JSON because it is a `RawValue`'s text.
    pub(super) fn read(raw: &'a RawValue) -> Result<Self, ValueError> {
        let text = raw.get().trim();
        let error = |_| ValueError::new("JSON", text);
        Ok(match text.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'"') => Self::Text(serde_json::from_str(text).map_err(error)?),
            Some(b'[') => Self::Array(serde_json::from_str(text).map_err(error)?),
            Some(b'{') => Self::Object(serde_json::from_str(text).map_err(error)?),
            _ => Self::Number(text),
        })
    }
}

/// Reads a whole document in the form it is compared in: equal numbers give equal documents, and
/// no digit is lost.
pub(super) fn document(text: &str) -> Result<Value, ValueError> {
    let error = |_| ValueError::new("JSON", text);
    let raw = serde_json::from_str::<&RawValue>(text).map_err(error)?;
    Ok(Value::Json(compared(raw)?))
}

pub(super) fn compared(raw: &RawValue) -> Result<serde_json::Value, ValueError> {
    Ok(match Json::read(raw)? {
        Json::Null => serde_json::Value::Null,
        Json::Bool(value) => value.into(),
        Json::Text(text) => text.into(),
        Json::Number(text) => to_json(&decimal(text)?),
        Json::Array(items) => items.into_iter().map(compared).collect::<Result<_, _>>()?,
        Json::Object(members) => {
            let member = |(name, value)| Ok((name, compared(value)?));
            members.into_iter().map(member).collect::<Result<_, ValueError>>()?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_documents_are_equal_and_no_digit_is_lost() {
        let read = |text| document(text).unwrap();
        assert_eq!(read("{\"a\": 1.0, \"b\": [1.50]}"), read("{\"b\":[1.5],\"a\":1}"));
        assert_ne!(read("12345678901234567890.1"), read("12345678901234567890.2"));
        assert_ne!(read("1"), read("\"1\""));
        assert!(document("{").is_err());
    }
}
