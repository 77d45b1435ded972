//! The connector's effective configuration: the author's file and settings, and the keys that the
//! harness owns.

use std::collections::BTreeMap;

use crate::base::difference::Difference;
use crate::base::draft::Draft;
use crate::base::secret::Secrets;
use crate::capture::journal::{BARRIER, NOTE};
use crate::client::reach::{Login, Reach};
use crate::contain;
use crate::contain::fate::Fate;
use crate::dialect::avro;
use crate::dialect::connector::Mapped;
use crate::history::event::Part;
use crate::model::creation::{self, Creation, Shape};
use crate::model::ours::{OF, PREDICATE, ROUTER};
use crate::model::pattern::Pattern;
use crate::model::routes::{MATCHES, REGEX_ROUTER, Routes, transforms};
use crate::quiesce;
use crate::run::names::Names;
use crate::scenario::secret::hidden;
use crate::scenario::settings::Options;

/// The class of Debezium's connector.
const CLASS: &str = "io.debezium.connector.postgresql.PostgresConnector";
/// The topic of logical messages and barriers where a statement reads messages, as the run names its
/// own things.
const APART: &str = "changeproof.messages";

/// Used where the author says nothing: what production would have, but quick to start and to
/// recover.
const QUICK: [(&str, &str); 4] = [
    ("poll.interval.ms", "10"),
    ("slot.retry.delay.ms", "200"),
    ("slot.max.retries", "50"),
    ("retriable.restart.connector.wait.ms", "200"),
];

/// The converter of the harness's own connector, which stands where there is no connector file.
const CONVERTER: &str = "org.apache.kafka.connect.json.JsonConverter";
/// Its options: records without schemas, and a NULL stays a NULL.
const PLAIN: [(&str, &str); 2] =
    [("schemas.enable", "false"), ("replace.null.with.default", "false")];

/// The topic of messages and barriers apart, of the connector with this place.
fn apart(nth: usize) -> String {
    if nth == 0 { APART.to_owned() } else { format!("{APART}{}", nth.saturating_add(1)) }
}

/// What the connector is called among the parts that differ from the author's files.
pub(super) fn part(name: Option<&str>) -> String {
    name.map_or_else(|| "connector".to_owned(), |name| format!("connector {name}"))
}

fn converter(part: Part) -> &'static str {
    match part {
        Part::Key => "key.converter",
        Part::Value => "value.converter",
    }
}

/// The connector of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    /// Its place in the pipeline's list, from 0.
    pub nth: usize,
    /// What it is called among several.
    pub name: Option<String>,
    /// What Debezium is told; what is submitted, unless [`Self::submitted`] says otherwise.
    pub config: Options,
    /// What is submitted of a managed connector.
    pub submitted: Option<Options>,
    /// How it differs from what the author wrote.
    pub differences: Vec<Difference>,
    /// Its topics as production has them.
    pub routes: Routes,
    /// The topic of barriers, by its logical name and by the broker's.
    barriers: (String, String),
    /// How its file has topics created.
    creation: Option<Creation>,
}

impl Connector {
    /// The configuration for a run, from the connector file and the settings of the trial. What of
    /// it tells no name of a topic is the error, in sentences.
    pub fn new(
        written: &Mapped,
        (nth, name): (usize, Option<&str>),
        settings: &Options,
        names: &Names,
        reach: &Reach,
    ) -> Result<Self, Vec<String>> {
        let mut draft = written.draft.clone();
        draft.author(settings);
        for (key, value) in QUICK {
            draft.set_default(key, value, "a run starts and recovers quickly");
        }
        if !written.is_file {
            default_converters(&mut draft);
        }
        let routes = Routes::of(draft.options())?;
        let creation = Creation::of(draft.options())?;
        let options = draft.options().clone();
        draft.leave_out_where(|key| left_out(key, &options));
        own(&mut draft, (names, nth), reach, &routes);
        own_converters(&mut draft, reach);
        let_barriers_through(&mut draft);
        let barriers = (routes.messages(), names.topic(&routes.messages()));
        spare_barriers(&mut draft, &[&barriers.1, &names.own(&apart(nth))]);
        let (config, differences) = draft.finish(&part(name));
        let name = name.map(ToOwned::to_owned);
        Ok(Self { nth, name, config, submitted: None, differences, routes, barriers, creation })
    }

