//! The names of the topics that a connector writes, from its configuration alone: how they are made
//! of the names of tables, and where transforms route their records to.
//!
//! The names are those of production. Rules from Debezium's `SchemaTopicNamingStrategy`, Kafka's
//! `RegexRouter` and `TopicNameMatches`, and `java.util.regex`.
//!
//! Source: Debezium's manual, PostgreSQL connector, "Topic names", and "Topic Routing". Seen on
//! 3.6.3 (scenarios `names/a-router-of-topics` and `messages/where-routers-take-them`).

use regex::Regex;

use crate::model::outbox;
use crate::model::pattern::Pattern;
use crate::scenario::pipeline::ROUTER;
use crate::scenario::settings::Options;

/// Kafka's router by a regular expression.
pub const REGEX_ROUTER: &str = "org.apache.kafka.connect.transforms.RegexRouter";
/// Debezium's router of tables that are parts of one.
pub const TABLE_ROUTER: &str = "io.debezium.transforms.ByLogicalTableRouter";
/// The predicate that holds for topics by their names.
pub const MATCHES: &str = "org.apache.kafka.connect.transforms.predicates.TopicNameMatches";
/// The class that names topics where the file names none.
pub const STRATEGY: &str = "io.debezium.schema.SchemaTopicNamingStrategy";
/// The same without schemas.
const STRATEGY_BY_TABLE: &str = "io.debezium.schema.DefaultTopicNamingStrategy";
/// The prefix of topics where no file names one.
pub const PREFIX: &str = "cdc";

/// How a connector names its topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
    prefix: String,
    delimiter: String,
    has_schema: bool,
    heartbeat: String,
    transaction: String,
    steps: Vec<Step>,
}

/// A transform that gives records another topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// For which topics, and whether for the others instead.
    predicate: Option<(Pattern, bool)>,
    /// It routes rows of an outbox table by a value of theirs instead of by their topic.
    is_outbox: bool,
    pattern: Pattern,
    replacement: Vec<Piece>,
}

/// A part of a replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Group(usize),
}

