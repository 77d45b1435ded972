//! What kind of statement a text is, in the words of the API's `sql_kind`.

use crate::base::text::Text;
use crate::sql::flink::{self, Derived, Statement};
use crate::sql::token::{Language, significant};

/// A kind of statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Select,
    Insert,
    StatementSet,
    CreateTable,
    CreateTableAs,
    AlterTable,
    DropTable,
    CreateView,
    DropView,
    ShowTables,
    ShowDatabases,
    ShowCatalogs,
    ShowFunctions,
    ShowCreateTable,
    Describe,
    Explain,
    /// Anything that has no place here.
    Other,
}

impl Kind {
    pub(super) fn of(text: &Text) -> Self {
        let tokens = significant(Language::Flink, &text.value);
        let is = |n: usize, word: &str| tokens.get(n).is_some_and(|token| token.is(word));
        let opens = tokens.first().is_some_and(|token| token.is_symbol("("));
        match flink::parse(text) {
            Statement::CreateTable(create) if create.derived == Some(Derived::As) => {
                Self::CreateTableAs
            }
            Statement::CreateTable(_) => Self::CreateTable,
            Statement::CreateView { .. } => Self::CreateView,
            Statement::Insert(_) => Self::Insert,
            Statement::StatementSet(_) => Self::StatementSet,
            _ if is(0, "SELECT") || is(0, "WITH") || is(0, "VALUES") || opens => Self::Select,
            _ if is(0, "ALTER") && is(1, "TABLE") => Self::AlterTable,
            _ if is(0, "DROP") && is(1, "TABLE") => Self::DropTable,
            _ if is(0, "DROP") && is(1, "VIEW") => Self::DropView,
            _ if is(0, "SHOW") && is(1, "TABLES") => Self::ShowTables,
            _ if is(0, "SHOW") && is(1, "DATABASES") => Self::ShowDatabases,
            _ if is(0, "SHOW") && is(1, "CATALOGS") => Self::ShowCatalogs,
            _ if is(0, "SHOW") && (is(1, "FUNCTIONS") || is(2, "FUNCTIONS")) => Self::ShowFunctions,
            _ if is(0, "SHOW") && is(1, "CREATE") && is(2, "TABLE") => Self::ShowCreateTable,
            _ if is(0, "DESCRIBE") || is(0, "DESC") => Self::Describe,
            _ if is(0, "EXPLAIN") => Self::Explain,
            _ => Self::Other,
        }
    }

    /// The API's word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT_INTO",
            Self::StatementSet => "STATEMENT_SET",
            Self::CreateTable => "CREATE_TABLE",
            Self::CreateTableAs => "CREATE_TABLE_AS",
            Self::AlterTable => "ALTER_TABLE",
            Self::DropTable => "DROP_TABLE",
            Self::CreateView => "CREATE_VIEW",
            Self::DropView => "DROP_VIEW",
            Self::ShowTables => "SHOW_TABLES",
            Self::ShowDatabases => "SHOW_DATABASES",
            Self::ShowCatalogs => "SHOW_CATALOGS",
            Self::ShowFunctions => "SHOW_FUNCTIONS",
            Self::ShowCreateTable => "SHOW_CREATE_TABLE",
            Self::Describe => "DESCRIBE",
            Self::Explain => "EXPLAIN",
            Self::Other => "OTHER",
        }
    }

    /// It writes tables for as long as it runs, and so can be stopped and go on.
    pub(super) fn writes(self) -> bool {
        matches!(self, Self::Insert | Self::StatementSet | Self::CreateTableAs)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("select 1", "SELECT")]
    #[case("(SELECT 1) UNION ALL (SELECT 2)", "SELECT")]
    #[case("WITH a AS (SELECT 1) SELECT * FROM a", "SELECT")]
    #[case("INSERT INTO t SELECT 1", "INSERT_INTO")]
    #[case("EXECUTE STATEMENT SET BEGIN INSERT INTO t SELECT 1; END", "STATEMENT_SET")]
    #[case("CREATE TABLE t AS SELECT 1 AS x", "CREATE_TABLE_AS")]
    #[case("CREATE TABLE t (x INT)", "CREATE_TABLE")]
    #[case("ALTER TABLE t SET ('a' = 'b')", "ALTER_TABLE")]
    #[case("DROP TABLE IF EXISTS t", "DROP_TABLE")]
    #[case("SHOW CREATE TABLE t", "SHOW_CREATE_TABLE")]
    #[case("SHOW USER FUNCTIONS IN `e`.`c`", "SHOW_FUNCTIONS")]
    #[case("SET 'sql.state-ttl' = '1 d'", "OTHER")]
    fn a_kind_has_the_word_of_the_api(#[case] sql: &str, #[case] word: &str) {
        assert_eq!(Kind::of(&Text::whole("s".into(), sql.to_owned())).word(), word);
    }
}
