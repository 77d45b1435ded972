//! `infra/lanes.yaml`: the versions that are known, what differs between them, and which do not go
//! together.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value as Json;

use super::Part;
use crate::base::text::Text;
use crate::scenario::diagnose::Diagnostics;
use crate::scenario::range;
use crate::scenario::yaml::{self, Node, Value};

const TEXT: &str = include_str!("../../../infra/lanes.yaml");

/// What the file says; a test holds that it can be read.
pub(super) static KNOWN: LazyLock<Known> = LazyLock::new(|| read(TEXT).unwrap_or_default());

/// Properties of POMs, or values for templates.
pub(in crate::stack) type Values = BTreeMap<String, String>;

/// The versions of every component.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    /// The version of this format.
    #[serde(rename = "lanes")]
    format: String,
    /// What runs unless something else is asked for.
    pub(super) default: BTreeMap<Part, String>,
    components: BTreeMap<Part, Component>,
    /// Versions that do not go together.
    apart: Vec<Apart>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Component {
    #[serde(default)]
    jars: Values,
    #[serde(default)]
    template: Values,
    versions: BTreeMap<String, Version>,
}

/// What is special about a version.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Version {
    #[serde(default)]
    jars: Values,
    #[serde(default)]
    template: Values,
    /// Why it cannot be had.
    #[serde(default)]
    absent: Option<String>,
    /// What of it cannot be had (a set of jars), and why.
    #[serde(default)]
    without: Values,
}

/// Components whose versions do not go together where all of these ranges hold.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Apart {
    between: BTreeMap<Part, String>,
    because: String,
}

impl Known {
    /// The versions of a component that can be had, the oldest first.
    pub(super) fn versions(&self, part: Part) -> Vec<&str> {
        let Some(component) = self.components.get(&part) else { return Vec::new() };
        let there = component.versions.iter().filter(|(_, version)| version.absent.is_none());
        sorted(there.map(|(name, _)| name.as_str()))
    }

    /// Why a version cannot be had, if it is known.
    pub(super) fn absent(&self, part: Part, version: &str) -> Option<(&str, &str)> {
        let versions = &self.components.get(&part)?.versions;
        let mut found = versions.iter().filter(|(name, _)| fits(name, version));
        found.find_map(|(name, found)| Some((name.as_str(), found.absent.as_deref()?)))
    }

    /// The newest version with these numbers: `2.1` is 2.1.0, `3.4` is 3.4.3.Final.
    pub(super) fn newest(&self, part: Part, version: &str) -> Option<&str> {
        self.versions(part).into_iter().rfind(|name| fits(name, version))
    }

    /// The versions next to one that is not known: the one before and the one after.
    pub(super) fn nearest(&self, part: Part, version: &str) -> Vec<&str> {
        let versions = self.versions(part);
        let before = versions.iter().rfind(|name| range::order(name, version).is_lt());
        let after = versions.iter().find(|name| range::order(name, version).is_gt());
        before.into_iter().chain(after).copied().collect()
    }

    /// The properties of the POMs of a version: its own name first, as `flink.version`.
    pub(super) fn jars(&self, part: Part, version: &str) -> Values {
        let name = [(format!("{}.version", part.name()), version.to_owned())];
        let special = self.values(part, version, |one| &one.jars, |one| &one.jars);
        name.into_iter().chain(special).collect()
    }

    /// Why a version has no set of jars of this name, if it has none.
    pub(super) fn without(&self, part: Part, version: &str, set: &str) -> Option<&str> {
        let version = self.components.get(&part)?.versions.get(version)?;
        version.without.get(set).map(String::as_str)
    }

    /// The values of a version for the templates.
    pub(super) fn template(&self, part: Part, version: &str) -> Values {
        self.values(part, version, |one| &one.template, |one| &one.template)
    }

    fn values(
        &self,
        part: Part,
        version: &str,
        of_all: impl Fn(&Component) -> &Values,
        of_one: impl Fn(&Version) -> &Values,
    ) -> Values {
        let Some(component) = self.components.get(&part) else { return Values::new() };
        let mut values = of_all(component).clone();
        values.extend(component.versions.get(version).map(of_one).cloned().unwrap_or_default());
        values
    }

    /// Which of these versions do not go together, and why.
    pub(super) fn apart(&self, lane: &BTreeMap<Part, String>) -> Option<(Vec<Part>, &str)> {
        let holds = |(part, range): (&Part, &String)| {
            let range = range::Range::parse(range);
            range.zip(lane.get(part)).is_some_and(|(range, version)| range.holds(version))
        };
        let found = self.apart.iter().find(|apart| apart.between.iter().all(holds));
        found.map(|apart| (apart.between.keys().copied().collect(), apart.because.as_str()))
    }
}

fn sorted<'a>(versions: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut versions: Vec<&str> = versions.collect();
    versions.sort_by(|a, b| range::order(a, b));
    versions
}

/// Whether `name` begins with the numbers of `version`, or is it.
fn fits(name: &str, version: &str) -> bool {
    name == version || name.strip_prefix(version).is_some_and(|rest| rest.starts_with('.'))
}

/// Reads the table; the error is a sentence.
pub(super) fn read(text: &str) -> Result<Known, String> {
    let mut diagnostics = Diagnostics::default();
    let text = Text::whole("lanes.yaml".into(), text.to_owned());
    let node = yaml::read(&text, &mut diagnostics);
    let wrong = diagnostics.finish().iter().map(ToString::to_string).collect::<Vec<_>>();
    let node = node.filter(|_| wrong.is_empty()).ok_or_else(|| wrong.join("\n"))?;
    let known: Known = serde_json::from_value(json(&node)).map_err(|error| error.to_string())?;
    known.check().map_err(|what| format!("lanes.yaml: {what}"))?;
    Ok(known)
}

/// The same as JSON; every single value is a text.
fn json(node: &Node) -> Json {
    match &node.value {
        Value::Scalar(scalar) => Json::String(scalar.text.value.clone()),
        Value::List(items) => Json::Array(items.iter().map(json).collect()),
        Value::Map(entries) => {
            entries.iter().map(|(key, node)| (key.name.clone(), json(node))).collect()
        }
    }
}

impl Known {
    fn check(&self) -> Result<(), String> {
        if self.format != "v1" {
            return Err(format!("the format {} is not known", self.format));
        }
        let default = self.default.iter();
        let strange = default
            .clone()
            .find(|(part, version)| !self.versions(**part).contains(&version.as_str()));
        if let Some((part, version)) = strange {
            return Err(format!("the default {} {version} is not among the versions", part.name()));
        }
        let ranges = self.apart.iter().flat_map(|apart| &apart.between);
        match ranges.clone().find(|(_, range)| range::Range::parse(range).is_none()) {
            Some((part, range)) => Err(format!("`{}: {range}` is no range", part.name())),
            None => Ok(()),
        }
    }
}
