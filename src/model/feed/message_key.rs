//! `message.key.columns`: which columns of a table its records are keyed by, in place of its primary
//! key: `schema.table:a,b;…`, where the tables and columns are regular expressions.
//!
//! Source: Debezium's manual, PostgreSQL connector, property `message.key.columns`. Seen on 3.6.3
//! (scenario `keys/rows-that-share-a-message-key`).

use regex::Regex;

use crate::history::event::Table;
use crate::scenario::settings::Options;

/// The option.
const OPTION: &str = "message.key.columns";

/// The expressions of the option; each is for the whole of `schema.table.column`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct MessageKeys(Vec<String>);

impl MessageKeys {
    /// Reads the option; what has no model is told.
    pub(super) fn of(config: &Options) -> Result<Self, String> {
        let mut all = Vec::new();
        let written = config.get(OPTION).map_or("", String::as_str);
        for one in written.split(';').map(str::trim).filter(|one| !one.is_empty()) {
            let Some((table, columns)) = one.split_once(':').filter(|(_, c)| !c.contains(':'))
            else {
                return Err(format!("`{OPTION}` says `{one}`, expected `schema.table:column,…`"));
            };
            for column in columns.split(',') {
                let pattern = format!("{}.{}", table.trim(), column.trim());
                if expression(&pattern).is_none() {
                    return Err(format!("`{OPTION}` says `{pattern}`, which has no model"));
                }
                all.push(pattern);
            }
        }
        Ok(Self(all))
    }

    /// The columns of the key that the option gives a table, in the order of the table.
    pub(super) fn of_table(&self, table: &Table) -> Option<Vec<String>> {
        let all = self.0.iter().filter_map(|pattern| expression(pattern)).collect::<Vec<_>>();
        let is_named = |column: &&String| {
            let name = format!("{}.{}.{column}", table.schema, table.name);
            all.iter().any(|pattern| pattern.is_match(&name))
        };
        let columns = table.columns.iter().map(|column| &column.name).filter(is_named);
        let columns = columns.cloned().collect::<Vec<_>>();
        (!columns.is_empty()).then_some(columns)
    }
}

/// Upper and lower case are the same to the connector.
pub(super) fn expression(pattern: &str) -> Option<Regex> {
    Regex::new(&format!("^(?i:{pattern})$")).ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::history::testing::text_table;

    fn table() -> Table {
        text_table("payments", &["id", "account", "amount"])
    }

    fn keys(written: &str) -> Result<MessageKeys, String> {
        MessageKeys::of(&Options::from([(OPTION.to_owned(), written.to_owned())]))
    }

    #[rstest]
    #[case::one("public.payments:account", &["account"])]
    #[case::in_the_order_of_the_table("public.payments:account,id", &["id", "account"])]
    #[case::by_expressions(r"public\.p.*:a.*", &["account", "amount"])]
    #[case::in_other_letters(" PUBLIC.Payments:Account ", &["account"])]
    #[case::of_several("public.orders:id;(.*).payments:amount", &["amount"])]
    fn the_columns_of_a_key_are_read(#[case] written: &str, #[case] columns: &[&str]) {
        let expected = columns.iter().map(|column| (*column).to_owned()).collect();
        assert_eq!(keys(written).unwrap().of_table(&table()), Some(expected));
    }

    #[rstest]
    #[case::nothing("")]
    #[case::of_another_table("public.payments_2:account")]
    #[case::no_such_column("public.payments:iban")]
    fn a_table_that_is_not_named_keeps_its_primary_key(#[case] written: &str) {
        assert_eq!(keys(written).unwrap().of_table(&table()), None);
    }

    #[rstest]
    #[case(
        "public.payments",
        "`message.key.columns` says `public.payments`, expected `schema.table:column,…`"
    )]
    #[case(
        "public.payments:(",
        "`message.key.columns` says `public.payments.(`, which has no model"
    )]
    fn what_cannot_be_read_is_told(#[case] written: &str, #[case] told: &str) {
        assert_eq!(keys(written), Err(told.to_owned()));
    }
}
