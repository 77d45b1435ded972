//! What becomes of one value on the way to its topic.
//!
//! Source: Debezium's `MaskStrings` and `TruncateColumn`; Kafka's `Cast` and
//! `TimestampConverter`. Seen on 3.6.3 (scenarios `records/hashed-columns` and
//! `records/columns-as-the-lists-say`).

use bigdecimal::BigDecimal;
use bigdecimal::num_traits::{ToPrimitive as _, Zero as _};
use md5::Md5;
use serde_json::value::RawValue;
use sha1::Sha1;
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};

use super::time::Time;
use crate::base::value::{Type, Value};
use crate::codec::debezium::Encoding;
use crate::codec::types::DataType;

/// One thing that is done to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// This text is shown, for NULL too.
    Shown(String),
    /// The first characters, or bytes, are shown.
    Cut(usize),
    /// Its hash is shown, as far as the column is long.
    Hash(Hash, Option<usize>),
    /// Kafka's `MaskField`: nothing of its type, or this.
    Mask(Option<String>),
    /// Kafka's `Cast`.
    Cast(Cast),
    /// Kafka's `TimestampConverter`.
    Time(Time),
}

/// How a value is hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hash {
    algorithm: Algorithm,
    salt: String,
    /// Its text is hashed, and not what Java writes of the object.
    is_plain: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// What `Cast` makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cast {
    /// `int8`, `int16`, `int32`, `int64`, by their bits.
    Whole(u32),
    /// `float32`, `float64`.
    Float,
    /// `boolean`.
    Bool,
    /// `string`.
    Text,
}

impl Cast {
    /// By its name in the transform's `spec`.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "int8" => Self::Whole(8),
            "int16" => Self::Whole(16),
            "int32" => Self::Whole(32),
            "int64" => Self::Whole(64),
            "float32" | "float64" => Self::Float,
            "boolean" => Self::Bool,
            "string" => Self::Text,
            _ => return None,
        })
    }
}

impl Hash {
    pub(super) fn of(algorithm: &str, salt: &str, is_plain: bool) -> Option<Self> {
        let algorithm = match algorithm.to_ascii_uppercase().as_str() {
            "MD5" => Algorithm::Md5,
            "SHA" | "SHA1" | "SHA-1" => Algorithm::Sha1,
            "SHA-224" => Algorithm::Sha224,
            "SHA-256" => Algorithm::Sha256,
            "SHA-384" => Algorithm::Sha384,
            "SHA-512" => Algorithm::Sha512,
            _ => return None,
        };
        Some(Self { algorithm, salt: salt.to_owned(), is_plain })
    }

    /// The hash of a text in hexadecimal; `None` where Java's form of it is not known here.
    fn text(&self, text: &str) -> Option<String> {
        let mut bytes = self.salt.as_bytes().to_vec();
        if !self.is_plain {
            // Java's stream of one object: its head, the mark of a string, its length. Its UTF-8 is
            // another one for NUL and beyond the basic plane.
            let is_same = text.chars().all(|c| c != '\0' && u32::from(c) <= 0xffff);
            let length = u16::try_from(text.len()).ok().filter(|_| is_same)?;
            bytes.extend([0xac, 0xed, 0x00, 0x05, 0x74]);
            bytes.extend(length.to_be_bytes());
        }
        bytes.extend(text.as_bytes());
        Some(match self.algorithm {
            Algorithm::Md5 => hex::encode(Md5::digest(&bytes)),
            Algorithm::Sha1 => hex::encode(Sha1::digest(&bytes)),
            Algorithm::Sha224 => hex::encode(Sha224::digest(&bytes)),
            Algorithm::Sha256 => hex::encode(Sha256::digest(&bytes)),
            Algorithm::Sha384 => hex::encode(Sha384::digest(&bytes)),
            Algorithm::Sha512 => hex::encode(Sha512::digest(&bytes)),
        })
    }
}

