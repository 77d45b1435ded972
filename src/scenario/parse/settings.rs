//! `settings`: values, lists that make axes, and the merging of a scenario's over its pipeline's.

use camino::Utf8Path;

use super::Reader;
use super::catalogue::{Among, Catalogue};
use super::pipeline::format_of;
use super::shape::Fields;
use crate::base::limits;
use crate::scenario::code::Code;
use crate::scenario::diagnose::At;
use crate::scenario::pipeline::Pipeline;
use crate::scenario::scenario::{Choice, Setting, SettingValue};
use crate::scenario::settings::ReplicaIdentity;
use crate::scenario::words::{FORMAT, REPLICA_IDENTITY, S3, SCORING, SET, SETTINGS, STORAGE};
use crate::scenario::yaml::{Key, Node, Value};
use crate::sql::token::Language;

/// Options of the connector that the harness sets: exact names, and prefixes that end in a dot.
const OWNED_CONNECTOR: [&str; 7] = [
    "connector.class",
    "database.",
    "name",
    "publication.name",
    "slot.name",
    "tasks.max",
    "value.converter.schema.registry.",
];

/// Options of the Flink session that the harness sets, and the setting that stands for one.
const OWNED_FLINK: [&str; 3] = ["execution.target", "parallelism.default", "pipeline.name"];

/// Options of the processes that the stack sets: addresses, folders, and what it is found again by.
const OWNED_WORKER: [&str; 8] = [
    "bootstrap.servers",
    "config.storage.topic",
    "group.id",
    "listeners",
    "offset.storage.topic",
    "rest.",
    "status.storage.topic",
    "topic.creation.enable",
];
const OWNED_KAFKA: [&str; 7] = [
    "advertised.listeners",
    "controller.",
    "inter.broker.listener.name",
    "listeners",
    "log.dirs",
    "node.id",
    "process.roles",
];
const OWNED_POSTGRES: [&str; 6] = [
    "config_file",
    "data_directory",
    "hba_file",
    "listen_addresses",
    "port",
    "unix_socket_directories",
];

/// The type of a setting.
#[derive(Clone, Copy)]
enum Kind {
    /// A number up to this.
    Count(u64),
    Delay,
    Flag,
    Format,
    Identity,
    Option,
    Statements,
    Storage,
}

/// Whose settings are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Pipeline,
    /// Lists make axes, and null takes a key out.
    Scenario,
    /// A `set` of the timeline.
    Set,
}

/// What stays the same while one map of settings is read.
struct Scope<'s> {
    file: &'s Utf8Path,
    catalogue: &'s Catalogue,
    of: Of,
    found: Vec<Setting>,
}

