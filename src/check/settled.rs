//! What the sinks hold at the end of a history, where their references agree.

use super::sinks::SinkCase;
use crate::base::value::Value;
use crate::history::History;
use crate::history::event::SinkMode;

/// The rows of a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The sink.
    pub sink: String,
    /// The columns that its reference returns, those of the key first.
    pub columns: Vec<String>,
    /// The rows by key (of an append sink: by their texts); `None` is null.
    pub rows: Vec<Vec<Option<String>>>,
}

/// The rows of every judged sink at the last proof. The error says for which sink, and why, there
/// are none that could be trusted.
pub fn settled(history: &History) -> Result<Vec<Settled>, String> {
    let index = history.index();
    let proof = index.proofs.last().ok_or("the end of the run was not proven")?;
    let (sinks, gaps) = SinkCase::all(&index);
    if let Some(gap) = gaps.first() {
        return Err(format!("{} is not known: {}", gap.what, gap.missing));
    }
    let mut found = Vec::new();
    for sink in sinks.iter().filter(|sink| sink.judged) {
        let compared = sink.compare(&index, proof);
        let (reference, diffs) =
            compared.map_err(|gap| format!("{} is not known: {}", gap.what, gap.missing))?;
        if !diffs.is_empty() {
            return Err(format!("`{}` differs from its reference", sink.name));
        }
        let table = sink.shape.table;
        let is_keyed = table.mode == SinkMode::Upsert;
        let mut columns: Vec<String> = if is_keyed { table.key.clone() } else { Vec::new() };
        let written = table.columns.iter().map(|(name, _)| name);
        let further = written.filter(|name| reference.columns.contains(name));
        let further: Vec<String> =
            further.filter(|name| !columns.contains(name)).cloned().collect();
        columns.extend(further);
        let contents = sink.contents(proof);
        let emitted = contents.keyed.values().chain(&contents.bag);
        let rows = emitted.filter_map(|emitted| emitted.row.as_ref());
        let rows = rows.filter(|row| !sink.is_open(row, proof));
        let text = |value: Option<&Value>| match value {
            None | Some(Value::Null | Value::Absent) => None,
            Some(value) => Some(value.to_string()),
        };
        let mut rows: Vec<Vec<Option<String>>> =
            rows.map(|row| columns.iter().map(|column| text(row.get(column))).collect()).collect();
        if !is_keyed {
            rows.sort();
        }
        found.push(Settled { sink: sink.name.to_owned(), columns, rows });
    }
    Ok(found)
}