/// A value in the form that a record shows it in, while things are done to it.
#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    /// JSON's null.
    Null,
    /// A text.
    Text(String),
    /// Bytes, which the connector writes as a text.
    Bytes(Vec<u8>),
    /// A whole number.
    Whole(i128),
    /// Another number.
    Number(f64),
    /// A truth value.
    Bool(bool),
    /// A time of Connect's own kinds, as the number that a record shows.
    Time(i64),
    /// What nothing was done to, as it is compared everywhere.
    Plain(Value),
    /// Nobody knows here.
    Untold,
}

impl Form {
    /// A value as the connector hands it to transforms.
    fn of(value: &Value, kind: &DataType, encoding: &Encoding) -> Self {
        match (value, kind) {
            (Value::Null, _) => Self::Null,
            (Value::Text(text), DataType::Scalar(Type::Text)) => Self::Text(text.clone()),
            (Value::Bytes(bytes), _) => Self::Bytes(bytes.clone()),
            (Value::Bool(value), _) => Self::Bool(*value),
            (Value::Float(value), DataType::Scalar(Type::Float)) => Self::Number(*value),
            (Value::Number(number), DataType::Scalar(Type::Int)) => {
                number.to_i128().map_or(Self::Untold, Self::Whole)
            }
            (Value::Number(number), DataType::Scalar(Type::Decimal { .. })) => {
                match encoding.handed(number) {
                    Some(Value::Text(text)) => Self::Text(text),
                    Some(Value::Float(number)) => Self::Number(number),
                    _ => Self::Untold,
                }
            }
            (Value::Date(days), _) if encoding.has_plain_dates() => Self::Whole(i128::from(*days)),
            (Value::Timestamp(micros), DataType::Scalar(Type::Timestamp { precision })) => encoding
                .timestamp_form(*micros, *precision)
                .map_or(Self::Untold, |n| Self::Whole(i128::from(n))),
            _ => Self::Untold,
        }
    }
}

/// What a record must show of a cell to whose value these things are done. `text` is the cell as
/// Postgres writes it.
pub fn shown(
    steps: &[Step],
    (value, text): (&Value, Option<&str>),
    kind: &DataType,
    encoding: &Encoding,
) -> Form {
    if steps.is_empty() {
        return Form::Plain(value.clone());
    }
    let mut form = match (kind, text) {
        // A JSON document is a text to whoever handles it.
        (DataType::Scalar(Type::Json) | DataType::Char, Some(text)) => Form::Text(text.to_owned()),
        _ => Form::of(value, kind, encoding),
    };
    for step in steps {
        form = done(step, form);
    }
    form
}

fn done(step: &Step, form: Form) -> Form {
    match (step, form) {
        (Step::Shown(text), _) => Form::Text(text.clone()),
        (_, Form::Null) => Form::Null,
        (Step::Cut(n), Form::Text(text)) => Form::Text(cut(&text, *n)),
        (Step::Cut(n), Form::Bytes(mut bytes)) => {
            bytes.truncate(*n);
            Form::Bytes(bytes)
        }
        (Step::Hash(hash, length), Form::Text(text)) => match hash.text(&text) {
            Some(hash) => Form::Text(length.map_or(hash.clone(), |length| cut(&hash, length))),
            None => Form::Untold,
        },
        (Step::Mask(with), form) => masked(with.as_deref(), &form),
        (Step::Cast(cast), form) => cast_to(*cast, form),
        (Step::Time(time), Form::Whole(n)) => time.of_number(n),
        (Step::Cut(_) | Step::Hash(..) | Step::Time(_), _) => Form::Untold,
    }
}

/// The first characters as Java counts them.
fn cut(text: &str, n: usize) -> String {
    let units = text.encode_utf16().take(n).collect::<Vec<_>>();
    String::from_utf16_lossy(&units)
}