    /// The same where a statement reads logical messages: barriers then come on a topic of the run's
    /// own, and with them the author's messages, which the run passes on to where they belong.
    #[must_use]
    pub fn with_messages_apart(mut self, names: &Names) -> Self {
        let why = "a statement reads logical messages, and barriers are none of the author's";
        let apart = apart(self.nth);
        let (from, to) = (self.barriers.1.clone(), names.own(&apart));
        let transforms = self.config.get("transforms").filter(|list| !list.trim().is_empty());
        let transforms = transforms.map_or_else(String::new, |list| format!(",{list}"));
        let prefix = format!("transforms.{ROUTER}");
        let ours = [
            ("transforms".to_owned(), format!("{ROUTER}{transforms}")),
            (format!("{prefix}.type"), REGEX_ROUTER.to_owned()),
            (format!("{prefix}.regex"), escaped(&from)),
            (format!("{prefix}.replacement"), to.clone()),
            (format!("predicates.{PREDICATE}.pattern"), escaped(&to)),
        ];
        for (key, value) in ours {
            if key.starts_with("predicates.") && !self.config.contains_key(&key) {
                continue;
            }
            self.differ(&key, &value, why);
            self.config.insert(key, value);
        }
        self.barriers = (apart, to);
        self
    }

    /// Lists a value of ours, over what was listed of its key before.
    fn differ(&mut self, key: &str, value: &str, why: &str) {
        if let Some(known) = self.differences.iter_mut().find(|one| one.key == key) {
            known.ours = Some(value.to_owned());
            return;
        }
        let theirs = self.config.get(key).cloned();
        let ours = Difference::new(part(self.name.as_deref()), key, why).ours(value);
        self.differences.push(Difference { theirs, ..ours });
        self.differences.sort_by(|a, b| a.key.cmp(&b.key));
    }

    /// The topic that barriers come back on, by its logical name.
    pub fn barriers(&self) -> &str {
        &self.barriers.0
    }

    /// The same by its name on the broker.
    pub fn barriers_physical(&self) -> &str {
        &self.barriers.1
    }

    /// The author's logical messages are passed on to a topic of theirs.
    pub fn has_messages_apart(&self) -> bool {
        self.barriers.0 == apart(self.nth)
    }

    /// Its names, for a proof.
    pub(in crate::run) fn proven(&self, names: &Names) -> quiesce::Connector {
        quiesce::Connector {
            name: names.connector(self.nth),
            called: self.name.clone(),
            slot: names.connector_slot(self.nth),
            barriers: self.barriers.0.clone(),
            confirms: self.confirms(),
        }
    }

    /// The logical name of the topic of transaction metadata, if the connector writes them.
    pub fn transaction_topic(&self) -> Option<String> {
        let is_on =
            self.config.get("provide.transaction.metadata").is_some_and(|value| value == "true");
        is_on.then(|| self.routes.transaction())
    }

    /// The logical name of the topic of heartbeats, if the connector writes them. Without the topic
    /// it would run and be stuck for ever.
    pub fn heartbeat_topic(&self) -> Option<String> {
        beats(&self.config).then(|| self.routes.heartbeat())
    }

    /// Whether it confirms to the slot what it has written; else that is left to somebody else, whom
    /// no run has.
    pub fn confirms(&self) -> bool {
        let is = |option: &str, value: &str| {
            self.config.get(option).is_some_and(|set| set.eq_ignore_ascii_case(value))
        };
        !is("flush.lsn.source", "false") && !is("lsn.flush.mode", "manual")
    }

    /// How a topic of its records is created, by its logical name.
    pub fn shape(&self, topic: &str) -> Shape {
        self.creation.as_ref().map(|all| all.of_topic(topic).clone()).unwrap_or_default()
    }

    /// The configuration with secrets hidden.
    pub fn shown(&self) -> Options {
        hidden(&self.config, &Secrets::none())
    }

    /// Whether this part of the records is written in Avro.
    pub fn writes_avro(&self, part: Part) -> bool {
        writes_avro(&self.config, part)
    }

    /// The converters that are the worker's, since neither the file nor the settings name one;
    /// `worker` are the settings of the worker.
    pub fn of_the_worker(&self, worker: &Options) -> Vec<Difference> {
        let keys = [Part::Key, Part::Value].map(converter).into_iter();
        let unnamed =
            keys.filter(|key| !self.config.contains_key(*key) && !worker.contains_key(*key));
        let why = "the connector file names none: in production it is that of the worker there";
        unnamed.map(|key| Difference::new("worker", key, why).ours(CONVERTER)).collect()
    }
}

