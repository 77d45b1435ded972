//! A column that is declared narrower than the source's.

use super::Rule;
use super::case::{Case, Found};
use crate::base::text::Span;
use crate::codec::types::{arguments, fields};
use crate::sql::columns::{Column, Definition, PgType, definition};
use crate::sql::flink::ColumnKind;
use crate::sql::split;
use crate::sql::table::{Part, parts};

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0126",
    summary: "A table declares a column with a type that is narrower than the source's.",
    reason: "What does not fit is not an error: Flink's formats and casts make NULL of a number with too many digits, round one with too many decimals, cut a text or the digits of a second, let a whole number overflow, or fail at the first value that is too wide.",
    fix: "declare the column as wide as the source's, and let a CAST that can be seen narrow it",
    check,
};

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    let sources = columns(case);
    for (text, table) in case.tables() {
        let Some(source) = case.source_of(table) else { continue };
        let mut places = case.sinks_of_source(&source.name);
        places.push(&source.name);
        if case.is_control(&places) {
            continue;
        }
        let of_source = |(schema, name, _): &&(String, String, Vec<Column>)| {
            *schema == source.schema && *name == source.name
        };
        let Some((.., columns)) = sources.iter().find(of_source) else { continue };
        for (name, declared, span) in declared(text) {
            let Some(column) = columns.iter().find(|column| column.name == name) else { continue };
            if !column.data_type.is_array && is_narrower(&column.data_type, &declared) {
                let kind = shown(&column.data_type);
                let message = format!(
                    "`{name}` is {declared} in `{}` and {kind} in `{}`",
                    table.name.table(),
                    source.name
                );
                found.at(text, span, message);
            }
        }
    }
}

/// The source tables with their columns.
fn columns(case: &Case<'_>) -> Vec<(String, String, Vec<Column>)> {
    let texts = case.trial.pipeline.source.iter();
    let statements = texts.flat_map(|text| split::postgres(text).unwrap_or_default());
    let tables = statements.filter_map(|statement| match definition(&statement) {
        Some(Definition::Table { schema, name, columns, .. }) => Some((schema, name, columns)),
        _ => None,
    });
    tables.collect()
}

/// The columns of a table with their types and places, those of the images of an envelope too.
fn declared(text: &crate::base::text::Text) -> Vec<(String, String, Span)> {
    let list = parts(text).and_then(|parts| parts.list);
    let mut declared = Vec::new();
    for item in list.into_iter().flat_map(|list| list.items) {
        let Part::Column(column) = item.part else { continue };
        if !matches!(column.kind, ColumnKind::Physical(_)) {
            continue;
        }
        let span = column.definition;
        let kind = text.value.get(span.start..span.end).unwrap_or_default();
        if column.name == "after" || column.name == "before" {
            let of_row = fields(&kind.replacen("row", "ROW", 1));
            declared.extend(of_row.into_iter().map(|(name, kind)| (name, kind, span)));
        } else {
            declared.push((column.name, kind.to_owned(), span));
        }
    }
    declared
}

fn shown(kind: &PgType) -> String {
    if kind.arguments.is_empty() {
        return kind.name.clone();
    }
    let arguments = kind.arguments.iter().map(ToString::to_string).collect::<Vec<_>>();
    format!("{}({})", kind.name, arguments.join(","))
}

/// Whether a value of the source's type may not fit the declared one.
fn is_narrower(source: &PgType, declared: &str) -> bool {
    let (name, arguments) = arguments(declared);
    let argument = |n: usize, default: i64| arguments.get(n).map_or(default, |n| i64::from(*n));
    let of_source = |n: usize| source.arguments.get(n).copied();
    let (precision, scale) = (argument(0, 10), argument(1, 0));
    match (digits(source), name.as_str()) {
        // What Flink's widest numbers cannot hold is no choice of the author.
        (Some(Digits::Any), "DECIMAL" | "NUMERIC" | "DEC") => precision < 38,
        (Some(Digits::Any), "TINYINT" | "SMALLINT" | "INT" | "INTEGER" | "BIGINT") => true,
        (Some(Digits::Some { before, behind }), "DECIMAL" | "NUMERIC" | "DEC") => {
            before > precision - scale || behind > scale
        }
        (Some(Digits::Some { before, behind }), whole) => {
            let most = match (whole, is_whole(source)) {
                ("TINYINT", _) => 2,
                // A whole number of the same width has as many digits.
                ("SMALLINT", is_whole) => 4 + i64::from(is_whole),
                ("INT" | "INTEGER", is_whole) => 9 + i64::from(is_whole),
                ("BIGINT", is_whole) => 18 + i64::from(is_whole),
                _ => return false,
            };
            before > most || behind > 0
        }
        (_, "FLOAT") => source.name.starts_with("double") || source.name == "float8",
        (_, "VARCHAR" | "CHAR") => {
            let is_text = matches!(source.name.as_str(), "text" | "varchar" | "character varying");
            is_text && of_source(0).is_none_or(|length| length > argument(0, 1))
        }
        (_, "TIMESTAMP" | "TIMESTAMP_LTZ") => {
            source.name.starts_with("timestamp") && of_source(0).unwrap_or(6) > argument(0, 6)
        }
        _ => false,
    }
}