fn masked(with: Option<&str>, form: &Form) -> Form {
    match (form, with) {
        (Form::Text(_), with) => Form::Text(with.unwrap_or_default().to_owned()),
        (Form::Whole(_), None) => Form::Whole(0),
        (Form::Whole(_), Some(with)) => with.parse().map_or(Form::Untold, Form::Whole),
        (Form::Number(_), None) => Form::Number(0.0),
        (Form::Number(_), Some(with)) => with.parse().map_or(Form::Untold, Form::Number),
        (Form::Bool(_), None) => Form::Bool(false),
        (Form::Null, _) => Form::Null,
        (Form::Bool(_) | Form::Bytes(_) | Form::Time(_) | Form::Plain(_) | Form::Untold, _) => {
            Form::Untold
        }
    }
}

fn cast_to(cast: Cast, form: Form) -> Form {
    match (cast, form) {
        (Cast::Text, Form::Text(text)) => Form::Text(text),
        (Cast::Text, Form::Whole(n)) => Form::Text(n.to_string()),
        (Cast::Text, Form::Bool(value)) => Form::Text(value.to_string()),
        (Cast::Whole(bits), Form::Whole(n)) => Form::Whole(wrapped(n, bits)),
        (Cast::Whole(_), Form::Bool(value)) => Form::Whole(i128::from(value)),
        (Cast::Whole(_), Form::Text(text)) => text.parse().map_or(Form::Untold, Form::Whole),
        (Cast::Float, Form::Whole(n)) => n.to_f64().map_or(Form::Untold, Form::Number),
        (Cast::Float, Form::Number(n)) => Form::Number(n),
        (Cast::Float, Form::Text(text)) => text.parse().map_or(Form::Untold, Form::Number),
        (Cast::Bool, Form::Bool(value)) => Form::Bool(value),
        (Cast::Bool, Form::Whole(n)) => Form::Bool(n != 0),
        (Cast::Bool, Form::Text(text)) => Form::Bool(text.eq_ignore_ascii_case("true")),
        _ => Form::Untold,
    }
}

/// A number of so many bits, as Java cuts it off.
fn wrapped(n: i128, bits: u32) -> i128 {
    let size = 1_i128 << bits;
    let rest = n.rem_euclid(size);
    if rest >= size / 2 { rest - size } else { rest }
}

impl Form {
    /// Whether a record shows it; `None` if nobody knows here.
    pub fn is_shown(&self, raw: &RawValue, encoding: &Encoding) -> Option<bool> {
        let json = serde_json::from_str::<serde_json::Value>(raw.get()).ok()?;
        Some(match self {
            Self::Null => json.is_null(),
            Self::Text(text) => json.as_str() == Some(text),
            Self::Bytes(_) => {
                let kind = DataType::Scalar(Type::Bytes);
                let captured = encoding.value(raw, &kind).ok()?;
                matches!((captured, self), (Value::Bytes(a), Self::Bytes(b)) if a == *b)
            }
            Self::Time(n) => raw.get().trim() == n.to_string(),
            Self::Whole(n) => {
                let captured = raw.get().trim().parse::<BigDecimal>();
                captured.is_ok_and(|captured| (captured - BigDecimal::from(*n)).is_zero())
            }
            Self::Number(n) => json.as_f64().is_some_and(|captured| {
                // A cast to 32 bits keeps seven digits.
                (captured - n).abs() <= n.abs() * 1e-6
            }),
            Self::Bool(value) => json.as_bool() == Some(*value),
            Self::Plain(_) | Self::Untold => return None,
        })
    }

    /// As people read it.
    pub fn text(&self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Text(text) => text.clone(),
            Self::Bytes(bytes) => format!("\\x{}", hex::encode(bytes)),
            Self::Whole(n) => n.to_string(),
            Self::Time(n) => n.to_string(),
            Self::Number(n) => n.to_string(),
            Self::Bool(value) => value.to_string(),
            Self::Plain(value) => value.to_string(),
            Self::Untold => "?".to_owned(),
        }
    }
}