fn writes_avro(config: &Options, part: Part) -> bool {
    let class = config.get(converter(part));
    class.is_some_and(|class| avro::is_converter(class))
}

/// Whether the connector writes heartbeats.
fn beats(config: &Options) -> bool {
    let interval = config.get("heartbeat.interval.ms").map_or("0", String::as_str);
    let flushes = config.get("lsn.flush.mode").is_some_and(|m| m == "connector_and_driver");
    interval != "0" || flushes
}

/// Why a key is left out, if it is.
fn left_out(key: &str, options: &Options) -> Option<&'static str> {
    if key.starts_with(creation::PREFIX) {
        return Some(if key.ends_with(creation::REPLICATION) {
            "the run creates the topics, with a replication factor of 1: the stack has one broker"
        } else {
            "the run creates the topics, as the option says"
        });
    }
    let value = options.get(key).map_or("", String::as_str);
    match contain::connector::option(key, value, options) {
        Fate::LeftOut(why) => Some(why),
        Fate::Kept | Fate::Ours(_) | Fate::Refused(..) => None,
    }
}

/// The converters of a connector without a file. Those that the settings name have their own
/// defaults, as those of a file have.
fn default_converters(draft: &mut Draft) {
    for part in [Part::Key, Part::Value] {
        let class = converter(part);
        if draft.get(class).is_some() {
            continue;
        }
        let why = "there is no connector file: the harness's own writes JSON without schemas";
        draft.set(class, CONVERTER, why);
        for (option, value) in PLAIN {
            draft.set_default(&format!("{class}.{option}"), value, why);
        }
    }
}

/// What a run must have for itself: the database, the slot, the publication, the names of topics.
fn own(draft: &mut Draft, (names, nth): (&Names, usize), reach: &Reach, routes: &Routes) {
    draft.set("connector.class", CLASS, "Debezium's connector for Postgres is under test");
    draft.set("tasks.max", "1", "the connector has one task");
    draft.set("plugin.name", "pgoutput", "the stack's Postgres decodes with it");
    if draft.get("signal.enabled.channels").is_some() {
        let why = "only rows of the signal table reach a run's connector";
        draft.set("signal.enabled.channels", "source", why);
    }
    let database = "the database is the run's";
    for (key, value) in reach.postgres.debezium() {
        draft.set(key, value, database);
    }
    draft.set("database.dbname", names.database(), database);
    let topics = "runs side by side have topics of their own";
    draft.set("topic.prefix", names.topic(routes.prefix()), topics);
    draft.set("slot.name", names.connector_slot(nth), "the slot is the run's");
    let publication = "the run makes the publication before the connector starts";
    draft.set("publication.name", names.connector_slot(nth), publication);
    draft.set("publication.autocreate.mode", "disabled", publication);
    if beats(draft.options()) && names.is_prefixed() {
        draft.set("topic.heartbeat.name", names.topic(&routes.heartbeat()), topics);
    }
}

/// Whoever's converter writes Avro: it is ours, on the stack's registry, with the frame that
/// Flink's formats read.
fn own_converters(draft: &mut Draft, reach: &Reach) {
    let why = "the stack writes Avro with Apicurio's converter, to a registry of its own";
    for part in [Part::Key, Part::Value] {
        if !writes_avro(draft.options(), part) {
            continue;
        }
        let class = converter(part);
        avro::drop_options_of(draft, class, why);
        draft.set(class, avro::CONVERTER, why);
        for (option, value) in [
            ("url", reach.registry_inside("/apis/registry/v2").as_str()),
            ("auto-register", "true"),
            ("as-confluent", "true"),
            ("headers.enabled", "false"), // Flink does not look there for the schema's id.
            ("use-id", "contentId"),
        ] {
            draft.set(&format!("{class}.apicurio.registry.{option}"), value, why);
        }
        for Login { user, password } in reach.registry.iter().flat_map(|at| &at.inside.login) {
            draft.set(&format!("{class}.apicurio.auth.username"), user, why);
            draft.set(&format!("{class}.apicurio.auth.password"), &password.0, why);
        }
        let why = "Avro's names of records have no dashes";
        draft.set_default("schema.name.adjustment.mode", "avro", why);
    }
}

/// The regular expression for exactly this name.
fn escaped(name: &str) -> String {
    name.replace('.', "\\.")
}

