//! A bare `RESET`: it takes back whatever was set, and what a run has set for itself too.

use super::{Statement, parse};
use crate::base::text::{Span, Text};
use crate::sql::edit::{Edit, splice};
use crate::sql::token::{Language, significant};

/// The same statements, with one `RESET 'key'` in the place of a bare `RESET` for each option that a
/// SET before it has set.
pub fn spelled_out(statements: Vec<Text>) -> Vec<Text> {
    let mut set = Vec::<String>::new();
    let mut all = Vec::with_capacity(statements.len());
    for text in statements {
        if is_bare(&text) {
            let whole = Span::new(0, text.value.len());
            let one = |key: String| {
                let key = key.replace('\'', "''");
                splice(&text, &[Edit::new(whole, format!("RESET '{key}'"))])
            };
            all.extend(std::mem::take(&mut set).into_iter().map(one));
            continue;
        }
        match parse(&text) {
            Statement::Set { key, .. } if !set.contains(&key) => set.push(key),
            Statement::Reset(key) => set.retain(|known| *known != key),
            _ => {}
        }
        all.push(text);
    }
    all
}

fn is_bare(text: &Text) -> bool {
    let tokens = significant(Language::Flink, &text.value);
    matches!(tokens.as_slice(), [only] if only.is("RESET"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&["RESET"], &[])]
    #[case(&["SET 'a' = '1'", "SET 'b' = '2'", "SET 'a' = '3'", "reset"],
        &["SET 'a' = '1'", "SET 'b' = '2'", "SET 'a' = '3'", "RESET 'a'", "RESET 'b'"])]
    #[case(&["SET 'a' = '1'", "RESET 'a'", "RESET"], &["SET 'a' = '1'", "RESET 'a'"])]
    #[case(&["SET 'a' = '1'", "RESET", "RESET"], &["SET 'a' = '1'", "RESET 'a'"])]
    fn a_bare_reset_takes_back_what_was_set(#[case] written: &[&str], #[case] expected: &[&str]) {
        let text = |sql: &&str| Text::whole("a.sql".into(), (*sql).to_owned());
        let spelled = spelled_out(written.iter().map(text).collect());
        let spelled: Vec<_> = spelled.iter().map(|text| text.value.as_str()).collect();
        assert_eq!(spelled, expected);
    }
}
