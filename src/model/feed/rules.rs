//! What the connector's effective configuration says of the records it writes.
//!
//! Source: Debezium's manual, PostgreSQL connector, "Connector properties" (`skipped.operations`,
//! `tombstones.on.delete`, `skip.messages.without.change`, `publish.via.partition.root`).

use super::message_key::MessageKeys;
use super::shape::{self, Remarks, Shape, Shapes};
use crate::base::position::Lsn;
use crate::codec::debezium::{Encoding, Op};
use crate::history::event::Table;
use crate::model::{effects, ours};
use crate::scenario::settings::Options;

/// The part of the configuration that decides what a topic may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// How values are written.
    pub encoding: Encoding,
    /// The tables' rows arrive as `r` before the stream.
    pub snapshot: bool,
    /// A change of a partition is published as one of the topmost partitioned table.
    pub via_root: bool,
    shapes: Shapes,
    keys: MessageKeys,
    leaves_out: LeavesOut,
    /// From the commits on that end behind an LSN: what is left out instead.
    later: Vec<(Lsn, LeavesOut)>,
    /// From the commits on that end behind an LSN: what becomes of rows and keys instead.
    forms: Vec<(Lsn, Shapes, MessageKeys)>,
}

/// What the connector does not write.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LeavesOut {
    /// The tombstone behind a delete.
    tombstones: bool,
    /// Changes of these kinds.
    skipped: Vec<Op>,
    /// Updates that change nothing that is shown.
    unchanged: bool,
}

impl Rules {
    /// Reads the configuration; what has no model is told in sentences.
    pub fn of(config: &Options) -> Result<Self, Vec<String>> {
        let config = &ours::without(config);
        let mut problems = effects::without_model(config);
        let snapshot = takes_snapshot(config).unwrap_or_else(|problem| {
            problems.push(problem);
            true
        });
        let skipped = config.get("skipped.operations").map_or("t", String::as_str);
        let skipped = skipped.split(',').filter_map(|letter| operation(letter, &mut problems));
        let skipped = skipped.collect::<Vec<_>>();
        let is = |option: &str, value: &str| {
            config.get(option).is_some_and(|set| set.eq_ignore_ascii_case(value))
        };
        let tombstones = is("tombstones.on.delete", "false");
        let unchanged = is("skip.messages.without.change", "true");
        let leaves_out = LeavesOut { tombstones, skipped, unchanged };
        let keys = MessageKeys::of(config).unwrap_or_else(|problem| {
            problems.push(problem);
            MessageKeys::default()
        });
        let via_root = publishes_roots(config);
        let encoding = Encoding::of(config).map_err(|more| problems.extend(more));
        let shapes = Shapes::of(config).map_err(|more| problems.extend(more));
        match (encoding, shapes) {
            (Ok(encoding), Ok(shapes)) if problems.is_empty() => Ok(Self {
                encoding,
                snapshot,
                via_root,
                shapes,
                keys,
                leaves_out,
                later: Vec::new(),
                forms: Vec::new(),
            }),
            _ => Err(problems),
        }
    }

    /// The columns by which the connector keys the records of a table.
    pub fn key_of(&self, table: &Table) -> Vec<String> {
        self.keys.of_table(table).unwrap_or_else(|| table.key.clone())
    }

    /// What becomes of the rows of a table; what has no model is told.
    pub fn shape_of(&self, table: &Table) -> Result<Shape, String> {
        let shape = self.shapes.of_table(table, &self.key_of(table))?;
        let truncates = !self.ever_skips(Op::Truncate);
        if shape.unwrapped.as_ref().is_some_and(|of| of.deletes == shape::NULLS) && truncates {
            return Err("TRUNCATE with ExtractField has no model".to_owned());
        }
        Ok(shape)
    }

