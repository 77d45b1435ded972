//! Lanes: one version of each component, and the choices that people make among them.

mod known;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use itertools::Itertools as _;
use serde::{Deserialize, Serialize};

use crate::scenario::{listed, nearest};
use known::KNOWN;
pub(super) use known::Values;

/// A component that has versions to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The source.
    Postgres,
    /// The broker and the Connect worker.
    Kafka,
    /// The connector.
    Debezium,
    /// JobManager, TaskManager and SQL Gateway.
    Flink,
}

impl Part {
    /// All of them, in the order of the data.
    pub const ALL: [Self; 4] = [Self::Postgres, Self::Kafka, Self::Debezium, Self::Flink];

    /// Its name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Kafka => "kafka",
            Self::Debezium => "debezium",
            Self::Flink => "flink",
        }
    }

    fn named(name: &str) -> Result<Self, LaneError> {
        Self::ALL.into_iter().find(|part| part.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name);
            LaneError::NoComponent {
                written: name.to_owned(),
                meant: nearest(name, names).map_or_else(
                    || format!("those that have are {}", names.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                ),
            }
        })
    }

    /// The versions that can be had, the oldest first.
    pub fn versions(self) -> Vec<&'static str> {
        KNOWN.versions(self)
    }
}

/// The word for the Postgres of the machine, and for the lane that differs in nothing.
const MACHINE: &str = "machine";
const DEFAULT: &str = "default";

/// One version of each component: what differs from the default lane.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lane(BTreeMap<Part, String>);

/// Why there is no such lane. Each is one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LaneError {
    /// The text is no lane.
    #[error("the lane `{0}` is not written as COMPONENT=VERSION,…, as in flink=2.1.0,postgres=17")]
    Unreadable(String),
    /// A component has no versions.
    #[error("there are no versions of `{written}`; {meant}")]
    NoComponent {
        /// What was written.
        written: String,
        /// What to write.
        meant: String,
    },
    /// A component is chosen twice.
    #[error("{0} has two versions in one lane")]
    Twice(&'static str),
    /// A version is not known.
    #[error("{part} {version} is not known; the nearest: {near} (`changeproof lanes` lists all)")]
    Unknown {
        /// The component.
        part: &'static str,
        /// What was written.
        version: String,
        /// The versions next to it.
        near: String,
    },
    /// A version is known, but cannot be had.
    #[error("{part} {version} cannot be had: {because}; the nearest that can: {near}")]
    Absent {
        /// The component.
        part: &'static str,
        /// Its version.
        version: String,
        /// Why.
        because: String,
        /// The versions next to it.
        near: String,
    },
    /// Versions do not go together.
    #[error("{versions} do not go together: {because}")]
    Apart {
        /// Which.
        versions: String,
        /// Why.
        because: String,
    },
}

impl Lane {
    /// The lane with these versions; what is left out is the default lane's. A version may be written
    /// in short: `2.1` is the newest 2.1 that can be had.
    pub fn of(choices: &BTreeMap<String, String>) -> Result<Self, LaneError> {
        let mut lane = Self::default();
        for (name, version) in choices {
            lane.choose(Part::named(name)?, version)?;
        }
        lane.fits()
    }

    /// The lanes that a word of the command line means: `flink=2.1,2.3,postgres=17` are two.
    pub fn read(word: &str) -> Result<Vec<Self>, LaneError> {
        if word.trim() == DEFAULT {
            return Ok(vec![Self::default()]);
        }
        let mut choices: Vec<(Part, Vec<&str>)> = Vec::new();
        for piece in word.split(',').map(str::trim) {
            match (piece.split_once('='), choices.last_mut()) {
                (Some((name, version)), _) if !version.trim().is_empty() => {
                    choices.push((Part::named(name.trim())?, vec![version.trim()]));
                }
                (None, Some((_, versions))) if !piece.is_empty() => versions.push(piece),
                (Some(_) | None, _) => return Err(LaneError::Unreadable(word.to_owned())),
            }
        }
        if let Some((part, _)) = choices.iter().duplicates_by(|(part, _)| *part).next() {
            return Err(LaneError::Twice(part.name()));
        }
        let of_part = |(part, versions): &(Part, Vec<&'_ str>)| {
            versions.iter().map(|version| (*part, (*version).to_owned())).collect::<Vec<_>>()
        };
        let lanes = choices.iter().map(of_part).multi_cartesian_product().map(|choices| {
            let mut lane = Self::default();
            for (part, version) in choices {
                lane.choose(part, &version)?;
            }
            lane.fits()
        });
        lanes.collect()
    }

