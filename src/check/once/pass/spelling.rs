//! How the keys of a topic are written, apart from their values. Where two of them are written in
//! two ways the whole checker is needed: it looks at their bytes.

/// The bytes of a key with its values left out: names, brackets and white space, how numbers are
/// written, and the whole schema where there is one.
pub(super) fn form(key: &[u8]) -> Vec<u8> {
    let mut form = Vec::with_capacity(key.len());
    let payload = key.windows(PAYLOAD.len()).position(|part| part == PAYLOAD);
    let (schema, mut rest) = key.split_at(payload.unwrap_or_default());
    form.extend_from_slice(schema);
    while let Some((byte, behind)) = rest.split_first() {
        rest = match byte {
            b'"' => text(rest, &mut form),
            b'0'..=b'9' | b'-' => number(rest, &mut form),
            _ => {
                form.push(*byte);
                behind
            }
        };
    }
    form
}

/// The field behind the schema.
const PAYLOAD: &[u8] = b"\"payload\"";

/// A name stays, of a text stays that it is one; gives what stands behind.
fn text<'k>(key: &'k [u8], form: &mut Vec<u8>) -> &'k [u8] {
    let mut escaped = false;
    let end = key.iter().skip(1).position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    let (text, rest) = key.split_at(end.map_or(key.len(), |end| end + 2));
    let is_name = rest.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
    form.extend_from_slice(if is_name { text } else { b"\"\"" });
    rest
}

/// Of a number stays how many digits its fraction has, and whether it has an exponent.
fn number<'k>(key: &'k [u8], form: &mut Vec<u8>) -> &'k [u8] {
    let is_of_it = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let end = key.iter().position(|byte| !is_of_it(byte)).unwrap_or(key.len());
    let (number, rest) = key.split_at(end);
    form.push(b'0');
    let fraction = number.iter().position(|byte| *byte == b'.').unwrap_or(number.len());
    form.extend(
        number.iter().skip(fraction).map(|byte| if byte.is_ascii_digit() { b'0' } else { *byte }),
    );
    if number.iter().any(|byte| b"eE".contains(byte)) {
        form.push(b'e');
    }
    rest
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::another_number(r#"{"id":1}"#, r#"{"id":-20}"#, true)]
    #[case::another_text(r#"{"id":"a"}"#, r#"{"id":"b\"c"}"#, true)]
    #[case::another_amount(r#"{"id":1.50}"#, r#"{"id":2.25}"#, true)]
    #[case::another_fraction(r#"{"id":1.50}"#, r#"{"id":1.5}"#, false)]
    #[case::a_point(r#"{"id":1}"#, r#"{"id":1.0}"#, false)]
    #[case::an_exponent(r#"{"id":1}"#, r#"{"id":1e0}"#, false)]
    #[case::a_text(r#"{"id":1}"#, r#"{"id":"1"}"#, false)]
    #[case::another_order(r#"{"id":1,"part":2}"#, r#"{"part":2,"id":1}"#, false)]
    #[case::white_space(r#"{"id":1}"#, r#"{"id": 1}"#, false)]
    #[case::a_schema(r#"{"id":1}"#, r#"{"schema":{},"payload":{"id":1}}"#, false)]
    #[case::another_schema(
        r#"{"schema":{"type":"int32"},"payload":{"id":1}}"#,
        r#"{"schema":{"type":"int64"},"payload":{"id":1}}"#,
        false
    )]
    #[case::never_closed(r#"{"id"#, r#"{"ab"#, true)]
    fn keys_that_are_written_alike_have_one_form(
        #[case] one: &str,
        #[case] other: &str,
        #[case] alike: bool,
    ) {
        assert_eq!(form(one.as_bytes()) == form(other.as_bytes()), alike);
    }
}