    /// Why a table's topic has no model among these captured tables: another's records are there too.
    pub fn sharing<'t>(
        &self,
        table: &Table,
        mut all: impl Iterator<Item = &'t Table>,
    ) -> Option<String> {
        let topic = self.shapes.topic_of(table)?;
        let is_other =
            |other: &&Table| (&other.schema, &other.name) != (&table.schema, &table.name);
        let other = all.find(|other| {
            is_other(other) && self.shapes.topic_of(other).as_ref() == Some(&topic)
        })?;
        Some(format!("records of `{}` come to its topic `{topic}` too", other.name))
    }

    /// What is to be said of transforms at the records of a table.
    pub fn remarks_of(&self, table: &Table) -> Remarks {
        self.shapes.remarks(table, &self.key_of(table))
    }

    /// Takes in another configuration, under which the commits are captured that end behind `after`.
    /// What is left out may differ, and what becomes of rows and keys; whether any of it does.
    ///
    /// Source: seen on 3.6.3 (scenario `records/columns-and-transforms-that-change-on-the-way`).
    pub fn change(&mut self, config: &Options, after: Lsn) -> Result<bool, Vec<String>> {
        let new = Self::of(config)?;
        if new.encoding != self.encoding {
            let problem = "the connector writes values in another form than before, and what they \
                           are before and after has no model together";
            return Err(vec![problem.to_owned()]);
        }
        let form = (&self.shapes, &self.keys);
        let form = self.forms.last().map_or(form, |(_, shapes, keys)| (shapes, keys));
        let is_other = form != (&new.shapes, &new.keys);
        let differs = is_other || new.leaves_out != *self.left_out(Some(after));
        self.later.push((after, new.leaves_out));
        if is_other {
            self.forms.push((after, new.shapes, new.keys));
        }
        Ok(differs)
    }

    /// The configurations that make something else of rows and keys, each with the LSN behind which
    /// the commits end that it captures.
    pub fn forms(&self) -> impl Iterator<Item = (Lsn, Self)> {
        self.forms.iter().map(|(after, shapes, keys)| {
            let (shapes, keys) = (shapes.clone(), keys.clone());
            (*after, Self { shapes, keys, ..self.clone() })
        })
    }

    /// What is left out of the changes of a transaction that ends at `end`; of a snapshot's rows
    /// there is none.
    fn left_out(&self, end: Option<Lsn>) -> &LeavesOut {
        let applies = |(after, _): &&(Lsn, LeavesOut)| end.is_some_and(|end| end > *after);
        let last = self.later.iter().rev().find(applies);
        last.map_or(&self.leaves_out, |(_, leaves_out)| leaves_out)
    }

    /// Whether the connector leaves such changes out of a transaction that ends at `end`.
    pub fn skips(&self, op: Op, end: Lsn) -> bool {
        self.left_out(Some(end)).skipped.contains(&op)
    }

    /// Whether the connector leaves updates out that change nothing of what it shows.
    pub fn skips_unchanged(&self, end: Lsn) -> bool {
        self.left_out(Some(end)).unchanged
    }

    /// Whether the connector leaves such changes out under any of its configurations.
    pub fn ever_skips(&self, op: Op) -> bool {
        let later = self.later.iter().map(|(_, leaves_out)| leaves_out);
        later.chain([&self.leaves_out]).any(|leaves_out| leaves_out.skipped.contains(&op))
    }

    /// Whether updates are left out under any of its configurations since they change nothing.
    pub fn ever_skips_unchanged(&self) -> bool {
        let later = self.later.iter().map(|(_, leaves_out)| leaves_out);
        later.chain([&self.leaves_out]).any(|leaves_out| leaves_out.unchanged)
    }

    /// Whether a delete of a transaction that ends at `end` is followed by a tombstone.
    pub fn has_tombstones(&self, end: Lsn) -> bool {
        !self.left_out(Some(end)).tombstones
    }
}

/// Whether partitions are published through their roots.
///
/// Source: Debezium's manual, PostgreSQL connector, property `publish.via.partition.root`. Seen
/// on 3.6.3 (scenario `partitions/a-partitioned-table-through-its-root-or-its-leaves`).
pub fn publishes_roots(config: &Options) -> bool {
    let on = config.get("publish.via.partition.root");
    on.is_some_and(|on| on.eq_ignore_ascii_case("true"))
}

/// Whether the rows of the tables arrive before the stream.
///
/// Source: Debezium's manual, PostgreSQL connector, property `snapshot.mode`. Seen on 3.6.3
/// (scenarios `snapshot/a-snapshot-that-is-configured` and
/// `snapshot/a-snapshot-without-its-data`).
fn takes_snapshot(config: &Options) -> Result<bool, String> {
    let mode = config.get("snapshot.mode").map(|mode| mode.to_ascii_lowercase());
    match mode.as_deref() {
        None | Some("initial" | "always" | "when_needed") => Ok(true),
        Some("no_data" | "never" | "schema_only") => Ok(false),
        Some("configuration_based") => {
            let is_on = |step: &str| {
                let set = config.get(&format!("snapshot.mode.configuration.based.{step}"));
                set.is_some_and(|set| set.eq_ignore_ascii_case("true"))
            };
            let on_error = ["snapshot.on.schema.error", "snapshot.on.data.error"];
            if on_error.into_iter().any(is_on) {
                return Err(
                    "`snapshot.mode=configuration_based` with a snapshot on errors has no \
                            model"
                        .to_owned(),
                );
            }
            Ok(is_on("snapshot.data"))
        }
        Some(other) => Err(format!("`snapshot.mode={other}` has no model")),
    }
}

