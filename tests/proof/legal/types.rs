//! Values of further columns: what Postgres writes of them as text, and what the connector makes of
//! that by its documentation. Written apart from the codecs that read either.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::clock;

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cell {
    pub(crate) kind: Kind,
    /// As Postgres writes it; `None` for NULL.
    pub(crate) text: Option<String>,
    /// As a record shows it.
    pub(crate) shown: Value,
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Big,
    Double,
    /// `numeric(10,2)`
    Numeric,
    /// `numeric`
    AnyNumeric,
    /// `numeric(6,2)[]`
    Numerics,
    Ints,
    Texts,
    Json,
    Jsonb,
    Text,
    /// `character(5)`
    Char,
    Varchar,
    /// `bit(1)`
    Bit,
    /// `bit(10)`
    Bits,
    /// `bit varying(12)`
    Varbit,
    Money,
    Date,
    /// `time(3)`
    Time3,
    Time,
    TimeTz,
    /// `timestamp(3)`
    Stamp3,
    Stamp,
    StampTz,
    Interval,
    Bytes,
    Uuid,
    Point,
    /// An enum.
    Mood,
}

const KINDS: [Kind; 29] = [
    Kind::Bool,
    Kind::Big,
    Kind::Double,
    Kind::Numeric,
    Kind::AnyNumeric,
    Kind::Numerics,
    Kind::Ints,
    Kind::Texts,
    Kind::Json,
    Kind::Jsonb,
    Kind::Text,
    Kind::Char,
    Kind::Varchar,
    Kind::Bit,
    Kind::Bits,
    Kind::Varbit,
    Kind::Money,
    Kind::Date,
    Kind::Time3,
    Kind::Time,
    Kind::TimeTz,
    Kind::Stamp3,
    Kind::Stamp,
    Kind::StampTz,
    Kind::Interval,
    Kind::Bytes,
    Kind::Uuid,
    Kind::Point,
    Kind::Mood,
];

pub(crate) fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(KINDS.to_vec())
}

/// How the connector is told to write values; the first of each is its default.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Modes {
    decimals: &'static str,
    times: &'static str,
    binary: &'static str,
    intervals: &'static str,
}

