//! Records whose value is a row, as the transform `ExtractNewRecordState` leaves it.

use serde_json::value::RawValue;

use super::{
    Body, Envelope, EnvelopeError, Message, Op, Row, Source, low_bits, operation, read_key,
};
use crate::base::position::{Lsn, RecordPosition, Xid};

/// The field by which a row says whether it is deleted.
pub const DELETED: &str = "__deleted";

/// What a row holds besides its columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    /// It says whether it is deleted.
    pub marks: bool,
    /// What else it says of the record that it was made of.
    pub added: Vec<Added>,
    /// What its headers say of that record.
    pub headers: Vec<Added>,
}

/// A field of the envelope that is added to the row, or to its headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// Its name there.
    pub name: String,
    /// What it is.
    pub field: Field,
}

/// What an added field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The operation.
    Op,
    /// The LSN of the change.
    Lsn,
    /// The number of the transaction.
    Xid,
    /// Anything else, which the journal does not tell.
    Other,
}

/// What a row says of the record that it was made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// The operation.
    pub op: Option<Op>,
    /// The LSN of the change.
    pub lsn: Option<Lsn>,
    /// The number of the transaction.
    pub xid: Option<Xid>,
}

impl Told {
    /// It says which change the record is of.
    pub fn is_position(self) -> bool {
        self.lsn.is_some() && self.xid.is_some()
    }
}

/// A record whose value is a row.
#[derive(Debug, Clone, Copy)]
pub struct RowRecord<'r, 'a> {
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value.
    pub value: Option<&'a [u8]>,
    /// Its headers in order; a header may be null.
    pub headers: &'r [(&'a str, Option<&'a [u8]>)],
}

/// Reads a record whose value is a row. Its operation is only `u` or `d`, as far as the mark of
/// deleted rows goes, and it has no position: what else it says is told beside it.
pub fn read_row<'a>(
    RowRecord { key, value, headers }: RowRecord<'_, 'a>,
    form: &Form,
    at: &RecordPosition,
) -> Result<(Message<'a>, Told), EnvelopeError> {
    let error =
        |part, expected| move |problem| EnvelopeError { at: at.clone(), part, expected, problem };
    let key = key.map(read_key).transpose().map_err(error("key", "key"))?.flatten();
    let row = value.map(read_key).transpose().map_err(error("value", "row"))?.flatten();
    let Some(mut row) = row else {
        return Ok((Message { key, body: Body::Tombstone }, Told::default()));
    };
    let deleted = is_deleted(&mut row, form).map_err(error("value", "row"))?;
    let mut told = told(&mut row, form).map_err(error("value", "row"))?;
    told_by_headers(headers, form, &mut told).map_err(error("headers", "row"))?;
    let (op, before, after) =
        if deleted { (Op::Delete, Some(row), None) } else { (Op::Update, None, Some(row)) };
    let source = Source::default();
    let envelope = Envelope { op, before, after, source, transaction: None };
    Ok((Message { key, body: Body::Envelope(Box::new(envelope)) }, told))
}

fn is_deleted(row: &mut Row<'_>, form: &Form) -> Result<bool, String> {
    let mark = if form.marks { row.remove(DELETED).map(RawValue::get) } else { Some("\"false\"") };
    match mark {
        Some("\"true\"" | "true") => Ok(true),
        Some("\"false\"" | "false") => Ok(false),
        other => {
            Err(format!("`{DELETED}` is {}, expected true or false", other.unwrap_or("absent")))
        }
    }
}

/// Takes the added fields out of a row: they are none of its columns.
fn told(row: &mut Row<'_>, form: &Form) -> Result<Told, String> {
    let mut told = Told::default();
    for Added { name, field } in &form.added {
        let value = row.remove(name).ok_or_else(|| format!("`{name}` is absent"))?.get();
        told.take((name, value), *field)?;
    }
    Ok(told)
}

/// What the headers say; Connect writes them as plain text, unless a `header.converter` makes JSON
/// of them.
fn told_by_headers(
    headers: &[(&str, Option<&[u8]>)],
    form: &Form,
    told: &mut Told,
) -> Result<(), String> {
    for Added { name, field } in &form.headers {
        let header = headers.iter().find(|(header, _)| header == name);
        let (_, value) = header.ok_or_else(|| format!("the header `{name}` is absent"))?;
        let value = value.map_or("null".into(), String::from_utf8_lossy);
        told.take((name, &value), *field)?;
    }
    Ok(())
}

