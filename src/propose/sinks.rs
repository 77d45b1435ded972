//! What a sink must hold, as its own statements say it.

use super::query::Writer;
use super::scene::{Scene, indented};
use super::windows;

/// What is proposed for a sink.
pub(super) struct Reference {
    /// The query.
    pub sql: String,
    /// The clock of its windows.
    pub window: Option<windows::Clock>,
}

/// The query over the source tables; the error says why there is none, as the end of a sentence.
pub(super) fn reference(scene: &Scene<'_>, name: &str) -> Result<Reference, String> {
    let mut writer = Writer::new(scene, vec![name.to_owned()]);
    let sql = scene.written(name, &mut writer)?;
    let window = match windows::clock(scene, name) {
        windows::Found::None => None,
        windows::Found::Clock(clock) => Some(clock),
        windows::Found::Unknown(why) => return Err(why),
    };
    let named = writer.named.iter();
    let named: Vec<String> = named
        .map(|(name, sql)| format!("{} AS (\n{}\n)", super::tables::quoted(name), indented(sql)))
        .collect();
    let sql = if named.is_empty() { sql } else { format!("WITH {}\n{sql}", named.join(", ")) };
    Ok(Reference { sql: sql + "\n", window })
}