impl Routes {
    /// Reads a configuration; what is not known here is told in sentences.
    pub fn of(config: &Options) -> Result<Self, Vec<String>> {
        let get =
            |key: &str, default: &str| config.get(key).map_or(default, String::as_str).to_owned();
        let mut problems = Vec::new();
        let has_schema = match get("topic.naming.strategy", STRATEGY).as_str() {
            STRATEGY => true,
            STRATEGY_BY_TABLE => false,
            other => {
                problems.push(format!(
                    "the names of the topics under `topic.naming.strategy={other}` are not known \
                     here: {STRATEGY} and {STRATEGY_BY_TABLE} are"
                ));
                true
            }
        };
        let mut steps = Vec::new();
        for name in transforms(config) {
            match Step::of(config, name) {
                Ok(step) => steps.extend(step),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let (prefix, delimiter) = (get("topic.prefix", PREFIX), get("topic.delimiter", "."));
        let joined = |one: &str, two: &str| format!("{one}{delimiter}{two}");
        let heartbeat = joined(&get("topic.heartbeat.prefix", "__debezium-heartbeat"), &prefix);
        Ok(Self {
            heartbeat: get("topic.heartbeat.name", &heartbeat),
            transaction: joined(&prefix, &get("topic.transaction", "transaction")),
            prefix,
            delimiter,
            has_schema,
            steps,
        })
    }

    /// The prefix of the names.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The topic of a table's records.
    pub fn table(&self, schema: &str, table: &str) -> String {
        self.routed(self.captured(schema, table), None)
    }

    /// The topic of an outbox table's rows with this value in the routing column.
    pub fn outbox(&self, schema: &str, table: &str, value: &str) -> String {
        self.routed(self.captured(schema, table), Some(value))
    }

    /// The topic of logical messages as the connector names it, and so of barriers. No delimiter
    /// changes it, and every transform is kept off barriers.
    pub fn messages(&self) -> String {
        format!("{}.message", self.prefix)
    }

    /// The topic where logical messages are in production, behind the routers.
    pub fn messages_routed(&self) -> String {
        self.routed(self.messages(), None)
    }

    /// The topic of transaction metadata.
    pub fn transaction(&self) -> String {
        self.routed(self.transaction.clone(), None)
    }

    /// The topic of heartbeats.
    pub fn heartbeat(&self) -> String {
        self.routed(self.heartbeat.clone(), None)
    }

    /// The name that the connector itself gives.
    pub fn captured(&self, schema: &str, table: &str) -> String {
        let schema = if self.has_schema { schema } else { "" };
        let parts =
            [self.prefix.as_str(), schema, table].into_iter().filter(|part| !part.is_empty());
        let name = parts.collect::<Vec<_>>().join(&self.delimiter);
        // What cannot stand in the name of a topic is replaced by Debezium.
        let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        name.chars().map(|c| if is_legal(c) { c } else { '_' }).collect()
    }

    fn routed(&self, mut topic: String, value: Option<&str>) -> String {
        for step in &self.steps {
            if !step.applies(&topic) {
                continue;
            }
            let text = match (step.is_outbox, value) {
                (true, Some(value)) => value,
                (true, None) => continue,
                (false, _) => topic.as_str(),
            };
            if let Some(routed) = step.route(text) {
                topic = routed;
            }
        }
        topic
    }
}

impl Step {
    /// The step of a transform; `None` if it leaves topics alone.
    pub fn of(config: &Options, name: &str) -> Result<Option<Self>, String> {
        let option =
            |key: &str| config.get(&format!("transforms.{name}.{key}")).map(String::as_str);
        let (regex, replacement) = match option("type") {
            Some(REGEX_ROUTER) => (option("regex"), option("replacement")),
            Some(TABLE_ROUTER) => (option("topic.regex"), option("topic.replacement")),
            Some(ROUTER) => (
                option("route.topic.regex").or(Some("(?<routedByValue>.*)")),
                option("route.topic.replacement").or(Some(outbox::REPLACEMENT)),
            ),
            _ => return Ok(None),
        };
        // What is missing is refused by the connector itself.
        let (Some(regex), Some(replacement)) = (regex, replacement) else { return Ok(None) };
        let at = |problem: String| format!("`transforms.{name}`: {problem}");
        let pattern = Pattern::of(regex).map_err(at)?;
        Ok(Some(Self {
            predicate: predicate(config, name).map_err(at)?,
            is_outbox: option("type") == Some(ROUTER),
            replacement: pieces(replacement, pattern.regex()).map_err(at)?,
            pattern,
        }))
    }

    /// A router by these, for all topics.
    pub fn plain(regex: &str, replacement: &str) -> Result<Self, String> {
        let pattern = Pattern::of(regex)?;
        let replacement = pieces(replacement, pattern.regex())?;
        Ok(Self { predicate: None, is_outbox: false, replacement, pattern })
    }

    /// The topic that a record of this one gets; `None` if it keeps it.
    pub fn apply(&self, topic: &str) -> Option<String> {
        self.route(topic).filter(|_| self.applies(topic) && !self.is_outbox)
    }

    fn applies(&self, topic: &str) -> bool {
        let Some((pattern, negate)) = &self.predicate else { return true };
        pattern.holds(topic) != *negate
    }

    fn route(&self, text: &str) -> Option<String> {
        let found = self.pattern.regex().captures(text)?;
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Group(group) => found.get(*group).map_or("", |group| group.as_str()).to_owned(),
        };
        Some(self.replacement.iter().map(piece).collect())
    }
}

/// Which topics a transform is for.
fn predicate(config: &Options, transform: &str) -> Result<Option<(Pattern, bool)>, String> {
    let Some(name) = config.get(&format!("transforms.{transform}.predicate")) else {
        return Ok(None);
    };
    let option = |key: &str| config.get(&format!("predicates.{name}.{key}")).map(String::as_str);
    let negate = config.get(&format!("transforms.{transform}.negate"));
    let negate = negate.is_some_and(|negate| negate.eq_ignore_ascii_case("true"));
    match (option("type"), option("pattern")) {
        (Some(MATCHES), Some(pattern)) => Ok(Some((Pattern::of(pattern)?, negate))),
        (class, _) => Err(format!(
            "which records it routes is not known here under the predicate `{name}` ({}); \
             TopicNameMatches is",
            class.unwrap_or("without a type")
        )),
    }
}

/// A replacement as `java.util.regex` reads it.
fn pieces(replacement: &str, regex: &Regex) -> Result<Vec<Piece>, String> {
    let wrong =
        || format!("the replacement `{replacement}` names a group that the expression lacks");
    let mut found = Vec::new();
    let mut text = String::new();
    let mut rest = replacement.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' => text.extend(rest.next()),
            '$' => {
                if !text.is_empty() {
                    found.push(Piece::Text(std::mem::take(&mut text)));
                }
                let group = if rest.next_if_eq(&'{').is_some() {
                    let name: String = rest.by_ref().take_while(|c| *c != '}').collect();
                    regex.capture_names().position(|group| group == Some(name.as_str()))
                } else {
                    let digit = rest.next().and_then(|c| c.to_digit(10));
                    let mut group = digit.map(to_usize);
                    // A further digit belongs to the number if there is such a group.
                    while let Some(more) = rest.peek().and_then(|c| c.to_digit(10)) {
                        let longer = group.map(|group| group * 10 + to_usize(more));
                        if longer.is_none_or(|longer| longer >= regex.captures_len()) {
                            break;
                        }
                        group = longer;
                        rest.next();
                    }
                    group.filter(|group| *group < regex.captures_len())
                };
                found.push(Piece::Group(group.ok_or_else(wrong)?));
            }
            other => text.push(other),
        }
    }
    if !text.is_empty() {
        found.push(Piece::Text(text));
    }
    Ok(found)
}

