//! Topics whose records are rows: what the transform `ExtractNewRecordState` makes of the records.
//!
//! A row says neither its operation nor its position. Records of a key come in order, so that the
//! next expected one is what a record should be; with a replay behind a restart that is no longer
//! certain, and such topics are not judged then.
//!
//! With `add.fields` or `add.headers` a row may say its operation, its LSN and its transaction after
//! all: what it is must agree with what it says, and one that says both LSN and transaction is known behind a restart
//! too. What it says besides these the journal does not tell, and it is not compared.
//!
//! Source: Debezium's manual, "New Record State Extraction", sections "Behavior", "Adding
//! metadata" and "Configuration options". Seen on 3.6.3 (scenarios
//! `unwrapped/deletes-as-the-transform-leaves-them` and
//! `unwrapped/rows-that-say-their-position-after-a-restart`).

use std::collections::BTreeMap;

use super::shape::Own;
use super::{Before, Columns, Expected, Logged, NotOfType, Part};
use crate::codec::debezium::{Added, Body, Encoding, Envelope, Field, Form, Op, Told};
use crate::model::key::Key;

/// A topic of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwrapped {
    /// What becomes of deletes.
    pub deletes: Deletes,
    /// What its rows hold.
    pub form: Form,
}

impl Unwrapped {
    /// Its rows say which change each comes from.
    pub fn tells_position(&self) -> bool {
        let added = || self.form.added.iter().chain(&self.form.headers);
        let has = |field| added().any(|added| added.field == field);
        has(Field::Lsn) && has(Field::Xid)
    }

    /// Reads the options of the transform.
    pub(super) fn of(own: &Own<'_>) -> Result<Self, String> {
        if let Some(option) = own.names().find(|option| !KNOWN.contains(option)) {
            return Err(format!("the option `{option}` of ExtractNewRecordState has no model"));
        }
        let deletes = Deletes::of(own.get(MODE).unwrap_or("tombstone"))?;
        let listed = |list: &str, prefix: &str| -> Vec<Added> {
            let fields = own.get(list).unwrap_or("").split(',').map(str::trim);
            let prefix = own.get(prefix).unwrap_or("__");
            fields.filter(|field| !field.is_empty()).map(|field| added(field, prefix)).collect()
        };
        let (added, headers) = (listed(FIELDS, FIELDS_PREFIX), listed(HEADERS, HEADERS_PREFIX));
        let form = Form { marks: deletes.marks(), added, headers };
        Ok(Self { deletes, form })
    }
}

/// An entry of `add.fields` or `add.headers`: `op`, `source.lsn`, `lsn:position`.
fn added(written: &str, prefix: &str) -> Added {
    let (path, renamed) = written.split_once(':').map_or((written, None), |(a, b)| (a, Some(b)));
    let field = match path {
        "op" => Field::Op,
        "lsn" | "source.lsn" => Field::Lsn,
        "txId" | "source.txId" => Field::Xid,
        _ => Field::Other,
    };
    let name = renamed.map_or_else(|| path.replace('.', "_"), str::to_owned);
    Added { name: format!("{prefix}{name}"), field }
}

/// The class of the transform.
pub(super) const CLASS: &str = "io.debezium.transforms.ExtractNewRecordState";
/// Its options. A NULL stays a NULL whatever `replace.null.with.default` says, unless a record shows
/// otherwise; and fields are dropped by a header that no transform with a model here writes.
const KNOWN: [&str; 12] = [
    "type",
    "predicate",
    "negate",
    MODE,
    FIELDS,
    FIELDS_PREFIX,
    HEADERS,
    HEADERS_PREFIX,
    "replace.null.with.default",
    "drop.fields.header.name",
    "drop.fields.from.key",
    "drop.fields.keep.schema.compatible",
];
/// Its option for what of the envelope is added to the row, and for how the names of that begin.
const FIELDS: &str = "add.fields";
const FIELDS_PREFIX: &str = "add.fields.prefix";
/// The same for its headers.
const HEADERS: &str = "add.headers";
const HEADERS_PREFIX: &str = "add.headers.prefix";
/// Its option for deletes.
const MODE: &str = "delete.tombstone.handling.mode";