fn operation(letter: &str, problems: &mut Vec<String>) -> Option<Op> {
    match letter.trim() {
        "c" => Some(Op::Create),
        "u" => Some(Op::Update),
        "d" => Some(Op::Delete),
        "t" => Some(Op::Truncate),
        "none" | "" => None,
        other => {
            problems.push(format!("`skipped.operations` names `{other}`, which is no operation"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn rules(options: &[(&str, &str)]) -> Result<Rules, Vec<String>> {
        let options = options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Rules::of(&options.collect())
    }

    #[test]
    fn the_defaults_are_debeziums() {
        let rules = rules(&[]).unwrap();
        assert!(
            rules.snapshot && rules.has_tombstones(Lsn(1)) && rules.skips(Op::Truncate, Lsn(1))
        );
        assert!(!rules.skips(Op::Delete, Lsn(1)));
    }

    #[test]
    fn options_are_read() {
        let options = [
            ("snapshot.mode", "no_data"),
            ("tombstones.on.delete", "false"),
            ("skipped.operations", "none"),
        ];
        let rules = rules(&options).unwrap();
        assert!(!rules.snapshot && !rules.has_tombstones(Lsn(1)));
        assert!(!rules.skips(Op::Truncate, Lsn(1)));
    }

    #[rstest]
    #[case::nothing(&[], false)]
    #[case::data(&[("snapshot.data", "true")], true)]
    #[case::schema(&[("snapshot.schema", "true"), ("start.stream", "true")], false)]
    fn a_configured_snapshot_has_rows_only_where_its_data_are_asked_for(
        #[case] steps: &[(&str, &str)],
        #[case] snapshot: bool,
    ) {
        let mut options = Options::from([("snapshot.mode".into(), "configuration_based".into())]);
        for (step, value) in steps {
            let option = format!("snapshot.mode.configuration.based.{step}");
            options.insert(option, (*value).to_owned());
        }
        assert_eq!(Rules::of(&options).map(|rules| rules.snapshot), Ok(snapshot));
    }

    fn options(pairs: &[(&str, &str)]) -> Options {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn what_is_left_out_changes_with_the_commits_behind_a_configuration() {
        let mut rules = rules(&[]).unwrap();
        assert_eq!(rules.change(&options(&[("poll.interval.ms", "5")]), Lsn(10)), Ok(false));
        let later = options(&[("tombstones.on.delete", "false"), ("skipped.operations", "d")]);
        assert_eq!(rules.change(&later, Lsn(20)), Ok(true));
        assert!(rules.has_tombstones(Lsn(20)) && !rules.has_tombstones(Lsn(21)));
        assert!(!rules.skips(Op::Delete, Lsn(20)) && rules.skips(Op::Delete, Lsn(21)));
        assert_eq!(rules.change(&options(&[]), Lsn(30)), Ok(true));
        assert!(rules.has_tombstones(Lsn(31)) && !rules.skips(Op::Delete, Lsn(31)));
        assert!(rules.ever_skips(Op::Delete) && !rules.ever_skips(Op::Create));
    }

    #[test]
    fn another_form_of_values_has_no_model() {
        let mut rules = rules(&[]).unwrap();
        let told = rules.change(&options(&[("decimal.handling.mode", "string")]), Lsn(10));
        assert!(told.unwrap_err()[0].contains("another form"));
    }

    #[test]
    fn another_form_of_rows_and_keys_begins_behind_its_configuration() {
        let mut rules = rules(&[]).unwrap();
        let list = options(&[("column.exclude.list", "public.t.note")]);
        assert_eq!(rules.change(&list, Lsn(10)), Ok(true));
        assert_eq!(rules.change(&list, Lsn(20)), Ok(false));
        let keyed = options(&[("message.key.columns", "public.t:id")]);
        assert_eq!(rules.change(&keyed, Lsn(30)), Ok(true));
        let from = rules.forms().map(|(after, _)| after).collect::<Vec<_>>();
        assert_eq!(from, [Lsn(10), Lsn(30)]);
    }

    #[rstest]
    #[case("snapshot.mode", "custom", "`snapshot.mode=custom` has no model")]
    #[case(
        "transforms",
        "x",
        "`transforms.x`: what a transform without a type does to records has no model"
    )]
    #[case(
        "converters",
        "isbn",
        "`converters=isbn` hands values to classes of its own, which has no model"
    )]
    #[case("skipped.operations", "x", "`skipped.operations` names `x`, which is no operation")]
    #[case("decimal.handling.mode", "x", "`decimal.handling.mode=x` is not known here")]
    fn what_has_no_model_is_told(#[case] option: &str, #[case] value: &str, #[case] told: &str) {
        assert_eq!(rules(&[(option, value)]), Err(vec![told.to_owned()]));
    }
}
