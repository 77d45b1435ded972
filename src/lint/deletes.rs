//! A delete must give values that the replica identity does not carry.

use super::Rule;
use super::case::{Case, Found};
use super::writes::Does;
use crate::base::text::Span;
use crate::scenario::settings::ReplicaIdentity;
use crate::sql::flink::{Name, Statement};
use crate::sql::token::{Language, significant};

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0103",
    summary: "Something is expected of a delete that the table's replica identity cannot carry.",
    reason: "Under the replica identity `default` the WAL holds the primary key of a deleted row and nothing else; the connector fills the other columns with null or a type's default. A table without a key has no old row in the WAL at all.",
    fix: "set `replica_identity: full` for the table (`ALTER TABLE … REPLICA IDENTITY FULL`), or read nothing but the key of a deleted row",
    check,
};

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    for source in &case.sources {
        let name = source.name.as_str();
        let identity = case.identity(name);
        let has_key = !source.primary_key.is_empty();
        let is_blind = identity == ReplicaIdentity::Nothing
            || (identity == ReplicaIdentity::Default && !has_key && source.columns.is_some());
        if is_blind && !case.is_control(&[name]) {
            for (key, life) in case.trial.expect.life.get(name).into_iter().flatten() {
                if life
                    .items
                    .iter()
                    .any(|item| item.events.iter().any(|event| event == "d" || event == "u"))
                {
                    let message = format!(
                        "key {key} of `{name}` cannot show a delete or an update: the WAL holds no old row of this table"
                    );
                    found.at_place(&life.place, message);
                }
            }
        }
        let deletes =
            case.writes.iter().any(|(_, write)| write.does == Does::Delete && write.table == name);
        if identity == ReplicaIdentity::Default && has_key && deletes {
            old_values(case, source.name.as_str(), &source.primary_key, found);
        }
    }
}

/// Columns of `before` that are not of the key, in statements that read the topic.
fn old_values(case: &Case<'_>, source: &str, key: &[String], found: &mut Found<'_>) {
    let mut places = case.sinks_of_source(source);
    places.push(source);
    if case.is_control(&places) {
        return;
    }
    for (text, statement) in &case.statements {
        let reads: Vec<Name> = match statement {
            Statement::CreateTable(table) => {
                if case.source_of(table).is_some_and(|of| of.name == source) {
                    vec![table.name.clone()]
                } else {
                    Vec::new()
                }
            }
            Statement::CreateView { reads, .. } => reads.clone(),
            other => other.inserts().iter().flat_map(|insert| insert.reads.clone()).collect(),
        };
        let of_source = case
            .origins(&reads)
            .iter()
            .any(|table| case.source_of(table).is_some_and(|of| of.name == source));
        if !of_source {
            continue;
        }
        let tokens = significant(Language::Flink, &text.value);
        for three in tokens.windows(3) {
            let [before, dot, column] = three else { continue };
            let Some(name) = column.name().filter(|_| before.is("before") && dot.is_symbol("."))
            else {
                continue;
            };
            if !key.iter().any(|part| part.eq_ignore_ascii_case(&name)) {
                let span = Span::new(before.span.start, column.span.end);
                found.at(text, span, format!("`before.{name}` of a deleted row of `{source}` is not in the WAL: its replica identity is `default`"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::{warned, warned_of};

    #[rstest]
    #[case::default("default", "DELETE FROM customers WHERE id = 1", true)]
    #[case::full("full", "DELETE FROM customers WHERE id = 1", false)]
    #[case::nothing_deleted("default", "INSERT INTO customers VALUES (1, 'Ann')", false)]
    fn an_old_value_of_a_deleted_row(
        #[case] identity: &str,
        #[case] sql: &str,
        #[case] expected: bool,
    ) {
        let rest = format!("settings: {{replica_identity: {identity}}}\ntimeline:\n  - a: {sql}\n");
        assert_eq!(warned(&rest, "W0103"), expected);
    }

    #[rstest]
    #[case("CREATE TABLE logs (line text)", "c d", true)]
    #[case("CREATE TABLE logs (line text)", "c", false)]
    #[case("CREATE TABLE logs (line text PRIMARY KEY)", "c d", false)]
    fn a_delete_of_a_table_without_key(
        #[case] source: &str,
        #[case] life: &str,
        #[case] expected: bool,
    ) {
        let text = format!(
            "scenario: v1\ntitle: t\npipeline:\n  source: {source}\n\
             timeline:\n  - a: DELETE FROM logs\nexpect:\n  life:\n    logs:\n      x: {life}\n"
        );
        assert_eq!(warned_of(&text, "W0103"), expected);
    }
}
