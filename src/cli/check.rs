//! `changeproof check`: judges recorded runs again.

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;

use super::console::Console;
use super::format::{Format, Shown};
use super::run::RUNS;
use crate::base::exit::Exit;
use crate::check::verdict::Verdict;
use crate::client::clock::Stopwatch;
use crate::history::event::Header;
use crate::report::{Case, exit_of};
use crate::run;

/// Judge recorded runs again, without any stack
///
/// A verdict depends on the history alone, so it is the recorded one, unless this version of
/// changeproof judges otherwise than the one that recorded the run; then that is said.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Run folders (or their names below `.changeproof/runs`), or history files
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<Utf8PathBuf>,
    /// The form of the report on stdout
    #[arg(long, value_enum, default_value_t = Format::Human, help_heading = "Output")]
    format: Format,
}

/// A run that could be read.
struct Judged {
    header: Header,
    verdict: Verdict,
    folder: Utf8PathBuf,
}

impl Judged {
    fn case(&self) -> Case<'_> {
        Case::recorded(&self.header, &self.verdict, Some(&self.folder))
    }
}

pub(super) fn run(check: &Check, console: Console) -> Exit {
    let watch = Stopwatch::start();
    let shown = Shown::new(check.format, console);
    let mut unreadable = Exit::Pass;
    let mut judged = Vec::new();
    for named in &check.runs {
        let folder = found(named);
        match run::recheck(&folder) {
            Ok((history, verdict)) => {
                judged.push(Judged { header: history.header, verdict, folder });
            }
            Err(error) => {
                unreadable = unreadable.worst(console.failed(&error, Exit::ScenarioInvalid));
            }
        }
    }
    let cases: Vec<Case<'_>> = judged.iter().map(Judged::case).collect();
    for (one, case) in itertools::zip_eq(&judged, &cases) {
        shown.case(case);
        differs(one, console);
    }
    let exit = cases.iter().map(|case| case.exit).fold(unreadable, Exit::worst);
    if !cases.is_empty() {
        shown.end(&cases, exit, watch.elapsed_ms());
    }
    exit
}

/// The folder or file that was meant.
pub(super) fn found(named: &Utf8Path) -> Utf8PathBuf {
    let below = Utf8Path::new(RUNS).join(named);
    if !named.exists() && below.exists() { below } else { named.to_owned() }
}

/// Says so when the recorded verdict is another one.
fn differs(judged: &Judged, console: Console) {
    let file = judged.folder.join("verdict.json");
    let Ok(text) = fs_err::read_to_string(&file) else { return };
    let recorded = match serde_json::from_str::<Verdict>(&text) {
        Ok(recorded) => recorded,
        Err(error) => {
            console.err(&format!("warning: {file} cannot be read: {error}"));
            return;
        }
    };
    if recorded != judged.verdict {
        let (was, is) = (exit_of(&recorded), exit_of(&judged.verdict));
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
