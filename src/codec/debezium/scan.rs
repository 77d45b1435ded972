//! Envelopes as they stand in their bytes, for whoever reads very many of them.
//!
//! What is scanned is read as [`read`](super::read) reads it; what is in any way unusual is not
//! scanned, and left to that.

use super::Op;
use crate::base::position::{Lsn, Xid};

/// A change event whose images were seen member by member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scanned<'a> {
    /// What happened.
    pub op: Op,
    /// The JSON of the row before; `None` for null.
    pub before: Option<&'a [u8]>,
    /// The JSON of the row after; `None` for null.
    pub after: Option<&'a [u8]>,
    /// As in [`Source`](super::Source).
    pub lsn: Option<Lsn>,
    /// As in [`Source`](super::Source).
    pub xid: Option<Xid>,
    /// It is a row of an incremental snapshot.
    pub is_incremental: bool,
}

/// Which of an envelope's images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The row before.
    Before,
    /// The row after.
    After,
}

/// Scans the value of a record; `None` where it is unusual. `each` is given the members of both
/// images in their order: the column's name and its JSON. That the bytes are UTF-8 is known only when
/// all of them were scanned.
pub fn scan<'a>(
    value: &'a [u8],
    mut each: impl FnMut(Side, &'a [u8], &'a [u8]),
) -> Option<Scanned<'a>> {
    let mut json = Json::of(value);
    let (mut op, mut origin, mut transaction) = (None, None, None);
    let (mut before, mut after) = (None, None);
    // A field that stands there twice is refused by the other reader.
    json.object(|json, name| match name {
        b"op" => once(&mut op, json.value(0)?),
        b"before" => once(&mut before, json.image(|name, raw| each(Side::Before, name, raw))?),
        b"after" => once(&mut after, json.image(|name, raw| each(Side::After, name, raw))?),
        b"source" => once(&mut origin, json.origin()?),
        b"transaction" => once(&mut transaction, json.value(0)?),
        _ => json.value(0).map(drop),
    })?;
    json.end()?;
    if !matches!(transaction, None | Some(b"null")) {
        return None;
    }
    let op = match op? {
        b"\"r\"" => Op::Read,
        b"\"c\"" => Op::Create,
        b"\"u\"" => Op::Update,
        b"\"d\"" => Op::Delete,
        _ => return None,
    };
    let Origin { lsn, xid, is_incremental } = origin?;
    let (before, after) = (before.flatten(), after.flatten());
    Some(Scanned { op, before, after, lsn, xid, is_incremental })
}

/// Fills a slot that is empty.
fn once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

/// What is read of `source`.
struct Origin {
    lsn: Option<Lsn>,
    xid: Option<Xid>,
    is_incremental: bool,
}

/// The outer `None`: neither null nor a number of 64 bits.
#[expect(clippy::option_option, reason = "unusual, or null, or a number")]
fn number(raw: Option<&[u8]>) -> Option<Option<u64>> {
    match raw {
        None | Some(b"null") => Some(None),
        Some(raw) => whole(raw).map(Some),
    }
}

/// A whole number of 64 bits without a sign.
fn whole(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then_some(())?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Whether it is a whole number of 64 bits with or without a sign.
fn is_signed(raw: &[u8]) -> bool {
    let digits = raw.strip_prefix(b"-");
    let max = i64::MAX.unsigned_abs() + u64::from(digits.is_some());
    whole(digits.unwrap_or(raw)).is_some_and(|number| number <= max)
}

/// A text without escapes.
fn is_plain(raw: &[u8]) -> bool {
    raw.starts_with(b"\"") && !raw.contains(&b'\\')
}

/// The members of a JSON object in their order, names without quotes; `None` at what is unusual, a
/// name with an escape among it.
pub fn members<'a>(
    object: &'a [u8],
    mut each: impl FnMut(&'a [u8], &'a [u8]) -> Option<()>,
) -> Option<()> {
    let mut json = Json::of(object);
    json.object(|json, name| each(name, json.value(0)?))?;
    json.end()
}

