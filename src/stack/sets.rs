//! Sets of jars: a POM each, filled in with the versions of a lane.

use super::infra;
use super::lane::{Lane, Part, Values};

/// One POM and what becomes of what it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) pom: &'static str,
    pub(super) goal: &'static str,
    /// A service that its jars provide without saying so: the interface and the classes.
    pub(super) service: Option<(&'static str, &'static str)>,
    /// What is fetched is an archive in an archive: the files in the inner one are the set.
    pub(super) is_nested: bool,
    /// Whose versions decide about it.
    parts: &'static [Part],
}

impl Kind {
    const fn copied(name: &'static str, pom: &'static str, parts: &'static [Part]) -> Self {
        let goal = "copy-dependencies";
        Self { name, pom, goal, service: None, is_nested: false, parts }
    }

    const fn unpacked(name: &'static str, pom: &'static str, parts: &'static [Part]) -> Self {
        Self { goal: "unpack-dependencies", ..Self::copied(name, pom, parts) }
    }

    /// The set of a lane; `None` if the lane takes the machine's own.
    pub(super) fn of(self, lane: &Lane) -> Option<Set> {
        let versions: Option<Vec<&str>> =
            self.parts.iter().map(|part| lane.version(*part)).collect();
        if lane.lacks(self.name).is_some() {
            return None;
        }
        let words = [self.name].into_iter().chain(versions?);
        let mut properties = lane.jars(self.parts);
        properties.retain(|name, _| self.pom.contains(&format!("${{{name}}}")));
        Some(Set { kind: self, name: words.collect::<Vec<_>>().join("-"), properties })
    }

    /// The sets of all versions that are known.
    fn all(self) -> Vec<Set> {
        match self.parts {
            [] => self.of(&Lane::default()).into_iter().collect(),
            parts => {
                let lanes = parts.iter().flat_map(|part| Lane::each(*part));
                lanes.filter_map(|lane| self.of(&lane)).collect()
            }
        }
    }
}

/// The jars of one POM in the versions of one lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set {
    pub(super) kind: Kind,
    /// `flink-2.2.0`.
    pub(super) name: String,
    /// What its POM leaves open.
    pub(super) properties: Values,
}

impl Set {
    /// The properties as arguments of Maven.
    pub(super) fn arguments(&self) -> impl Iterator<Item = String> + '_ {
        self.properties.iter().map(|(name, value)| format!("-D{name}={value}"))
    }
}

pub(super) const KAFKA: Kind = Kind::copied("kafka", infra::KAFKA_POM, &[Part::Kafka]);
pub(super) const FLINK: Kind = Kind::copied("flink", infra::FLINK_POM, &[Part::Flink]);
/// Stands behind [`FLINK`] on its class path.
pub(super) const LAKE: Kind = Kind::copied("lake", infra::LAKE_POM, &[Part::Flink]);
pub(super) const DEBEZIUM: Kind =
    Kind::unpacked("debezium", infra::DEBEZIUM_POM, &[Part::Debezium]);
/// Connect finds plugins by their service files alone, and the converter has none.
pub(super) const CONVERTER: Kind = Kind {
    service: Some((
        "org.apache.kafka.connect.storage.Converter",
        "io.apicurio.registry.utils.converter.AvroConverter\n",
    )),
    ..Kind::copied("converter", infra::CONVERTER_POM, &[])
};
/// What only runs with Avro need; fetched when the first of them asks.
pub(super) const REGISTRY: Kind = Kind::unpacked("registry", infra::REGISTRY_POM, &[]);
/// What few statements need; fetched when one does, and no part of a class path.
pub(super) const MODEL: Kind = Kind::copied("model", infra::MODEL_POM, &[Part::Flink]);
/// What only runs on object storage need: the server,
pub(super) const STORAGE: Kind = Kind::copied("storage", infra::STORAGE_POM, &[]);
/// Flink's plugin,
pub(super) const S3: Kind = Kind::copied("s3", infra::S3_POM, &[Part::Flink]);
/// and what stands behind [`LAKE`] on Flink's class path.
pub(super) const CATALOG: Kind = Kind::copied("catalog", infra::CATALOG_POM, &[Part::Flink]);
/// What only stacks with metrics need: what tells the figures of Kafka and Connect,
pub(super) const AGENT: Kind = Kind::copied("agent", infra::AGENT_POM, &[]);
/// and what stands behind [`LAKE`] on Flink's class path.
pub(super) const REPORTER: Kind = Kind::copied("reporter", infra::REPORTER_POM, &[Part::Flink]);
/// For lanes that do not take the machine's own.
pub(super) const POSTGRES: Kind =
    Kind { is_nested: true, ..Kind::unpacked("postgres", infra::POSTGRES_POM, &[Part::Postgres]) };

/// What a stack with object storage needs besides.
pub(super) const FOR_STORAGE: [Kind; 3] = [STORAGE, S3, CATALOG];

/// What a stack with metrics needs besides.
pub(super) const FOR_METRICS: [Kind; 2] = [AGENT, REPORTER];

/// Every set that there is, in every version.
pub(super) fn all() -> impl Iterator<Item = Set> {
    let usual = [POSTGRES, KAFKA, DEBEZIUM, CONVERTER, REGISTRY, FLINK, LAKE, MODEL];
    usual.into_iter().chain(FOR_STORAGE).chain(FOR_METRICS).flat_map(Kind::all)
}

/// What the stack of a lane needs before it starts.
pub(super) fn needed(lane: &Lane) -> Vec<Set> {
    let kinds = [POSTGRES, KAFKA, FLINK, DEBEZIUM, CONVERTER].into_iter();
    kinds.chain(infra::LAKE.then_some(LAKE)).filter_map(|kind| kind.of(lane)).collect()
}

/// A line a set, for `ci/jars`: its name, its POM, Maven's goal, and the properties as arguments.
pub fn lines() -> Vec<String> {
    let line = |set: Set| {
        let words = [set.name.as_str(), set.kind.name, set.kind.goal].map(str::to_owned);
        words.into_iter().chain(set.arguments()).collect::<Vec<_>>().join(" ")
    };
    all().map(line).collect()
}
