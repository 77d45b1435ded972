//! What the local stack is and can do, known without starting it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::infra;

/// A stack's name, versions and capabilities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// `local`.
    pub name: String,
    /// Component → version: `kafka`, `connect`, `debezium`, `flink` as pinned; a running stack
    /// adds `postgres` and `java` as found on the machine.
    pub versions: BTreeMap<String, String>,
    /// What a scenario may ask for.
    pub capabilities: BTreeSet<String>,
}

/// What the local stack can do today.
const CAPABILITIES: [&str; 7] = [
    "format:avro",
    "format:json",
    "dialect:confluent",
    "dialect:flink",
    "sink:upsert-kafka",
    "sink:kafka",
    "alone",
];

/// The local stack as pinned by `infra/local`.
pub fn local_profile() -> Profile {
    let pinned = [
        ("kafka", infra::KAFKA_POM, "kafka.version"),
        ("connect", infra::KAFKA_POM, "kafka.version"),
        ("debezium", infra::DEBEZIUM_POM, "debezium.version"),
        ("flink", infra::FLINK_POM, "flink.version"),
        ("registry", infra::REGISTRY_POM, "apicurio.version"),
    ];
    let versions = pinned
        .into_iter()
        .filter_map(|(name, pom, key)| Some((name.to_owned(), infra::property(pom, key)?)));
    Profile {
        name: "local".to_owned(),
        versions: versions.collect(),
        capabilities: CAPABILITIES.iter().map(|&capability| capability.to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_names_every_pinned_component() {
        let profile = local_profile();
        let names: Vec<&str> = profile.versions.keys().map(String::as_str).collect();
        assert_eq!(names, ["connect", "debezium", "flink", "kafka", "registry"]);
    }
}