impl Told {
    /// What one field says, as JSON or as plain text.
    fn take(&mut self, (name, value): (&str, &str), field: Field) -> Result<(), String> {
        // A row of a snapshot may come from no transaction and stand at no LSN.
        if value == "null" {
            return Ok(());
        }
        let number = || value.parse::<u64>().map_err(|_| format!("`{name}` is {value}, no number"));
        match field {
            Field::Op => {
                let op = operation(value.trim_matches('"'));
                self.op = Some(op.ok_or_else(|| format!("`{name}` is {value}, no operation"))?);
            }
            Field::Lsn => self.lsn = Some(Lsn(number()?)),
            Field::Xid => self.xid = low_bits(number()?),
            Field::Other => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn row<'r, 'a>(
        value: Option<&'a str>,
        headers: &'r [(&'a str, Option<&'a [u8]>)],
    ) -> RowRecord<'r, 'a> {
        RowRecord { key: Some(b"{\"id\":1}"), value: value.map(str::as_bytes), headers }
    }

    fn at() -> RecordPosition {
        RecordPosition { topic: "cdc.public.t".to_owned(), partition: 1, offset: 7, file: None }
    }

    fn marked() -> Form {
        Form { marks: true, ..Form::default() }
    }

    fn with_fields() -> Form {
        let added = |name: &str, field| Added { name: name.to_owned(), field };
        let added = vec![
            added("__op", Field::Op),
            added("__lsn", Field::Lsn),
            added("__txId", Field::Xid),
            added("__table", Field::Other),
        ];
        Form { added, ..Form::default() }
    }

    #[rstest]
    #[case(Some(r#"{"id":1,"__deleted":"false"}"#), true, "u")]
    #[case(Some(r#"{"id":1,"__deleted":"true"}"#), true, "d")]
    #[case(Some(r#"{"id":1}"#), false, "u")]
    #[case(None, true, "null")]
    fn a_row_says_at_most_whether_it_is_deleted(
        #[case] value: Option<&str>,
        #[case] marks: bool,
        #[case] op: &str,
    ) {
        let form = Form { marks, ..Form::default() };
        let (read, told) = read_row(row(value, &[]), &form, &at()).unwrap();
        assert_eq!(told, Told::default());
        let Body::Envelope(envelope) = read.body else {
            assert_eq!(op, "null");
            return;
        };
        let row = envelope.after.or(envelope.before).unwrap();
        assert_eq!((envelope.op.letter(), row.len()), (op, 1));
    }

    #[rstest]
    #[case("c", "7", "4294967303", Told { op: Some(Op::Create), lsn: Some(Lsn(7)), xid: Some(Xid(7)) })]
    #[case("r", "null", "null", Told { op: Some(Op::Read), lsn: None, xid: None })]
    fn added_fields_are_told_beside_the_row(
        #[case] op: &str,
        #[case] lsn: &str,
        #[case] xid: &str,
        #[case] expected: Told,
    ) {
        let value =
            format!(r#"{{"id":1,"__op":"{op}","__lsn":{lsn},"__txId":{xid},"__table":"t"}}"#);
        let (read, told) = read_row(row(Some(&value), &[]), &with_fields(), &at()).unwrap();
        assert_eq!(told, expected);
        let Body::Envelope(envelope) = read.body else { panic!("no row") };
        assert_eq!(envelope.after.unwrap().len(), 1);
    }

    #[rstest]
    #[case(marked(), r#"{"id":1}"#, "`__deleted` is absent, expected true or false")]
    #[case(with_fields(), r#"{"id":1}"#, "`__op` is absent")]
    #[case(with_fields(), r#"{"__op":"x"}"#, "`__op` is \"x\", no operation")]
    #[case(with_fields(), r#"{"__op":"c","__lsn":"7"}"#, "`__lsn` is \"7\", no number")]
    fn a_row_that_does_not_say_what_it_should_is_refused(
        #[case] form: Form,
        #[case] value: &str,
        #[case] problem: &str,
    ) {
        let error = read_row(row(Some(value), &[]), &form, &at()).unwrap_err();
        let expected = "record cdc.public.t[1]@7: value is no Debezium row: ";
        assert_eq!(error.to_string(), format!("{expected}{problem}"));
    }

    fn with_headers() -> Form {
        Form { headers: with_fields().added, ..Form::default() }
    }

    #[rstest]
    #[case(&[("__op", Some("c")), ("__lsn", Some("7")), ("__txId", Some("4294967303")), ("__table", None)],
           Told { op: Some(Op::Create), lsn: Some(Lsn(7)), xid: Some(Xid(7)) })]
    #[case(&[("other", None), ("__op", Some("\"r\"")), ("__lsn", None), ("__txId", Some("null")), ("__table", Some("t"))],
           Told { op: Some(Op::Read), lsn: None, xid: None })]
    fn headers_tell_what_fields_tell(
        #[case] headers: &[(&str, Option<&str>)],
        #[case] expected: Told,
    ) {
        let headers = headers.iter().map(|(name, value)| (*name, value.map(str::as_bytes)));
        let headers = headers.collect::<Vec<_>>();
        let record = row(Some(r#"{"id":1}"#), &headers);
        assert_eq!(read_row(record, &with_headers(), &at()).unwrap().1, expected);
    }

    #[test]
    fn a_header_that_is_absent_is_told() {
        let error = read_row(row(Some(r#"{"id":1}"#), &[]), &with_headers(), &at()).unwrap_err();
        assert!(error.to_string().ends_with("the header `__op` is absent"), "{error}");
    }
}
