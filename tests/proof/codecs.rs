//! Every codec takes any bytes without a panic, those near to real ones above all.

use changeproof::base::position::RecordPosition;
use changeproof::codec::debezium::{self, Body, Encoding};
use changeproof::codec::types::DataType;
use changeproof::codec::{flink, pgoutput, postgres};
use changeproof::history::event::Event;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::value::RawValue;

use super::recorded::histories;

type Real = Vec<Vec<u8>>;

/// Real bytes: messages of the journal, keys and values of records.
fn corpus() -> &'static (Real, Real) {
    static CORPUS: std::sync::OnceLock<(Real, Real)> = std::sync::OnceLock::new();
    CORPUS.get_or_init(|| {
        let (mut journal, mut records) = (Vec::new(), Vec::new());
        for event in histories().into_iter().flat_map(|(_, history)| history.events) {
            match event {
                Event::Wal { data, .. } => journal.push(data),
                Event::Record(record) => {
                    records.extend([record.key, record.value].into_iter().flatten().map(|b| b.0));
                }
                _ => {}
            }
        }
        (journal, records)
    })
}

/// Real bytes with some of them replaced, and cut.
fn near(bytes: &[u8], edits: &[(Index, u8)], cut: Index) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, byte) in edits {
        let at = at.index(bytes.len().max(1));
        if let Some(place) = bytes.get_mut(at) {
            *place = *byte;
        }
    }
    // Half of the cases are cut.
    let cut = cut.index(bytes.len() * 2 + 1);
    bytes.truncate(cut);
    bytes
}

fn edits() -> impl Strategy<Value = Vec<(Index, u8)>> {
    vec((any::<Index>(), any::<u8>()), 0..4)
}

const POSTGRES: &[&str] = &[
    "integer",
    "bigint",
    "numeric(10,2)",
    "numeric",
    "double precision",
    "boolean",
    "text",
    "bytea",
    "date",
    "time without time zone",
    "timestamp(3) without time zone",
    "timestamp with time zone",
    "interval",
    "uuid",
    "jsonb",
    "integer[]",
    "text[]",
    "mood",
    "bit(3)",
    "money",
    "hstore",
];

const FLINK: &[&str] = &[
    "INT",
    "BIGINT",
    "DECIMAL(10, 2)",
    "DOUBLE",
    "BOOLEAN",
    "STRING",
    "BYTES",
    "DATE",
    "TIME(0)",
    "TIMESTAMP(3)",
    "TIMESTAMP_LTZ(3)",
    "ARRAY<INT>",
    "MAP<STRING, INT>",
    "ROW<`a` INT>",
    "RAW",
];

fn encodings() -> impl Strategy<Value = Encoding> {
    let decimals = prop_oneof![Just("precise"), Just("string"), Just("double")];
    let times = prop_oneof![
        Just("adaptive"),
        Just("connect"),
        Just("isostring"),
        Just("microseconds"),
        Just("nanoseconds"),
    ];
    let binary = prop_oneof![Just("bytes"), Just("base64-url-safe"), Just("hex")];
    (decimals, times, binary).prop_map(|(decimals, times, binary)| {
        let options = [
            ("decimal.handling.mode", decimals),
            ("time.precision.mode", times),
            ("binary.handling.mode", binary),
        ];
        let options = options.map(|(option, value)| (option.to_owned(), value.to_owned()));
        Encoding::of(&options.into()).unwrap()
    })
}

/// Texts that look like values, and any others.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-+0-9eE.:TZ /]{0,24}",
        "-?[0-9]{1,22}",
        "[0-9]{1,7}-[0-9]{1,2}-[0-9]{1,2}([ T][0-9]{1,2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?)?([+-][0-9]{2}|Z| BC)?",
        "[{\\[\"}\\]a,1nul:]{0,16}",
        "(\\\\x)?[0-9a-f]{0,9}",
        "(NaN|-?Infinity|true|t|P1Y2M|1 day -02:03:04)",
        any::<String>(),
    ]
}

/// JSON of a text: as it stands where it is JSON, else in quotes.
fn raw(text: &str) -> Box<RawValue> {
    let plain = RawValue::from_string(text.to_owned());
    plain.unwrap_or_else(|_| RawValue::from_string(serde_json::to_string(text).unwrap()).unwrap())
}

proptest! {
    #[test]
    fn pgoutput_takes_any_bytes(at: Index, edits in edits(), cut: Index, other in vec(any::<u8>(), 0..60)) {
        let real: &Vec<u8> = at.get(&corpus().0);
        let bytes = near(real, &edits, cut);
        pgoutput::parse(&bytes).ok();
        pgoutput::parse(&other).ok();
    }

    #[test]
    fn debezium_takes_any_bytes(at: Index, edits in edits(), cut: Index) {
        let real: &Vec<u8> = at.get(&corpus().1);
        let bytes = near(real, &edits, cut);
        let at = RecordPosition { topic: "t".to_owned(), partition: 0, offset: 0 , file: None};
        let message = debezium::read(Some(&bytes), Some(&bytes), &at);
        if let Err(error) = &message {
            prop_assert!(error.to_string().starts_with("record t[0]@0: "));
        }
        if let Ok(Body::Envelope(envelope)) = message.map(|message| message.body) {
            let encoding = Encoding::of(&std::collections::BTreeMap::new()).unwrap();
            for raw in envelope.before.iter().chain(&envelope.after).flat_map(|row| row.values()) {
                for kind in POSTGRES {
                    encoding.value(raw, &DataType::postgres(kind)).ok();
                }
            }
        }
    }

    #[test]
    fn values_of_records_take_any_text(encoding in encodings(), kind: Index, text in texts()) {
        let name: &&str = kind.get(POSTGRES);
        let kind = DataType::postgres(name);
        encoding.value(&raw(&text), &kind).ok();
        encoding.value(&raw(&format!("\"{}\"", text.escape_default())), &kind).ok();
        encoding.expected(&text, &kind).ok();
        postgres::value(&text, &kind).ok();
    }

    #[test]
    fn rows_of_flink_take_any_text(kind: Index, text in texts(), at: Index, edits in edits(), cut: Index) {
        let name: &&str = kind.get(FLINK);
        let kind = DataType::flink(name);
        flink::value(&raw(&text), &kind).ok();
        flink::cell(&text, &kind).ok();
        postgres::value(&text, &kind).ok();
        let real: &Vec<u8> = at.get(&corpus().1);
        let bytes = near(real, &edits, cut);
        flink::row(&bytes, &[("id".to_owned(), kind)]).ok();
    }
}