impl Reader<'_> {
    /// A map of settings, flat.
    pub(super) fn settings(
        &mut self,
        node: &Node,
        (file, catalogue): (&Utf8Path, &Catalogue),
        of: Of,
    ) -> Vec<Setting> {
        let mut scope = Scope { file, catalogue, of, found: Vec::new() };
        let (name, words) = if of == Of::Set { ("`set`", SET) } else { ("`settings`", SETTINGS) };
        for (key, node) in self.entries(node, name).unwrap_or_default() {
            if !self.allows(words, key) {
                continue;
            }
            let path = vec![key.name.clone()];
            match key.name.as_str() {
                "format" => self.setting(&mut scope, path, (key, node), Kind::Format),
                "parallelism" => {
                    let kind = Kind::Count(limits::PARALLELISM);
                    self.setting(&mut scope, path, (key, node), kind);
                }
                "partitions" => self.partitions(&mut scope, (key, node)),
                "replica_identity" => {
                    self.per_place(&mut scope, (key, node), Among::Sources, Kind::Identity);
                }
                "scoring" => self.scoring(&mut scope, node),
                "storage" => self.setting(&mut scope, path, (key, node), Kind::Storage),
                "s3" => self.s3(&mut scope, node),
                "stand_ins" => self.setting(&mut scope, path, (key, node), Kind::Flag),
                "statements" => self.setting(&mut scope, path, (key, node), Kind::Statements),
                // They were read before the statements that they are for.
                "variables" => {}
                "topics" => self.by_name(&mut scope, (key, node), true),
                "tables" => self.by_name(&mut scope, (key, node), false),
                _ => self.options(&mut scope, &path, (key, node)),
            }
        }
        scope.found
    }

    /// Takes in what `settings` says that placeholders stand for, unless it is said already.
    pub(super) fn variables_of(&mut self, fields: &Fields<'_>) {
        let Some(Value::Map(settings)) = fields.get("settings").map(|node| &node.value) else {
            return;
        };
        let Some((_, all)) = settings.iter().find(|(key, _)| key.name == "variables") else {
            return;
        };
        for (name, node) in self.entries(all, "`variables`").unwrap_or_default() {
            if let Some(value) = self.scalar(node, "what the placeholder stands for") {
                let value = value.text.value.trim_end_matches('\n').to_owned();
                self.variables.entry(name.name.clone()).or_insert(value);
            }
        }
    }

    /// Who adds partitions adds them to the topics of source tables.
    fn partitions(&mut self, scope: &mut Scope<'_>, (key, node): (&Key, &Node)) {
        if scope.of != Of::Set {
            return self.per_place(
                scope,
                (key, node),
                Among::Tables,
                Kind::Count(limits::PARTITIONS),
            );
        }
        self.per_place(scope, (key, node), Among::Sources, Kind::Count(limits::PARTITIONS));
    }

    fn scoring(&mut self, scope: &mut Scope<'_>, node: &Node) {
        for (key, node) in self.entries(node, "`scoring`").unwrap_or_default() {
            if !self.allows(SCORING, key) {
                continue;
            }
            let kind = match key.name.as_str() {
                "delay" => Kind::Delay,
                "fail_first" => Kind::Count(limits::ROUNDS),
                _ => Kind::Flag,
            };
            self.setting(scope, vec!["scoring".to_owned(), key.name.clone()], (key, node), kind);
        }
    }

    fn s3(&mut self, scope: &mut Scope<'_>, node: &Node) {
        for (key, node) in self.entries(node, "`s3`").unwrap_or_default() {
            if !self.allows(S3, key) {
                continue;
            }
            let kind = match key.name.as_str() {
                "delay" => Kind::Delay,
                _ => Kind::Count(limits::ROUNDS),
            };
            self.setting(scope, vec!["s3".to_owned(), key.name.clone()], (key, node), kind);
        }
    }

    fn per_place(
        &mut self,
        scope: &mut Scope<'_>,
        (key, node): (&Key, &Node),
        among: Among,
        kind: Kind,
    ) {
        let Value::Map(entries) = &node.value else {
            self.setting(scope, vec![key.name.clone()], (key, node), kind);
            return;
        };
        for (place, node) in entries {
            self.known_place(&place.name, &place.at, among, scope.catalogue);
            let path = vec![key.name.clone(), place.name.clone()];
            self.setting(scope, path, (place, node), kind);
        }
    }

    /// Options of places, or of tables: a table of Flink's need be no place of the pipeline.
    fn by_name(&mut self, scope: &mut Scope<'_>, (key, node): (&Key, &Node), places: bool) {
        if takes_out(scope, node) {
            self.setting(scope, vec![key.name.clone()], (key, node), Kind::Option);
            return;
        }
        let of = format!("`{}`", key.name);
        for (place, node) in self.entries(node, &of).unwrap_or_default() {
            if places {
                self.known_place(&place.name, &place.at, Among::Tables, scope.catalogue);
            }
            let path = [key.name.clone(), place.name.clone()];
            self.options(scope, &path, (place, node));
        }
    }

    fn options(&mut self, scope: &mut Scope<'_>, path: &[String], (key, node): (&Key, &Node)) {
        if takes_out(scope, node) {
            self.setting(scope, path.to_vec(), (key, node), Kind::Option);
            return;
        }
        let of = format!("`{}`", key.name);
        for (option, node) in self.entries(node, &of).unwrap_or_default() {
            let mut path = path.to_vec();
            self.check_owned(&path, option);
            if scope.of == Of::Set {
                self.check_fixed(&path, option);
            }
            self.check_lines(&path, (option, node));
            path.push(option.name.clone());
            self.setting(scope, path, (option, node), Kind::Option);
        }
    }

    /// Options of processes are lines of a file: each stays one line.
    fn check_lines(&mut self, path: &[String], (option, node): (&Key, &Node)) {
        let is_process = path
            .first()
            .is_some_and(|first| ["worker", "kafka", "postgres"].contains(&first.as_str()));
        let breaks = |text: &str| text.contains(char::is_control);
        let value_breaks = self.one_or_list(node).iter().any(|item| match &item.value {
            Value::Scalar(scalar) => breaks(scalar.text.value.trim_end()),
            Value::List(_) | Value::Map(_) => false,
        });
        if is_process && (value_breaks || breaks(&option.name)) {
            let message = "an option of a process is one line, without control characters";
            self.error(Code::BadValue, &option.at, message)
                .help("write the value in one line; a further option is a key of its own");
        }
    }

    fn check_owned(&mut self, path: &[String], option: &Key) {
        let owned: &[&str] = match path.first().map(String::as_str) {
            Some("connector") => &OWNED_CONNECTOR,
            Some("flink") => &OWNED_FLINK,
            Some("worker") => &OWNED_WORKER,
            Some("kafka") => &OWNED_KAFKA,
            Some("postgres") => &OWNED_POSTGRES,
            _ => &[],
        };
        let name = option.name.as_str();
        let is_owned =
            owned.iter().any(|own| *own == name || (own.ends_with('.') && name.starts_with(own)));
        if !is_owned {
            return;
        }
        let help = match name {
            "parallelism.default" => "write `parallelism` under `settings`",
            _ => "leave it out",
        };
        let message = format!("`{name}` is set by changeproof itself");
        self.error(Code::OwnedOption, &option.at, message).help(help);
    }

    fn setting(
        &mut self,
        scope: &mut Scope<'_>,
        path: Vec<String>,
        (key, node): (&Key, &Node),
        kind: Kind,
    ) {
        let is_axis = matches!(node.value, Value::List(_));
        if is_axis && scope.of != Of::Scenario {
            let has_none = if scope.of == Of::Set { "an entry" } else { "a pipeline" };
            let message = format!("a list makes cells, and {has_none} has none");
            self.error(Code::AxisHere, &node.at, message)
                .help("write the list under `settings` of a scenario");
            return;
        }
        let mut choices: Vec<Choice> = Vec::new();
        for item in self.one_or_list(node) {
            let Some(choice) = self.choice(scope, key, item, kind) else { continue };
            if choices.iter().any(|earlier| earlier.label == choice.label) {
                let message = format!("`{}` stands twice in this list", choice.label);
                self.error(Code::EmptyAxis, &item.at, message).help("keep one of the two");
                continue;
            }
            choices.push(choice);
        }
        if is_axis && matches!(&node.value, Value::List(items) if items.is_empty()) {
            let message = format!("the list of `{}` is empty: it would make no cell", key.name);
            self.error(Code::EmptyAxis, &node.at, message)
                .help("write its values, or leave the key out");
        }
        if !choices.is_empty() {
            scope.found.push(Setting { path, at: key.at.clone(), choices, is_axis });
        }
    }

    fn choice(&mut self, scope: &Scope<'_>, key: &Key, node: &Node, kind: Kind) -> Option<Choice> {
        if matches!(&node.value, Value::Scalar(scalar) if scalar.is_null()) {
            if scope.of == Of::Scenario {
                return Some(Choice { label: "null".to_owned(), value: SettingValue::Unset });
            }
            self.no_value(key);
            return None;
        }
        match kind {
            Kind::Count(most) => {
                let number = self.count(node, "a number from 1 up", most)?;
                Some(Choice { label: number.to_string(), value: SettingValue::Number(number) })
            }
            Kind::Delay => {
                let label = self.text(node, "a duration")?;
                let ms = u32::try_from(self.duration(node)?).ok()?;
                Some(Choice { label, value: SettingValue::Number(ms) })
            }
            Kind::Flag => {
                let text = self.text(node, "`true` or `false`")?;
                if !["true", "false"].contains(&text.as_str()) {
                    let message = format!("`{text}` is neither `true` nor `false`");
                    self.error(Code::BadValue, &node.at, message).help("write one of the two");
                    return None;
                }
                Some(Choice { label: text.clone(), value: SettingValue::Option(text) })
            }
            Kind::Format => {
                let word = self.word(node, FORMAT)?;
                let value = SettingValue::Format(format_of(word));
                Some(Choice { label: word.to_owned(), value })
            }
            Kind::Identity => {
                let word = self.word(node, REPLICA_IDENTITY)?;
                let identity = match word {
                    "full" => ReplicaIdentity::Full,
                    _ => ReplicaIdentity::Default,
                };
                let value = SettingValue::Identity(identity);
                Some(Choice { label: word.to_owned(), value })
            }
            Kind::Storage => {
                let word = self.word(node, STORAGE)?.to_owned();
                Some(Choice { label: word.clone(), value: SettingValue::Option(word) })
            }
            Kind::Option => {
                let text = self.scalar(node, "the value of an option")?.text.value.clone();
                self.check_option(&key.name, &text, &node.at);
                Some(Choice { label: text.clone(), value: SettingValue::Option(text) })
            }
            Kind::Statements => {
                let sql = self.sql(node, scope.file, Language::Flink);
                let first = sql.first()?;
                let written = self.text(node, "SQL")?;
                let inline = written.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
                let label = if first.path.is_some() { written } else { inline };
                let statements = sql.into_iter().flat_map(|sql| sql.statements).collect();
                Some(Choice { label, value: SettingValue::Statements(statements) })
            }
        }
    }

    /// What is wrong with settings only in the light of the whole pipeline.
    pub(super) fn check_settings(
        &mut self,
        settings: &[Setting],
        pipeline: &Pipeline,
        catalogue: &mut Catalogue,
    ) {
        let has_objects = has_objects(settings);
        for setting in settings {
            let first = setting.path.first().map_or("", String::as_str);
            if first == "s3" && !has_objects {
                let message = "nothing is kept in object storage here, so that nobody meets this";
                self.error(Code::UnreadAxis, &setting.at, message)
                    .help("write `storage: s3` beside it");
            }
            for choice in &setting.choices {
                if let SettingValue::Statements(statements) = &choice.value {
                    self.check_overrides(pipeline, statements);
                    catalogue.add_tables(statements);
                }
            }
            let needs_statements =
                matches!(first, "flink" | "parallelism" | "statements" | "tables");
            if setting.is_axis && needs_statements && pipeline.statements.is_empty() {
                let message = format!("no statement reads the axis `{}`", setting.name());
                self.error(Code::UnreadAxis, &setting.at, message)
                    .help("the pipeline has no `statements`, so that its cells would be the same");
            }
        }
    }
}

