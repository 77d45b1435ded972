//! Envelopes as they stand in their bytes, for whoever reads very many of them.
//!
//! What is scanned is read as [`read`](super::read) reads it; what is in any way unusual is not
//! scanned, and left to that.

use super::Op;
use crate::base::position::{Lsn, Xid};

/// A change event whose images were not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scanned<'a> {
    /// What happened.
    pub op: Op,
    /// The JSON of the row before; `None` for null.
    pub before: Option<&'a str>,
    /// The JSON of the row after; `None` for null.
    pub after: Option<&'a str>,
    /// As in [`Source`](super::Source).
    pub lsn: Option<Lsn>,
    /// As in [`Source`](super::Source).
    pub xid: Option<Xid>,
    /// It is a row of an incremental snapshot.
    pub is_incremental: bool,
}

/// Scans the value of a record; `None` where it is unusual.
pub fn scan(value: &[u8]) -> Option<Scanned<'_>> {
    let mut json = Json::of(value)?;
    let (mut op, mut source, mut transaction) = (None, None, None);
    let (mut before, mut after) = (None, None);
    json.object(|json, name| {
        let slot = match name {
            "op" => &mut op,
            "before" => &mut before,
            "after" => &mut after,
            "source" => &mut source,
            "transaction" => &mut transaction,
            _ => return json.value(0).map(drop),
        };
        // A field that stands there twice is refused by the other reader.
        slot.is_none().then_some(())?;
        *slot = Some(json.value(0)?);
        Some(())
    })?;
    json.end()?;
    if !matches!(transaction, None | Some("null")) {
        return None;
    }
    let op = match op? {
        "\"r\"" => Op::Read,
        "\"c\"" => Op::Create,
        "\"u\"" => Op::Update,
        "\"d\"" => Op::Delete,
        _ => return None,
    };
    let (lsn, xid, is_incremental) = origin(source?)?;
    Some(Scanned { op, before: image(before)?, after: image(after)?, lsn, xid, is_incremental })
}

/// The outer `None`: neither null nor an object.
#[expect(clippy::option_option, reason = "unusual, or null, or an object")]
fn image(raw: Option<&str>) -> Option<Option<&str>> {
    match raw {
        None | Some("null") => Some(None),
        Some(raw) => raw.starts_with('{').then_some(Some(raw)),
    }
}

fn origin(raw: &str) -> Option<(Option<Lsn>, Option<Xid>, bool)> {
    let mut json = Json::of(raw.as_bytes())?;
    let (mut lsn, mut xid, mut mark, mut ts_ms) = (None, None, None, None);
    let (mut schema, mut table) = (None, None);
    json.object(|json, name| {
        let slot = match name {
            "lsn" => &mut lsn,
            "txId" => &mut xid,
            "snapshot" => &mut mark,
            "ts_ms" => &mut ts_ms,
            "schema" => &mut schema,
            "table" => &mut table,
            _ => return json.value(0).map(drop),
        };
        slot.is_none().then_some(())?;
        *slot = Some(json.value(0)?);
        Some(())
    })?;
    json.end()?;
    for name in [schema, table] {
        (name.is_none_or(|name| name == "null" || is_plain(name))).then_some(())?;
    }
    if let Some(ts_ms) = ts_ms.filter(|ts_ms| *ts_ms != "null") {
        ts_ms.parse::<i64>().ok()?;
    }
    let xid = match number(xid)? {
        Some(xid) => Some(super::low_bits(xid)?),
        None => None,
    };
    let mark = mark.unwrap_or("null");
    (!mark.contains('\\')).then_some(())?;
    Some((number(lsn)?.map(Lsn), xid, mark == "\"incremental\""))
}

/// The outer `None`: neither null nor a number of 64 bits.
#[expect(clippy::option_option, reason = "unusual, or null, or a number")]
fn number(raw: Option<&str>) -> Option<Option<u64>> {
    match raw {
        None | Some("null") => Some(None),
        Some(raw) => raw.parse().ok().map(Some),
    }
}

/// A text without escapes.
fn is_plain(raw: &str) -> bool {
    raw.starts_with('"') && !raw.contains('\\')
}

/// The members of a JSON object in their order, names without quotes; `None` at what is unusual, a
/// name with an escape among it.
pub fn members<'a>(
    object: &'a [u8],
    mut each: impl FnMut(&'a str, &'a str) -> Option<()>,
) -> Option<()> {
    let mut json = Json::of(object)?;
    json.object(|json, name| each(name, json.value(0)?))?;
    json.end()
}

/// The content of a JSON text without escapes.
pub fn plain(raw: &str) -> Option<&str> {
    let content = raw.strip_prefix('"')?.strip_suffix('"')?;
    (!content.contains('\\')).then_some(content)
}

/// How deep values may stand in each other here; the other reader bears more.
const DEPTH: usize = 32;

