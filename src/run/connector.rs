//! The connector's effective configuration: the author's file and settings, and the keys that the
//! harness owns.

use std::collections::BTreeMap;

use super::names::Names;
use crate::capture::journal::{BARRIER, NOTE};
use crate::client::endpoints::Endpoints;
use crate::dialect::avro;
use crate::history::event::Part;
use crate::model::outbox;
use crate::scenario::secret;
use crate::scenario::settings::Options;

/// The prefix of topics where no file names one.
const PREFIX: &str = "cdc";
/// The class of Debezium's connector.
const CLASS: &str = "io.debezium.connector.postgresql.PostgresConnector";
/// The predicate that holds for topics by their names.
const MATCHES: &str = "org.apache.kafka.connect.transforms.predicates.TopicNameMatches";
/// The name of our predicate, which keeps transforms off barriers.
const PREDICATE: &str = "changeproofBarrier";

/// Used where the author says nothing: what production would have, but quick to start and to
/// recover.
const DEFAULTS: [(&str, &str); 9] = [
    ("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
    ("key.converter.schemas.enable", "false"),
    ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
    ("value.converter.schemas.enable", "false"),
    // The converter's own default turns a NULL into the column's default.
    ("value.converter.replace.null.with.default", "false"),
    ("poll.interval.ms", "10"),
    ("slot.retry.delay.ms", "200"),
    ("slot.max.retries", "50"),
    ("retriable.restart.connector.wait.ms", "200"),
];

/// Keys of a connector that Confluent manages and that Connect does not know.
const MANAGED: [&str; 8] = [
    "kafka.",
    "output.data.format",
    "output.key.format",
    "schema.context.name",
    "csfle.",
    "confluent.",
    "cloud.",
    "after.state.only",
];

fn converter(part: Part) -> &'static str {
    match part {
        Part::Key => "key.converter",
        Part::Value => "value.converter",
    }
}

/// The connector of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    /// What is submitted.
    pub config: Options,
    /// Keys of the author's that were replaced or left out.
    pub replaced: Vec<String>,
    /// The prefix of its topics as production has it (`cdc`).
    pub prefix: String,
    /// Where its outbox router routes events, as production has it.
    routed: String,
}

impl Connector {
    /// The configuration for a run. `captured` names the captured tables as `schema.name`.
    pub fn new(
        written: &Options,
        settings: &Options,
        names: &Names,
        endpoints: &Endpoints,
    ) -> Self {
        let mut config: Options = DEFAULTS.into_iter().map(owned).collect();
        config.extend(written.clone());
        config.extend(settings.clone());
        let prefix = config.get("topic.prefix").cloned().unwrap_or_else(|| PREFIX.to_owned());
        let mut connector = Self { config, replaced: Vec::new(), prefix, routed: String::new() };
        connector.leave_out();
        connector.own(names, endpoints);
        connector.own_converters(endpoints);
        connector.own_topics(names);
        connector.let_barriers_through();
        connector.spare_barriers(names);
        let author = |key: &String| written.contains_key(key) || settings.contains_key(key);
        connector.replaced.retain(author);
        connector.replaced.sort();
        connector.replaced.dedup();
        connector
    }

    /// The logical name of the topic of table `schema.name`.
    pub fn topic(&self, table: &str) -> String {
        format!("{}.{table}", self.prefix)
    }

    /// The logical name of the topic of an outbox table's rows with this value in the routing
    /// column.
    pub fn outbox_topic(&self, value: &str) -> String {
        outbox::topic(&self.routed, value)
    }

    /// The logical name of the topic of barriers.
    pub fn barrier_topic(&self) -> String {
        format!("{}.message", self.prefix)
    }

    /// The logical name of the topic of transaction metadata, if the connector writes them.
    pub fn transaction_topic(&self) -> Option<String> {
        let name = self.config.get("topic.transaction").map_or("transaction", String::as_str);
        self.is_on("provide.transaction.metadata").then(|| format!("{}.{name}", self.prefix))
    }