/// Barriers are captured whatever the author captures, notes never.
fn let_barriers_through(draft: &mut Draft) {
    let (include, exclude) = ("message.prefix.include.list", "message.prefix.exclude.list");
    if let Some(list) = draft.get(include) {
        let list = format!("{list},{}", escaped(BARRIER));
        draft.set(include, list, "the harness's barriers come back through the connector");
        return;
    }
    // Notes of all kinds: the prefixes of the others begin with this one.
    let notes = format!("{}(\\..*)?", escaped(NOTE));
    let list = match draft.get(exclude) {
        Some(list) => format!("{list},{notes}"),
        None => notes,
    };
    draft.set(exclude, list, "the harness's notes stay in the journal");
}

/// A transform is made for rows; what it would do to a barrier nobody knows. `barriers` are the
/// topics that they may come on.
fn spare_barriers(draft: &mut Draft, barriers: &[&str; 2]) {
    let why = "transforms are kept off the harness's barriers";
    let names: Vec<_> = transforms(draft.options()).map(ToOwned::to_owned).collect();
    let mut ours = BTreeMap::new();
    for name in &names {
        let (predicate, negate) =
            (format!("transforms.{name}.predicate"), format!("transforms.{name}.negate"));
        match draft.get(&predicate).map(str::to_owned) {
            None => {
                draft.set(&predicate, PREDICATE, why);
                draft.set(&negate, "true", why);
                ours.insert(PREDICATE.to_owned(), escaped(barriers[0]));
            }
            Some(theirs) => {
                let is_negated =
                    draft.get(&negate).is_some_and(|negate| negate.eq_ignore_ascii_case("true"));
                if let Some(pattern) = sparing(draft, &theirs, (is_negated, barriers)) {
                    let sparing = format!("{PREDICATE}{OF}{theirs}");
                    draft.set(&predicate, &sparing, why);
                    ours.insert(sparing, pattern);
                }
            }
        }
    }
    if ours.is_empty() {
        return;
    }
    let mut predicates =
        draft.get("predicates").map_or_else(String::new, |list| format!("{list},"));
    predicates += &ours.keys().cloned().collect::<Vec<_>>().join(",");
    draft.set("predicates", predicates, why);
    for (name, pattern) in ours {
        draft.set(&format!("predicates.{name}.type"), MATCHES, why);
        draft.set(&format!("predicates.{name}.pattern"), pattern, why);
    }
}

/// The pattern by which a predicate of the author's for topics holds as before, and lets no transform
/// at barriers; `None` where it lets none at them anyway, or looks at something else.
fn sparing(draft: &Draft, predicate: &str, of: (bool, &[&str; 2])) -> Option<String> {
    let (is_negated, barriers) = of;
    let option = |key: &str| draft.get(&format!("predicates.{predicate}.{key}"));
    let pattern = option("pattern").filter(|_| option("type") == Some(MATCHES))?;
    let read = Pattern::of(pattern).ok()?;
    if barriers.iter().all(|topic| read.holds(topic) == is_negated) {
        return None;
    }
    let barriers = barriers.map(escaped).join("|");
    Some(if is_negated {
        format!("{barriers}|(?:{pattern})")
    } else {
        format!("(?!(?:{barriers})$)(?:{pattern})")
    })
}

#[cfg(test)]
mod tests {
    use crate::client::reach::{Address, Kafka, Postgres, Rest, Twice};
    use rstest::rstest;

    use super::*;
    use crate::base::text::Text;
    use crate::scenario::trial::Naming;