fn to_usize(digit: u32) -> usize {
    usize::try_from(digit).unwrap_or_default()
}

/// The names of a connector's transforms, in their order.
pub fn transforms(config: &Options) -> impl Iterator<Item = &str> {
    let names = config.get("transforms").map_or("", String::as_str).split(',');
    names.map(str::trim).filter(|name| !name.is_empty())
}

/// The class of a transform.
pub fn class<'a>(config: &'a Options, transform: &str) -> Option<&'a str> {
    config.get(&format!("transforms.{transform}.type")).map(String::as_str)
}

/// A configuration without some of its transforms.
pub fn without(config: &Options, is_out: impl Fn(&str) -> bool) -> Options {
    let mut left = config.clone();
    let (out, kept): (Vec<_>, Vec<_>) = transforms(config).partition(|name| is_out(name));
    if out.is_empty() {
        return left;
    }
    left.retain(|key, _| {
        !out.iter().any(|name| {
            key.strip_prefix("transforms.")
                .and_then(|key| key.strip_prefix(name))
                .is_some_and(|rest| rest.starts_with('.'))
        })
    });
    left.insert("transforms".to_owned(), kept.join(","));
    left
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn options(pairs: &[(&str, &str)]) -> Options {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn routes(pairs: &[(&str, &str)]) -> Routes {
        Routes::of(&options(pairs)).unwrap()
    }

    const ROUTE: [(&str, &str); 2] =
        [("transforms", "route"), ("transforms.route.type", REGEX_ROUTER)];

    fn routed(regex: &str, replacement: &str) -> Result<Routes, Vec<String>> {
        let of = [("transforms.route.regex", regex), ("transforms.route.replacement", replacement)];
        Routes::of(&options(&[&ROUTE[..], &of].concat()))
    }

    #[test]
    fn without_options_the_names_are_debeziums() {
        let routes = routes(&[]);
        assert_eq!(routes.table("public", "t"), "cdc.public.t");
        assert_eq!(routes.table("public", "Order Items"), "cdc.public.Order_Items");
        assert_eq!(routes.messages(), "cdc.message");
        assert_eq!(routes.transaction(), "cdc.transaction");
        assert_eq!(routes.heartbeat(), "__debezium-heartbeat.cdc");
    }

    #[test]
    fn options_change_the_names() {
        let of_file = routes(&[
            ("topic.prefix", "shop"),
            ("topic.delimiter", "-"),
            ("topic.transaction", "tx"),
            ("topic.heartbeat.prefix", "beat"),
        ]);
        assert_eq!(of_file.table("public", "t"), "shop-public-t");
        assert_eq!(of_file.messages(), "shop.message");
        assert_eq!(
            (of_file.transaction(), of_file.heartbeat()),
            ("shop-tx".into(), "beat-shop".into())
        );
        let named = routes(&[("topic.heartbeat.name", "beats")]);
        assert_eq!(named.heartbeat(), "beats");
        let by_table = routes(&[("topic.naming.strategy", STRATEGY_BY_TABLE)]);
        assert_eq!(by_table.table("public", "t"), "cdc.t");
    }

    #[rstest]
    #[case(r"cdc\.public\.(.*)", "$1", "t")]
    #[case(r"cdc\.(?<schema>[^.]+)\.(.*)", "${schema}_$2", "public_t")]
    #[case(r"([^.]+)\.([^.]+)\.(.*)", r"$3$10\$1", "tcdc0$1")]
    #[case(r"public\.(.*)", "$1", "cdc.public.t")]
    fn a_router_replaces_whole_names(
        #[case] regex: &str,
        #[case] replacement: &str,
        #[case] topic: &str,
    ) {
        assert_eq!(routed(regex, replacement).unwrap().table("public", "t"), topic);
    }

    #[rstest]
    #[case("(?!x).*", "y", "cannot be read here")]
    #[case("cdc.*", "$1", "names a group that the expression lacks")]
    #[case("cdc.*", "${a}", "names a group that the expression lacks")]
    fn what_cannot_be_followed_is_told(
        #[case] regex: &str,
        #[case] replacement: &str,
        #[case] told: &str,
    ) {
        let problems = routed(regex, replacement).unwrap_err();
        assert!(problems[0].starts_with("`transforms.route`: "), "{problems:?}");
        assert!(problems[0].contains(told), "{problems:?}");
    }

    #[test]
    fn a_predicate_says_which_topics_are_routed() {
        let mut config = options(&[
            ("transforms", "outbox, rename"),
            ("transforms.outbox.type", ROUTER),
            ("transforms.outbox.predicate", "isOutbox"),
            ("transforms.outbox.route.topic.replacement", "${routedByValue}.events"),
            ("predicates.isOutbox.type", MATCHES),
            ("predicates.isOutbox.pattern", r"cdc\.public\.outbox"),
            ("transforms.rename.type", REGEX_ROUTER),
            ("transforms.rename.regex", "(.*)"),
            ("transforms.rename.replacement", "eu.$1"),
        ]);
        let routes = Routes::of(&config).unwrap();
        assert_eq!(routes.outbox("public", "outbox", "order"), "eu.order.events");
        assert_eq!(routes.table("public", "t"), "eu.cdc.public.t");
        config.insert("transforms.rename.predicate".into(), "isOutbox".into());
        config.insert("transforms.rename.negate".into(), "true".into());
        let routes = Routes::of(&config).unwrap();
        assert_eq!(routes.table("public", "t"), "eu.cdc.public.t");
        config.insert("predicates.isOutbox.type".into(), "x.RecordIsTombstone".into());
        assert_eq!(Routes::of(&config).unwrap_err().len(), 2);
    }

    #[test]
    fn an_outbox_router_routes_by_its_expression() {
        let of_file = routes(&[
            ("transforms", "outbox"),
            ("transforms.outbox.type", ROUTER),
            ("transforms.outbox.route.topic.regex", "(.*)-v(.*)"),
            ("transforms.outbox.route.topic.replacement", "$2.$1"),
        ]);
        assert_eq!(of_file.outbox("public", "outbox", "order-v2"), "2.order");
        let plain = routes(&[("transforms", "outbox"), ("transforms.outbox.type", ROUTER)]);
        assert_eq!(plain.outbox("public", "outbox", "order"), "outbox.event.order");
        assert_eq!(plain.table("public", "t"), "cdc.public.t");
    }
}
