//! Files that hold Flink statements among other things: Markdown, JSON, Terraform, and the options of
//! a statement in a properties file beside it.

use camino::{Utf8Path, Utf8PathBuf};

use super::json;
use crate::base::text::{Anchor, Span, Text};
use crate::sql::edit::quoted;

/// How a file holds statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// It is SQL.
    Sql,
    /// In blocks between fences whose language is SQL.
    Markdown,
    /// As values of keys such as `statement`.
    Json,
    /// As `statement` of resources.
    Terraform,
    /// Options, each a `SET`.
    Properties,
}

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Statements.
    Sql(Text),
    /// A file of statements, by its path from this one's folder.
    File(Utf8PathBuf, Span),
    /// A statement that stands somewhere else.
    Elsewhere(Span),
}

impl Layout {
    /// By the ending of a path.
    pub(super) fn of(path: &Utf8Path) -> Option<Self> {
        match path.extension()? {
            "sql" => Some(Self::Sql),
            "md" | "markdown" => Some(Self::Markdown),
            "json" => Some(Self::Json),
            "tf" => Some(Self::Terraform),
            "properties" => Some(Self::Properties),
            _ => None,
        }
    }

    /// The parts of a file that hold statements, in order. The error is a sentence.
    pub(super) fn pieces(self, text: &Text) -> Result<Vec<Piece>, String> {
        let sql = |texts: Vec<Text>| texts.into_iter().map(Piece::Sql).collect();
        match self {
            Self::Sql => Ok(vec![Piece::Sql(text.clone())]),
            Self::Markdown => Ok(sql(markdown(text))),
            Self::Json => in_json(text).map(sql),
            Self::Terraform => Ok(terraform(text)),
            Self::Properties => Ok(sql(options(text).iter().map(Assigned::set).collect())),
        }
    }

    /// What to write where a file of this kind holds none.
    pub(super) fn help(self) -> &'static str {
        match self {
            Self::Sql => "write a statement, or leave the key out",
            Self::Markdown => "open the block with ```sql",
            Self::Json => {
                "statements are read from the keys `statement`, `sql` and `query`, as text or list"
            }
            Self::Terraform => "statements are read from `statement = …` of resources",
            Self::Properties => {
                "options whose names begin with `sql.`, `client.`, `table.`, `execution.`, \
                 `pipeline.`, `parallelism.` or `state.` are read"
            }
        }
    }
}

/// The blocks between fences whose language is SQL.
fn markdown(text: &Text) -> Vec<Text> {
    const LANGUAGES: [&str; 4] = ["sql", "flink", "flinksql", "flink-sql"];
    let mut found = Vec::new();
    let mut open: Option<(&str, Option<usize>)> = None;
    let mut at = 0;
    for line in text.value.split_inclusive('\n') {
        let (start, end) = (at, at + line.len());
        at = end;
        let line = line.trim();
        let fence = ["```", "~~~"].into_iter().find(|fence| line.starts_with(fence));
        match (open, fence) {
            (Some((own, from)), Some(fence)) if own == fence => {
                found.extend(from.map(|from| text.slice(Span::new(from, start))));
                open = None;
            }
            (None, Some(fence)) => {
                let info = line.trim_start_matches(['`', '~']).trim().to_lowercase();
                let language = info.split(|c: char| c.is_whitespace() || c == '{').next();
                let is_sql = language.is_some_and(|language| LANGUAGES.contains(&language));
                open = Some((fence, is_sql.then_some(end)));
            }
            _ => {}
        }
    }
    found
}

/// Keys under which tools keep statements.
const KEYS: [&str; 6] =
    ["statement", "statements", "sql", "sql_statement", "query", "sqlStatement"];

/// The statements of a JSON file; none if it is no JSON.
pub(crate) fn statements_in_json(text: &Text) -> Vec<Text> {
    in_json(text).unwrap_or_default()
}

fn in_json(text: &Text) -> Result<Vec<Text>, String> {
    let whole: &serde_json::value::RawValue =
        serde_json::from_str(&text.value).map_err(|error| format!("not JSON: {error}"))?;
    let mut found = Vec::new();
    walk(text, whole.get(), false, &mut found);
    Ok(found)
}

