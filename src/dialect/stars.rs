//! `*` and `t.*` over tables that have a hidden column.
//!
//! Confluent hides `$rowtime` from a star; here it is a column like others. So a star that would
//! show it is written out: the visible columns of each table that has it, and `alias.*` for whatever
//! else stands in the same FROM. Subqueries, CTEs and views show nothing hidden, once the stars
//! within them are written out.

use super::captured::ticked;
use super::refusal::Refusal;
use crate::base::text::{Span, Text};
use crate::sql::edit::{Edit, splice};
use crate::sql::token::{Kind, Language, Token, significant};

/// What a table shows to a star.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// Its visible columns; none if they are not known.
    pub(super) columns: Vec<String>,
    /// It has a hidden one besides.
    pub(super) hides: bool,
}

/// What a table shows to a star; `None` for what is no table of the catalogue.
pub(super) type Shown = Result<Option<Seen>, Refusal>;

/// `text` with the stars written out that would show a hidden column. `shown` tells of a table or
/// view.
pub(super) fn written_out(
    text: &Text,
    mut shown: impl FnMut(&str) -> Shown,
) -> Result<Text, Refusal> {
    let tokens = significant(Language::Flink, &text.value);
    let own = defined(&tokens);
    let mut edits = Vec::new();
    for at in 0..tokens.len() {
        let Some(star) = Star::at(&tokens, at) else { continue };
        let mut parts = Vec::new();
        let mut is_hiding = false;
        let froms = from(&tokens, at).map(sources).unwrap_or_default();
        for source in &froms {
            let seen = match source.table() {
                Some(name) if !own.contains(&name) => shown(&name)?,
                _ => None,
            };
            let is_meant = star.of.as_ref().is_none_or(|of| source.is_called(of));
            is_hiding |= is_meant && seen.as_ref().is_some_and(|seen| seen.hides);
            if is_meant {
                parts.push((source, seen));
            }
        }
        if !is_hiding {
            continue;
        }
        let start = tokens.get(star.from).map_or(0, |token| token.span.start);
        let span = Span::new(start, tokens.get(at).map_or(start, |token| token.span.end));
        let merges = star.of.is_none() && froms.iter().any(|source| source.join.merges());
        let columns = if merges {
            merged(&parts)
        } else {
            let is_alone = froms.len() == 1;
            let each = parts.iter().map(|(source, seen)| source.columns(seen.as_ref(), is_alone));
            each.collect::<Option<Vec<_>>>()
        };
        let columns = columns.ok_or_else(|| refused(&parts).at(span))?;
        edits.push(Edit::new(span, columns.join(", ")));
    }
    Ok(if edits.is_empty() { text.clone() } else { splice(text, &edits) })
}

/// The columns of joins that make one of two columns of a name: such come first, once.
fn merged(parts: &[(&Source<'_, '_>, Option<Seen>)]) -> Option<Vec<String>> {
    let mut all: Vec<(Option<String>, String)> = Vec::new();
    for (source, seen) in parts {
        let (columns, name) = (source.listed(seen.as_ref()?)?, source.name()?);
        let one = match &source.join {
            Join::Using(columns) => columns.clone(),
            // The hidden columns of both would be compared too.
            Join::Natural => return None,
            Join::Plain => Vec::new(),
        };
        let rest = std::mem::take(&mut all).into_iter();
        all.extend(one.iter().map(|column| (None, column.clone())));
        all.extend(rest.filter(|(_, column)| !one.contains(column)));
        let theirs = columns.into_iter().filter(|column| !one.contains(column));
        all.extend(theirs.map(|column| (Some(name.clone()), column)));
    }
    let shown = all.into_iter().map(|(table, column)| match table {
        Some(table) => format!("{}.{}", ticked(&table), ticked(&column)),
        None => ticked(&column),
    });
    Some(shown.collect())
}

fn refused(parts: &[(&Source<'_, '_>, Option<Seen>)]) -> Refusal {
    let hides = |seen: &Option<Seen>| seen.as_ref().is_some_and(|seen| seen.hides);
    let hiding = parts.iter().find(|(_, seen)| hides(seen));
    let name = hiding.and_then(|(source, _)| source.table()).unwrap_or_default();
    Refusal::new(
        format!("`*` would include `$rowtime` of `{name}`, which Confluent hides"),
        "name the columns",
    )
}