/// What becomes of a delete and its tombstone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletes {
    /// Neither is written.
    Drop,
    /// The old row is written, marked as deleted.
    Rewrite,
    /// The old row is written, marked as deleted, then the tombstone.
    RewriteWithTombstone,
    /// The delete itself becomes a tombstone, and the one behind it is left out.
    ToTombstone,
    /// Both become records without a value: not the transform does that, but `ExtractField`.
    Nulls,
}

impl Deletes {
    /// Rows say whether they are deleted.
    pub(super) fn marks(self) -> bool {
        matches!(self, Self::Rewrite | Self::RewriteWithTombstone)
    }

    fn of(mode: &str) -> Result<Self, String> {
        Ok(match mode.to_ascii_lowercase().as_str() {
            "drop" => Self::Drop,
            // The delete becomes it, and the connector's own is left out.
            "tombstone" => Self::ToTombstone,
            "rewrite" => Self::Rewrite,
            "rewrite-with-tombstone" => Self::RewriteWithTombstone,
            "delete-to-tombstone" => Self::ToTombstone,
            other => return Err(format!("`{MODE}={other}` has no model")),
        })
    }
}

/// What is left of the records.
pub(super) fn unwrapped(list: Vec<Expected>, deletes: Deletes) -> Vec<Expected> {
    let row = |mut wanted: Expected| match wanted.part {
        Part::Delete if deletes.marks() => Some(wanted),
        Part::Delete if matches!(deletes, Deletes::ToTombstone | Deletes::Nulls) => {
            (wanted.part, wanted.before) = (Part::Tombstone, Before::Nothing);
            Some(wanted)
        }
        Part::Tombstone => {
            let kept = matches!(deletes, Deletes::Nulls | Deletes::RewriteWithTombstone);
            kept.then_some(wanted)
        }
        Part::Delete | Part::Truncate => None,
        Part::Read | Part::Create | Part::Update => {
            wanted.before = Before::Nothing;
            Some(wanted)
        }
    };
    list.into_iter().filter_map(row).collect()
}

