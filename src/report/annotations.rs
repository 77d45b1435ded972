//! What is wrong with files, for services that show it at the lines: SARIF 2.1.0, and the workflow
//! commands of GitHub.

use std::collections::BTreeMap;

use itertools::Itertools as _;
use serde_json::{Value, json};

use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::text::Place;
use crate::lint::RULES;
use crate::scenario::code::Code;

/// The schema that the form follows.
const SARIF: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// A SARIF log with one run. Paths are relative to the working folder, as they were named.
pub fn sarif(diagnostics: &[Diagnostic]) -> String {
    let rules: Vec<Value> =
        diagnostics.iter().map(|one| &one.code).unique().map(|c| rule(c)).collect();
    let results: Vec<Value> = diagnostics.iter().map(result).collect();
    let log = json!({
        "$schema": SARIF,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "changeproof",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    serde_json::to_string_pretty(&log).expect("a log holds only text and numbers")
}

fn rule(code: &str) -> Value {
    let summaries: BTreeMap<&str, &str> =
        Code::ALL.iter().map(|code| (code.name(), code.summary())).collect();
    let lint = RULES.iter().find(|rule| rule.code == code);
    let summary = summaries.get(code).copied().or(lint.map(|rule| rule.summary)).unwrap_or(code);
    let help = lint.map_or(summary, |rule| rule.fix);
    json!({
        "id": code,
        "shortDescription": {"text": summary},
        "help": {"text": format!("{help} More: changeproof explain {code}")},
    })
}

fn result(diagnostic: &Diagnostic) -> Value {
    let level = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut result = json!({
        "ruleId": diagnostic.code,
        "level": level,
        "message": {"text": message(diagnostic)},
        "locations": [location(&diagnostic.place, None)],
    });
    if let (Some(earlier), Some(map)) = (&diagnostic.earlier, result.as_object_mut()) {
        let first = location(&earlier.place, Some("first here"));
        map.insert("relatedLocations".to_owned(), json!([first]));
    }
    result
}

fn location(place: &Place, message: Option<&str>) -> Value {
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": {"uri": uri(place.file.as_str())},
            "region": {"startLine": place.line.max(1), "startColumn": place.column.max(1)},
        },
    });
    if let (Some(text), Some(map)) = (message, location.as_object_mut()) {
        map.insert("message".to_owned(), json!({"text": text}));
    }
    location
}

/// A path as a relative reference: what has a meaning in one is written as its bytes.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let one =
        |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    let uri: String = path.bytes().map(one).collect();
    if uri.starts_with('/') { format!("file://{uri}") } else { uri }
}

/// A line for each, as GitHub reads them from the log of a job.
pub fn github(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(command).collect()
}

fn command(diagnostic: &Diagnostic) -> String {
    let name = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let Place { file, line, column } = &diagnostic.place;
    format!(
        "::{name} file={},line={line},col={column},title={}::{}\n",
        property(file.as_str()),
        property(&diagnostic.code),
        data(&message(diagnostic)),
    )
}

fn message(diagnostic: &Diagnostic) -> String {
    match &diagnostic.help {
        Some(help) => format!("{}. Help: {help}", diagnostic.message),
        None => diagnostic.message.clone(),
    }
}

/// What ends a line is written as its bytes, and so is the mark of that.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property ends at a comma or a colon besides.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::diagnostic::Earlier;
    use crate::base::text::Span;

    fn found() -> Vec<Diagnostic> {
        let place = |line, column| Place { file: "flink/a b,c.yaml".into(), line, column };
        let earlier = Earlier { place: place(2, 1), span: Span::new(10, 15) };
        let error = Diagnostic {
            code: "E0105".to_owned(),
            severity: Severity::Error,
            message: "the key `title` stands twice: 100% sure".to_owned(),
            place: place(3, 1),
            span: Span::new(20, 25),
            label: "again here".to_owned(),
            earlier: Some(earlier),
            help: Some("keep one\nof the two".to_owned()),
        };
        let warning = Diagnostic {
            code: "W0101".to_owned(),
            severity: Severity::Warning,
            earlier: None,
            help: None,
            ..error.clone()
        };
        vec![error, warning]
    }

    #[test]
    fn a_job_shows_them_at_their_lines() {
        insta::assert_snapshot!(github(&found()), @r"
        ::error file=flink/a b%2Cc.yaml,line=3,col=1,title=E0105::the key `title` stands twice: 100%25 sure. Help: keep one%0Aof the two
        ::warning file=flink/a b%2Cc.yaml,line=3,col=1,title=W0101::the key `title` stands twice: 100%25 sure
        ");
    }

    /// What section 3 of the standard requires of each part that is written here.
    #[test]
    fn a_log_is_as_the_standard_has_it() {
        let log: Value = serde_json::from_str(&sarif(&found())).unwrap();
        assert_eq!(log["version"], "2.1.0");
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["name"], "changeproof");
        assert_eq!(run["columnKind"], "unicodeCodePoints");
        let rules: Vec<&str> = run["tool"]["driver"]["rules"]
            .as_array()
            .unwrap()
            .iter()
            .map(|rule| rule["id"].as_str().unwrap())
            .collect();
        assert_eq!(rules, ["E0105", "W0101"]);
        for (result, level) in
            itertools::zip_eq(run["results"].as_array().unwrap(), ["error", "warning"])
        {
            assert_eq!(result["level"], level);
            assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()));
            assert!(rules.contains(&result["ruleId"].as_str().unwrap()));
            let at = &result["locations"][0]["physicalLocation"];
            assert_eq!(at["artifactLocation"]["uri"], "flink/a%20b%2Cc.yaml");
            assert_eq!(at["region"]["startLine"], 3);
        }
        let first = &run["results"][0]["relatedLocations"][0];
        assert_eq!(first["physicalLocation"]["region"]["startLine"], 2);
    }

    #[test]
    fn nothing_wrong_is_a_log_without_results() {
        let log: Value = serde_json::from_str(&sarif(&[])).unwrap();
        assert_eq!(log["runs"][0]["results"], json!([]));
        assert_eq!(github(&[]), "");
    }
}
