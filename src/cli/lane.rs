//! `--lane`, and `changeproof lanes`: which versions a command is about, and which there are.

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;

use super::console::Console;
use super::stack::{Shape, json};
use crate::base::exit::Exit;
use crate::report::lanes::Record;
use crate::report::page::{Ink, Page};
use crate::stack::lane::{Lane, LaneError, Part};
use crate::stack::sets;

/// The lanes of a command.
#[derive(Debug, Args)]
pub(super) struct Lanes {
    /// Versions of components, as in `flink=2.1.0,postgres=17`; several of one make several lanes
    #[arg(long, value_name = "COMPONENT=VERSION,…", help_heading = "Cells")]
    lane: Vec<String>,
}

impl Lanes {
    /// The lanes, each once; the default one if none is named.
    pub(super) fn all(&self) -> Result<Vec<Lane>, LaneError> {
        Lane::read_all(&self.lane)
    }

    /// Whether any is named.
    pub(super) fn is_said(&self) -> bool {
        !self.lane.is_empty()
    }
}

/// The one lane of a command.
#[derive(Debug, Args)]
pub(super) struct OneLane {
    /// Versions of components, as in `flink=2.1.0,postgres=17`
    #[arg(long, value_name = "COMPONENT=VERSION,…", default_value = "default")]
    lane: String,
}

impl OneLane {
    /// The lane; the error is a sentence.
    pub(super) fn one(&self) -> Result<Lane, String> {
        let mut lanes = Lane::read(&self.lane).map_err(|error| error.to_string())?;
        match (lanes.pop(), lanes.is_empty()) {
            (Some(lane), true) => Ok(lane),
            _ => Err(format!("`{}` names several lanes; one stack has one", self.lane)),
        }
    }
}

/// List the versions of the components that a lane can be made of
#[derive(Debug, Args)]
pub(super) struct List {
    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Shape::Human)]
    format: Shape,
    /// The sets of jars instead: name, POM, goal and properties (for `ci/jars`)
    #[arg(long, hide = true)]
    sets: bool,
    /// Print the conformance page (Markdown) of a record instead (for `ci/lanes`)
    #[arg(long, hide = true, value_name = "RECORD")]
    page: Option<Utf8PathBuf>,
    /// Take the reports into this record before (for `ci/lanes`)
    #[arg(long, hide = true, requires = "page", requires = "day", value_name = "REPORT")]
    report: Vec<Utf8PathBuf>,
    /// The command that made the reports
    #[arg(long, hide = true, value_name = "COMMAND", default_value = "ci/lanes")]
    made_by: String,
    /// When the reports were made
    #[arg(long, hide = true, value_name = "DAY")]
    day: Option<String>,
}

/// A component and its versions.
#[derive(Debug, serde::Serialize)]
struct Shown {
    component: &'static str,
    /// `machine` for a Postgres of the machine.
    default: String,
    versions: Vec<&'static str>,
}

pub(super) fn list(list: &List, console: Console) -> Exit {
    if let Some(record) = &list.page {
        return match conformance(record, list) {
            Ok(page) => {
                console.out(&page);
                Exit::Pass
            }
            Err(sentence) => console.failed(&sentence, Exit::ScenarioInvalid),
        };
    }
    if list.sets {
        console.out(&sets::lines().join("\n"));
        return Exit::Pass;
    }
    let shown = Part::ALL.map(|part| Shown {
        component: part.name(),
        default: Lane::default().version(part).unwrap_or("machine").to_owned(),
        versions: part.versions(),
    });
    match list.format {
        Shape::Human => console.out(&page(&shown).styled()),
        Shape::Json => match json(&shown) {
            Ok(text) => console.out(&text),
            Err(error) => return console.failed(&error, Exit::Internal),
        },
    }
    Exit::Pass
}

/// The conformance page of a record, after the reports were taken in.
fn conformance(file: &Utf8Path, list: &List) -> Result<String, String> {
    let read = |path: &Utf8Path| fs_err::read_to_string(path).map_err(|error| error.to_string());
    let mut record = if file.exists() { Record::read(&read(file)?)? } else { Record::default() };
    let day = list.day.as_deref().unwrap_or_default();
    for report in &list.report {
        record
            .add(&read(report)?, day, &list.made_by)
            .map_err(|what| format!("{report}: {what}"))?;
    }
    if !list.report.is_empty() {
        fs_err::write(file, record.text()).map_err(|error| error.to_string())?;
    }
    Ok(record.page().trim_end().to_owned())
}

fn page(shown: &[Shown]) -> Page {
    let mut page = Page::new();
    for one in shown {
        page.add(Ink::Strong, format!("{:<9}", one.component));
        for version in &one.versions {
            let ink = if **version == one.default { Ink::Good } else { Ink::Plain };
            page.add(ink, format!(" {version}"));
        }
        page.line(format!("  (default: {})", one.default));
    }
    page
}