/// Takes in the statements of a value; `is_statement` says that it stands under such a key.
fn walk(text: &Text, raw: &str, is_statement: bool, found: &mut Vec<Text>) {
    if let Some(members) = json::members(raw) {
        let is_key = |key: &str| KEYS.contains(&key);
        let has_statement = members.iter().any(|member| is_key(&member.key));
        let options = ["properties", "flinkConfiguration"];
        let own = members.iter().filter(|member| options.contains(&member.key.as_str()));
        let own = own.filter(|_| has_statement).filter_map(json::Member::members);
        let assigned = own.flatten().filter_map(|member| {
            let value = member.value().as_str()?.to_owned();
            let at = text.slice(span(text, member.raw()));
            Some(Assigned { key: member.key.clone(), value, at })
        });
        let assigned: Vec<_> = assigned.filter(Assigned::is_of_a_statement).collect();
        found.extend(assigned.iter().map(Assigned::set));
        for member in &members {
            walk(text, member.raw(), is_key(&member.key), found);
        }
        found.extend(assigned.iter().map(Assigned::reset));
    } else if let Some(items) = json::items(raw) {
        for item in items {
            walk(text, item, is_statement, found);
        }
    } else if is_statement && raw.starts_with('"') {
        let span = span(text, raw);
        found.push(unescaped(text, Span::new(span.start + 1, span.end.saturating_sub(1))));
    }
}

/// Where a part of a text stands in it.
fn span(text: &Text, part: &str) -> Span {
    let start = part.as_ptr().addr().saturating_sub(text.value.as_ptr().addr());
    Span::new(start, start + part.len())
}

/// The part of a file in `span` with its escapes (`\n`, `\"`, `\u00e9`) read.
fn unescaped(text: &Text, span: Span) -> Text {
    let raw = text.value.get(span.start..span.end).unwrap_or("");
    let mut value = String::new();
    let mut anchors: Vec<Anchor> = Vec::new();
    let mut at = 0;
    while at < raw.len() || anchors.is_empty() {
        let rest = raw.get(at..).unwrap_or("");
        let place = text.place(span.start + at);
        let offset = text.in_file(Span::new(span.start + at, span.start + at)).start;
        anchors.push(Anchor { at: value.len(), offset, line: place.line, column: place.column });
        let plain = rest.find('\\').unwrap_or(rest.len());
        value.push_str(rest.get(..plain).unwrap_or(""));
        let escape = rest.get(plain..).unwrap_or("");
        let length = escape_length(escape);
        let written = escape.get(..length).unwrap_or("");
        let read = serde_json::from_str::<String>(&format!("\"{written}\""));
        value.push_str(read.as_deref().unwrap_or(written));
        at += plain + length;
    }
    Text { value, file: text.file.clone(), anchors }
}

/// How long the escape is that `text` begins with; those of one character's halves are one.
fn escape_length(text: &str) -> usize {
    let mut length = 0;
    while text.get(length..).is_some_and(|rest| rest.starts_with("\\u")) {
        length += 6;
    }
    if length > 0 {
        return length.min(text.len());
    }
    let second = text.chars().nth(1).map_or(0, char::len_utf8);
    if text.is_empty() { 0 } else { 1 + second }
}

/// The statements of the resources of a Terraform file.
fn terraform(text: &Text) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut starts: Vec<usize> = Vec::new();
    let mut at = 0;
    for line in text.value.split_inclusive('\n') {
        let begins = ["resource ", "resource\t", "locals", "module ", "data "];
        if begins.iter().any(|word| line.starts_with(word)) {
            starts.push(at);
        }
        at += line.len();
    }
    for (n, start) in starts.iter().enumerate() {
        let end = starts.get(n + 1).copied().unwrap_or(text.value.len());
        let block = Span::new(*start, end);
        let Some(statement) = attribute(text, block) else { continue };
        let assigned = properties_of(text, block);
        pieces.extend(assigned.iter().map(|one| Piece::Sql(one.set())));
        pieces.push(statement);
        pieces.extend(assigned.iter().map(|one| Piece::Sql(one.reset())));
    }
    pieces
}

/// The value of `statement = …` in a resource.
fn attribute(text: &Text, block: Span) -> Option<Piece> {
    let body = text.value.get(block.start..block.end)?;
    let mut at = block.start;
    for line in body.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let trimmed = line.trim_start();
        let Some(rest) = trimmed.strip_prefix("statement") else { continue };
        let Some(value) = rest.trim_start().strip_prefix('=').map(str::trim_start) else {
            continue;
        };
        let from = start + (line.len() - value.len());
        return Some(value_at(text, Span::new(from, block.end), value.trim_end()));
    }
    None
}