    /// The logical name of the topic of heartbeats, if the connector writes them. Without the topic
    /// it would run and be stuck for ever.
    pub fn heartbeat_topic(&self) -> Option<String> {
        let interval = self.config.get("heartbeat.interval.ms").map_or("0", String::as_str);
        let flushes =
            self.config.get("lsn.flush.mode").is_some_and(|m| m == "connector_and_driver");
        (interval != "0" || flushes).then(|| format!("__debezium-heartbeat.{}", self.prefix))
    }

    fn is_on(&self, key: &str) -> bool {
        self.config.get(key).is_some_and(|value| value == "true")
    }

    /// The configuration with secrets hidden.
    pub fn shown(&self) -> Options {
        secret::hidden(&self.config)
    }

    fn leave_out(&mut self) {
        let foreign = |key: &str| {
            MANAGED.iter().any(|managed| key.starts_with(managed))
                || key.starts_with("database.")
                || key == "name"
        };
        let (out, kept): (Options, Options) =
            std::mem::take(&mut self.config).into_iter().partition(|(key, _)| foreign(key));
        self.replaced.extend(out.into_keys());
        self.config = kept;
    }

    fn set(&mut self, key: &str, value: String) {
        if self.config.get(key) != Some(&value) {
            self.replaced.push(key.to_owned());
        }
        self.config.insert(key.to_owned(), value);
    }

    fn own(&mut self, names: &Names, endpoints: &Endpoints) {
        self.set("connector.class", CLASS.to_owned());
        self.set("tasks.max", "1".to_owned());
        self.set("plugin.name", "pgoutput".to_owned());
        self.set("database.hostname", endpoints.postgres_host.clone());
        self.set("database.port", endpoints.postgres_port.to_string());
        self.set("database.user", endpoints.postgres_user.clone());
        self.set("database.dbname", names.database());
        self.set("topic.prefix", names.topic(&self.prefix));
        self.set("slot.name", names.connector_slot());
        self.set("publication.name", names.connector_slot());
        self.set("publication.autocreate.mode", "disabled".to_owned());
        if self.heartbeat_topic().is_some() {
            self.set("topic.heartbeat.prefix", names.topic("__debezium-heartbeat"));
        }
    }

    /// Whether this part of the records is written in Avro.
    pub fn writes_avro(&self, part: Part) -> bool {
        let class = self.config.get(converter(part));
        class.is_some_and(|class| avro::is_converter(class))
    }

    /// Whoever's converter writes Avro: it is ours, on the stack's registry, with the frame that
    /// Flink's formats read.
    fn own_converters(&mut self, endpoints: &Endpoints) {
        for part in [Part::Key, Part::Value] {
            if !self.writes_avro(part) {
                continue;
            }
            let class = converter(part);
            avro::drop_options_of(&mut self.config, class);
            self.set(class, avro::CONVERTER.to_owned());
            let url = format!("{}/apis/registry/v2", endpoints.registry);
            for (option, value) in [
                ("url", url.as_str()),
                ("auto-register", "true"),
                ("as-confluent", "true"),
                // In a header, the schema's id would be where Flink does not look.
                ("headers.enabled", "false"),
                ("use-id", "contentId"),
            ] {
                self.set(&format!("{class}.apicurio.registry.{option}"), value.to_owned());
            }
            // Avro's names of records have no dashes.
            let names = self.config.entry("schema.name.adjustment.mode".to_owned());
            names.or_insert_with(|| "avro".to_owned());
        }
    }

    /// The names of topics in transforms and predicates carry the run's name too.
    fn own_topics(&mut self, names: &Names) {
        outbox::REPLACEMENT.clone_into(&mut self.routed);
        if let Some(router) = outbox::name(&self.config) {
            let key = format!("transforms.{router}.route.topic.replacement");
            if let Some(written) = self.config.get(&key) {
                self.routed.clone_from(written);
            }
            let physical = names.topic(&self.routed);
            self.set(&key, physical);
        }
        let types = self.config.iter().filter(|(_, class)| *class == MATCHES);
        let matching = types.filter_map(|(key, _)| key.strip_suffix(".type"));
        for predicate in matching.map(|name| format!("{name}.pattern")).collect::<Vec<_>>() {
            let Some(pattern) = self.config.get(&predicate) else { continue };
            let prefix = names.topic("").replace('.', "\\.");
            let physical = format!("{prefix}(?:{pattern})");
            self.set(&predicate, physical);
        }
    }