/// The names of the columns that a query returns, where its text shows them.
pub(super) fn returned(tokens: &[Token<'_>]) -> Option<Vec<String>> {
    let mut depth = 0_usize;
    let mut items: Vec<Vec<&Token<'_>>> = Vec::new();
    for token in tokens {
        if depth == 0 && token.is("SELECT") {
            if !items.is_empty() {
                break;
            }
            items.push(Vec::new());
            continue;
        }
        if depth == 0 && token.is("FROM") {
            break;
        }
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        }
        match items.last_mut() {
            Some(_) if depth == 0 && token.is_symbol(",") => items.push(Vec::new()),
            Some(item) => item.push(token),
            None => {}
        }
    }
    items.iter().map(|item| named(item)).collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
}

/// The name of one item of a select list.
fn named(item: &[&Token<'_>]) -> Option<String> {
    let (last, before) = item.split_last()?;
    let name = last.name()?;
    match before.last() {
        None => Some(name),
        Some(before) if before.is("AS") || before.is_symbol(".") => Some(name),
        Some(before) if before.is("DISTINCT") || before.is("ALL") => Some(name),
        // `CASE … END`, `CURRENT_DATE - 1`: no name of its own.
        Some(before) => {
            let ends = before.kind != Kind::Symbol || before.is_symbol(")");
            (ends && !last.is("END")).then_some(name)
        }
    }
}

/// A star of a select list.
struct Star {
    /// The first of its tokens.
    from: usize,
    /// The name before its dot.
    of: Option<String>,
}

impl Star {
    fn at(tokens: &[Token<'_>], at: usize) -> Option<Self> {
        tokens.get(at).filter(|token| token.is_symbol("*"))?;
        let before = |n: usize| at.checked_sub(n).and_then(|n| tokens.get(n));
        let begins = |token: &Token<'_>| {
            ["SELECT", "DISTINCT", "ALL"].iter().any(|word| token.is(word)) || token.is_symbol(",")
        };
        if before(1).is_some_and(|token| token.is_symbol(".")) {
            return Some(Self { from: at - 2, of: Some(before(2)?.name()?) });
        }
        before(1).is_some_and(begins).then_some(Self { from: at, of: None })
    }
}

/// Names that the WITH clauses of a statement define.
fn defined(tokens: &[Token<'_>]) -> Vec<String> {
    let pairs = tokens.windows(3).filter_map(|three| match three {
        [name, word, open] if word.is("AS") && open.is_symbol("(") => name.name(),
        _ => None,
    });
    pairs.collect()
}

const ENDS: [&str; 12] = [
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "FETCH",
    "WINDOW",
    "QUALIFY",
    "UNION",
    "INTERSECT",
    "EXCEPT",
];

/// The FROM clause of the query whose select list a token stands in.
fn from<'t, 'a>(tokens: &'t [Token<'a>], at: usize) -> Option<&'t [Token<'a>]> {
    let mut depth = 0_usize;
    let mut start = None;
    for (n, token) in tokens.iter().enumerate().skip(at) {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            if depth == 0 {
                return start.and_then(|start| tokens.get(start..n));
            }
            depth -= 1;
        }
        if depth > 0 {
            continue;
        }
        if start.is_none() && token.is("FROM") {
            start = Some(n + 1);
        }
        if start.is_some() && (token.is_symbol(";") || ENDS.iter().any(|word| token.is(word))) {
            return start.and_then(|start| tokens.get(start..n));
        }
    }
    start.and_then(|start| tokens.get(start..))
}

/// One item of a FROM clause, without the condition of its join.
struct Source<'t, 'a> {
    tokens: &'t [Token<'a>],
    join: Join,
}

/// How an item is joined to those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Join {
    /// The columns of both stay.
    Plain,
    /// Of these columns there is one.
    Using(Vec<String>),
    /// Of all columns that both have there is one.
    Natural,
}

impl Join {
    fn merges(&self) -> bool {
        *self != Self::Plain
    }
}

