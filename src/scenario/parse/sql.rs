//! SQL in files and inline, and what can be seen to be wrong with it without a server.

use camino::{Utf8Path, Utf8PathBuf};

use super::Reader;
use super::layouts::{self, Assigned, Layout, Piece};
use super::placeholders::{self, Placeholder};
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
        if !holds_sql(written, language) {
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
        let text = self.without_placeholders(scalar.text.clone(), language);
        let statements = match self.split(&text, language) {
            Ok(statements) => statements,
            Err(error) => {
                let comment = (scalar.is_plain && error.kind == SqlErrorKind::Open)
                    .then(|| self.comment_after(&scalar.text))
                    .flatten();
                self.sql_error(&text, error, comment);
                return None;
            }
        };
        self.countable(&scalar.text, &statements, Layout::Sql)?;
        Some(Sql { path: None, statements })
    }

    /// Whether SQL that is written here is what its author sees.
    pub(super) fn is_readable(&mut self, scalar: &Scalar, at: &At, language: Language) -> bool {
        if scalar.in_flow {
            let help = "write the map or list in block style, one key or item a line";
            self.error(Code::FlowSql, at, "SQL is written in a flow map or list (`{}`, `[]`)")
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
        let layout = Layout::of(path).filter(|_| language == Language::Flink);
        let layout = layout.unwrap_or(Layout::Sql);
        let mut statements = Vec::new();
        for piece in self.pieces(path, &text, layout, language)? {
            let piece = self.without_placeholders(piece, language);
            match self.split(&piece, language) {
                Ok(split) => statements.extend(split),
                Err(error) => {
                    self.sql_error(&piece, error, None);
                    return None;
                }
            }
        }
        self.countable(&text, &statements, layout)?;
        Some(Sql { path: Some(path.to_string()), statements })
    }

    /// The parts of a file that hold SQL. Options in a properties file beside a statement are set
    /// before it and taken back behind it.
    fn pieces(
        &mut self,
        path: &Utf8Path,
        text: &Text,
        layout: Layout,
        language: Language,
    ) -> Option<Vec<Text>> {
        let pieces = match layout.pieces(text) {
            Ok(pieces) => pieces,
            Err(message) => {
                self.error(Code::EmptySql, &At::start_of(text), message).help(layout.help());
                return None;
            }
        };
        let mut texts = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Sql(text) => texts.push(text),
                Piece::File(file, span) => {
                    let file = lexical(&path.parent().unwrap_or(Utf8Path::new("")).join(file));
                    match self.files.read(&file) {
                        Ok(text) => texts.push(text),
                        Err(message) => {
                            let help = "the path is taken from the folder of this file";
                            self.error(Code::NoFile, &At::of(text, span), message).help(help);
                        }
                    }
                }
                Piece::Elsewhere(span) => {
                    let message = "this statement stands somewhere else";
                    let help = "name the SQL itself, or its file, under `statements`";
                    self.error(Code::RefusedStatement, &At::of(text, span), message).help(help);
                }
            }
        }
        let beside = path.with_extension("properties");
        let is_alone = layout != Layout::Sql || language != Language::Flink;
        if !is_alone
            && self.files.has(&beside)
            && let Ok(beside) = self.files.read(&beside)
        {
            let options = layouts::options(&beside);
            texts.splice(0..0, options.iter().map(Assigned::set));
            texts.extend(options.iter().map(Assigned::reset));
        }
        Some(texts)
    }

    /// `text` with its placeholders filled. What has no value is told once for each text.
    fn without_placeholders(&mut self, text: Text, language: Language) -> Text {
        if language != Language::Flink {
            return text;
        }
        let (filled, unfilled) = placeholders::filled(&text, &self.variables);
        let mut told: Vec<&str> = Vec::new();
        for Placeholder { name, written, span, .. } in &unfilled {
            if told.contains(&name.as_str()) {
                continue;
            }
            told.push(name);
            let message = format!("nothing says what `{written}` stands for");
            let help = format!("write its value: `settings: {{variables: {{{name}: …}}}}`");
            self.error(Code::Placeholder, &At::of(&text, *span), message).help(help);
        }
        filled
    }

    #[expect(clippy::unused_self, reason = "reads like its siblings")]
    pub(super) fn split(&self, text: &Text, language: Language) -> Result<Vec<Text>, SqlError> {
        match language {
            Language::Postgres => split::postgres(text),
            Language::Flink => split::flink(text),
        }
    }

    /// At least one statement, and not too many.
    fn countable(&mut self, text: &Text, statements: &[Text], layout: Layout) -> Option<()> {
        if !self.is_countable(text, statements) {
            return None;
        }
        if statements.is_empty() {
            let at = At::start_of(text);
            self.error(Code::EmptySql, &at, "the SQL holds no statement").help(layout.help());
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

/// No white space, and the ending of a file that may hold such SQL.
fn holds_sql(written: &str, language: Language) -> bool {
    let is_file = Layout::of(Utf8Path::new(written)).is_some();
    let is_file = is_file && !written.contains(char::is_whitespace);
    is_path(written) || is_file && language == Language::Flink
}

/// No white space, and `.sql` at its end.
pub(super) fn is_path(written: &str) -> bool {
    written.len() > 4
        && !written.contains(char::is_whitespace)
        && Utf8Path::new(written).extension() == Some("sql")
}