    /// Barriers are captured whatever the author captures, notes never.
    fn let_barriers_through(&mut self) {
        let (include, exclude) = ("message.prefix.include.list", "message.prefix.exclude.list");
        let escaped = |prefix: &str| prefix.replace('.', "\\.");
        if let Some(list) = self.config.get(include).cloned() {
            self.set(include, format!("{list},{}", escaped(BARRIER)));
            return;
        }
        let list = match self.config.get(exclude) {
            Some(list) => format!("{list},{}", escaped(NOTE)),
            None => escaped(NOTE),
        };
        self.set(exclude, list);
    }

    /// A transform is made for rows; what it would do to a barrier nobody knows.
    fn spare_barriers(&mut self, names: &Names) {
        let Some(transforms) = self.config.get("transforms").cloned() else { return };
        let plain: Vec<_> = transforms
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .filter(|name| !self.config.contains_key(&format!("transforms.{name}.predicate")))
            .map(ToOwned::to_owned)
            .collect();
        for name in &plain {
            self.set(&format!("transforms.{name}.predicate"), PREDICATE.to_owned());
            self.set(&format!("transforms.{name}.negate"), "true".to_owned());
        }
        if plain.is_empty() {
            return;
        }
        let predicates = match self.config.get("predicates") {
            Some(list) => format!("{list},{PREDICATE}"),
            None => PREDICATE.to_owned(),
        };
        self.set("predicates", predicates);
        self.set(&format!("predicates.{PREDICATE}.type"), MATCHES.to_owned());
        let topic = names.topic(&self.barrier_topic()).replace('.', "\\.");
        self.set(&format!("predicates.{PREDICATE}.pattern"), topic);
    }
}

/// A condition in SQL that holds for the tables that the connector captures, over the column
/// `full_name` (`schema.name`) and `schema`: Debezium's lists are regular expressions for whole names, in
/// whatever case.
pub fn captures(config: &Options) -> String {
    let matches = |column: &str, list: &str| {
        let any: Vec<_> = list
            .split(',')
            .map(str::trim)
            .filter(|pattern| !pattern.is_empty())
            .map(|pattern| format!("{column} ~* {}", quoted(&format!("^(?:{pattern})$"))))
            .collect();
        if any.is_empty() { "false".to_owned() } else { format!("({})", any.join(" OR ")) }
    };
    let lists: BTreeMap<&str, (&str, bool)> = BTreeMap::from([
        ("schema.exclude.list", ("schema", false)),
        ("schema.include.list", ("schema", true)),
        ("table.exclude.list", ("full_name", false)),
        ("table.include.list", ("full_name", true)),
    ]);
    let mut conditions = Vec::new();
    for (key, (column, wanted)) in lists {
        let Some(list) = config.get(key).filter(|list| !list.trim().is_empty()) else { continue };
        let not = if wanted { "" } else { "NOT " };
        conditions.push(format!("{not}{}", matches(column, list)));
    }
    if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") }
}

fn quoted(text: &str) -> String {
    crate::client::postgres::literal(text)
}

