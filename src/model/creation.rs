//! How a connector's file has Kafka Connect create topics: `topic.creation.*`.
//!
//! A topic belongs to the first group of `topic.creation.groups` whose `include` holds for its name
//! and whose `exclude` does not, else to the group `default`. Partitions that a group does not give
//! are those of `default`; its other options are its own alone (Connect's `TopicCreationGroup`).
//!
//! Source: KIP-158; Debezium's manual, "Customization of Kafka Connect automatic topic creation".
//! Seen on Kafka 4.3.1 (scenario `names/topics-as-the-file-creates-them`).

use crate::model::pattern::Pattern;
use crate::scenario::settings::Options;

/// What the options begin with.
pub const PREFIX: &str = "topic.creation.";
/// The end of the option that this stack cannot follow.
pub const REPLICATION: &str = ".replication.factor";

/// The groups of a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    groups: Vec<(Pattern, Pattern, Shape)>,
    default: Shape,
}

/// How a topic is created.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// Its partitions; `None`: as many as the broker gives.
    pub partitions: Option<u32>,
    /// Its options.
    pub options: Options,
}

impl Creation {
    /// Reads a configuration; `None` if it says nothing of topics. What Connect would refuse, or
    /// what is not known here, is told in sentences.
    pub fn of(config: &Options) -> Result<Option<Self>, Vec<String>> {
        if !config.keys().any(|key| key.starts_with(PREFIX)) {
            return Ok(None);
        }
        let mut problems = Vec::new();
        for option in ["default.partitions", "default.replication.factor"] {
            let key = format!("{PREFIX}{option}");
            if !config.contains_key(&key) {
                problems.push(format!(
                    "the connector has options `{PREFIX}…`, and Connect refuses it without `{key}`"
                ));
            }
        }
        let mut found = Self { groups: Vec::new(), default: Shape::default() };
        match shape(config, "default", None) {
            Ok(shape) => found.default = shape,
            Err(problem) => problems.push(problem),
        }
        for name in items(config.get(&format!("{PREFIX}groups"))) {
            match group(config, name, found.default.partitions) {
                Ok(group) => found.groups.push(group),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(Some(found)) } else { Err(problems) }
    }

    /// How the topic is created that production calls so.
    pub fn of_topic(&self, name: &str) -> &Shape {
        let holds = |(include, exclude, _): &&(Pattern, Pattern, Shape)| {
            include.holds(name) && !exclude.holds(name)
        };
        self.groups.iter().find(holds).map_or(&self.default, |(_, _, shape)| shape)
    }
}

fn group(
    config: &Options,
    name: &str,
    default: Option<u32>,
) -> Result<(Pattern, Pattern, Shape), String> {
    let pattern = |part: &str| {
        let key = format!("{PREFIX}{name}.{part}");
        let any: Vec<_> = items(config.get(&key)).collect();
        Pattern::of(&any.join("|")).map_err(|problem| format!("`{key}`: {problem}"))
    };
    let include = pattern("include")?;
    Ok((include, pattern("exclude")?, shape(config, name, default)?))
}

fn shape(config: &Options, group: &str, default: Option<u32>) -> Result<Shape, String> {
    let prefix = format!("{PREFIX}{group}.");
    let mut shape = Shape { partitions: default, options: Options::new() };
    for (key, value) in config {
        let Some(option) = key.strip_prefix(&prefix) else { continue };
        match option {
            "partitions" => shape.partitions = partitions(key, value)?,
            "include" | "exclude" | "replication.factor" => {}
            _ => {
                shape.options.insert(option.to_owned(), value.clone());
            }
        }
    }
    Ok(shape)
}

/// A number, or -1 for the broker's.
fn partitions(key: &str, value: &str) -> Result<Option<u32>, String> {
    match value.trim() {
        "-1" => Ok(None),
        number => match number.parse() {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => Err(format!("`{key}={value}` is neither a number of partitions nor -1")),
        },
    }
}

/// The items of a list.
fn items(list: Option<&String>) -> impl Iterator<Item = &str> {
    let items = list.map_or("", String::as_str).split(',').map(str::trim);
    items.filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const DEFAULT: [(&str, &str); 2] = [
        ("topic.creation.default.partitions", "6"),
        ("topic.creation.default.replication.factor", "3"),
    ];

    fn options(pairs: &[(&str, &str)]) -> Options {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn creation(pairs: &[(&str, &str)]) -> Result<Option<Creation>, Vec<String>> {
        Creation::of(&options(&[&DEFAULT[..], pairs].concat()))
    }

    #[test]
    fn a_topic_belongs_to_the_first_group_that_includes_it() {
        let groups = creation(&[
            ("topic.creation.default.cleanup.policy", "delete"),
            ("topic.creation.groups", "small, compacted"),
            ("topic.creation.small.include", r"cdc\.public\.a.*, cdc\.public\.b"),
            ("topic.creation.small.exclude", r"cdc\.public\.audit"),
            ("topic.creation.small.partitions", "1"),
            ("topic.creation.compacted.include", r"cdc\.public\..*"),
            ("topic.creation.compacted.cleanup.policy", "compact"),
        ]);
        let groups = groups.unwrap().unwrap();
        let small = Shape { partitions: Some(1), options: Options::new() };
        assert_eq!(groups.of_topic("cdc.public.accounts"), &small);
        assert_eq!(groups.of_topic("cdc.public.b"), &small);
        let options = options(&[("cleanup.policy", "compact")]);
        let compacted = Shape { partitions: Some(6), options };
        assert_eq!(groups.of_topic("cdc.public.audit"), &compacted);
        assert_eq!(groups.of_topic("cdc.public.bb"), &compacted);
        let default = groups.of_topic("cdc.transaction");
        assert_eq!(default.options.get("cleanup.policy").map(String::as_str), Some("delete"));
        assert_eq!(default.partitions, Some(6));
    }

    #[test]
    fn a_file_without_such_options_says_nothing() {
        assert_eq!(Creation::of(&options(&[("topic.prefix", "cdc")])), Ok(None));
    }

    #[rstest]
    #[case(&[("topic.creation.default.partitions", "0")], "neither a number")]
    #[case(&[("topic.creation.groups", "a"), ("topic.creation.a.include", "(?!x)")], "look-around")]
    fn what_connect_refuses_is_told(#[case] pairs: &[(&str, &str)], #[case] told: &str) {
        let problems = creation(pairs).unwrap_err();
        assert!(problems[0].contains(told), "{problems:?}");
    }

    #[test]
    fn the_default_group_is_needed() {
        let problems = Creation::of(&options(&[("topic.creation.groups", "a")])).unwrap_err();
        assert_eq!(problems.len(), 2);
        let by_broker = creation(&[("topic.creation.default.partitions", "-1")]).unwrap().unwrap();
        assert_eq!(by_broker.of_topic("t").partitions, None);
    }
}
