//! Connectors and statements that stand in other files: fenced blocks of Markdown, JSON in a shell
//! script, Terraform, properties.

use crate::scenario::settings::Options;

/// The fenced blocks of Markdown, each with its word behind the fence, lower case.
pub(super) fn fenced(markdown: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String, String)> = None;
    for line in markdown.lines() {
        let text = line.trim_start();
        match &mut open {
            Some((fence, word, block)) if text.trim_end() == fence => {
                blocks.push((word.clone(), block.clone()));
                open = None;
            }
            Some((_, _, block)) => {
                block.push_str(line);
                block.push('\n');
            }
            None if text.starts_with("```") || text.starts_with("~~~") => {
                let mark = text.get(..1).unwrap_or("`");
                let length = text.len() - text.trim_start_matches(mark).len();
                let fence = text.get(..length).unwrap_or("```").to_owned();
                let word = text.get(length..).unwrap_or("").trim();
                let word = word.split([' ', '{', ',']).next().unwrap_or("").to_lowercase();
                open = Some((fence, word, String::new()));
            }
            None => {}
        }
    }
    blocks
}

/// SQL without the prompt of a client.
pub(super) fn unprompted(sql: &str) -> String {
    let mut text = String::new();
    for line in sql.lines() {
        let bare = line.trim_start();
        let prompts = ["Flink SQL> ", "flink-sql> ", "postgres=# ", "> "];
        let rest = prompts.iter().find_map(|prompt| bare.strip_prefix(prompt));
        text += rest.unwrap_or(line);
        text.push('\n');
    }
    text
}

/// The options of a connector that a JSON text is, flat or below `config`.
pub(super) fn connector(json: &str) -> Option<Options> {
    let parsed: serde_json::Value = serde_json::from_str(json).ok()?;
    options(parsed.get("config").unwrap_or(&parsed))
}

fn options(config: &serde_json::Value) -> Option<Options> {
    config.get("connector.class")?;
    let one = |(key, value): (&String, &serde_json::Value)| match value {
        serde_json::Value::String(text) => Some((key.clone(), text.clone())),
        serde_json::Value::Number(number) => Some((key.clone(), number.to_string())),
        serde_json::Value::Bool(is) => Some((key.clone(), is.to_string())),
        serde_json::Value::Null | serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
            None
        }
    };
    Some(config.as_object()?.iter().filter_map(one).collect())
}

/// Connectors whose JSON stands somewhere in a text.
pub(super) fn connectors_within(text: &str) -> Vec<Options> {
    let mut found: Vec<Options> = Vec::new();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find('{')).map(|at| from + at) {
        let mut stream = serde_json::Deserializer::from_str(text.get(at..).unwrap_or(""))
            .into_iter::<serde_json::Value>();
        match stream.next() {
            Some(Ok(value)) => {
                found.extend(options(value.get("config").unwrap_or(&value)));
                from = at + stream.byte_offset().max(1);
            }
            _ => from = at + 1,
        }
    }
    found
}

/// Connectors of Terraform: what their blocks `config_nonsensitive` say plainly.
pub(super) fn terraform_connectors(text: &str) -> Vec<Options> {
    let blocks = text.split("config_nonsensitive").skip(1);
    let read = blocks.filter_map(|block| {
        let body = block.split_once('{')?.1.split_once('}')?.0;
        let options: Options = body.lines().filter_map(assigned).collect();
        options.contains_key("connector.class").then_some(options)
    });
    read.collect()
}

/// `"key" = "value"`, where the value is written out.
fn assigned(line: &str) -> Option<(String, String)> {
    let (key, value) = line.split_once('=')?;
    let value = value.trim().trim_end_matches(',').trim();
    let plain = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let value = plain.filter(|text| !text.contains("${"))?;
    Some((key.trim().trim_matches('"').to_owned(), value.to_owned()))
}

/// Flink statements of Terraform: `statement = "…"` or a heredoc.
pub(super) fn terraform_statements(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((key, value)) = line.split_once('=') else { continue };
        if key.trim() != "statement" {
            continue;
        }
        let value = value.trim();
        if let Some(mark) = value.strip_prefix("<<-").or_else(|| value.strip_prefix("<<")) {
            let mark = mark.trim();
            let body = lines.by_ref().take_while(|line| line.trim() != mark);
            found.push(body.collect::<Vec<_>>().join("\n"));
        } else if let Some(text) = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')) {
            found.push(text.replace("\\n", "\n").replace("\\\"", "\""));
        }
    }
    found
}

/// Connectors that Strimzi makes: `kind: KafkaConnector`, one a document.
pub(super) fn strimzi_connectors(text: &str) -> Vec<Options> {
    let documents = text.split("\n---").filter(|text| text.contains("kind: KafkaConnector"));
    let read = documents.filter_map(|document| {
        let class = document.lines().find_map(|line| line.trim().strip_prefix("class:"))?;
        let mut lines = document.lines().skip_while(|line| line.trim_end() != "  config:");
        lines.next()?;
        let own = lines.take_while(|line| line.starts_with("    ") || line.trim().is_empty());
        let pairs = own.filter_map(|line| line.trim().split_once(':'));
        let unquoted = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
        let mut options: Options =
            pairs.map(|(key, value)| (unquoted(key), unquoted(value))).collect();
        options.insert("connector.class".to_owned(), unquoted(class));
        Some(options)
    });
    read.collect()
}

/// The options of a connector in a properties file.
pub(super) fn properties(text: &str) -> Option<Options> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', '!']));
    let options: Options = lines
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        .collect();
    options.contains_key("connector.class").then_some(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_markdown_are_told_apart() {
        let text = "# A\n```sql\nSELECT 1;\n```\n\n  ~~~~ json\n{}\n  ~~~~\n```\nx\n";
        let expected = [("sql", "SELECT 1;\n"), ("json", "{}\n")];
        assert_eq!(fenced(text), expected.map(|(word, block)| (word.to_owned(), block.to_owned())));
    }

    #[test]
    fn connectors_are_found_wherever_they_stand() {
        let json = r#"{"name": "a", "config": {"connector.class": "X", "tasks.max": 1}}"#;
        let expected: Options = [("connector.class", "X"), ("tasks.max", "1")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        assert_eq!(connector(json), Some(expected.clone()));
        let script = format!("curl -d '{json}' localhost && echo {{}}\n");
        assert_eq!(connectors_within(&script), std::slice::from_ref(&expected));
        let terraform = "resource \"confluent_connector\" \"a\" {\n config_nonsensitive = {\n  \"connector.class\" = \"X\"\n  \"tasks.max\" = \"1\"\n  \"database.hostname\" = var.host\n }\n}";
        assert_eq!(terraform_connectors(terraform), std::slice::from_ref(&expected));
        assert_eq!(properties("# c\nconnector.class=X\ntasks.max = 1\n"), Some(expected));
        assert_eq!(connector(r#"{"name": "package"}"#), None);
    }

    #[test]
    fn statements_of_terraform_are_found() {
        let text = "statement = \"SELECT \\\"a\\\"\"\n  statement = <<-EOT\n    SELECT 1\n  EOT\n";
        assert_eq!(terraform_statements(text), ["SELECT \"a\"", "    SELECT 1"]);
    }
}