/// A JSON text, and how far it was read.
struct Json<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Json<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        Some(Self { text: std::str::from_utf8(bytes).ok()?, bytes, at: 0 })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then_some(())?;
        self.at += 1;
        Some(())
    }

    fn end(mut self) -> Option<()> {
        self.space();
        (self.at == self.bytes.len()).then_some(())
    }

    /// Reads an object; `each` is given every name and must read its value.
    fn object(&mut self, mut each: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.space();
        self.expect(b'{')?;
        self.space();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.space();
            let start = self.at + 1;
            let escaped = self.string()?;
            (!escaped).then_some(())?;
            let name = self.text.get(start..self.at - 1)?;
            self.space();
            self.expect(b':')?;
            self.space();
            each(self, name)?;
            self.space();
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// Reads a value of any kind; gives its JSON.
    fn value(&mut self, depth: usize) -> Option<&'a str> {
        let start = self.at;
        match self.peek()? {
            b'"' => drop(self.string()?),
            b'{' => {
                (depth < DEPTH).then_some(())?;
                self.object(|json, _| json.value(depth + 1).map(drop))?;
            }
            b'[' => {
                (depth < DEPTH).then_some(())?;
                self.array(depth)?;
            }
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => self.number()?,
        }
        self.text.get(start..self.at)
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        rest.starts_with(word.as_bytes()).then_some(())?;
        self.at += word.len();
        Some(())
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.expect(b'[')?;
        self.space();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.space();
            self.value(depth + 1)?;
            self.space();
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// Reads a text; whether it has escapes.
    fn string(&mut self) -> Option<bool> {
        self.expect(b'"')?;
        let mut escaped = false;
        loop {
            let rest = self.bytes.get(self.at..)?;
            let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
            self.at += plain;
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(escaped);
                }
                b'\\' => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        self.at += 1;
        let kind = self.peek()?;
        self.at += 1;
        match kind {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.bytes.get(self.at..self.at + 4)?;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                self.at += 4;
                Some(())
            }
            _ => None,
        }
    }

    fn digits(&mut self) -> Option<usize> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(self.at - start)
    }

    fn number(&mut self) -> Option<()> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        let leading_zero = self.peek()? == b'0';
        let n = self.digits()?;
        (n == 1 || !leading_zero).then_some(())?;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::super::{Body, Row, read};
    use super::*;
    use crate::base::position::RecordPosition;

    const CAPTURED: &str = r#"{"before":null,"after":{"id":2,"n":0.10,"t":"a\"bé","x":[1,{"y":null}]},
        "source":{"version":"3.6.3.Final","name":"rf","ts_ms":5,"snapshot":"false",
        "sequence":"[null,\"22075944\"]","schema":"public","table":"orders","txId":727,
        "lsn":22075944,"xmin":null},"transaction":null,"op":"c","ts_ms":6}"#;

    fn row(raw: Option<&str>) -> Option<String> {
        raw.map(|raw| format!("{:?}", serde_json::from_str::<Row<'_>>(raw).unwrap()))
    }

    /// What is scanned is what is read.
    fn same(bytes: &[u8]) -> bool {
        let Some(scanned) = scan(bytes) else { return false };
        let at = RecordPosition { topic: "t".to_owned(), partition: 0, offset: 0, file: None };
        let Body::Envelope(envelope) = read(None, Some(bytes), &at).unwrap().body else { panic!() };
        let shown = |row: &Option<Row<'_>>| row.as_ref().map(|row| format!("{row:?}"));
        assert_eq!(scanned.op, envelope.op);
        assert_eq!(row(scanned.before), shown(&envelope.before));
        assert_eq!(row(scanned.after), shown(&envelope.after));
        let source = &envelope.source;
        assert_eq!((scanned.lsn, scanned.xid), (source.lsn, source.xid));
        assert_eq!(scanned.is_incremental, source.is_incremental());
        assert!(envelope.transaction.is_none());
        true
    }

    #[test]
    fn what_debezium_writes_is_scanned() {
        assert!(same(CAPTURED.as_bytes()));
        let mut seen = Vec::new();
        let members = members(br#"{"id" : 1, "t":"x"}"#, |name, raw| {
            seen.push((name, raw));
            Some(())
        });
        assert_eq!((members, seen), (Some(()), vec![("id", "1"), ("t", "\"x\"")]));
    }

    #[test]
    fn what_is_unusual_is_left_to_the_other_reader() {
        for unusual in [
            format!("{{\"schema\":{{}},\"payload\":{CAPTURED}}}"),
            CAPTURED.replace("\"op\":\"c\"", "\"op\":\"c\",\"op\":\"u\""),
            CAPTURED.replace("\"op\":\"c\"", "\"op\":\"t\""),
            CAPTURED.replace("\"transaction\":null", "\"transaction\":{\"id\":\"1:2\"}"),
            CAPTURED.replace("0.10", "01"),
            CAPTURED.replace("\"public\"", "7"),
            format!("{CAPTURED}x"),
        ] {
            assert_eq!(scan(unusual.as_bytes()), None, "{unusual}");
        }
    }

    proptest! {
        #[test]
        fn what_is_scanned_is_valid(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = CAPTURED.as_bytes().to_vec();
            let place = at.index(bytes.len());
            bytes[place] = byte;
            same(&bytes);
        }

        #[test]
        fn a_value_is_one_by_both_readers(text in r#"[-0-9.eE+tfn\[\]{}:," a\\u]{0,12}"#) {
            let mut json = Json::of(text.as_bytes()).unwrap();
            let scanned = json.value(0).is_some() && json.end().is_some();
            if scanned {
                prop_assert!(serde_json::from_str::<&RawValue>(&text).is_ok(), "{}", text);
            }
        }
    }
}
