//! What an `ALTER TABLE` of Postgres changes about the columns and the key of a table, as far as
//! its text shows.

use super::postgres::{folded, items, qualified};
use super::token::{Language, Token, significant};
use crate::base::text::Text;

/// What is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It gets this primary key.
    Key(Vec<String>),
    /// Its name, its schema, or columns in a way that is not read here.
    Other,
}

/// The table that a statement changes, by schema and name; `None` if its columns and its key stay as
/// they are, or if all it does is to add one column.
pub fn change(statement: &Text) -> Option<(String, String, Change)> {
    let tokens = significant(Language::Postgres, &statement.value);
    (tokens.first()?.is("ALTER") && tokens.get(1)?.is("TABLE")).then_some(())?;
    let rest = tokens.get(2..)?;
    let skipped = rest.iter().take(3).take_while(|t| t.is("IF") || t.is("EXISTS") || t.is("ONLY"));
    let (schema, name, rest) = qualified(rest.get(skipped.count()..)?)?;
    let mut found = None;
    for action in actions(rest) {
        match of_action(action) {
            Some(Change::Key(key)) if found.is_none() => found = Some(Change::Key(key)),
            Some(_) => found = Some(Change::Other),
            None => {}
        }
    }
    // One column that is added alone is read where columns are.
    let all = actions(rest);
    let adds = all.iter().filter(|action| action.first().is_some_and(|word| word.is("ADD")));
    if found.is_none() && adds.count() > 1 {
        found = Some(Change::Other);
    }
    found.map(|change| (schema, name, change))
}

/// The actions, which commas part.
fn actions<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let mut depth = 0_usize;
    let parts = tokens.split(|token| {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        }
        depth == 0 && token.is_symbol(",")
    });
    parts.filter(|part| !part.is_empty()).collect()
}

fn of_action(action: &[Token<'_>]) -> Option<Change> {
    let is = |n: usize, word: &str| action.get(n).is_some_and(|token| token.is(word));
    if is(0, "ADD") {
        let key = action
            .windows(2)
            .position(|two| matches!(two, [a, b] if a.is("PRIMARY") && b.is("KEY")));
        let list = key.and_then(|at| action.get(at + 2..)).map(items).unwrap_or_default();
        let names: Vec<String> = list.iter().filter_map(|item| folded(item.first()?)).collect();
        let constrains = ["CONSTRAINT", "PRIMARY"].iter().any(|word| is(1, word));
        // `USING INDEX` names columns elsewhere.
        return (constrains && !names.is_empty()).then_some(Change::Key(names));
    }
    let renames = is(0, "RENAME") && !is(1, "CONSTRAINT");
    let drops = is(0, "DROP") && !is(1, "CONSTRAINT");
    let moves = is(0, "SET") && is(1, "SCHEMA");
    let inherits = is(0, "INHERIT") || is(0, "OF");
    (renames || drops || moves || inherits).then_some(Change::Other)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("ALTER TABLE ONLY s.t ADD CONSTRAINT k PRIMARY KEY (b, a)", "key s.t b,a")]
    #[case("ALTER TABLE t ADD PRIMARY KEY (\"B\")", "key public.t B")]
    #[case("ALTER TABLE t ADD CONSTRAINT k UNIQUE (a)", "")]
    #[case("ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (a, b) REFERENCES u (a, b)", "")]
    #[case("ALTER TABLE t REPLICA IDENTITY FULL", "")]
    #[case("ALTER TABLE t ALTER COLUMN a TYPE bigint, ALTER b SET DEFAULT 1", "")]
    #[case("ALTER TABLE t OWNER TO me", "")]
    #[case("ALTER TABLE t ADD COLUMN a numeric(10, 2) NOT NULL", "")]
    #[case("ALTER TABLE t ADD a int, ADD b int", "other public.t")]
    #[case("ALTER TABLE t DROP COLUMN a", "other public.t")]
    #[case("ALTER TABLE t DROP CONSTRAINT a", "")]
    #[case("ALTER TABLE t RENAME a TO b", "other public.t")]
    #[case("ALTER TABLE IF EXISTS t RENAME TO u", "other public.t")]
    #[case("ALTER TABLE t SET SCHEMA s", "other public.t")]
    #[case("ALTER TABLE t SET (fillfactor = 70)", "")]
    #[case("CREATE TABLE t (a int)", "")]
    fn changes_are_read(#[case] sql: &str, #[case] expected: &str) {
        let found = change(&Text::whole("a.sql".into(), sql.to_owned()));
        let shown = found.map_or(String::new(), |(schema, name, change)| match change {
            Change::Key(key) => format!("key {schema}.{name} {}", key.join(",")),
            Change::Other => format!("other {schema}.{name}"),
        });
        assert_eq!(shown, expected);
    }
}