    /// The lanes of several words, each once; without a word the default lane.
    pub fn read_all(words: &[String]) -> Result<Vec<Self>, LaneError> {
        let mut lanes = Vec::new();
        for word in words {
            lanes.extend(Self::read(word)?);
        }
        let lanes: Vec<Self> = lanes.into_iter().unique().collect();
        Ok(if lanes.is_empty() { vec![Self::default()] } else { lanes })
    }

    fn choose(&mut self, part: Part, version: &str) -> Result<(), LaneError> {
        let default = KNOWN.default.get(&part).map_or(MACHINE, String::as_str);
        if version == default {
            self.0.remove(&part);
            return Ok(());
        }
        let near = || listed(KNOWN.nearest(part, version)).replace('`', "");
        let Some(found) = KNOWN.newest(part, version) else {
            return Err(match KNOWN.absent(part, version) {
                Some((version, because)) => LaneError::Absent {
                    part: part.name(),
                    version: version.to_owned(),
                    because: because.to_owned(),
                    near: near(),
                },
                None => LaneError::Unknown {
                    part: part.name(),
                    version: version.to_owned(),
                    near: near(),
                },
            });
        };
        if found != default {
            self.0.insert(part, found.to_owned());
        }
        Ok(())
    }

    fn fits(self) -> Result<Self, LaneError> {
        let Some((parts, because)) = KNOWN.apart(&self.versions()) else { return Ok(self) };
        let version = |part: Part| self.version(part).unwrap_or(MACHINE);
        let versions = parts.into_iter().map(|part| format!("{} {}", part.name(), version(part)));
        let versions = versions.collect::<Vec<_>>().join(" and ");
        Err(LaneError::Apart { versions, because: because.to_owned() })
    }

    /// It differs in nothing.
    pub fn is_default(&self) -> bool {
        self.0.is_empty()
    }

    /// The version of a component; `None`: Postgres is the machine's own.
    pub fn version(&self, part: Part) -> Option<&str> {
        self.0.get(&part).or_else(|| KNOWN.default.get(&part)).map(String::as_str)
    }

    /// The versions of all components but a Postgres of the machine.
    fn versions(&self) -> BTreeMap<Part, String> {
        let version = |part: Part| Some((part, self.version(part)?.to_owned()));
        Part::ALL.into_iter().filter_map(version).collect()
    }

    /// The properties of the POMs of some components.
    pub(super) fn jars(&self, parts: &[Part]) -> Values {
        let of = |part: &Part| self.version(*part).map(|version| KNOWN.jars(*part, version));
        parts.iter().filter_map(of).flatten().collect()
    }

    /// Why there is no set of jars of this name, if there is none.
    pub(super) fn lacks(&self, set: &str) -> Option<&'static str> {
        let versions = self.versions();
        versions.iter().find_map(|(part, version)| KNOWN.without(*part, version, set))
    }

    /// The values of all components for the templates.
    pub(super) fn template(&self) -> Values {
        let of = |(part, version): (Part, String)| KNOWN.template(part, &version);
        self.versions().into_iter().flat_map(of).collect()
    }

    /// Each lane that differs from the default in one version of a component.
    pub(super) fn each(part: Part) -> Vec<Self> {
        let lane = |version: &str| {
            let mut lane = Self::default();
            lane.choose(part, version).ok().map(|()| lane)
        };
        let all: BTreeSet<Self> = KNOWN.versions(part).into_iter().filter_map(lane).collect();
        all.into_iter().collect()
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_default() {
            return f.write_str(DEFAULT);
        }
        let choices = self.0.iter().map(|(part, version)| format!("{}={version}", part.name()));
        f.write_str(&choices.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests;
