//! Reports as HTML: the page of one run, or a page over several with one beside each history.

use camino::Utf8Path;

use super::console::Console;
use crate::base::limits;
use crate::history::History;
use crate::history::packed::unpacked;
use crate::history::stream::is_packed;
use crate::report::{Case, html};
use crate::run::history_file;

/// The name of a run's page in its folder.
const PAGE: &str = "report.html";
/// A page shows no history of more bytes: a browser holds all of it.
const SHOWN_BYTES: u64 = 128 * 1024 * 1024;

/// The page for these cases: of several each has its own page besides, in its folder.
pub(super) fn page(cases: &[Case<'_>], console: Console) -> String {
    if let [only] = cases {
        return one(only);
    }
    let pages: Vec<_> = cases.iter().map(|case| kept(case, console)).collect();
    html::suite(cases, &pages)
}

fn one(case: &Case<'_>) -> String {
    match history(case) {
        Ok(history) => html::run(case, html::Shown::History(&history)),
        Err(why) => html::run(case, html::Shown::VerdictAlone(&why)),
    }
}

/// Keeps the page of a case in its folder; gives where.
fn kept(case: &Case<'_>, console: Console) -> Option<String> {
    let folder = case.folder.filter(|folder| folder.is_dir())?;
    let file = folder.join(PAGE);
    match fs_err::write(&file, one(case)) {
        Ok(()) => Some(file.into_string()),
        Err(error) => {
            console
                .err(&format!("warning: the page of {} was not kept: {error}", case.trial.name()));
            None
        }
    }
}

/// The history of a case, or why it is not shown.
fn history(case: &Case<'_>) -> Result<History, String> {
    let Some(folder) = case.folder else { return Err("It did not run.".to_owned()) };
    let file = history_file(folder);
    let bytes = size(&file).map_err(|error| format!("The history cannot be read: {error}"))?;
    if bytes > SHOWN_BYTES.min(limits::WHOLE_BYTES) {
        return Err(format!(
            "The history has {} MiB; a page shows at most {}. `changeproof check {folder}` judges it.",
            bytes / 1024 / 1024,
            SHOWN_BYTES / 1024 / 1024
        ));
    }
    History::read(&file).map_err(|error| format!("The history cannot be read: {error}"))
}

/// How many bytes a history has, unpacked.
fn size(file: &Utf8Path) -> Result<u64, String> {
    if is_packed(file).map_err(|error| error.to_string())? {
        return unpacked(file).map(|(bytes, _)| bytes).map_err(|error| error.to_string());
    }
    fs_err::metadata(file).map(|found| found.len()).map_err(|error| error.to_string())
}
