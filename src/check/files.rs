//! Sinks of files: whether all of each file was read, and what a row's place is called.

use super::case::Case;
use super::found::Raw;
use crate::base::position::RecordPosition;
use crate::history::Index;
use crate::history::files::DataFile;

/// A file of which not every row was recorded.
pub(super) fn lacking(index: &Index<'_>, files: &[&DataFile]) -> Option<String> {
    let n_read = |file: &DataFile| {
        let records = index.of_topic(&file.topic).iter();
        records.filter(|record| record.partition == file.number).count()
    };
    let lacking = files.iter().find(|file| usize::try_from(file.rows) != Ok(n_read(file)));
    lacking.map(|file| {
        format!("of the {} rows of its file {}, {} were read", file.rows, file.name, n_read(file))
    })
}

/// Puts the names of files into the places of rows.
pub(super) fn name(case: &Case<'_>, raws: &mut [Raw]) {
    let name = |position: &mut RecordPosition| {
        let files = case.index.files.get(position.topic.as_str());
        let file = files.and_then(|files| files.iter().find(|f| f.number == position.partition));
        position.file = file.map(|file| file.name.clone());
    };
    for raw in raws {
        raw.finding.record.as_mut().into_iter().for_each(name);
        raw.finding.life.iter_mut().filter_map(|seen| seen.record.as_mut()).for_each(name);
    }
}
