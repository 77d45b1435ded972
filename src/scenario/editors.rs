//! The published schemas as editors apply them: no file that is right is marked, and a mistake of the
//! kind that a schema can see is.
//!
//! Editors read YAML 1.2 into JSON first, where a plain `3` is a number; the language itself knows
//! texts alone. The check below knows the keywords that the schemas use, and stops at any other.

use regex::Regex;
use serde_json::{Value as Json, json as of};

use super::coverage::{files, read};
use super::diagnose::Diagnostics;
use super::schema;
use super::yaml::{self, Node, Scalar, Value};

/// What an editor makes of a node.
fn json(node: &Node) -> Json {
    match &node.value {
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(pairs) => {
            Json::Object(pairs.iter().map(|(key, node)| (key.name.clone(), json(node))).collect())
        }
        Value::Scalar(scalar) => of_scalar(scalar),
    }
}

fn of_scalar(scalar: &Scalar) -> Json {
    let text = scalar.text.value.as_str();
    let is = |pattern: &str| Regex::new(pattern).unwrap().is_match(text);
    match text {
        _ if !scalar.is_plain => of!(text),
        "" | "~" | "null" | "Null" | "NULL" => Json::Null,
        "true" | "True" | "TRUE" => of!(true),
        "false" | "False" | "FALSE" => of!(false),
        // The sign and the size do not matter to any of the schemas beyond `minimum` and `maximum`.
        _ if is("^[-+]?[0-9]+$") => of!(text.parse::<i64>().unwrap_or(i64::MAX)),
        _ if is(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$") => of!(0.5),
        _ => of!(text),
    }
}

/// Why a value does not fit a schema, with the way to it.
fn marked(schema: &Json, value: &Json, way: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (keyword, wanted) in schema.as_object().expect("a schema is a map") {
        let fits = match keyword.as_str() {
            "$schema" | "title" | "description" => true,
            "type" => match wanted {
                Json::Array(types) => types.iter().any(|one| is_of(one, value)),
                one => is_of(one, value),
            },
            "const" => wanted == value,
            "minimum" => value.as_i64().is_none_or(|number| Some(number) >= wanted.as_i64()),
            "maximum" => value.as_i64().is_none_or(|number| Some(number) <= wanted.as_i64()),
            "pattern" => {
                let pattern = Regex::new(wanted.as_str().unwrap()).expect("it is a pattern");
                value.as_str().is_none_or(|text| pattern.is_match(text))
            }
            "minProperties" => {
                let wanted = usize::try_from(wanted.as_u64().unwrap()).unwrap();
                value.as_object().is_none_or(|map| map.len() >= wanted)
            }
            "required" => wanted.as_array().unwrap().iter().all(|key| {
                value.as_object().is_none_or(|map| map.contains_key(key.as_str().unwrap()))
            }),
            "anyOf" => {
                let any = wanted.as_array().unwrap();
                any.iter().any(|one| marked(one, value, way).is_empty())
            }
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    found.extend(marked(wanted, item, &format!("{way}/{n}")));
                }
                true
            }
            "properties" | "patternProperties" | "additionalProperties" => true,
            other => panic!("the schemas use `{other}`, which this check does not know"),
        };
        if !fits {
            found.push(format!("{way}: {value} does not fit `{keyword}`: {wanted}"));
        }
    }
    for (key, value) in value.as_object().into_iter().flatten() {
        found.extend(of_key(schema, (key, value), &format!("{way}/{key}")));
    }
    found
}

fn of_key(schema: &Json, (key, value): (&str, &Json), way: &str) -> Vec<String> {
    if let Some(own) = schema.get("properties").and_then(|properties| properties.get(key)) {
        return marked(own, value, way);
    }
    for (pattern, own) in
        schema.get("patternProperties").and_then(Json::as_object).into_iter().flatten()
    {
        if Regex::new(pattern).expect("it is a pattern").is_match(key) {
            return marked(own, value, way);
        }
    }
    match schema.get("additionalProperties") {
        Some(Json::Bool(false)) => vec![format!("{way}: the key is unknown")],
        Some(own @ Json::Object(_)) => marked(own, value, way),
        _ => Vec::new(),
    }
}

fn is_of(kind: &Json, value: &Json) -> bool {
    match kind.as_str().expect("a type is a word") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("the schemas use the type `{other}`, which this check does not know"),
    }
}

/// What an editor marks in a file.
fn marks(file: &camino::Utf8Path) -> Vec<String> {
    let node = yaml::read(&read(file), &mut Diagnostics::default()).expect("it is YAML");
    let is_pipeline = matches!(&node.value, Value::Map(pairs)
        if pairs.first().is_some_and(|(key, _)| key.name == "pipeline"));
    let schema = if is_pipeline { schema::pipeline() } else { schema::scenario() };
    marked(&serde_json::from_str(&schema).unwrap(), &json(&node), file.as_str())
}

#[test]
fn editors_mark_nothing_in_a_file_that_is_right() {
    let folders = ["scenarios", "flink-sql", "tests/outcomes", "ci"];
    let files = folders.into_iter().flat_map(files).collect::<Vec<_>>();
    assert!(files.len() > 80, "{} files", files.len());
    let marked = files.iter().flat_map(|file| marks(file)).collect::<Vec<_>>();
    assert!(marked.is_empty(), "{}", marked.join("\n"));
}

#[rstest::rstest]
#[case("typo-in-a-key", "the key is unknown")]
#[case("missing-keys", "required")]
#[case("map-for-list", "anyOf")]
#[case("two-words-in-one-entry", "anyOf")]
#[case("more-than-is-taken", "2000000000 does not fit")]
fn editors_mark_what_a_schema_can_see(#[case] name: &str, #[case] says: &str) {
    let marked = marks(format!("tests/language/err/{name}.yaml").as_str().into());
    assert!(marked.iter().any(|mark| mark.contains(says)), "{marked:?}");
}
