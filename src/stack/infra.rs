//! The POMs and templates of `infra/local`, as a part of the binary.

use minijinja::{Environment, UndefinedBehavior, Value};
use sha2::{Digest, Sha256};

use super::error::StackError;
use super::lane::Lane;
use super::sets;

/// The class path of the broker and of Connect.
pub(super) const KAFKA_POM: &str = include_str!("../../infra/local/kafka.pom.xml");
/// The class path of the three Flink processes.
pub(super) const FLINK_POM: &str = include_str!("../../infra/local/flink.pom.xml");
/// The connector archive.
pub(super) const DEBEZIUM_POM: &str = include_str!("../../infra/local/debezium.pom.xml");
/// What Flink needs for sinks that are files.
pub(super) const LAKE_POM: &str = include_str!("../../infra/local/lake.pom.xml");
/// The Avro converter of Connect.
pub(super) const CONVERTER_POM: &str = include_str!("../../infra/local/converter.pom.xml");
/// The schema registry, for runs with Avro.
pub(super) const REGISTRY_POM: &str = include_str!("../../infra/local/registry.pom.xml");
/// Flink's model provider, for statements that need it.
pub(super) const MODEL_POM: &str = include_str!("../../infra/local/model.pom.xml");
/// The server of object storage, for runs that ask for it.
pub(super) const STORAGE_POM: &str = include_str!("../../infra/local/storage.pom.xml");
/// Flink's file system for it.
pub(super) const S3_POM: &str = include_str!("../../infra/local/s3.pom.xml");
/// Iceberg's access to it, and its catalog.
pub(super) const CATALOG_POM: &str = include_str!("../../infra/local/catalog.pom.xml");
/// What tells the figures of Kafka and Connect, for stacks with metrics.
pub(super) const AGENT_POM: &str = include_str!("../../infra/local/agent.pom.xml");
/// Flink's reporter of figures, for the same.
pub(super) const REPORTER_POM: &str = include_str!("../../infra/local/reporter.pom.xml");
/// Postgres, for lanes that do not take the machine's own.
pub(super) const POSTGRES_POM: &str = include_str!("../../infra/local/postgres.pom.xml");

/// Flink can write files: the reader for them is part of this binary.
pub(super) const LAKE: bool = cfg!(feature = "lake");

/// How Iceberg's access to object storage logs in, a file in the folder of a start.
pub(super) const STORAGE_LOGIN: &str = "conf/storage.credentials";
/// How Iceberg's catalog logs in to Postgres, another one.
pub(super) const CATALOG_LOGIN: &str = "conf/catalog.pgpass";

/// The region of object storage, which nothing but a signature has.
pub(super) const REGION: &str = "us-east-1";

/// What Connect looks up for its connectors, a file in the folder of a start.
pub(super) const SECRET: &str = "conf/postgres.properties";

/// A file that is no template, and its name in the folder of a start.
pub(super) type Plain = (&'static str, &'static str);

/// Which figures the broker tells.
pub(super) const KAFKA_FIGURES: Plain =
    ("conf/jmx-kafka.yml", include_str!("../../infra/monitoring/jmx/kafka.yml"));
/// Which figures Connect tells.
pub(super) const CONNECT_FIGURES: Plain =
    ("conf/jmx-connect.yml", include_str!("../../infra/monitoring/jmx/connect.yml"));
/// Which figures of Postgres are told.
pub(super) const POSTGRES_FIGURES: Plain =
    ("conf/postgres.queries.yml", include_str!("../../infra/monitoring/postgres.queries.yml"));

/// A template and the name of the file that it gives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Template {
    /// The file's name in the `conf` folder.
    pub(super) file: &'static str,
    text: &'static str,
}

pub(super) const KAFKA: Template = Template {
    file: "kafka.properties",
    text: include_str!("../../infra/local/kafka.properties.jinja"),
};
pub(super) const CONNECT: Template = Template {
    file: "connect.properties",
    text: include_str!("../../infra/local/connect.properties.jinja"),
};
pub(super) const FLINK: Template = Template {
    file: "config.yaml",
    text: include_str!("../../infra/local/flink.config.yaml.jinja"),
};
pub(super) const POSTGRES: Template = Template {
    file: "postgresql.conf",
    text: include_str!("../../infra/local/postgresql.conf.jinja"),
};
pub(super) const STORAGE: Template = Template {
    file: "storage.properties",
    text: include_str!("../../infra/local/storage.properties.jinja"),
};

const ALL: [Template; 5] = [KAFKA, CONNECT, FLINK, POSTGRES, STORAGE];

/// Fills in a template. A name that the template wants and `values` does not have is an error.
pub(super) fn render(template: Template, values: Value) -> Result<String, StackError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.render_str(template.text, values).map_err(|error| StackError::Refused {
        doing: format!("fill in the template of {}", template.file),
        cause: format!("{error:#}"),
    })
}

/// The text of a property of a POM.
pub(super) fn property(pom: &str, name: &str) -> Option<String> {
    let (_, rest) = pom.split_once(&format!("<{name}>"))?;
    let (value, _) = rest.split_once(&format!("</{name}>"))?;
    Some(value.trim().to_owned())
}

/// A digest of several texts, short enough for a file name.
pub(super) fn digest<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update(text.len().to_be_bytes());
        hasher.update(text);
    }
    let mut hex = hex::encode(hasher.finalize());
    hex.truncate(16);
    hex
}

/// A digest of everything that decides what the stack of a lane is. A stack of another recipe is not
/// used.
pub(super) fn recipe(lane: &Lane) -> String {
    let texts = ALL.iter().map(|template| template.text.to_owned());
    let values = lane.template().into_iter().map(|(name, value)| format!("{name}={value}"));
    let figures = [KAFKA_FIGURES, CONNECT_FIGURES, POSTGRES_FIGURES].map(|(_, text)| text);
    let figures = figures.into_iter().map(str::to_owned);
    let asked_for = [sets::REGISTRY].into_iter().chain(sets::FOR_STORAGE).chain(sets::FOR_METRICS);
    let asked_for = asked_for.filter_map(|kind| kind.of(lane));
    let jars = sets::needed(lane).into_iter().chain(asked_for);
    let jars = jars.flat_map(|set| {
        let open = set.arguments().collect::<Vec<_>>();
        [set.kind.pom.to_owned(), set.name].into_iter().chain(open)
    });
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let all: Vec<String> =
        texts.chain(figures).chain(values).chain(jars).chain([version]).collect();
    digest(all.iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_the_poms() {
        assert_eq!(property(REGISTRY_POM, "apicurio.version").as_deref(), Some("2.6.13.Final"));
        assert_eq!(property(KAFKA_POM, "absent"), None);
    }

    #[test]
    fn a_value_that_is_missing_is_named() {
        let error = render(KAFKA, minijinja::context! { folder => "/x" }).unwrap_err();
        assert!(error.to_string().contains("kafka.properties"), "{error}");
    }

    #[test]
    fn lanes_have_recipes_of_their_own() {
        let recipes = ["default", "flink=2.1.0", "postgres=17", "kafka=4.1.1"]
            .map(|word| Lane::read(word).unwrap().iter().map(recipe).collect::<String>());
        assert!(itertools::Itertools::all_unique(&mut recipes.iter()), "{recipes:?}");
    }

    #[test]
    fn a_digest_keeps_texts_apart() {
        assert_ne!(digest(["ab", "c"]), digest(["a", "bc"]));
        assert_eq!(digest(["a"]).len(), 16);
    }
}