/// Gives each row the operation and the position of the record that it should be: the next of its
/// key, or one of its key whose image it shows.
pub fn identify(
    columns: &Columns<'_>,
    encoding: &Encoding,
    expected: &[Expected],
    log: &mut [Logged<'_>],
) -> Result<(), NotOfType> {
    let mut lives = BTreeMap::<Option<&Key>, Vec<usize>>::new();
    for (place, wanted) in expected.iter().enumerate() {
        if wanted.part != Part::Tombstone {
            lives.entry(wanted.key.as_ref()).or_default().push(place);
        }
    }
    let mut taken = vec![false; expected.len()];
    for logged in log {
        let Body::Envelope(envelope) = &mut logged.message.body else { continue };
        let life = lives.get(&logged.key.as_ref()).map_or(&[][..], Vec::as_slice);
        let told = logged.told;
        let place = place(columns, encoding, (expected, life, &taken), (envelope, told))?;
        let Some(place) = place else { continue };
        let (Some(wanted), Some(taken)) = (expected.get(place), taken.get_mut(place)) else {
            continue;
        };
        *taken = true;
        if let Some(op) = wanted.part.op() {
            envelope.op = op;
        }
        envelope.source.xid = wanted.change.as_ref().map(|change| change.xid);
        envelope.source.lsn = wanted.change.as_ref().map(|change| change.lsn);
    }
    Ok(())
}

/// Which of the expected records of a key a row is.
fn place(
    columns: &Columns<'_>,
    encoding: &Encoding,
    (expected, life, taken): (&[Expected], &[usize], &[bool]),
    (envelope, told): (&Envelope<'_>, Told),
) -> Result<Option<usize>, NotOfType> {
    let deleted = envelope.op == Op::Delete;
    let is_free = |place: usize| taken.get(place).is_some_and(|taken| !taken);
    // The next of its key; the first of those to come that the row shows, and the last of those that
    // were there.
    let (mut next, mut later, mut before) = (None, None, None);
    for place in life.iter().copied() {
        let Some(wanted) = expected.get(place) else { continue };
        if (wanted.part == Part::Delete) != deleted || !agrees(wanted, told) {
            continue;
        }
        let shows = match (&wanted.after, &envelope.after) {
            (Some(after), Some(row)) => {
                columns.at(wanted.lsn).shows(&wanted.columns, after, row, encoding)?
            }
            // What a deleted row held is compared like any image before.
            (None, _) => true,
            (Some(_), None) => false,
        };
        if is_free(place) {
            next = next.or(Some(place));
            later = later.or(shows.then_some(place));
        } else if shows || (wanted.change.is_some() && told.is_position()) {
            // Of what the WAL left out a row shows a placeholder; its position says what it is.
            before = Some(place);
        }
    }
    Ok(later.or(before).or(next))
}

/// Whether a row may come from a record, by what it says of it. A row of a snapshot comes from no
/// change.
fn agrees(wanted: &Expected, told: Told) -> bool {
    let change = wanted.change.as_ref();
    told.op.is_none_or(|op| wanted.part.op() == Some(op))
        && change.is_none_or(|change| {
            told.lsn.is_none_or(|lsn| lsn == change.lsn)
                && told.xid.is_none_or(|xid| xid == change.xid)
        })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::scenario::settings::Options;

    fn config(options: &[(&str, &str)]) -> Options {
        let mut config = Options::from([("transforms".to_owned(), "unwrap".to_owned())]);
        config.insert("transforms.unwrap.type".to_owned(), CLASS.to_owned());
        for (option, value) in options {
            config.insert(format!("transforms.unwrap.{option}"), (*value).to_owned());
        }
        config
    }

    fn of(options: &[(&str, &str)]) -> Result<Unwrapped, String> {
        Unwrapped::of(&Own::of(&config(options), "unwrap"))
    }

    #[rstest]
    #[case(&[], Deletes::ToTombstone)]
    #[case(&[(MODE, "rewrite"), ("predicate", "p"), ("negate", "true")], Deletes::Rewrite)]
    #[case(&[(MODE, "delete-to-tombstone")], Deletes::ToTombstone)]
    #[case(&[("replace.null.with.default", "false")], Deletes::ToTombstone)]
    fn the_options_are_read(#[case] options: &[(&str, &str)], #[case] deletes: Deletes) {
        let form = Form { marks: deletes.marks(), ..Form::default() };
        assert_eq!(of(options), Ok(Unwrapped { deletes, form }));
    }

    #[rstest]
    #[case(
        "route.by.field",
        "op",
        "the option `route.by.field` of ExtractNewRecordState has no model"
    )]
    #[case(MODE, "none", "`delete.tombstone.handling.mode=none` has no model")]
    fn what_has_no_model_is_told(#[case] option: &str, #[case] value: &str, #[case] told: &str) {
        assert_eq!(of(&[(option, value)]), Err(told.to_owned()));
    }

    #[test]
    fn added_fields_have_the_names_that_the_transform_gives_them() {
        let fields = "op, lsn,source.txId,source.ts_ms, table:name";
        let of = |options: &[(&str, &str)]| {
            let unwrapped = of(options).unwrap();
            let tells = unwrapped.tells_position();
            let added = unwrapped.form.added.into_iter().chain(unwrapped.form.headers);
            (added.map(|added| (added.name, added.field)).collect::<Vec<_>>(), tells)
        };
        let (added, tells) = of(&[("add.fields", fields)]);
        let expected = [
            ("__op", Field::Op),
            ("__lsn", Field::Lsn),
            ("__source_txId", Field::Xid),
            ("__source_ts_ms", Field::Other),
            ("__name", Field::Other),
        ];
        assert_eq!(added, expected.map(|(name, field)| (name.to_owned(), field)));
        assert!(tells);
        let (added, tells) = of(&[("add.fields", "lsn"), ("add.fields.prefix", "cdc.")]);
        assert_eq!((added[0].0.as_str(), tells), ("cdc.lsn", false));
        let options =
            [("add.fields", "lsn"), ("add.headers", "txId"), ("add.headers.prefix", "h.")];
        let (added, tells) = of(&options);
        assert_eq!((added[1].0.as_str(), tells), ("h.txId", true));
    }

    #[rstest]
    #[case::nothing(&[], false)]
    #[case::one_of_them(&[(FIELDS, "op,lsn")], false)]
    #[case::others(&[(FIELDS, "op,table")], false)]
    #[case::both(&[(FIELDS, "lsn,txId")], true)]
    #[case::one_in_a_header(&[(FIELDS, "source.lsn"), (HEADERS, "txId")], true)]
    fn a_row_tells_its_position_by_lsn_and_transaction(
        #[case] options: &[(&str, &str)],
        #[case] tells: bool,
    ) {
        assert_eq!(of(options).map(|of| of.tells_position()), Ok(tells));
    }
}
