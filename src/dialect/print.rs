//! A translation as text: the open-source SQL with a comment for every decision.

use super::Translation;

/// The SQL that is submitted, each piece with the place of its statement and what was decided.
pub fn sql(translation: &Translation) -> String {
    let mut out = String::new();
    for translated in &translation.statements {
        let place = translated.written.place(0);
        let head =
            translated.written.value.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
        out += &format!("-- {place}: {head}\n");
        for note in &translated.notes {
            out += &format!("--   {note}\n");
        }
        if translated.emitted.is_empty() && translated.notes.is_empty() {
            out += "--   changes the catalogue; what it says comes out with the statement that needs it\n";
        }
        for emitted in &translated.emitted {
            for note in &emitted.notes {
                out += &format!("-- * {note}\n");
            }
            out += &format!("{};\n", emitted.text.value.trim_end());
        }
        out += "\n";
    }
    let trimmed = out.trim_end().len();
    out.truncate(trimmed);
    out
}
