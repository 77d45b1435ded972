//! A scenario as read: what happens and what must be seen, with the axes of its matrix still open.

use camino::Utf8PathBuf;

use super::diagnose::At;
use super::expect::{Allowance, Expect};
use super::pipeline::{Format, Pipeline};
use super::range::Ranges;
use super::settings::{PerPlace, ReplicaIdentity, Settings, StorageKind};
use super::timeline::Entry;
use crate::base::text::Text;

/// A scenario file with its pipeline, checked; `plan::trials` makes it into trials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// Its id: the path without `.yaml`, relative to the scenarios' folder.
    pub id: String,
    /// Its file.
    pub file: Utf8PathBuf,
    /// The one sentence that is true if it passes.
    pub title: String,
    /// Labels to select by.
    pub covers: Vec<String>,
    /// The pipeline, without the overrides of a cell.
    pub pipeline: Pipeline,
    /// The settings, the scenario's merged over the pipeline's, in the order they were written.
    pub settings: Vec<Setting>,
    /// The sinks that are started and judged; empty: all.
    pub only: Vec<String>,
    /// Versions that components must have.
    pub requires: Ranges,
    /// SQL that runs before connector and statements, one statement a text.
    pub setup: Vec<Text>,
    /// The entries; the last is always `await: processed`.
    pub timeline: Vec<Entry>,
    /// What is expected, each for the cells it holds for.
    pub expect: Vec<Expectation>,
    /// The known deviations of the pipeline.
    pub may_show: Vec<Allowance>,
}

impl Scenario {
    /// The axes of the matrix, in the order they were written.
    pub fn axes(&self) -> impl Iterator<Item = &Setting> {
        self.settings.iter().filter(|setting| setting.is_axis)
    }
}

/// What is expected in some cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// All must hold; empty: in every cell.
    pub when: Vec<Restriction>,
    /// Versions that components must have.
    pub versions: Ranges,
    /// What is expected.
    pub expect: Expect,
}

/// One key of a `where`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restriction {
    /// The axis, as [`Setting::name`] has it.
    pub axis: String,
    /// The choices it holds for.
    pub labels: Vec<String>,
}

/// One setting: a path of keys, and one value or, on an axis, several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The keys from `settings` on: `["flink", "table.exec.state.ttl"]`.
    pub path: Vec<String>,
    /// Where it stands.
    pub(crate) at: At,
    /// The values; one unless it is an axis.
    pub choices: Vec<Choice>,
    /// It was written as a list.
    pub is_axis: bool,
}

impl Setting {
    /// `flink.table.exec.state.ttl`.
    pub fn name(&self) -> String {
        self.path.join(".")
    }
}

/// One value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// How the cell and `where` name it: its text; of statements the path; `null` where it unsets.
    pub label: String,
    /// What it sets.
    pub value: SettingValue,
}

/// What a setting sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingValue {
    /// Nothing: the key is taken out.
    Unset,
    /// A number: of partitions, subtasks, milliseconds, refusals.
    Number(u32),
    /// A replica identity.
    Identity(ReplicaIdentity),
    /// The wire format of the pipeline.
    Format(Format),
    /// An option of a component or a topic.
    Option(String),
    /// Statements that replace those of the pipeline, one a text.
    Statements(Vec<Text>),
}

impl Settings {
    /// Sets `value` at `path`. A path that is none of the language's changes nothing.
    pub fn set(&mut self, path: &[String], value: &SettingValue) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match (path.as_slice(), value) {
            (["parallelism"], SettingValue::Number(n)) => self.parallelism = Some(*n),
            (["partitions"], SettingValue::Number(n)) => self.partitions = Some(PerPlace::All(*n)),
            (["partitions", place], SettingValue::Number(n)) => {
                put(&mut self.partitions, place, *n);
            }
            (["replica_identity"], SettingValue::Identity(identity)) => {
                self.replica_identity = Some(PerPlace::All(*identity));
            }
            (["replica_identity", place], SettingValue::Identity(identity)) => {
                put(&mut self.replica_identity, place, *identity);
            }
            (["topics", place, option], SettingValue::Option(text)) => {
                let options = self.topics.entry((*place).to_owned()).or_default();
                options.insert((*option).to_owned(), text.clone());
            }
            (["tables", table, option], SettingValue::Option(text)) => {
                let options = self.tables.entry((*table).to_owned()).or_default();
                options.insert((*option).to_owned(), text.clone());
            }
            (["scoring", "delay"], SettingValue::Number(ms)) => {
                self.scoring.delay_ms = u64::from(*ms);
            }
            (["scoring", "fail_first"], SettingValue::Number(n)) => self.scoring.fail_first = *n,
            (["scoring", "out_of_order"], SettingValue::Option(text)) => {
                self.scoring.out_of_order = text == "true";
            }
            (["storage"], SettingValue::Option(text)) => {
                let is_s3 = text == "s3";
                self.storage = Some(if is_s3 { StorageKind::S3 } else { StorageKind::Folder });
            }
            (["s3", "delay"], SettingValue::Number(ms)) => self.s3.delay_ms = u64::from(*ms),
            (["s3", "refuse"], SettingValue::Number(n)) => self.s3.refuse = *n,
            (["s3", "cut"], SettingValue::Number(n)) => self.s3.cut = *n,
            (["stand_ins"], SettingValue::Option(text)) => {
                self.stand_ins = Some(text == "true");
            }
            (["connector", option], SettingValue::Option(text)) => {
                self.connector.insert((*option).to_owned(), text.clone());
            }
            (["flink", option], SettingValue::Option(text)) => {
                self.flink.insert((*option).to_owned(), text.clone());
            }
            ([process, option], SettingValue::Option(text)) => {
                let options = match *process {
                    "worker" => &mut self.worker,
                    "kafka" => &mut self.kafka,
                    "postgres" => &mut self.postgres,
                    _ => return,
                };
                options.insert((*option).to_owned(), text.clone());
            }
            _ => {}
        }
    }
}

fn put<T>(per_place: &mut Option<PerPlace<T>>, place: &str, value: T) {
    match per_place {
        Some(PerPlace::By(map)) => {
            map.insert(place.to_owned(), value);
        }
        Some(PerPlace::All(_)) | None => {
            *per_place = Some(PerPlace::By([(place.to_owned(), value)].into()));
        }
    }
}
