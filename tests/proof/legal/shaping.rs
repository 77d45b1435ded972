//! Options that shape records: what the connector's lists and one chain of transforms make of rows
//! and keys, by the documentation of Debezium and Kafka.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::debezium::Emit;

/// What is drawn.
#[derive(Debug, Clone)]
pub(crate) struct Shaping {
    /// A column that is left out, by its name, and whether the list of the others says so.
    hidden: Option<(&'static str, bool)>,
    note: Note,
    names: &'static str,
    /// The types of columns are told in the schema.
    propagates: bool,
    /// Updates that change nothing that is shown have no record.
    pub(crate) skips_unchanged: bool,
    pub(crate) chain: Chain,
}

/// What becomes of the long column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Note {
    Plain,
    Masked,
    Cut,
    Hashed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chain {
    Nothing,
    /// `ExtractNewRecordState`, and a transform of Kafka's behind it.
    Unwrap(Unwrap, Then),
    Key(KeyForm),
    NoTombstones,
    Header,
    /// Other topics.
    Route,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unwrap {
    mode: &'static str,
    /// Rows say operation, LSN and transaction, in fields or in headers.
    pub(crate) tells: Tells,
}

impl Unwrap {
    /// Deletes come as tombstones, which hold nothing but a key.
    pub(crate) fn deletes_say_nothing(self) -> bool {
        self.mode.ends_with("tombstone") && !self.mode.starts_with("rewrite")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tells {
    Nothing,
    Fields,
    Headers,
}

/// Behind `ExtractNewRecordState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Nothing,
    Mask,
    LeaveOut,
    Rename,
    Insert,
    Cast(&'static str),
    Hoist,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyForm {
    Renamed,
    Hoisted,
    Bare,
}

/// The columns that tables have at the beginning, the key apart.
pub(crate) const NAMES: [&str; 5] = ["v", "note", "x0", "x-1", "x_2"];

const STARS: usize = 5;
const LENGTH: usize = 4;
const SALT: &str = "pepper";
/// The two modes that leave no tombstone, at which some of Kafka's transforms fail.
const WITHOUT_TOMBSTONES: [&str; 2] = ["drop", "rewrite"];

pub(crate) fn shapings() -> impl Strategy<Value = Shaping> {
    let hidden = prop::option::weighted(0.3, (prop::sample::select(NAMES.to_vec()), any::<bool>()));
    let note = prop_oneof![
        3 => Just(Note::Plain),
        1 => Just(Note::Masked),
        1 => Just(Note::Cut),
        1 => Just(Note::Hashed)
    ];
    let names = prop::sample::select(vec!["none", "none", "avro", "avro_unicode"]);
    let (half, fifth) = (any::<bool>(), prop::bool::weighted(0.2));
    (hidden, note, names, fifth, half, chains()).prop_map(
        |(hidden, note, names, propagates, skips_unchanged, chain)| Shaping {
            hidden,
            note,
            names,
            // Which of two lists counts for a column is not at issue here.
            propagates: propagates && note == Note::Plain,
            skips_unchanged,
            chain,
        },
    )
}

fn chains() -> impl Strategy<Value = Chain> {
    let modes = ["drop", "tombstone", "rewrite", "rewrite-with-tombstone", "delete-to-tombstone"];
    let tells = prop::sample::select(vec![Tells::Nothing, Tells::Fields, Tells::Headers]);
    let thens = [
        Then::Nothing,
        Then::Mask,
        Then::LeaveOut,
        Then::Rename,
        Then::Insert,
        Then::Cast("string"),
        Then::Cast("int64"),
        Then::Cast("float64"),
        Then::Hoist,
    ];
    let mode = prop::sample::select(modes.to_vec());
    let unwrap = (mode, tells, prop::sample::select(thens.to_vec()));
    let unwrap = unwrap.prop_map(|(mode, tells, then)| {
        let needs_values = matches!(then, Then::Mask | Then::Hoist);
        let then =
            if needs_values && !WITHOUT_TOMBSTONES.contains(&mode) { Then::Nothing } else { then };
        Chain::Unwrap(Unwrap { mode, tells }, then)
    });
    prop_oneof![
        3 => Just(Chain::Nothing),
        4 => unwrap,
        1 => Just(Chain::Key(KeyForm::Renamed)),
        1 => Just(Chain::Key(KeyForm::Hoisted)),
        1 => Just(Chain::Key(KeyForm::Bare)),
        1 => Just(Chain::NoTombstones),
        1 => Just(Chain::Header),
        1 => Just(Chain::Route),
    ]
}

/// A record's key, value and headers.
pub(crate) type Written = (Option<Value>, Option<Value>, Vec<(String, String)>);

impl Shaping {
    /// Rows as they are.
    pub(crate) fn plain() -> Self {
        Self {
            hidden: None,
            note: Note::Plain,
            names: "none",
            propagates: false,
            skips_unchanged: false,
            chain: Chain::Nothing,
        }
    }

    /// What Flink's format of Debezium's envelope reads as it is.
    pub(crate) fn is_read_as_it_is(&self) -> bool {
        let chain = matches!(self.chain, Chain::Nothing | Chain::NoTombstones | Chain::Header);
        chain && self.hidden.is_none() && self.note == Note::Plain && self.names == "none"
    }

    /// It needs the whole value of every column.
    pub(crate) fn needs_values(&self) -> bool {
        matches!(self.note, Note::Cut | Note::Hashed)
    }

    fn has(&self, column: &str) -> bool {
        match self.hidden {
            Some((hidden, false)) => column != hidden,
            Some((hidden, true)) => column == "id" || (column != hidden && NAMES.contains(&column)),
            None => true,
        }
    }

    fn field(&self, column: &str) -> String {
        match self.names {
            "avro" => column.replace('-', "_"),
            "avro_unicode" => column.replace('_', "_u005f").replace('-', "_u002d"),
            _ => column.to_owned(),
        }
    }

    fn noted(&self, value: Value) -> Value {
        match (self.note, value.as_str()) {
            (Note::Masked, _) => json!("*".repeat(STARS)),
            (Note::Cut, Some(text)) => json!(text.chars().take(LENGTH).collect::<String>()),
            (Note::Hashed, Some(text)) => {
                json!(hex::encode(Sha256::digest([SALT, text].concat().as_bytes())))
            }
            _ => value,
        }
    }

    /// An image of the connector's.
    pub(crate) fn image(&self, columns: Vec<(String, Value)>) -> Value {
        let shown = columns.into_iter().filter(|(name, _)| self.has(name)).map(|(name, value)| {
            let value = if name == "note" { self.noted(value) } else { value };
            (self.field(&name), value)
        });
        Value::Object(shown.collect())
    }

    pub(crate) fn options(&self) -> Vec<(String, String)> {
        let mut options = Vec::new();
        let mut set =
            |option: &str, value: &str| options.push((option.to_owned(), value.to_owned()));
        let named = |column: &str| format!("public\\..*\\.{column}");
        match self.hidden {
            Some((hidden, false)) => set("column.exclude.list", &named(hidden)),
            Some((hidden, true)) => {
                let shown = NAMES.iter().filter(|name| **name != hidden);
                let shown = shown.chain([&"id"]).map(|name| named(name)).collect::<Vec<_>>();
                set("column.include.list", &shown.join(","));
            }
            None => {}
        }
        let note = named("note");
        match self.note {
            Note::Plain => {}
            Note::Masked => set(&format!("column.mask.with.{STARS}.chars"), &note),
            Note::Cut => set(&format!("column.truncate.to.{LENGTH}.chars"), &note),
            Note::Hashed => {
                set(&format!("column.mask.hash.v2.SHA-256.with.salt.{SALT}"), &note);
            }
        }
        set("field.name.adjustment.mode", self.names);
        if self.propagates {
            set("column.propagate.source.type", ".*");
        }
        if self.skips_unchanged {
            set("skip.messages.without.change", "true");
        }
        let mut names = Vec::new();
        for (n, transform) in self.transforms().into_iter().enumerate() {
            for (option, value) in transform {
                set(&format!("transforms.t{n}.{option}"), value);
            }
            names.push(format!("t{n}"));
        }
        if !names.is_empty() {
            set("transforms", &names.join(","));
        }
        if self.chain == Chain::NoTombstones {
            let class = "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone";
            set("predicates", "p");
            set("predicates.p.type", class);
        }
        options
    }

    fn transforms(&self) -> Vec<Vec<(&'static str, &'static str)>> {
        macro_rules! kafka {
            ($name:literal) => {
                ("type", concat!("org.apache.kafka.connect.transforms.", $name))
            };
        }
        match self.chain {
            Chain::Nothing => Vec::new(),
            Chain::Key(KeyForm::Renamed) => {
                vec![vec![kafka!("ReplaceField$Key"), ("renames", "id:key")]]
            }
            Chain::Key(KeyForm::Hoisted) => vec![vec![kafka!("HoistField$Key"), ("field", "k")]],
            Chain::Key(KeyForm::Bare) => vec![vec![kafka!("ExtractField$Key"), ("field", "id")]],
            Chain::NoTombstones => vec![vec![kafka!("Filter"), ("predicate", "p")]],
            Chain::Header => {
                let header = [("header", "from"), ("value.literal", "pg")];
                vec![[&[kafka!("InsertHeader")], &header[..]].concat()]
            }
            Chain::Route => {
                let (from, to) = ("cdc\\.public\\.(.*)", "routed.$1");
                vec![vec![kafka!("RegexRouter"), ("regex", from), ("replacement", to)]]
            }
            Chain::Unwrap(unwrap, then) => {
                let class = ("type", "io.debezium.transforms.ExtractNewRecordState");
                let mut first = vec![class, ("delete.tombstone.handling.mode", unwrap.mode)];
                match unwrap.tells {
                    Tells::Nothing => {}
                    Tells::Fields => first.push(("add.fields", "op,lsn,source.txId")),
                    Tells::Headers => first.push(("add.headers", "op,lsn,source.txId")),
                }
                let second = match then {
                    Then::Nothing => return vec![first],
                    Then::Mask => vec![kafka!("MaskField$Value"), ("fields", "v")],
                    Then::LeaveOut => vec![kafka!("ReplaceField$Value"), ("exclude", "v")],
                    Then::Rename => vec![kafka!("ReplaceField$Value"), ("renames", "v:w")],
                    Then::Insert => {
                        let field = [("static.field", "from"), ("static.value", "pg")];
                        [&[kafka!("InsertField$Value")], &field[..]].concat()
                    }
                    Then::Cast("string") => vec![kafka!("Cast$Value"), ("spec", "v:string")],
                    Then::Cast("int64") => vec![kafka!("Cast$Value"), ("spec", "v:int64")],
                    Then::Cast(_) => vec![kafka!("Cast$Value"), ("spec", "v:float64")],
                    Then::Hoist => vec![kafka!("HoistField$Value"), ("field", "row")],
                };
                vec![first, second]
            }
        }
    }

    /// The topic of records that the connector writes to this one.
    pub(crate) fn topic(&self, table: &str) -> String {
        if self.chain == Chain::Route {
            format!("routed.{table}")
        } else {
            format!("cdc.public.{table}")
        }
    }

    /// Whether a record passes all transforms.
    pub(crate) fn keeps(&self, op: char) -> bool {
        match self.chain {
            Chain::NoTombstones => op != 'n',
            Chain::Unwrap(Unwrap { mode, .. }, _) => match mode {
                "drop" => !matches!(op, 'd' | 'n' | 't'),
                "rewrite-with-tombstone" => op != 't',
                _ => !matches!(op, 'n' | 't'),
            },
            _ => true,
        }
    }

    /// What becomes of a record with this envelope.
    pub(crate) fn written(&self, emit: &Emit, envelope: Option<Value>) -> Written {
        let key = emit.key.map(|id| match self.chain {
            Chain::Key(KeyForm::Renamed) => json!({"key": id}),
            Chain::Key(KeyForm::Hoisted) => json!({"k": {"id": id}}),
            Chain::Key(KeyForm::Bare) => json!(id),
            _ => json!({"id": id}),
        });
        match self.chain {
            Chain::Header => (key, envelope, vec![("from".to_owned(), "pg".to_owned())]),
            Chain::Unwrap(unwrap, then) => {
                let Some(envelope) = envelope else { return (key, None, Vec::new()) };
                let (row, headers) = unwrapped(unwrap, emit, &envelope);
                (key, row.map(|row| Self::behind(then, row)), headers)
            }
            _ => (key, envelope, Vec::new()),
        }
    }

    fn behind(then: Then, mut row: Map<String, Value>) -> Value {
        let v = row.get("v").cloned();
        match (then, v) {
            (Then::Mask, Some(v)) if !v.is_null() => drop(row.insert("v".to_owned(), json!(0))),
            (Then::LeaveOut, Some(_)) => drop(row.remove("v")),
            (Then::Rename, Some(v)) => {
                row.remove("v");
                row.insert("w".to_owned(), v);
            }
            (Then::Insert, _) => drop(row.insert("from".to_owned(), json!("pg"))),
            (Then::Cast(kind), Some(v)) if !v.is_null() => {
                let v = match kind {
                    "string" => json!(v.to_string()),
                    "float64" => json!(v.as_f64().unwrap()),
                    _ => v,
                };
                row.insert("v".to_owned(), v);
            }
            (Then::Hoist, _) => return json!({"row": row}),
            _ => {}
        }
        Value::Object(row)
    }
}

/// Headers: name and text.
type Headers = Vec<(String, String)>;

/// The row of an envelope, and its headers; none for a delete that becomes a tombstone.
fn unwrapped(
    Unwrap { mode, tells }: Unwrap,
    emit: &Emit,
    envelope: &Value,
) -> (Option<Map<String, Value>>, Headers) {
    let op = emit.op.to_string();
    let fields = [
        ("__op", json!(op)),
        ("__lsn", envelope["source"]["lsn"].clone()),
        ("__source_txId", envelope["source"]["txId"].clone()),
    ];
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let headers = match tells {
        Tells::Headers => fields.iter().map(|(name, v)| ((*name).to_owned(), text(v))).collect(),
        _ => Vec::new(),
    };
    let marks = mode.starts_with("rewrite");
    let image = if emit.op == 'd' { &envelope["before"] } else { &envelope["after"] };
    if emit.op == 'd' && !marks {
        return (None, headers);
    }
    let mut row = image.as_object().unwrap().clone();
    if marks {
        row.insert("__deleted".to_owned(), json!((emit.op == 'd').to_string()));
    }
    if tells == Tells::Fields {
        row.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    }
    (Some(row), headers)
}
