//! What the local stack is and can do, known without starting it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::lane::{Lane, Part};
use super::{infra, local, sets};
use crate::base::grade::Grade;
use crate::history::stack::OWN;
use crate::plan::needs::Capability;

/// A stack's name, versions and capabilities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// `local`; of another lane than the default one `local flink=2.1.0`.
    pub name: String,
    /// Component → version: `kafka`, `connect`, `debezium`, `flink` as pinned; a running stack
    /// adds `java`, and a `postgres` of the machine, as found there.
    pub versions: BTreeMap<String, String>,
    /// What a scenario may ask for.
    pub capabilities: BTreeSet<Capability>,
}

impl Profile {
    /// The same stack, taken to prove by this grade alone.
    #[must_use]
    pub fn proving(mut self, evidence: Option<Grade>) -> Self {
        self.capabilities.retain(|one| match (one, evidence) {
            (Capability::Proof(grade), Some(evidence)) => *grade <= evidence,
            _ => true,
        });
        self
    }
}

/// The name of changeproof's own stack on a lane.
pub fn local_name(lane: &Lane) -> String {
    if lane.is_default() { OWN.to_owned() } else { format!("{OWN} {lane}") }
}

/// The local stack of a lane, as `infra` pins it.
pub fn local_profile(lane: &Lane) -> Profile {
    let of_part =
        |(name, part): (&str, Part)| Some((name.to_owned(), lane.version(part)?.to_owned()));
    let parts = [
        ("postgres", Part::Postgres),
        ("kafka", Part::Kafka),
        ("connect", Part::Kafka),
        ("debezium", Part::Debezium),
        ("flink", Part::Flink),
    ];
    let registry = infra::property(infra::REGISTRY_POM, "apicurio.version");
    let lake = infra::LAKE.then(|| sets::LAKE.of(lane)).flatten();
    let of_lake = |(name, key): (&str, &str)| {
        Some((name.to_owned(), lake.as_ref()?.properties.get(key)?.clone()))
    };
    let lake = [("iceberg", "iceberg.version"), ("parquet", "parquet.version")];
    let versions = parts
        .into_iter()
        .filter_map(of_part)
        .chain(registry.map(|version| ("registry".to_owned(), version)))
        .chain(lake.into_iter().filter_map(of_lake));
    Profile {
        name: local_name(lane),
        versions: versions.collect(),
        capabilities: local::capabilities(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_names_every_pinned_component() {
        let profile = local_profile(&Lane::default());
        let names: Vec<&str> = profile.versions.keys().map(String::as_str).collect();
        let pinned = ["connect", "debezium", "flink", "iceberg", "kafka", "parquet", "registry"];
        let here =
            pinned.into_iter().filter(|n| infra::LAKE || !["iceberg", "parquet"].contains(n));
        assert_eq!(names, here.collect::<Vec<_>>());
    }
}
