//! The OpenAPI documents, read with the parser that scenarios are read with, and what they say of a call.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value, json};

/// The folder of the contracts.
pub(crate) fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("CHANGEPROOF_CLOUD_CONTRACTS").map(PathBuf::from);
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/cloud");
    let found = named.into_iter().chain([beside, PathBuf::from("../../shared/cloud")]);
    let found = found.into_iter().find(|folder| folder.join("openapi").is_dir());
    if found.is_none() {
        eprintln!("NOT RUN: the contracts are not there; set CHANGEPROOF_CLOUD_CONTRACTS");
    }
    found
}

/// A document, and the paths in it.
pub(crate) struct Document {
    root: Value,
}

/// Documents that were read already.
static READ: Mutex<BTreeMap<String, &'static Document>> = Mutex::new(BTreeMap::new());

/// One of the documents by its name.
pub(crate) fn document(name: &str) -> Option<&'static Document> {
    let folder = folder()?;
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let document = read.entry(name.to_owned()).or_insert_with(|| {
        let text = fs_err::read_to_string(folder.join("openapi").join(name)).unwrap();
        let mut root = yaml(&text);
        plain(&mut root);
        Box::leak(Box::new(Document { root }))
    });
    Some(document)
}

/// YAML without anchors or tags as JSON.
fn yaml(text: &str) -> Value {
    enum Open {
        List(Vec<Value>),
        Map(Map<String, Value>, Option<String>),
    }
    let mut open: Vec<Open> = Vec::new();
    let mut last = Value::Null;
    for event in Parser::new_from_str(text) {
        let (event, _) = event.unwrap();
        let done = match event {
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(Map::new(), None));
                continue;
            }
            Event::SequenceEnd => match open.pop() {
                Some(Open::List(list)) => Value::Array(list),
                _ => panic!("a list ends that was not begun"),
            },
            Event::MappingEnd => match open.pop() {
                Some(Open::Map(map, _)) => Value::Object(map),
                _ => panic!("a map ends that was not begun"),
            },
            Event::Scalar(text, style, ..) => scalar(&text, style == ScalarStyle::Plain),
            _ => continue,
        };
        match open.last_mut() {
            Some(Open::List(list)) => list.push(done),
            Some(Open::Map(map, key)) => match key.take() {
                Some(key) => drop(map.insert(key, done)),
                None => *key = Some(done.as_str().map_or_else(|| done.to_string(), str::to_owned)),
            },
            None => last = done,
        }
    }
    last
}

fn scalar(text: &str, is_plain: bool) -> Value {
    match text {
        _ if !is_plain => json!(text),
        "" | "~" | "null" => Value::Null,
        "true" => json!(true),
        "false" => json!(false),
        _ => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(number), _) => json!(number),
            (_, Ok(number)) => json!(number),
            _ => json!(text),
        },
    }
}

/// OpenAPI 3.0's own words in those of JSON Schema: `nullable`, and what is only read is not demanded.
fn plain(schema: &mut Value) {
    match schema {
        Value::Array(all) => all.iter_mut().for_each(plain),
        Value::Object(map) => {
            map.values_mut().for_each(plain);
            if map.get("nullable") == Some(&json!(true))
                && let Some(kind) = map.get("type").filter(|kind| kind.is_string()).cloned()
            {
                map.insert("type".to_owned(), json!([kind, "null"]));
            }
            // JSON Schema would take it for a schema, or for a keyword that does not fit.
            for word in ["example", "discriminator", "exclusiveMinimum", "exclusiveMaximum"] {
                if map.get(word).is_none_or(|value| value.get("type").is_none()) {
                    map.remove(word);
                }
            }
        }
        _ => {}
    }
}

/// A request or an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Request,
    Answer,
}

impl Document {
    /// The path of the document that a path is one of, with its operation.
    fn operation(&self, method: &str, path: &str) -> Option<(&Map<String, Value>, &Value)> {
        let wanted: Vec<&str> = path.split('/').collect();
        let fits = |template: &str| {
            let parts: Vec<&str> = template.split('/').collect();
            let fits = |(part, word): (&&str, &&str)| {
                part == word || (part.starts_with('{') && !word.is_empty())
            };
            parts.len() == wanted.len() && itertools::zip_eq(&parts, &wanted).all(fits)
        };
        let paths = self.root["paths"].as_object()?;
        // One without a variable is nearer than one with.
        let mut fitting: Vec<_> = paths.iter().filter(|(template, _)| fits(template)).collect();
        fitting.sort_by_key(|(template, _)| template.matches('{').count());
        let of = |(_, item): (&String, &'_ Value)| item.get(method.to_lowercase()).is_some();
        let (_, item) = fitting.into_iter().find(|(name, item)| of((name, item)))?;
        Some((item.as_object()?, item.get(method.to_lowercase())?))
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let Some(at) = value.get("$ref").and_then(Value::as_str) else { return value };
        self.root.pointer(at.trim_start_matches('#')).unwrap()
    }

    fn violations(&self, schema: &Value, way: Way, body: &Value) -> Vec<String> {
        let mut schemas = self.root["components"]["schemas"].clone();
        let mut top = schema.clone();
        if way == Way::Request {
            undemanding(&mut schemas);
            undemanding(&mut top);
        }
        let whole = json!({"allOf": [top], "components": {"schemas": schemas}});
        let validator = jsonschema::draft4::new(&whole).unwrap();
        validator
            .iter_errors(body)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }

    /// What a request breaks.
    pub(crate) fn request(
        &self,
        (method, target): (&str, &str),
        media: &str,
        body: &str,
    ) -> Vec<String> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let Some((item, operation)) = self.operation(method, path) else {
            return vec![format!("there is no {method} {path}")];
        };
        let mut broken = self.parameters(item, operation, query);
        let request = operation.get("requestBody").map(|request| self.resolved(request));
        match request {
            None if body.is_empty() => {}
            None => broken.push("it takes no body".to_owned()),
            Some(request) => match request["content"].get(media) {
                None => broken.push(format!("it takes no `{media}`")),
                Some(content) => {
                    let read: Value = serde_json::from_str(body).unwrap();
                    // The document spells the operations of a patch in capitals, RFC 6902 and the
                    // official client in small letters.
                    let read = if media.contains("patch") { in_capitals(read) } else { read };
                    broken.extend(self.violations(&content["schema"], Way::Request, &read));
                }
            },
        }
        broken
    }

