//! `changeproof check`: judges recorded runs again.

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;

use super::console::Console;
use super::format::Output;
use super::run::RUNS;
use crate::base::exit::Exit;
use crate::base::limits;
use crate::check::verdict::Verdict;
use crate::client::clock::Stopwatch;
use crate::disk::{self, Unread};
use crate::history::event::Header;
use crate::report::{Case, NotRun, Results};
use crate::run::{self, How, Rechecked};

/// Judge recorded runs again, without any stack
///
/// A verdict depends on the history alone, so it is the recorded one, unless this version of
/// changeproof judges otherwise than the one that recorded the run; then that is said.
///
/// A history is judged with all of its events in memory, unless it is larger than 256 MiB (packed: or
/// unpacks to that, or has more than a million events). Of a larger one the topics are judged in one pass, which holds a small state of every key;
/// what the scenario demands besides is then told as unknown.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Run folders (or their names below `.changeproof/runs`), or history files
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<Utf8PathBuf>,
    /// Judge the topics in one pass, however small the history is
    ///
    /// A small history that demands more than that, or that one pass has no model for, is judged
    /// with all events in memory after all; that is said on stderr.
    #[arg(long)]
    one_pass: bool,
    /// Judge with all events in memory, however large the history is
    #[arg(long, conflicts_with = "one_pass")]
    whole: bool,
    #[command(flatten)]
    output: Output,
}

/// A run that could be read.
struct Judged {
    header: Header,
    verdict: Verdict,
    folder: Utf8PathBuf,
    /// Not as the run itself was judged.
    partly: bool,
}

impl Judged {
    fn case(&self) -> Case<'_> {
        Case::recorded(&self.header, &self.verdict, Some(&self.folder))
    }
}

pub(super) fn run(check: &Check, console: Console) -> Exit {
    let watch = Stopwatch::start();
    if let Err(error) = check.output.begin() {
        return console.failed(&error, Exit::Usage);
    }
    let shown = check.output.shown(console);
    let mut unreadable = Vec::new();
    let mut judged = Vec::new();
    let how = match (check.one_pass, check.whole) {
        (true, _) => How::OnePass,
        (false, true) => How::Whole,
        (false, false) => How::BySize,
    };
    for named in &check.runs {
        let folder = found(named);
        match run::recheck(&folder, how) {
            Ok(Rechecked { header, verdict, note }) => {
                if let Some(note) = &note {
                    console.err(&format!("note: {folder} was {note}"));
                }
                judged.push(Judged { header, verdict, folder, partly: note.is_some() });
            }
            Err(error) => {
                console.failed(&error, Exit::ScenarioInvalid);
                unreadable.push(NotRun::wrong(named.as_str(), error.to_string()));
            }
        }
    }
    let cases: Vec<Case<'_>> = judged.iter().map(Judged::case).collect();
    for (one, case) in itertools::zip_eq(&judged, &cases) {
        shown.case(case);
        if !one.partly {
            differs(one, console);
        }
    }
    let read = if unreadable.is_empty() { Exit::Pass } else { Exit::ScenarioInvalid };
    let exit = cases.iter().map(|case| case.exit).fold(read, Exit::worst);
    let results = Results { not_run: &unreadable, ..Results::of(&cases, exit) };
    if cases.is_empty() {
        return check.output.nothing_ran(&results, console);
    }
    shown.end(&results, watch.elapsed_ms());
    check.output.keep(&results, console)
}

/// The folder or file that was meant.
pub(super) fn found(named: &Utf8Path) -> Utf8PathBuf {
    let below = Utf8Path::new(RUNS).join(named);
    if !named.exists() && below.exists() { below } else { named.to_owned() }
}

/// Says so when the recorded verdict is another one.
fn differs(judged: &Judged, console: Console) {
    let file = judged.folder.join("verdict.json");
    let text = match disk::read_text(&file, limits::VERDICT_BYTES) {
        Ok(text) => text,
        Err(Unread::Missing(_)) => return,
        Err(error) => return console.err(&format!("warning: {error}")),
    };
    let recorded = match serde_json::from_str::<Verdict>(&text) {
        Ok(recorded) => recorded,
        Err(error) => {
            console.err(&format!("warning: {file} cannot be read: {error}"));
            return;
        }
    };
    if recorded != judged.verdict {
        let (was, is) = (recorded.exit(), judged.verdict.exit());
        let what = if was == is {
            "the details of the verdict differ".to_owned()
        } else {
            format!("its exit code was {}, now it is {}", was.code(), is.code())
        };
        console.err(&format!(
            "warning: {} was judged otherwise when changeproof {} recorded it: {what}",
            judged.folder, judged.header.changeproof
        ));
    }
}
