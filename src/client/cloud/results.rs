//! The rows of a statement: pages of changes, folded into what they leave.

use serde::Deserialize;
use serde_json::Value;

/// What a change does. The wire has numbers; none means an insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `+I`.
    Insert,
    /// `-U`.
    UpdateBefore,
    /// `+U`.
    UpdateAfter,
    /// `-D`.
    Delete,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Change {
    /// What it does.
    #[serde(default = "insert", deserialize_with = "op")]
    pub op: Op,
    /// Its values: scalars are texts whatever their types.
    pub row: Vec<Value>,
}

/// A page of changes; one without any is not the last for that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Page {
    #[serde(default)]
    pub(super) metadata: Meta,
    #[serde(default)]
    results: Option<Results>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Meta {
    #[serde(default)]
    pub(super) next: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Results {
    #[serde(default)]
    data: Option<Vec<Change>>,
}

impl Page {
    /// Its changes.
    pub fn changes(self) -> Vec<Change> {
        self.results.and_then(|results| results.data).unwrap_or_default()
    }
}

fn insert() -> Op {
    Op::Insert
}

fn op<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Op, D::Error> {
    let told = Option::<u8>::deserialize(from)?;
    match told {
        None | Some(0) => Ok(Op::Insert),
        Some(1) => Ok(Op::UpdateBefore),
        Some(2) => Ok(Op::UpdateAfter),
        Some(3) => Ok(Op::Delete),
        Some(other) => Err(serde::de::Error::custom(format!("no change has the op {other}"))),
    }
}

/// A change that takes away what is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("change {nth} takes away a row that the changes before it did not leave")]
pub struct Gone {
    /// Counted from 1.
    pub nth: usize,
}

/// What changes leave, in the order in which the rows came. With `key` (places of columns, as
/// `traits.upsert_columns` has them) a row takes the place of the one with its key.
pub fn folded(changes: Vec<Change>, key: Option<&[usize]>) -> Result<Vec<Vec<Value>>, Gone> {
    let key_of = |row: &[Value]| -> Vec<Value> {
        match key {
            Some(key) => key.iter().filter_map(|at| row.get(*at).cloned()).collect(),
            None => row.to_vec(),
        }
    };
    let mut rows: Vec<Vec<Value>> = Vec::new();
    for (n, Change { op, row }) in changes.into_iter().enumerate() {
        let of_key = key_of(&row);
        let at = rows.iter().rposition(|known| key_of(known) == of_key);
        match (op, at) {
            (Op::Insert | Op::UpdateAfter, Some(at)) if key.is_some() => {
                if let Some(known) = rows.get_mut(at) {
                    *known = row;
                }
            }
            (Op::Insert | Op::UpdateAfter, _) => rows.push(row),
            (Op::UpdateBefore | Op::Delete, Some(at)) => drop(rows.remove(at)),
            // By key, the row may have been replaced already.
            (Op::UpdateBefore, None) if key.is_some() => {}
            (Op::UpdateBefore | Op::Delete, None) => return Err(Gone { nth: n + 1 }),
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(text: &str) -> Vec<Change> {
        serde_json::from_str(text).unwrap()
    }

    #[rstest::rstest]
    #[case::insert(r#"[{"row":["1"]},{"op":0,"row":["1"]}]"#, None, r#"[["1"],["1"]]"#)]
    #[case::retract(
        r#"[{"op":0,"row":["1"]},{"op":1,"row":["1"]},{"op":2,"row":["2"]}]"#,
        None,
        r#"[["2"]]"#
    )]
    #[case::upsert(r#"[{"op":0,"row":["k","1"]},{"op":2,"row":["k","2"]}]"#, Some(vec![0]), r#"[["k","2"]]"#)]
    #[case::delete(r#"[{"op":0,"row":["k","1"]},{"op":3,"row":["k",null]}]"#, Some(vec![0]), "[]")]
    fn changes_are_folded(#[case] text: &str, #[case] key: Option<Vec<usize>>, #[case] left: &str) {
        let left: Vec<Vec<Value>> = serde_json::from_str(left).unwrap();
        assert_eq!(folded(changes(text), key.as_deref()), Ok(left));
    }

    #[test]
    fn what_is_not_there_cannot_be_taken_away() {
        let text = r#"[{"op":0,"row":["1"]},{"op":3,"row":["2"]}]"#;
        assert_eq!(folded(changes(text), None), Err(Gone { nth: 2 }));
        assert!(serde_json::from_str::<Change>(r#"{"op":4,"row":[]}"#).is_err());
    }
}