/// The digits that a number may have.
enum Digits {
    /// So many before and behind the point.
    Some { before: i64, behind: i64 },
    /// As many as it likes.
    Any,
}

fn digits(source: &PgType) -> Option<Digits> {
    let whole = |before| Some(Digits::Some { before, behind: 0 });
    match source.name.as_str() {
        "smallint" | "int2" | "smallserial" | "serial2" => whole(5),
        "integer" | "int" | "int4" | "serial" | "serial4" => whole(10),
        "bigint" | "int8" | "bigserial" | "serial8" => whole(19),
        "numeric" | "decimal" => match source.arguments.as_slice() {
            [] => Some(Digits::Any),
            [precision] => whole(*precision),
            [precision, scale, ..] => {
                Some(Digits::Some { before: precision - scale, behind: (*scale).max(0) })
            }
        },
        _ => None,
    }
}

fn is_whole(source: &PgType) -> bool {
    !matches!(source.name.as_str(), "numeric" | "decimal")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::warned_of;

    #[rstest]
    #[case("numeric(14,2)", "DECIMAL(8,2)", true)]
    #[case("numeric(14,2)", "DECIMAL(14, 2)", false)]
    #[case("numeric(14,2)", "DECIMAL(38,2)", false)]
    #[case("numeric(14,4)", "DECIMAL(38,2)", true)]
    #[case("numeric(50,2)", "DECIMAL(38,2)", true)]
    #[case("numeric", "DECIMAL(10,4)", true)]
    #[case("numeric", "DECIMAL(38,10)", false)]
    #[case("numeric", "STRING", false)]
    #[case("numeric(9)", "INT", false)]
    #[case("numeric(10)", "INT", true)]
    #[case("numeric(4,1)", "INT", true)]
    #[case("bigint", "INT", true)]
    #[case("bigint", "BIGINT", false)]
    #[case("bigserial", "INT", true)]
    #[case("int", "INT", false)]
    #[case("int", "DECIMAL(9,0)", true)]
    #[case("smallint", "TINYINT", true)]
    #[case("varchar(10)", "VARCHAR(5)", true)]
    #[case("varchar(10)", "VARCHAR(10)", false)]
    #[case("text", "VARCHAR(5)", true)]
    #[case("text", "STRING", false)]
    #[case("timestamp", "TIMESTAMP(3)", true)]
    #[case("timestamp(3)", "TIMESTAMP(3)", false)]
    #[case("timestamptz", "TIMESTAMP_LTZ(3)", true)]
    #[case("timestamp", "BIGINT", false)]
    #[case("double precision", "FLOAT", true)]
    #[case("real", "FLOAT", false)]
    #[case("int[]", "ARRAY<SMALLINT>", false)]
    fn a_declared_type_is_held_against_the_sources(
        #[case] source: &str,
        #[case] declared: &str,
        #[case] expected: bool,
    ) {
        let flat = format!("c {declared}");
        let image = format!("`after` ROW<id INT, c {declared}>");
        for (column, format) in [(flat, "debezium-json"), (image, "json")] {
            let text = text(source, &column, format, "");
            assert_eq!(warned_of(&text, "W0126"), expected, "{text}");
        }
    }

    #[test]
    fn who_demands_the_finding_knows() {
        let demand = "expect: {must_show: [diverged-sink: b]}\n";
        let text = text("bigint", "c INT", "debezium-json", demand);
        assert!(!warned_of(&text, "W0126"), "{text}");
    }

    fn text(source: &str, column: &str, format: &str, demand: &str) -> String {
        format!(
            "scenario: v1\ntitle: t\npipeline:\n  source: CREATE TABLE a (id int PRIMARY KEY, c {source})\n  \
             dialect: flink\n  statements: |\n    \
             CREATE TABLE a (id INT, {column}) WITH ('connector' = 'kafka', 'topic' = 'cdc.public.a', 'format' = '{format}');\n    \
             CREATE TABLE b (id INT) WITH ('connector' = 'kafka', 'topic' = 'b', 'format' = 'json');\n    \
             INSERT INTO b SELECT id FROM a\n  sinks: {{b: unjudged}}\n\
             timeline:\n  - a: INSERT INTO a VALUES (1)\n{demand}"
        )
    }
}