    fn options(pairs: &[(&str, &str)]) -> Options {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn connector(written: &[(&str, &str)], settings: &[(&str, &str)]) -> Connector {
        let reach = Reach {
            postgres: Postgres {
                at: Twice::same(Address::local(5432)),
                user: "postgres".to_owned(),
                reference: "${file:/f:password}".to_owned(),
                ..Postgres::default()
            },
            kafka: Twice::same(Kafka::plain("127.0.0.1:9092")),
            registry: Some(Twice::same(Rest::plain("http://127.0.0.1:2"))),
            ..Reach::default()
        };
        let names = Names::from_parts("t", 0);
        Connector::new(&file(written), (0, None), &options(settings), &names, &reach).unwrap()
    }

    fn file(written: &[(&str, &str)]) -> Mapped {
        let file = Text::whole("connector.json".into(), String::new());
        match written {
            [] => Mapped::none(),
            written => Mapped::as_written(&options(written), &file),
        }
    }

    #[test]
    fn without_a_file_everything_is_ours() {
        let connector = connector(&[], &[]);
        let all_added = connector.differences.iter().all(|one| one.theirs.is_none());
        assert!(all_added, "{:?}", connector.differences);
        assert_eq!(connector.routes.table("public", "t"), "cdc.public.t");
        insta::assert_json_snapshot!(connector.config);
    }

    #[rstest]
    // The harness's own, where there is no file.
    #[case(&[], &[], ["false", "false"])]
    #[case(&[], &[("value.converter.schemas.enable", "true")], ["false", "true"])]
    // Connect's defaults, where the author names a converter or gives a file.
    #[case(&[], &[("value.converter", CONVERTER)], ["false", "-"])]
    #[case(&[("topic.prefix", "x")], &[], ["-", "-"])]
    #[case(&[("topic.prefix", "x")], &[("value.converter.schemas.enable", "false")], ["-", "false"])]
    fn what_a_file_leaves_out_has_connects_default(
        #[case] written: &[(&str, &str)],
        #[case] settings: &[(&str, &str)],
        #[case] schemas: [&str; 2],
    ) {
        let connector = connector(written, settings);
        let keys = ["key.converter.schemas.enable", "value.converter.schemas.enable"];
        let found = keys.map(|key| connector.config.get(key).map_or("-", String::as_str));
        assert_eq!(found, schemas);
    }

    #[test]
    fn a_converter_that_nobody_names_is_the_workers_and_listed() {
        let connector = connector(&[("value.converter", CONVERTER)], &[]);
        let listed = |worker: &[(&str, &str)]| {
            let listed = connector.of_the_worker(&options(worker));
            listed.into_iter().map(|one| one.key).collect::<Vec<_>>()
        };
        assert_eq!(listed(&[]), ["key.converter"]);
        assert!(listed(&[("key.converter", CONVERTER)]).is_empty());
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
        assert_eq!(connector.routes.messages(), "card-tx.message");
        let theirs = connector.differences.iter().filter(|one| one.theirs.is_some());
        assert_eq!(
            theirs.map(|one| one.key.as_str()).collect::<Vec<_>>(),
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
        assert_eq!(get("database.password"), Some("${file:/f:password}"));
        assert_eq!(get("transforms.route.negate"), Some("true"));
        assert_eq!(
            get("predicates.changeproofBarrier.pattern"),
            Some("cp_0000000000\\.card-tx\\.message")
        );
    }

    #[test]
    fn where_names_are_those_of_production_nothing_that_sees_them_is_changed() {
        let written = [
            ("transforms", "outbox"),
            ("transforms.outbox.type", "io.debezium.transforms.outbox.EventRouter"),
            ("transforms.outbox.route.topic.replacement", "${routedByValue}.events"),
            ("transforms.outbox.predicate", "isOutbox"),
            ("predicates", "isOutbox"),
            ("predicates.isOutbox.type", MATCHES),
            ("predicates.isOutbox.pattern", r"cdc\.public\.(outbox|late)"),
            ("topic.prefix", "cdc"),
            ("heartbeat.interval.ms", "100"),
        ];
        let names = Names::from_parts("t", 0).with(&Naming::AsInProduction(Vec::new()));
        let reach = Reach::default();
        let connector =
            Connector::new(&file(&written), (0, None), &Options::new(), &names, &reach).unwrap();
        assert!(connector.differences.iter().all(|one| one.theirs.is_none()));
        for (key, value) in written {
            assert_eq!(connector.config.get(key).map(String::as_str), Some(value), "{key}");
        }
        assert_eq!(connector.config.get("topic.heartbeat.name"), None);
        assert_eq!(connector.config.get("slot.name"), Some(&names.connector_slot(0)));
    }

    #[test]
    fn a_name_that_cannot_be_told_is_no_name() {
        let names = Names::from_parts("t", 0);
        let written = file(&[("topic.naming.strategy", "x.Own")]);
        let told = Connector::new(&written, (0, None), &Options::new(), &names, &Reach::default());
        assert!(told.unwrap_err()[0].contains("x.Own"));
    }

    #[test]
    fn topics_are_created_by_the_run_as_the_file_has_it() {
        let replicas = "topic.creation.default.replication.factor";
        let connector =
            connector(&[("topic.creation.default.partitions", "6"), (replicas, "3")], &[]);
        assert!(!connector.config.keys().any(|key| key.starts_with("topic.creation.")));
        let of = |key: &str| connector.differences.iter().find(|one| one.key == key).unwrap();
        assert!(of(replicas).why.contains("replication factor of 1"));
        assert_eq!(connector.shape("cdc.public.t").partitions, Some(6));
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
}