fn sources<'t, 'a>(clause: &'t [Token<'a>]) -> Vec<Source<'t, 'a>> {
    let words = ["INNER", "LEFT", "RIGHT", "FULL", "CROSS", "OUTER", "NATURAL", "ON", "USING"];
    let mut found: Vec<Source<'t, 'a>> = Vec::new();
    let (mut depth, mut start, mut is_open, mut join) = (0_usize, 0, true, Join::Plain);
    let close = |found: &mut Vec<_>, (start, end): (usize, usize), join: &Join| {
        let tokens = clause.get(start..end).unwrap_or_default();
        found.extend((!tokens.is_empty()).then(|| Source { tokens, join: join.clone() }));
    };
    for (n, token) in clause.iter().enumerate() {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        }
        if depth > 0 {
            continue;
        }
        let begins = token.is_symbol(",") || token.is("JOIN");
        if is_open && (begins || words.iter().any(|word| token.is(word))) {
            close(&mut found, (start, n), &join);
            (is_open, join) = (false, Join::Plain);
        }
        if token.is("NATURAL") {
            join = Join::Natural;
        }
        if let (true, Some(last)) = (token.is("USING"), found.last_mut()) {
            let columns = clause.get(n + 1..).unwrap_or_default().iter();
            let columns = columns.take_while(|token| !token.is_symbol(")"));
            last.join = Join::Using(columns.filter_map(Token::name).collect());
        }
        if begins {
            (start, is_open) = (n + 1, true);
        }
    }
    if is_open {
        close(&mut found, (start, clause.len()), &join);
    }
    found
}

/// The columns that a window function adds.
const OF_WINDOWS: [&str; 3] = ["window_start", "window_end", "window_time"];

impl Source<'_, '_> {
    /// The table or view whose columns a star takes as they are. A window function's own columns
    /// are none of a table's: its table is told, and has no columns to write out.
    fn table(&self) -> Option<String> {
        let first = self.tokens.first()?;
        if first.is("TABLE") {
            let at = self.tokens.iter().skip(1).position(|token| token.is("TABLE"))?;
            return chain(self.tokens.get(at + 2..)?).and_then(|(name, _)| name.last().cloned());
        }
        if self.tokens.iter().any(|token| token.is("MATCH_RECOGNIZE")) {
            return None;
        }
        let (name, length) = chain(self.tokens)?;
        let is_call = self.tokens.get(length).is_some_and(|token| token.is_symbol("("));
        let is_other = first.is("LATERAL") || first.is("UNNEST");
        (!is_call && !is_other).then(|| name.last().cloned())?
    }

    /// Its alias.
    fn alias(&self) -> Option<String> {
        let as_word = self.tokens.iter().enumerate().rposition(|(n, token)| {
            // FOR SYSTEM_TIME AS OF
            token.is("AS") && !self.tokens.get(n + 1).is_some_and(|next| next.is("OF"))
        });
        if let Some(at) = as_word {
            return self.tokens.get(at + 1)?.name();
        }
        match self.tokens {
            [.., before, last] if !before.is_symbol(".") && before.kind != Kind::Text => {
                let names = before.name().is_some() || before.is_symbol(")");
                let is_time = before.is("OF");
                (names && !is_time).then(|| last.name())?
            }
            _ => None,
        }
    }

    fn is_called(&self, name: &str) -> bool {
        match self.alias() {
            Some(alias) => alias == name,
            None => self.table().is_some_and(|table| table == name),
        }
    }

    /// The name before its columns: its alias, or that of its table.
    fn name(&self) -> Option<String> {
        let is_window = self.tokens.first().is_some_and(|token| token.is("TABLE"));
        let own = || chain(self.tokens).and_then(|(name, _)| name.last().cloned());
        self.alias().or_else(|| own().filter(|_| !is_window))
    }

    /// The columns that a star shows of it; `None` if they are not known.
    fn listed(&self, seen: &Seen) -> Option<Vec<String>> {
        let mut columns = seen.columns.clone();
        if columns.is_empty() {
            return None;
        }
        if self.tokens.first()?.is("TABLE") {
            let windows = ["TUMBLE", "HOP", "CUMULATE", "SESSION"];
            self.tokens.get(2).filter(|call| windows.iter().any(|word| call.is(word)))?;
            columns.extend(OF_WINDOWS.map(ToOwned::to_owned));
        }
        Some(columns)
    }