pub(crate) fn modes() -> impl Strategy<Value = Modes> {
    let one = |of: &[&'static str]| prop::sample::select(of.to_vec());
    let times = [
        "adaptive",
        "adaptive_time_microseconds",
        "connect",
        "isostring",
        "microseconds",
        "nanoseconds",
    ];
    let decimals = one(&["precise", "string", "double"]);
    let binary = one(&["bytes", "base64", "base64-url-safe", "hex"]);
    let drawn = (decimals, one(&times), binary, one(&["numeric", "string"]));
    drawn.prop_map(|(decimals, times, binary, intervals)| Modes {
        decimals,
        times,
        binary,
        intervals,
    })
}

impl Modes {
    pub(crate) fn options(self) -> [(&'static str, &'static str); 4] {
        [
            ("decimal.handling.mode", self.decimals),
            ("time.precision.mode", self.times),
            ("binary.handling.mode", self.binary),
            ("interval.handling.mode", self.intervals),
        ]
    }
}

impl Kind {
    /// Its OID, its name, and what its values are read as if that is another type.
    pub(crate) fn catalogue(self) -> (u32, &'static str, Option<&'static str>) {
        let (oid, name) = match self {
            Self::Bool => (16, "boolean"),
            Self::Big => (20, "bigint"),
            Self::Double => (701, "double precision"),
            Self::Numeric => (1700, "numeric(10,2)"),
            Self::AnyNumeric => (1700, "numeric"),
            Self::Numerics => (1231, "numeric(6,2)[]"),
            Self::Ints => (1007, "integer[]"),
            Self::Texts => (1009, "text[]"),
            Self::Json => (114, "json"),
            Self::Jsonb => (3802, "jsonb"),
            Self::Text => (25, "text"),
            Self::Char => (1042, "character(5)"),
            Self::Varchar => (1043, "character varying(20)"),
            Self::Bit => (1560, "bit(1)"),
            Self::Bits => (1560, "bit(10)"),
            Self::Varbit => (1562, "bit varying(12)"),
            Self::Money => (790, "money"),
            Self::Date => (1082, "date"),
            Self::Time3 => (1083, "time(3) without time zone"),
            Self::Time => (1083, "time without time zone"),
            Self::TimeTz => (1266, "time with time zone"),
            Self::Stamp3 => (1114, "timestamp(3) without time zone"),
            Self::Stamp => (1114, "timestamp without time zone"),
            Self::StampTz => (1184, "timestamp with time zone"),
            Self::Interval => (1186, "interval"),
            Self::Bytes => (17, "bytea"),
            Self::Uuid => (2950, "uuid"),
            Self::Point => (600, "point"),
            Self::Mood => (16_500, "mood"),
        };
        (oid, name, (self == Self::Mood).then_some("text"))
    }

    /// Whether its texts are those of a column that `ALTER … TYPE text USING x::text` makes of it.
    pub(crate) fn turns_into_text(self) -> bool {
        matches!(
            self,
            Self::Big
                | Self::Double
                | Self::Numeric
                | Self::AnyNumeric
                | Self::Numerics
                | Self::Ints
                | Self::Json
                | Self::Jsonb
                | Self::Date
                | Self::Stamp
                | Self::Interval
                | Self::Uuid
                | Self::Varchar
                | Self::Mood
        )
    }

    /// The type of a Flink column that holds its values as the statement's table of the topic reads
    /// them.
    pub(crate) fn flink(self, modes: Modes) -> Option<&'static str> {
        match self {
            Self::Bool | Self::Bit => Some("BOOLEAN").filter(|_| self == Self::Bool),
            Self::Big => Some("BIGINT"),
            Self::Double => Some("DOUBLE"),
            Self::Numeric | Self::AnyNumeric if modes.decimals == "string" => Some("STRING"),
            Self::Ints => Some("ARRAY<INT>"),
            Self::Json | Self::Jsonb | Self::Text | Self::Char | Self::Varchar => Some("STRING"),
            Self::Uuid | Self::Mood => Some("STRING"),
            _ => None,
        }
    }

    /// The value of this type that a seed draws.
    pub(crate) fn cell(self, modes: Modes, seed: u32) -> Cell {
        let n = i64::from(seed.wrapping_mul(2_654_435_761) >> 4);
        if seed.is_multiple_of(7) {
            return Cell { kind: self, text: None, shown: Value::Null };
        }
        let (text, shown) = match self {
            Self::Date | Self::Time3 | Self::Time | Self::TimeTz => self.time(modes, n),
            Self::Stamp3 | Self::Stamp | Self::StampTz => self.stamp(modes, n),
            Self::Interval => interval(modes, n),
            Self::Bit | Self::Bits | Self::Varbit => self.bits(n),
            Self::Numeric | Self::AnyNumeric | Self::Numerics | Self::Money => {
                self.decimal(modes, n)
            }
            _ => self.plain(modes, n),
        };
        Cell { kind: self, text: Some(text), shown }
    }

    fn plain(self, modes: Modes, n: i64) -> (String, Value) {
        let one_of = |texts: &[&str]| texts[usize::try_from(n).unwrap() % texts.len()].to_owned();
        let same = |text: String| (text.clone(), json!(text));
        match self {
            Self::Bool => (if n % 2 == 0 { "t" } else { "f" }.to_owned(), json!(n % 2 == 0)),
            Self::Big => ((n - (1 << 27)).to_string(), json!(n - (1 << 27))),
            Self::Double => {
                let eighths = n % 4096 - 2048;
                let value = f64::from(i32::try_from(eighths).unwrap()) / 8.0;
                (value.to_string(), json!(value))
            }
            Self::Ints => {
                let items = [Some(n % 9), None, Some(n % 5)];
                let items = &items[..usize::try_from(n % 4).unwrap()];
                let texts = items.iter().map(|i| i.map_or("NULL".to_owned(), |i| i.to_string()));
                (format!("{{{}}}", texts.collect::<Vec<_>>().join(",")), json!(items))
            }
            Self::Texts => {
                let texts = [("a", "a"), ("\"b c\"", "b c"), ("\"q\\\"x\"", "q\"x"), ("\"\"", "")];
                let texts = &texts[usize::try_from(n % 4).unwrap()..];
                let written = texts.iter().map(|(text, _)| *text).chain(["NULL"]);
                let shown = texts.iter().map(|(_, text)| json!(text)).chain([Value::Null]);
                let shown = Value::Array(shown.collect());
                (format!("{{{}}}", written.collect::<Vec<_>>().join(",")), shown)
            }
            Self::Json => {
                same(one_of(&["{\"a\" : 1.50}", "[1, 2]", "{\"b\":{\"c\":null},\"a\":1}"]))
            }
            Self::Jsonb => same(one_of(&["{\"a\": 1.50}", "[1, {\"b\": null}]", "\"x\"", "17"])),
            Self::Text => same(one_of(&["", "plain", "with \"quotes\" and \\", "é 漢 \n"])),
            Self::Varchar => same(one_of(&["", "short", "just twenty letters!"])),
            Self::Char => same(format!("{:<5}", one_of(&["", "ab", "abcde", " x"]))),
            Self::Mood => same(one_of(&["ok", "sad"])),
            Self::Uuid => same(format!("00000000-0000-4000-8000-{n:012x}")),
            Self::Point => {
                let (x, y) = (n % 16, -(n % 7));
                let head = [1_u8, 1, 0, 0, 0].into_iter();
                let [a, b] = [x, y].map(|n| f64::from(i32::try_from(n).unwrap()) / 2.0);
                let wkb = head.chain(a.to_le_bytes()).chain(b.to_le_bytes()).collect::<Vec<_>>();
                let shown = json!({"x": a, "y": b, "wkb": STANDARD.encode(wkb), "srid": null});
                (format!("({a},{b})"), shown)
            }
            Self::Bytes => {
                let bytes = &n.to_be_bytes()[usize::try_from(n % 9).unwrap()..];
                let shown = match modes.binary {
                    "hex" => hex::encode(bytes),
                    "base64-url-safe" => URL_SAFE.encode(bytes),
                    _ => STANDARD.encode(bytes),
                };
                (format!("\\x{}", hex::encode(bytes)), json!(shown))
            }
            other => unreachable!("{other:?} has a function of its own"),
        }
    }

    fn decimal(self, modes: Modes, n: i64) -> (String, Value) {
        let one = |digits: i64, scale: usize| {
            let text = fixed(digits, scale);
            let shown = match modes.decimals {
                "string" => json!(text),
                "double" => json!(text.parse::<f64>().unwrap()),
                _ => json!(STANDARD.encode(signed(digits))),
            };
            (text, shown)
        };
        match self {
            Self::Numeric => one(n % 20_000 - 10_000, 2),
            Self::AnyNumeric => {
                let (digits, scale) = (n - (1 << 27), usize::try_from(n % 5).unwrap());
                let (text, shown) = one(digits, scale);
                let struct_of = |value| json!({"scale": scale, "value": value});
                (text, if modes.decimals == "precise" { struct_of(shown) } else { shown })
            }
            Self::Numerics => {
                let [a, b] = [one(n % 999, 2), one(-(n % 77), 2)];
                (format!("{{{},NULL,{}}}", a.0, b.0), json!([a.1, null, b.1]))
            }
            _ => {
                let cents = n % 3_000_000 - 1_500_000;
                let (_, shown) = one(cents, 2);
                let (sign, cents) = (if cents < 0 { "-" } else { "" }, cents.abs());
                let (dollars, cents) = (cents / 100, cents % 100);
                let dollars = match dollars {
                    0..1000 => dollars.to_string(),
                    _ => format!("{},{:03}", dollars / 1000, dollars % 1000),
                };
                (format!("{sign}${dollars}.{cents:02}"), shown)
            }
        }
    }

    /// The last bits stand in the first byte.
    fn bits(self, n: i64) -> (String, Value) {
        let length = match self {
            Self::Bit => return ((n % 2).to_string(), json!(n % 2 == 1)),
            Self::Bits => 10,
            _ => usize::try_from(n % 12).unwrap() + 1,
        };
        let value = n % (1 << length);
        let bytes = u16::try_from(value).unwrap().to_le_bytes();
        (format!("{value:0length$b}"), json!(STANDARD.encode(bytes)))
    }

    fn time(self, modes: Modes, n: i64) -> (String, Value) {
        let step = if self == Self::Time3 { 1000 } else { 1 };
        let micros = (n * 997) % 86_400_000_000 / step * step;
        let text = clock::time(micros);
        let iso = modes.times == "isostring";
        match self {
            Self::Date => {
                let (text, days) = clock::date(n % 40_000 - 8000);
                let shown = if iso { json!(format!("{text}Z")) } else { json!(days) };
                (text, shown)
            }
            Self::TimeTz => {
                let utc = (micros + 79_200_000_000) % 86_400_000_000;
                (format!("{text}+02"), json!(format!("{}Z", clock::time(utc))))
            }
            _ if iso => (text.clone(), json!(format!("{text}Z"))),
            _ => {
                let shown = match modes.times {
                    "connect" => micros / 1000,
                    "adaptive" if self == Self::Time3 => micros / 1000,
                    "nanoseconds" => micros * 1000,
                    _ => micros,
                };
                (text, json!(shown))
            }
        }
    }

    fn stamp(self, modes: Modes, n: i64) -> (String, Value) {
        let step = if self == Self::Stamp3 { 1000 } else { 1 };
        let micros = (n - (1 << 25)) * 13_007_003 / step * step;
        let (date, _) = clock::date(micros.div_euclid(86_400_000_000));
        let time = clock::time(micros.rem_euclid(86_400_000_000));
        if self == Self::StampTz {
            let six = clock::time_of_six_digits(micros.rem_euclid(86_400_000_000));
            return (format!("{date} {time}+00"), json!(format!("{date}T{six}Z")));
        }
        let shown = match modes.times {
            "isostring" => json!(format!("{date}T{time}Z")),
            "connect" => json!(micros.div_euclid(1000)),
            "nanoseconds" => json!(micros * 1000),
            "microseconds" => json!(micros),
            _ if self == Self::Stamp3 => json!(micros.div_euclid(1000)),
            _ => json!(micros),
        };
        (format!("{date} {time}"), shown)
    }
}