/// A value of HCL that begins at `rest`, `line` being the rest of its line.
fn value_at(text: &Text, rest: Span, line: &str) -> Piece {
    let here = Span::new(rest.start, rest.start + line.len());
    let body = text.value.get(rest.start..rest.end).unwrap_or("");
    if let Some(mark) = line.strip_prefix("<<-").or_else(|| line.strip_prefix("<<")) {
        let from = body.find('\n').map_or(body.len(), |at| at + 1);
        let mut to = from;
        for line in body.get(from..).unwrap_or("").split_inclusive('\n') {
            if line.trim() == mark.trim() {
                break;
            }
            to += line.len();
        }
        return Piece::Sql(text.slice(Span::new(rest.start + from, rest.start + to)));
    }
    if line.starts_with('"') {
        let mut end = 1;
        while let Some(next) = body.get(end..).and_then(|rest| rest.chars().next()) {
            match next {
                '"' => break,
                '\\' => end += escape_length(body.get(end..).unwrap_or("")),
                other => end += other.len_utf8(),
            }
        }
        return Piece::Sql(unescaped(text, Span::new(rest.start + 1, rest.start + end)));
    }
    let named = ["file(", "templatefile("].iter().find_map(|call| line.strip_prefix(call));
    let path = named.and_then(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
    match path {
        Some(path) => {
            let path =
                path.trim_start_matches("${path.module}/").trim_start_matches("${path.root}/");
            Piece::File(Utf8PathBuf::from(path), here)
        }
        None => Piece::Elsewhere(here),
    }
}

/// The options of a statement in the `properties` of its resource.
fn properties_of(text: &Text, block: Span) -> Vec<Assigned> {
    let body = text.value.get(block.start..block.end).unwrap_or("");
    let mut found = Vec::new();
    let mut at = block.start;
    for line in body.split_inclusive('\n') {
        let parts: Vec<&str> = line.trim().split('"').collect();
        if let ["", key, equals, value, ..] = parts.as_slice()
            && equals.trim() == "="
        {
            let at = text.slice(Span::new(at, at + line.trim_end().len()));
            found.push(Assigned { key: (*key).to_owned(), value: (*value).to_owned(), at });
        }
        at += line.len();
    }
    found.retain(Assigned::is_of_a_statement);
    found
}

/// An option of a statement, with the line where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assigned {
    key: String,
    value: String,
    at: Text,
}

/// How the names of options begin that are a statement's.
const OPTIONS: [&str; 7] =
    ["sql.", "client.", "table.", "execution.", "pipeline.", "parallelism.", "state."];

impl Assigned {
    fn is_of_a_statement(&self) -> bool {
        OPTIONS.iter().any(|begin| self.key.starts_with(begin))
    }

    /// As a statement before those it is for.
    pub(super) fn set(&self) -> Text {
        self.said(format!("SET {} = {}", quoted(&self.key), quoted(&self.value)))
    }

    /// As a statement behind them.
    pub(super) fn reset(&self) -> Text {
        self.said(format!("RESET {}", quoted(&self.key)))
    }

    fn said(&self, value: String) -> Text {
        let anchors = self.at.anchors.iter().take(1).copied().collect();
        Text { value, file: self.at.file.clone(), anchors }
    }
}