/// Whether files are kept in object storage, in any cell.
pub(super) fn has_objects(settings: &[Setting]) -> bool {
    let is = |choice: &Choice| matches!(&choice.value, SettingValue::Option(to) if to == "s3");
    settings.iter().any(|one| one.path == ["storage"] && one.choices.iter().any(is))
}

/// Null takes the whole key out.
fn takes_out(scope: &Scope<'_>, node: &Node) -> bool {
    scope.of == Of::Scenario && matches!(&node.value, Value::Scalar(scalar) if scalar.is_null())
}

/// The scenario's settings over the pipeline's: the same key replaces, `null` takes out, and a value
/// for every place replaces those of single places (and the other way round).
pub(super) fn merged(pipeline: Vec<Setting>, scenario: Vec<Setting>) -> Vec<Setting> {
    let mut result = pipeline;
    for setting in scenario {
        result.retain(|old| {
            !(old.path.starts_with(&setting.path) || setting.path.starts_with(&old.path))
        });
        let unsets = |choice: &Choice| choice.value == SettingValue::Unset;
        if setting.is_axis || !setting.choices.iter().all(unsets) {
            result.push(setting);
        }
    }
    result
}

impl At {
    /// A place that no error is ever shown at, for tests.
    #[cfg(test)]
    pub(super) fn nowhere() -> Self {
        let place = crate::base::text::Place { file: "a.yaml".into(), line: 1, column: 1 };
        Self { place, span: crate::base::text::Span::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(path: &[&str], value: SettingValue) -> Setting {
        let choices = vec![Choice { label: String::new(), value }];
        let path = path.iter().map(ToString::to_string).collect();
        Setting { path, at: At::nowhere(), choices, is_axis: false }
    }

    #[test]
    fn the_scenario_replaces_and_takes_out() {
        let option = |text: &str| SettingValue::Option(text.to_owned());
        let pipeline = vec![
            setting(&["connector", "a"], option("1")),
            setting(&["connector", "b"], option("1")),
            setting(&["partitions", "orders"], SettingValue::Number(3)),
        ];
        let scenario = vec![
            setting(&["connector", "a"], option("2")),
            setting(&["connector", "b"], SettingValue::Unset),
            setting(&["partitions"], SettingValue::Number(1)),
        ];
        let result = merged(pipeline, scenario);
        let names: Vec<String> = result.iter().map(Setting::name).collect();
        assert_eq!(names, ["connector.a", "partitions"]);
        assert_eq!(result[0].choices[0].value, option("2"));
    }
}
