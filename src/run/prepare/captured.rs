//! Which tables a connector captures, as Postgres itself matches its lists.

use std::collections::BTreeMap;

use crate::client::postgres::literal;
use crate::scenario::settings::Options;

/// A condition in SQL that holds for the tables that the connector captures, over the column
/// `full_name` (`schema.name`) and `schema`: Debezium's lists are regular expressions for whole names, in
/// whatever case.
pub fn captures(config: &Options) -> String {
    let matches = |column: &str, list: &str| {
        let any: Vec<_> = list
            .split(',')
            .map(str::trim)
            .filter(|pattern| !pattern.is_empty())
            .map(|pattern| format!("{column} ~* {}", literal(&format!("^(?:{pattern})$"))))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> Options {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
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