/// A month is a twelfth of 365.25 days.
fn interval(modes: Modes, n: i64) -> (String, Value) {
    let (months, days, micros) = (n % 30, n / 30 % 40, n % 97 * 60_780_000);
    let units = [(months / 12, "year"), (months % 12, "mon"), (days, "day")];
    let unit = |(count, unit): &(i64, &str)| match count {
        0 => None,
        1 => Some(format!("1 {unit}")),
        _ => Some(format!("{count} {unit}s")),
    };
    let mut parts = units.iter().filter_map(unit).collect::<Vec<_>>();
    if micros > 0 || parts.is_empty() {
        parts.push(clock::time(micros));
    }
    let shown = if modes.intervals == "string" {
        let (hours, rest) = (micros / 3_600_000_000, micros % 3_600_000_000);
        let (minutes, rest) = (rest / 60_000_000, rest % 60_000_000);
        let seconds = clock::seconds(rest);
        let (years, months) = (months / 12, months % 12);
        json!(format!("P{years}Y{months}M{days}DT{hours}H{minutes}M{seconds}S"))
    } else {
        json!(months * 2_629_800_000_000 + days * 86_400_000_000 + micros)
    };
    (parts.join(" "), shown)
}

/// A number with so many digits after the point.
fn fixed(digits: i64, scale: usize) -> String {
    let (sign, digits) = (if digits < 0 { "-" } else { "" }, digits.abs());
    let text = format!("{digits:0width$}", width = scale + 1);
    let (whole, part) = text.split_at(text.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

/// The shortest big-endian form of a number with its sign.
fn signed(number: i64) -> Vec<u8> {
    let mut bytes = number.to_be_bytes().to_vec();
    let superfluous = |bytes: &[u8]| match bytes {
        [0, next, ..] => next & 0x80 == 0,
        [0xff, next, ..] => next & 0x80 != 0,
        _ => false,
    };
    while superfluous(&bytes) {
        bytes.remove(0);
    }
    bytes
}

impl Default for Modes {
    fn default() -> Self {
        Self { decimals: "precise", times: "adaptive", binary: "bytes", intervals: "numeric" }
    }
}

impl Cell {
    pub(super) fn turn_into_text(&mut self) {
        self.kind = Kind::Text;
        self.shown = self.text.clone().map_or(Value::Null, Value::String);
    }
}
