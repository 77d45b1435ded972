//! SQL in files and inline, and what can be seen to be wrong with it without a server.

use camino::{Utf8Path, Utf8PathBuf};

use super::Reader;
use crate::base::limits::{self, exceeds, grouped};
use crate::base::text::{Span, Text};
use crate::disk::lexical;
use crate::scenario::code::Code;
use crate::scenario::diagnose::At;
use crate::scenario::yaml::{Node, Scalar};
use crate::sql::split;
use crate::sql::token::{Kind, Language, tokens};
use crate::sql::{SqlError, SqlErrorKind};

/// One text of SQL as it was given.
pub(super) struct Sql {
    /// The path as written; `None` when inline.
    pub path: Option<String>,
    /// Its statements.
    pub statements: Vec<Text>,
}

impl Reader<'_> {
    /// `setup`: SQL or a list of SQL, as statements.
    pub(super) fn setup(&mut self, node: &Node, file: &Utf8Path) -> Vec<Text> {
        let sql = self.sql_list(node, file, Language::Postgres);
        sql.into_iter().flat_map(|sql| sql.statements).collect()
    }

    /// SQL or a list of SQL, inline or in files.
    pub(super) fn sql_list(
        &mut self,
        node: &Node,
        file: &Utf8Path,
        language: Language,
    ) -> Vec<Sql> {
        let items = self.one_or_list(node);
        items.iter().flat_map(|item| self.sql(item, file, language)).collect()
    }

    /// One SQL value; several texts only where a Flink path has a `*`.
    pub(super) fn sql(&mut self, node: &Node, file: &Utf8Path, language: Language) -> Vec<Sql> {
        let Some(scalar) = self.scalar(node, "SQL, or the path of an SQL file") else {
            return Vec::new();
        };
        let written = scalar.text.value.trim();
        if !is_path(written) {
            return self.inline(scalar, &node.at, language).into_iter().collect();
        }
        let paths = self.paths(written, &node.at, file, language);
        paths.into_iter().filter_map(|path| self.sql_file(&path, node, language)).collect()
    }

    /// SQL that is written here, never a path.
    pub(super) fn inline(&mut self, scalar: &Scalar, at: &At, language: Language) -> Option<Sql> {
        if !self.is_readable(scalar, at, language) {
            return None;
        }
        let statements = match self.split(&scalar.text, language) {
            Ok(statements) => statements,
            Err(error) => {
                let comment = (scalar.is_plain && error.kind == SqlErrorKind::Open)
                    .then(|| self.comment_after(&scalar.text))
                    .flatten();
                self.sql_error(&scalar.text, error, comment);
                return None;
            }
        };
        self.countable(&scalar.text, &statements)?;
        Some(Sql { path: None, statements })
    }

    /// Whether SQL that is written here is what its author sees.
    pub(super) fn is_readable(&mut self, scalar: &Scalar, at: &At, language: Language) -> bool {
        if scalar.in_flow {
            let help = "write the map or list in block style, one key or item a line";
            self.error(Code::FlowSql, at, "SQL stands in a flow map or list (`{}`, `[]`)")
                .help(help);
            return false;
        }
        !(scalar.is_folded && self.has_folded_comment(scalar, language))
    }

    fn paths(
        &mut self,
        written: &str,
        at: &At,
        file: &Utf8Path,
        language: Language,
    ) -> Vec<Utf8PathBuf> {
        let base = file.parent().unwrap_or(Utf8Path::new(""));
        if !written.contains('*') {
            return vec![lexical(&base.join(written))];
        }
        if language == Language::Postgres {
            let message = "`*` in a path is allowed in `source` and `statements` only";
            self.error(Code::NoFile, at, message).help("name each file");
            return Vec::new();
        }
        match self.files.matching(base, written) {
            Ok(paths) if paths.is_empty() => {
                let help = "`*` stands for letters of a name, `**/` for any folders";
                self.error(Code::NoFile, at, format!("no file matches `{written}`")).help(help);
                paths
            }
            Ok(paths) => paths,
            Err(message) => {
                let help = "paths are relative to the folder of the file they stand in";
                self.error(Code::NoFile, at, message).help(help);
                Vec::new()
            }
        }
    }

    fn sql_file(&mut self, path: &Utf8Path, node: &Node, language: Language) -> Option<Sql> {
        let text = match self.files.read(path) {
            Ok(text) => text,
            Err(message) => {
                let help = "a value without white space that ends in `.sql` is a path, relative to \
                            the file it stands in";
                self.error(Code::NoFile, &node.at, message).help(help);
                return None;
            }
        };
        let statements = match self.split(&text, language) {
            Ok(statements) => statements,
            Err(error) => {
                self.sql_error(&text, error, None);
                return None;
            }
        };
        self.countable(&text, &statements)?;
        Some(Sql { path: Some(path.to_string()), statements })
    }

    #[expect(clippy::unused_self, reason = "reads like its siblings")]
    pub(super) fn split(&self, text: &Text, language: Language) -> Result<Vec<Text>, SqlError> {
        match language {
            Language::Postgres => split::postgres(text),
            Language::Flink => split::flink(text),
        }
    }

    /// At least one statement, and not too many.
    fn countable(&mut self, text: &Text, statements: &[Text]) -> Option<()> {
        if !self.is_countable(text, statements) {
            return None;
        }
        if statements.is_empty() {
            let at = At::start_of(text);
            self.error(Code::EmptySql, &at, "the SQL holds no statement")
                .help("write a statement, or leave the key out");
            return None;
        }
        Some(())
    }

    /// Not too many statements.
    pub(super) fn is_countable(&mut self, text: &Text, statements: &[Text]) -> bool {
        let is_too_much = exceeds(statements.len(), limits::STATEMENTS);
        if is_too_much {
            let message = format!("the SQL holds {} statements", statements.len());
            let help = format!("at most {}: write fewer", grouped(limits::STATEMENTS));
            self.error(Code::TooMuch, &At::start_of(text), message).help(help);
        }
        !is_too_much
    }

    pub(super) fn sql_error(&mut self, text: &Text, error: SqlError, help: Option<&str>) {
        let code = match error.kind {
            SqlErrorKind::Open => Code::OpenQuote,
            SqlErrorKind::PsqlCommand => Code::PsqlCommand,
            SqlErrorKind::CopyData => Code::CopyData,
            SqlErrorKind::Refused => Code::RefusedStatement,
        };
        let at = At::of(text, error.span);
        let close = (code == Code::OpenQuote).then(|| "close it where its text ends".to_owned());
        let detail = self.error(code, &at, error.message);
        if let Some(help) = help.map(str::to_owned).or(error.help).or(close) {
            detail.help(help);
        }
    }

    /// Whether YAML cut the text at a ` #` that stands on its last line.
    pub(super) fn comment_after(&self, text: &Text) -> Option<&'static str> {
        let end = text.in_file(Span::new(0, text.value.len())).end;
        let source = self.files.text(&text.file)?;
        let rest = source.get(end..)?.lines().next()?;
        rest.trim_start().starts_with('#').then_some(
            "YAML took the rest of the line, from ` #` on, as a comment: quote the value, or write \
             it as a block (`|`)",
        )
    }

    /// A `--` comment that folding has made to swallow what followed it.
    fn has_folded_comment(&mut self, scalar: &Scalar, language: Language) -> bool {
        let text = &scalar.text;
        let tokens = tokens(language, &text.value);
        let comment = tokens.iter().find(|token| {
            token.kind == Kind::Comment
                && token.text.starts_with("--")
                && text.place(token.span.start).line
                    != text.place(token.span.end.saturating_sub(1)).line
        });
        let Some(comment) = comment else { return false };
        let at = At::of(text, Span::new(comment.span.start, comment.span.start + 2));
        let message = "YAML folds these lines into one, so that this comment swallows the rest";
        self.error(Code::FoldedComment, &at, message)
            .help("write the SQL as a literal block (`|`)");
        true
    }
}

/// No white space, and `.sql` at its end.
pub(super) fn is_path(written: &str) -> bool {
    written.len() > 4
        && !written.contains(char::is_whitespace)
        && Utf8Path::new(written).extension() == Some("sql")
}
