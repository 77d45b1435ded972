//! `source`: DDL as dumps, scripts for psql and folders of migrations have it.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use itertools::Itertools as _;

use super::Reader;
use super::migrations;
use crate::base::difference::Difference;
use crate::base::secret::redacted;
use crate::base::text::Text;
use crate::disk::lexical;
use crate::scenario::code::Code;
use crate::scenario::diagnose::At;
use crate::scenario::yaml::Node;
use crate::sql::SqlErrorKind;
use crate::sql::edit::{Edit, splice};
use crate::sql::psql;
use crate::sql::token::Language;

/// The source DDL as it is run.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// The texts in order, without what is not run.
    pub(super) texts: Vec<Text>,
    /// Their statements.
    pub(super) statements: Vec<Text>,
    /// What is not run: lines of psql's, what takes a migration back.
    pub(super) left_out: Vec<Difference>,
}

const PART: &str = "source";

impl Reader<'_> {
    /// SQL, a file, a folder, a pattern of files, or a list of them.
    pub(super) fn scripts(&mut self, node: &Node, file: &Utf8Path) -> Source {
        let mut source = Source::default();
        for item in self.one_or_list(node) {
            let Some(scalar) = self.scalar(item, "SQL, or the path of an SQL file") else {
                continue;
            };
            let written = scalar.text.value.trim();
            if is_several(written) {
                for path in self.several(written, &item.at, file, &mut source.left_out) {
                    self.script_in(&path, &item.at, &mut source);
                }
            } else if super::sql::is_path(written) {
                let base = file.parent().unwrap_or(Utf8Path::new(""));
                let before = (source.statements.len(), self.diagnostics.len());
                self.script_in(&lexical(&base.join(written)), &item.at, &mut source);
                self.must_say(before, &source, &item.at);
            } else if self.is_readable(scalar, &item.at, Language::Postgres) {
                let before = (source.statements.len(), self.diagnostics.len());
                self.script(&scalar.text, scalar.is_plain, &mut source);
                self.must_say(before, &source, &item.at);
            }
        }
        self.one_database(&source, &node.at);
        source
    }

    /// A run has one database: tables of several would come together in it.
    fn one_database(&mut self, source: &Source, at: &At) {
        const EVERYWHERE: [&str; 3] = ["postgres", "template0", "template1"];
        let lines = source.left_out.iter().filter_map(|one| one.theirs.as_deref());
        let names: BTreeSet<&str> =
            lines.filter_map(psql::connected).filter(|name| !EVERYWHERE.contains(name)).collect();
        if names.len() > 1 {
            let names = names.into_iter().map(|name| format!("`{name}`")).join(", ");
            let message = format!("the source DDL connects to several databases: {names}");
            let help = "a connector reads one database: name a script with the tables of that one";
            self.error(Code::PsqlCommand, at, message).help(help);
        }
    }

    /// What is named alone holds a statement.
    fn must_say(&mut self, (statements, errors): (usize, usize), source: &Source, at: &At) {
        if source.statements.len() == statements && self.diagnostics.len() == errors {
            self.error(Code::EmptySql, at, "the SQL holds no statement")
                .help("write a statement, or leave the key out");
        }
    }

    /// The files of a folder or a pattern, in the order of migrations.
    fn several(
        &mut self,
        written: &str,
        at: &At,
        file: &Utf8Path,
        left_out: &mut Vec<Difference>,
    ) -> Vec<Utf8PathBuf> {
        let base = file.parent().unwrap_or(Utf8Path::new(""));
        let pattern =
            if written.ends_with('/') { format!("{written}*.sql") } else { written.to_owned() };
        let found = match self.files.matching(base, &pattern) {
            Ok(paths) => migrations::ordered(paths),
            Err(message) => {
                let help = "paths are relative to the folder of the file they stand in";
                self.error(Code::NoFile, at, message).help(help);
                return Vec::new();
            }
        };
        if found.files.is_empty() {
            let help = "`*` stands for letters of a name, `**/` for any folders; of a folder all \
                        `.sql` files are read";
            self.error(Code::NoFile, at, format!("no file matches `{written}`")).help(help);
        }
        left_out.extend(
            found
                .left_out
                .into_iter()
                .map(|(path, why)| Difference::new(PART, path.as_str(), why).theirs("the file")),
        );
        found.files
    }

    fn script_in(&mut self, path: &Utf8Path, at: &At, source: &mut Source) {
        match self.files.read(path) {
            Ok(text) => self.script(&text, false, source),
            Err(message) => {
                let help = "a value without white space that ends in `.sql` is a path, relative to \
                            the file it stands in";
                self.error(Code::NoFile, at, message).help(help);
            }
        }
    }

    fn script(&mut self, text: &Text, is_plain: bool, source: &mut Source) {
        let backwards = migrations::backwards(text);
        let edits: Vec<Edit> = backwards.iter().map(|span| Edit::new(*span, "")).collect();
        source.left_out.extend(backwards.into_iter().map(|span| {
            let why = "it takes a migration back, and a run begins with an empty database";
            left_out(&text.slice(span), why)
        }));
        let forward = if edits.is_empty() { text.clone() } else { splice(text, &edits) };
        let stripped = match psql::stripped(&forward) {
            Ok(stripped) => stripped,
            Err(error) => {
                let comment = (is_plain && error.kind == SqlErrorKind::Open)
                    .then(|| self.comment_after(text))
                    .flatten();
                return self.sql_error(&forward, error, comment);
            }
        };
        source.left_out.extend(stripped.left_out.iter().map(|(line, why)| left_out(line, why)));
        let Ok(statements) = self.split(&stripped.sql, Language::Postgres) else { return };
        if self.is_countable(&stripped.sql, &statements) && !statements.is_empty() {
            source.statements.extend(statements);
            source.texts.push(stripped.sql);
        }
    }
}

fn left_out(text: &Text, why: &str) -> Difference {
    let shown = redacted(&text.value).into_owned();
    let key = shown.trim().lines().next().unwrap_or_default().to_owned();
    Difference::new(PART, key, why).theirs(shown.trim()).at(text.place(0))
}

/// A folder, or a pattern of files.
fn is_several(written: &str) -> bool {
    let is_one = !written.is_empty() && !written.contains(char::is_whitespace);
    let is_sql = Utf8Path::new(written).extension() == Some("sql");
    is_one && (written.ends_with('/') || (written.contains('*') && is_sql))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("migrations/", true)]
    #[case("db/**/*.sql", true)]
    #[case("source.sql", false)]
    #[case("CREATE TABLE t (a int)", false)]
    #[case("SELECT 1 /*x*/", false)]
    fn a_folder_is_told_from_sql(#[case] written: &str, #[case] expected: bool) {
        assert_eq!(is_several(written), expected);
    }
}