    /// Its columns in a select list; `None` if they cannot be written.
    fn columns(&self, seen: Option<&Seen>, is_alone: bool) -> Option<String> {
        let Some(seen) = seen.filter(|seen| seen.hides) else {
            return Some(format!("{}.*", ticked(&self.name()?)));
        };
        let columns = self.listed(seen)?;
        let name = if is_alone { None } else { Some(self.name()?) };
        let column = |column: &String| match &name {
            Some(name) => format!("{}.{}", ticked(name), ticked(column)),
            None => ticked(column),
        };
        Some(columns.iter().map(column).collect::<Vec<_>>().join(", "))
    }
}

/// The name that tokens begin with, part by part, and how many tokens it is.
fn chain(tokens: &[Token<'_>]) -> Option<(Vec<String>, usize)> {
    let mut name = vec![tokens.first()?.name()?];
    let mut length = 1;
    while let [dot, part, ..] = tokens.get(length..).unwrap_or_default() {
        let Some(part) = part.name().filter(|_| dot.is_symbol(".")) else { break };
        name.push(part);
        length += 2;
    }
    Some((name, length))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn expanded(sql: &str) -> Result<String, Refusal> {
        let text = Text::whole("a.sql".into(), sql.to_owned());
        let shown = |name: &str| {
            let hides = name == "far" || name == "cdc.public.trips";
            let columns = if hides { ["id", "km"] } else { ["id", "name"] };
            let columns = columns.map(ToOwned::to_owned).to_vec();
            Ok((hides || name == "near").then_some(Seen { columns, hides }))
        };
        written_out(&text, shown).map(|text| text.value)
    }

    #[rstest]
    #[case("SELECT * FROM far", "SELECT `id`, `km` FROM far")]
    #[case("SELECT *, `$rowtime` FROM `far`", "SELECT `id`, `km`, `$rowtime` FROM `far`")]
    #[case(
        "SELECT DISTINCT * FROM far WHERE km > 1",
        "SELECT DISTINCT `id`, `km` FROM far WHERE km > 1"
    )]
    #[case("SELECT f.* FROM far AS f", "SELECT `id`, `km` FROM far AS f")]
    #[case("SELECT far.*, 1 FROM env.c.far", "SELECT `id`, `km`, 1 FROM env.c.far")]
    #[case("SELECT * FROM near", "SELECT * FROM near")]
    #[case("SELECT COUNT(*), 2 * km FROM far", "SELECT COUNT(*), 2 * km FROM far")]
    #[case("SELECT * FROM (SELECT * FROM far) t", "SELECT * FROM (SELECT `id`, `km` FROM far) t")]
    #[case("SELECT * FROM (SELECT id FROM far)", "SELECT * FROM (SELECT id FROM far)")]
    #[case(
        "WITH t AS (SELECT * FROM `cdc.public.trips`) SELECT * FROM t WHERE km > 10",
        "WITH t AS (SELECT `id`, `km` FROM `cdc.public.trips`) SELECT * FROM t WHERE km > 10"
    )]
    #[case(
        "SELECT * FROM far f JOIN near n ON f.id = n.id",
        "SELECT `f`.`id`, `f`.`km`, `n`.* FROM far f JOIN near n ON f.id = n.id"
    )]
    #[case(
        "SELECT * FROM near LEFT JOIN (SELECT id, km FROM far) AS x ON near.id = x.id",
        "SELECT * FROM near LEFT JOIN (SELECT id, km FROM far) AS x ON near.id = x.id"
    )]
    #[case(
        "SELECT n.*, f.* FROM near AS n, far AS f",
        "SELECT n.*, `f`.`id`, `f`.`km` FROM near AS n, far AS f"
    )]
    #[case(
        "SELECT * FROM near n JOIN far FOR SYSTEM_TIME AS OF n.`$rowtime` AS f ON n.id = f.id",
        "SELECT `n`.*, `f`.`id`, `f`.`km` FROM near n JOIN far FOR SYSTEM_TIME AS OF n.`$rowtime` AS f ON n.id = f.id"
    )]
    #[case(
        "SELECT * FROM far UNION ALL SELECT * FROM near",
        "SELECT `id`, `km` FROM far UNION ALL SELECT * FROM near"
    )]
    #[case(
        "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT * FROM far; INSERT INTO b SELECT * FROM near; END",
        "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT `id`, `km` FROM far; INSERT INTO b SELECT * FROM near; END"
    )]
    #[case(
        "SELECT * FROM far, UNNEST(a) AS u (x)",
        "SELECT `far`.`id`, `far`.`km`, `u`.* FROM far, UNNEST(a) AS u (x)"
    )]
    #[case(
        "SELECT * FROM far JOIN near USING (id)",
        "SELECT `id`, `far`.`km`, `near`.`name` FROM far JOIN near USING (id)"
    )]
    #[case(
        "SELECT * FROM near n LEFT JOIN far AS f USING (id) JOIN near m ON m.id = f.km",
        "SELECT `id`, `n`.`name`, `f`.`km`, `m`.`id`, `m`.`name` FROM near n LEFT JOIN far AS f USING (id) JOIN near m ON m.id = f.km"
    )]
    #[case(
        "SELECT far.* FROM far JOIN other USING (id)",
        "SELECT `far`.`id`, `far`.`km` FROM far JOIN other USING (id)"
    )]
    #[case(
        "SELECT * FROM TABLE(TUMBLE(TABLE far, DESCRIPTOR(`$rowtime`), INTERVAL '1' HOUR))",
        "SELECT `id`, `km`, `window_start`, `window_end`, `window_time` FROM TABLE(TUMBLE(TABLE far, DESCRIPTOR(`$rowtime`), INTERVAL '1' HOUR))"
    )]
    #[case(
        "SELECT w.* FROM TABLE(HOP(TABLE far, DESCRIPTOR(`$rowtime`), INTERVAL '1' HOUR, INTERVAL '2' HOUR)) AS w JOIN near ON near.id = w.id",
        "SELECT `w`.`id`, `w`.`km`, `w`.`window_start`, `w`.`window_end`, `w`.`window_time` FROM TABLE(HOP(TABLE far, DESCRIPTOR(`$rowtime`), INTERVAL '1' HOUR, INTERVAL '2' HOUR)) AS w JOIN near ON near.id = w.id"
    )]
    fn stars_are_written_out(#[case] sql: &str, #[case] expected: &str) {
        assert_eq!(expanded(sql).unwrap(), expected);
    }

    #[rstest]
    #[case("SELECT * FROM far JOIN other USING (id)")]
    #[case("SELECT * FROM near NATURAL JOIN far")]
    #[case("SELECT * FROM TABLE(ML_PREDICT(TABLE far, MODEL m, DESCRIPTOR(km)))")]
    #[case(
        "SELECT * FROM near, TABLE(TUMBLE(TABLE far, DESCRIPTOR(`$rowtime`), INTERVAL '1' HOUR))"
    )]
    #[case("SELECT * FROM far, (SELECT 1)")]
    fn what_cannot_be_written_out_is_refused(#[case] sql: &str) {
        assert!(expanded(sql).is_err(), "{:?}", expanded(sql));
    }

    #[rstest]
    #[case("SELECT a, b AS c, t.d, COUNT(*) n FROM t", Some(vec!["a", "c", "d", "n"]))]
    #[case("WITH x AS (SELECT 1 AS y) SELECT DISTINCT a FROM x", Some(vec!["a"]))]
    #[case("SELECT CASE WHEN a THEN b END FROM t", None)]
    #[case("SELECT COUNT(*) FROM t", None)]
    #[case("SELECT * FROM t", None)]
    #[case("SELECT a + b FROM t", None)]
    fn the_columns_of_a_query(#[case] sql: &str, #[case] expected: Option<Vec<&str>>) {
        let tokens = significant(Language::Flink, sql);
        let expected = expected.map(|all| all.into_iter().map(ToOwned::to_owned).collect());
        assert_eq!(returned(&tokens), expected);
    }
}