/// The options of a properties file that are a statement's.
pub(super) fn options(text: &Text) -> Vec<Assigned> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in text.value.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let written = line.trim();
        if written.starts_with(['#', '!']) {
            continue;
        }
        let Some((key, value)) = written.split_once(['=', ':']) else { continue };
        let bare = value.trim().trim_matches(['\'', '"']);
        let at = text.slice(Span::new(start, start + line.trim_end().len()));
        found.push(Assigned { key: key.trim().to_owned(), value: bare.to_owned(), at });
    }
    found.retain(Assigned::is_of_a_statement);
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn shown(name: &str, text: &str) -> Vec<String> {
        let text = Text::whole(name.into(), text.to_owned());
        let pieces = Layout::of(Utf8Path::new(name)).unwrap().pieces(&text).unwrap();
        let told = pieces.iter().map(|piece| match piece {
            Piece::Sql(text) => {
                let place = text.place(0);
                format!("{}:{} {}", place.line, place.column, text.value.trim())
            }
            Piece::File(path, _) => format!("file {path}"),
            Piece::Elsewhere(span) => {
                format!("elsewhere {}", text.value.get(span.start..span.end).unwrap())
            }
        });
        told.collect()
    }

    #[rstest]
    #[case("# Demo\n```sql\nSELECT 1;\n```\ntext\n~~~bash\nls\n~~~\n  ```SQL title=x\n  SELECT 2\n  ```\n",
        &["3:1 SELECT 1;", "10:1 SELECT 2"])]
    #[case("```\nSELECT 1\n```\n```sqlite\nSELECT 2\n```", &[])]
    fn markdown_has_statements_between_fences(#[case] text: &str, #[case] expected: &[&str]) {
        assert_eq!(shown("a.md", text), expected);
    }

    #[rstest]
    #[case(r#"{"name": "s", "spec": {"statement": "SELECT\n  'é' AS \"x\"", "stopped": false}}"#,
        &["1:38 SELECT\n  'é' AS \"x\""])]
    #[case(r#"[{"sql": "SELECT 1"}, {"statements": ["SELECT 2", {"sql": "SELECT 3"}]}]"#,
        &["1:11 SELECT 1", "1:40 SELECT 2", "1:60 SELECT 3"])]
    #[case(r#"{"statement": "SELECT 1", "properties": {"sql.state-ttl": "1 h", "pool": "x"}}"#,
        &["1:59 SET 'sql.state-ttl' = '1 h'", "1:16 SELECT 1", "1:59 RESET 'sql.state-ttl'"])]
    #[case(r#"{"connector.class": "x", "config": {"query.timeout": "5"}}"#, &[])]
    fn json_has_statements_under_their_keys(#[case] text: &str, #[case] expected: &[&str]) {
        assert_eq!(shown("a.json", text), expected);
    }

    #[test]
    fn an_error_behind_an_escape_has_its_place() {
        let source = r#"{"sql": "A\n\"b\" \u00e9 c"}"#;
        let text = Text::whole("a.json".into(), source.to_owned());
        let found = in_json(&text).unwrap().remove(0);
        assert_eq!(found.value, "A\n\"b\" é c");
        let place = found.place(found.value.find('c').unwrap());
        assert_eq!(place.column, source.find("c\"").unwrap() + 1);
    }

    #[test]
    fn terraform_has_statements_in_resources() {
        let text = r#"
resource "confluent_flink_statement" "orders" {
  statement = "CREATE TABLE `orders` (id INT) WITH ('a' = \"b\")"
  properties = {
    "sql.current-catalog" = var.environment
    "sql.state-ttl"       = "1 h"
  }
}
resource "confluent_flink_statement" "copies" {
  statement  = <<-EOT
    INSERT INTO copies
    SELECT * FROM orders;
  EOT
}
resource "confluent_flink_statement" "more" {
  statement = file("${path.module}/sql/more.sql")
}
resource "confluent_flink_statement" "last" {
  statement = local.last
}
resource "aws_iam_policy" "p" {
  statement {
    effect = "Allow"
  }
}
"#;
        let expected = [
            "6:1 SET 'sql.state-ttl' = '1 h'",
            "3:16 CREATE TABLE `orders` (id INT) WITH ('a' = \"b\")",
            "6:1 RESET 'sql.state-ttl'",
            "11:1 INSERT INTO copies\n    SELECT * FROM orders;",
            "file sql/more.sql",
            "elsewhere local.last",
        ];
        assert_eq!(shown("a.tf", text), expected);
    }

    #[test]
    fn properties_are_options_of_the_statement() {
        let text = "# the job\nsql.state-ttl = 1 h\nclient.statement-name: \"s\"\npool=x\n";
        let expected = ["2:1 SET 'sql.state-ttl' = '1 h'", "3:1 SET 'client.statement-name' = 's'"];
        assert_eq!(shown("a.properties", text), expected);
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic(
            text in "(resource \"a\" \"b\" \\{\n|  statement = |<<-E\n|E\n|\\{|\\}|\"sql\": |\"|\\\\u00|\\\\|```sql\n|```\n|[a-zé \n:=,]){0,30}",
        ) {
            for name in ["a.md", "a.json", "a.tf", "a.properties"] {
                let text = Text::whole(name.into(), text.clone());
                let pieces = Layout::of(Utf8Path::new(name)).unwrap().pieces(&text);
                for piece in pieces.into_iter().flatten() {
                    if let Piece::Sql(text) = piece {
                        prop_assert!(text.anchors.first().is_some_and(|first| first.at == 0));
                    }
                }
            }
        }
    }
}
