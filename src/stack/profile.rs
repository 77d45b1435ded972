//! What the local stack is and can do, known without starting it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{infra, local};
use crate::plan::needs::Capability;

/// A stack's name, versions and capabilities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// `local`.
    pub name: String,
    /// Component → version: `kafka`, `connect`, `debezium`, `flink` as pinned; a running stack
    /// adds `postgres` and `java` as found on the machine.
    pub versions: BTreeMap<String, String>,
    /// What a scenario may ask for.
    pub capabilities: BTreeSet<Capability>,
}

/// The name of the stack that is processes of this machine.
pub const LOCAL: &str = "local";

/// The local stack as pinned by `infra/local`.
pub fn local_profile() -> Profile {
    let pinned = [
        ("kafka", infra::KAFKA_POM, "kafka.version"),
        ("connect", infra::KAFKA_POM, "kafka.version"),
        ("debezium", infra::DEBEZIUM_POM, "debezium.version"),
        ("flink", infra::FLINK_POM, "flink.version"),
        ("registry", infra::REGISTRY_POM, "apicurio.version"),
    ];
    let lake = [
        ("iceberg", infra::LAKE_POM, "iceberg.version"),
        ("parquet", infra::LAKE_POM, "parquet.version"),
    ];
    let lake = lake.into_iter().filter(|_| infra::LAKE);
    let versions = pinned
        .into_iter()
        .chain(lake)
        .filter_map(|(name, pom, key)| Some((name.to_owned(), infra::property(pom, key)?)));
    Profile {
        name: LOCAL.to_owned(),
        versions: versions.collect(),
        capabilities: local::capabilities(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_names_every_pinned_component() {
        let profile = local_profile();
        let names: Vec<&str> = profile.versions.keys().map(String::as_str).collect();
        let pinned = ["connect", "debezium", "flink", "iceberg", "kafka", "parquet", "registry"];
        let here =
            pinned.into_iter().filter(|n| infra::LAKE || !["iceberg", "parquet"].contains(n));
        assert_eq!(names, here.collect::<Vec<_>>());
    }
}