fn owned((key, value): (&str, &str)) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> Options {
        pairs.iter().copied().map(owned).collect()
    }

    fn connector(written: &[(&str, &str)], settings: &[(&str, &str)]) -> Connector {
        let endpoints = Endpoints {
            postgres_host: "127.0.0.1".to_owned(),
            postgres_port: 5432,
            postgres_user: "postgres".to_owned(),
            kafka: "127.0.0.1:9092".to_owned(),
            registry: "http://127.0.0.1:2".to_owned(),
            ..Endpoints::default()
        };
        let names = Names::from_parts("t", 0);
        Connector::new(&options(written), &options(settings), &names, &endpoints)
    }

    #[test]
    fn without_a_file_everything_is_ours() {
        let connector = connector(&[], &[]);
        assert!(connector.replaced.is_empty(), "{:?}", connector.replaced);
        assert_eq!(connector.topic("public.t"), "cdc.public.t");
        insta::assert_json_snapshot!(connector.config);
    }

    #[test]
    fn a_managed_connector_keeps_its_options_and_loses_its_addresses() {
        let connector = connector(
            &[
                ("connector.class", "PostgresCdcSourceV2"),
                ("name", "production"),
                ("kafka.api.key", "K"),
                ("database.hostname", "db.example"),
                ("database.password", "${secret}"),
                ("topic.prefix", "card-tx"),
                ("table.include.list", "public.customers, public.transactions"),
                ("after.state.only", "false"),
                ("tombstones.on.delete", "true"),
                ("transforms", "route"),
                ("transforms.route.type", "T"),
            ],
            &[("decimal.handling.mode", "string")],
        );
        assert_eq!(connector.barrier_topic(), "card-tx.message");
        assert_eq!(
            connector.replaced,
            [
                "after.state.only",
                "connector.class",
                "database.hostname",
                "database.password",
                "kafka.api.key",
                "name",
                "topic.prefix"
            ]
        );
        let get = |key: &str| connector.config.get(key).map(String::as_str);
        assert_eq!(get("topic.prefix"), Some("cp_0000000000.card-tx"));
        assert_eq!(get("tombstones.on.delete"), Some("true"));
        assert_eq!(get("database.password"), None);
        assert_eq!(get("transforms.route.negate"), Some("true"));
        assert_eq!(
            get("predicates.changeproofBarrier.pattern"),
            Some("cp_0000000000\\.card-tx\\.message")
        );
    }

    #[test]
    fn topics_of_an_outbox_router_and_of_predicates_carry_the_runs_name() {
        let connector = connector(
            &[
                ("transforms", "outbox"),
                ("transforms.outbox.type", "io.debezium.transforms.outbox.EventRouter"),
                ("transforms.outbox.route.topic.replacement", "${routedByValue}.events"),
                ("transforms.outbox.predicate", "isOutbox"),
                ("predicates", "isOutbox"),
                ("predicates.isOutbox.type", MATCHES),
                ("predicates.isOutbox.pattern", r"cdc\.public\.(outbox|late)"),
            ],
            &[],
        );
        assert_eq!(connector.outbox_topic("order"), "order.events");
        let get = |key: &str| connector.config.get(key).map(String::as_str);
        assert_eq!(
            get("transforms.outbox.route.topic.replacement"),
            Some("cp_0000000000.${routedByValue}.events")
        );
        assert_eq!(
            get("predicates.isOutbox.pattern"),
            Some(r"cp_0000000000\.(?:cdc\.public\.(outbox|late))")
        );
        assert_eq!(get("predicates"), Some("isOutbox"));
    }

    #[test]
    fn the_authors_message_lists_go_on_to_hold() {
        let connector = connector(&[("message.prefix.include.list", "outbox")], &[]);
        let list = connector.config.get("message.prefix.include.list").unwrap();
        assert_eq!(list, "outbox,changeproof\\.barrier");
        assert!(!connector.config.contains_key("message.prefix.exclude.list"));
    }

    #[test]
    fn further_topics_follow_the_options() {
        let connector = connector(
            &[],
            &[("provide.transaction.metadata", "true"), ("heartbeat.interval.ms", "100")],
        );
        assert_eq!(connector.transaction_topic().unwrap(), "cdc.transaction");
        assert_eq!(connector.heartbeat_topic().unwrap(), "__debezium-heartbeat.cdc");
    }

    #[test]
    fn lists_become_conditions() {
        assert_eq!(captures(&options(&[])), "true");
        let lists = options(&[
            ("table.include.list", r"public\.a, public\.b.*"),
            ("schema.exclude.list", "it's"),
        ]);
        assert_eq!(
            captures(&lists),
            r"NOT (schema ~* '^(?:it''s)$') AND (full_name ~* '^(?:public\.a)$' OR full_name ~* '^(?:public\.b.*)$')"
        );
    }
}
