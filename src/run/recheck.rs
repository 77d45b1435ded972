//! Judges recorded runs again, without any stack; a verdict depends on nothing but the history.

use camino::{Utf8Path, Utf8PathBuf};

use crate::base::limits;
use crate::check;
use crate::check::once::judge_once;
use crate::check::verdict::Verdict;
use crate::history::event::Header;
use crate::history::packed::unpacked;
use crate::history::stream::{Stream, is_packed};
use crate::history::{History, HistoryError};

/// How a history is judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum How {
    /// By its size.
    #[default]
    BySize,
    /// With all of its events in memory.
    Whole,
    /// The topics in one pass; a small history that this has no model for, whole.
    OnePass,
}

/// A run that was judged again.
#[derive(Debug, Clone, PartialEq)]
pub struct Rechecked {
    /// What was run.
    pub header: Header,
    /// What it is judged to be.
    pub verdict: Verdict,
    /// How it was judged, where that needs to be said.
    pub note: Option<String>,
}

/// The history of a run folder, in the form that is there; a file is itself.
pub fn history_file(run: &Utf8Path) -> Utf8PathBuf {
    if run.exists() && !run.is_dir() {
        return run.to_owned();
    }
    let (lines, packed) = (run.join("history.jsonl"), run.join("history.cph"));
    if packed.is_file() && !lines.is_file() { packed } else { lines }
}

/// Judges a recorded run again.
pub fn recheck(run: &Utf8Path, how: How) -> Result<Rechecked, HistoryError> {
    let file = history_file(run);
    let large = is_large(&file)?;
    if how == How::Whole || (how == How::BySize && !large) {
        return whole(&file, None);
    }
    let once = judge_once(|| Stream::open(&file))?;
    let why_not = match &once.judged {
        Err(reason) => Some(reason.clone()),
        Ok(_) => once.left_out.first().map(|gap| format!("{}: {}", gap.what, gap.missing)),
    };
    if let Some(why_not) = why_not.filter(|_| !large) {
        let note = format!("judged with all events in memory, not in one pass: {why_not}");
        return whole(&file, Some(note));
    }
    let note = format!(
        "judged in one pass over {} events; {} of them were looked at more closely",
        once.taken.events, once.taken.looked_at
    );
    let header = once.header.clone();
    Ok(Rechecked { header, verdict: once.verdict(), note: Some(note) })
}

fn whole(file: &Utf8Path, note: Option<String>) -> Result<Rechecked, HistoryError> {
    let history = History::read(file)?;
    let verdict = check::judge(&history);
    Ok(Rechecked { header: history.header, verdict, note })
}

/// Whether a history takes too much room to be held in memory: a packed one as it unpacks.
fn is_large(file: &Utf8Path) -> Result<bool, HistoryError> {
    let (bytes, events) = if is_packed(file)? {
        unpacked(file)?
    } else {
        (fs_err::metadata(file).map_or(0, |found| found.len()), 0)
    };
    Ok(bytes > limits::WHOLE_BYTES || events > limits::WHOLE_EVENTS)
}