    fn parameters(&self, item: &Map<String, Value>, operation: &Value, query: &str) -> Vec<String> {
        let of = |all: Option<&Value>| all.and_then(Value::as_array).cloned().unwrap_or_default();
        let all = of(item.get("parameters")).into_iter().chain(of(operation.get("parameters")));
        let known: Vec<(String, bool)> = all
            .map(|one| self.resolved(&one).clone())
            .filter(|one| one["in"] == "query")
            .map(|one| (one["name"].as_str().unwrap().to_owned(), one["required"] == json!(true)))
            .collect();
        let given: Vec<&str> = query
            .split('&')
            .filter_map(|pair| pair.split('=').next())
            .filter(|name| !name.is_empty())
            .collect();
        let unknown = given.iter().filter(|name| !known.iter().any(|(one, _)| one == *name));
        let missing = known.iter().filter(|(name, needed)| *needed && !given.contains(&&**name));
        unknown
            .map(|name| format!("it knows no parameter `{name}`"))
            .chain(missing.map(|(name, _)| format!("it needs the parameter `{name}`")))
            .collect()
    }

    /// What an answer breaks.
    pub(crate) fn answer(
        &self,
        (method, target): (&str, &str),
        status: u16,
        body: &str,
    ) -> Vec<String> {
        let path = target.split('?').next().unwrap();
        let Some((_, operation)) = self.operation(method, path) else {
            return vec![format!("there is no {method} {path}")];
        };
        let Some(answer) = operation["responses"].get(status.to_string()) else {
            return vec![format!("{method} {path} gives no status {status}")];
        };
        let schema = self.resolved(answer)["content"].get("application/json");
        let Some(schema) = schema.and_then(|content| content.get("schema")) else {
            return Vec::new();
        };
        self.violations(schema, Way::Answer, &serde_json::from_str(body).unwrap())
    }
}

/// The same without demanding what a server says by itself.
fn undemanding(schema: &mut Value) {
    let served: Vec<String> = schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter(|(_, one)| one["readOnly"] == json!(true))
        .map(|(name, _)| name.clone())
        .collect();
    // References to other things are told by their id: the rest of them is the server's.
    let served_always = ["self", "related", "resource_name", "phase", "write_mode", "metadata"];
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| {
            let name = name.as_str().unwrap_or_default();
            !served.iter().any(|one| one == name) && !served_always.contains(&name)
        });
        if required.is_empty() {
            schema.as_object_mut().unwrap().remove("required");
        }
    }
    match schema {
        Value::Array(all) => all.iter_mut().for_each(undemanding),
        Value::Object(map) => map.values_mut().for_each(undemanding),
        _ => {}
    }
}

fn in_capitals(mut patch: Value) -> Value {
    for one in patch.as_array_mut().unwrap() {
        let op = one["op"].as_str().unwrap().to_uppercase();
        one["op"] = json!(op);
    }
    patch
}

#[test]
fn a_document_finds_what_breaks_it() {
    let Some(document) = document("flink-gateway-v1.yaml") else { return };
    let at = ("POST", "/sql/v1/organizations/o/environments/e/statements");
    let body = |text: &str| document.request(at, "application/json", text);
    assert_eq!(body(r#"{"name":"a","spec":{"statement":"SELECT 1"}}"#), Vec::<String>::new());
    assert_ne!(body(r#"{"name":"a"}"#), Vec::<String>::new());
    assert_ne!(body(r#"{"name":"a","spec":{"statement":1}}"#), Vec::<String>::new());
    assert_ne!(document.request(("GET", "/sql/v2/nothing"), "", ""), Vec::<String>::new());
    let list = "/sql/v1/organizations/o/environments/e/statements?colour=red";
    assert_eq!(document.request(("GET", list), "", ""), ["it knows no parameter `colour`"]);
    let pools = super::documents::document("flink-v2.yaml").unwrap();
    assert_eq!(
        pools.request(("GET", "/fcpm/v2/compute-pools"), "", ""),
        ["it needs the parameter `environment`"]
    );
    assert_ne!(document.answer(at, 201, r#"{"name":"a","spec":3}"#), Vec::<String>::new());
}