/// The content of a JSON text without escapes.
pub fn plain(raw: &[u8]) -> Option<&[u8]> {
    let content = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    (!content.contains(&b'\\')).then_some(content)
}

/// How deep values may stand in each other here; the other reader bears more.
const DEPTH: usize = 32;

/// A JSON text, and how far it was read.
struct Json<'a> {
    bytes: &'a [u8],
    at: usize,
    /// A byte of a text was seen that is not ASCII, and may be no UTF-8.
    beyond_ascii: bool,
}

impl<'a> Json<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, beyond_ascii: false }
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
        (self.at == self.bytes.len()).then_some(())?;
        // Outside of texts there are only ASCII characters.
        (!self.beyond_ascii || std::str::from_utf8(self.bytes).is_ok()).then_some(())
    }

    /// Reads an object; `each` is given every name and must read its value.
    fn object(&mut self, mut each: impl FnMut(&mut Self, &'a [u8]) -> Option<()>) -> Option<()> {
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
            let name = self.bytes.get(start..self.at - 1)?;
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

    /// Reads an image and gives its JSON; the outer `None`: it is neither null nor an object.
    #[expect(clippy::option_option, reason = "unusual, or null, or an object")]
    fn image(&mut self, mut each: impl FnMut(&'a [u8], &'a [u8])) -> Option<Option<&'a [u8]>> {
        let start = self.at;
        if self.peek()? == b'n' {
            self.word("null")?;
            return Some(None);
        }
        self.object(|json, name| {
            each(name, json.value(0)?);
            Some(())
        })?;
        self.bytes.get(start..self.at).map(Some)
    }

    /// Reads `source`.
    fn origin(&mut self) -> Option<Origin> {
        let (mut lsn, mut xid, mut mark, mut ts_ms) = (None, None, None, None);
        let (mut schema, mut table) = (None, None);
        self.object(|json, name| {
            let value = json.value(0)?;
            match name {
                b"lsn" => once(&mut lsn, value),
                b"txId" => once(&mut xid, value),
                b"snapshot" => once(&mut mark, value),
                b"ts_ms" => once(&mut ts_ms, value),
                b"schema" => once(&mut schema, value),
                b"table" => once(&mut table, value),
                _ => Some(()),
            }
        })?;
        for name in [schema, table] {
            (name.is_none_or(|name| name == b"null" || is_plain(name))).then_some(())?;
        }
        (ts_ms.is_none_or(|ts_ms| ts_ms == b"null" || is_signed(ts_ms))).then_some(())?;
        let xid = match number(xid)? {
            Some(xid) => Some(super::low_bits(xid)?),
            None => None,
        };
        let mark = mark.unwrap_or(b"null");
        (!mark.contains(&b'\\')).then_some(())?;
        let is_incremental = mark == b"\"incremental\"";
        Some(Origin { lsn: number(lsn)?.map(Lsn), xid, is_incremental })
    }

    /// Reads a value of any kind; gives its JSON.
    fn value(&mut self, depth: usize) -> Option<&'a [u8]> {
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
        self.bytes.get(start..self.at)
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
            let (n, beyond_ascii) = plain_bytes(rest);
            self.beyond_ascii |= beyond_ascii;
            self.at += n;
            match rest.get(n)? {
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
        let rest = self.bytes.get(self.at..)?;
        let n = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        self.at += n;
        (n > 0).then_some(n)
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

/// How many bytes of a text stand before the first that ends it, escapes, or must not be in it; and
/// whether one that was looked at is not ASCII. Texts are most of an envelope, so eight bytes are
/// looked at together: a byte of `word ^ pattern` is nought where the two are alike, and taking one
/// from a byte that is nought borrows into its highest bit.
fn plain_bytes(mut rest: &[u8]) -> (usize, bool) {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    let (mut n, mut seen) = (0, 0);
    while let Some((eight, behind)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*eight);
        let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH;
        let quote = below(word ^ (ONES * u64::from(b'"')), 1);
        let escape = below(word ^ (ONES * u64::from(b'\\')), 1);
        // A borrow may mark a byte above one that is marked rightly, never one below it.
        let found = quote | escape | below(word, 0x20);
        seen |= word & HIGH;
        if found != 0 {
            n += usize::try_from(found.trailing_zeros() / 8).unwrap_or_default();
            return (n, seen != 0);
        }
        (n, rest) = (n + 8, behind);
    }
    let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    let left = rest.iter().position(ends).unwrap_or(rest.len());
    (n + left, seen != 0 || !rest.is_ascii())
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

    fn row(raw: Option<&[u8]>) -> Option<String> {
        raw.map(|raw| format!("{:?}", serde_json::from_slice::<Row<'_>>(raw).unwrap()))
    }

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    /// What is scanned is what is read.
    fn same(bytes: &[u8]) -> bool {
        let mut seen = [Vec::new(), Vec::new()];
        let Some(scanned) = scan(bytes, |side, name, raw| {
            let seen = &mut seen[usize::from(side == Side::After)];
            let comma: &[u8] = if seen.is_empty() { b"" } else { b"," };
            seen.extend([comma, b"\"", name, b"\":", raw].concat());
        }) else {
            return false;
        };
        let shown = seen.map(|members| row(Some(&[b"{", members.as_slice(), b"}"].concat())));
        assert_eq!(shown, [scanned.before, scanned.after].map(|raw| row(raw.or(Some(b"{}")))));
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
            seen.push((text(name), text(raw)));
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
            assert_eq!(scan(unusual.as_bytes(), |_, _, _| {}), None, "{unusual}");
        }
    }

    #[test]
    fn what_is_no_utf_8_is_not_scanned() {
        let n = CAPTURED.find('é').unwrap();
        for place in [n, n + 1, CAPTURED.find("public").unwrap()] {
            let mut bytes = CAPTURED.as_bytes().to_vec();
            bytes[place] = 0xff;
            assert_eq!(scan(&bytes, |_, _, _| {}), None);
        }
        assert_eq!(members(b"{\"id\":\"\xff\"}", |_, _| Some(())), None);
        assert_eq!(members("{\"id\":\"é\"}".as_bytes(), |_, _| Some(())), Some(()));
    }

    #[test]
    fn numbers_are_read_up_to_64_bits() {
        for raw in ["0", "18446744073709551615", "18446744073709551616", "-1", "1.5", "1e3"] {
            assert_eq!(whole(raw.as_bytes()), raw.parse::<u64>().ok(), "{raw}");
        }
        let signed =
            ["0", "-0", "9223372036854775807", "9223372036854775808", "-9223372036854775808"];
        for raw in signed.into_iter().chain(["-9223372036854775809", "1.5", "-1e3"]) {
            assert_eq!(is_signed(raw.as_bytes()), raw.parse::<i64>().is_ok(), "{raw}");
        }
    }

    proptest! {
        #[test]
        fn a_text_ends_where_its_first_special_byte_stands(bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), Just(b'"'), Just(b'!'), Just(b'\\'), Just(0x1f), Just(0xa2)], 0..24
        )) {
            let slow = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
            let n = slow.unwrap_or(bytes.len());
            let (found, beyond_ascii) = plain_bytes(&bytes);
            prop_assert_eq!(found, n);
            prop_assert!(beyond_ascii || bytes[..n].is_ascii());
            prop_assert!(!beyond_ascii || !bytes.is_ascii());
        }

        #[test]
        fn what_is_scanned_is_valid(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = CAPTURED.as_bytes().to_vec();
            let place = at.index(bytes.len());
            bytes[place] = byte;
            same(&bytes);
        }

        #[test]
        fn a_value_is_one_by_both_readers(text in r#"[-0-9.eE+tfn\[\]{}:," a\\u]{0,12}"#) {
            let mut json = Json::of(text.as_bytes());
            let scanned = json.value(0).is_some() && json.end().is_some();
            if scanned {
                prop_assert!(serde_json::from_str::<&RawValue>(&text).is_ok(), "{}", text);
            }
        }
    }
}
