//! The JSON Schemas of both kinds of files, so that editors complete and explain every key.

use serde_json::{Map, Value, json};

use super::types::Type;
use super::words::{self, MAIN, PIPELINE, SCENARIO, SESSION, Word, Words};
use crate::base::anomaly::Anomaly;

/// A session's name: a letter and digits, and nothing that YAML 1.1 reads as a bool.
const SESSION_NAME: &str = "^([a-z][0-9]+|[a-mo-xz])$";

/// The schema of a scenario file.
pub fn scenario() -> String {
    document(SCENARIO, "A scenario: what happens to a pipeline, and what must be seen.")
}

/// The schema of a pipeline file.
pub fn pipeline() -> String {
    document(PIPELINE, "A pipeline: what is under test.")
}

/// The schema of `changeproof.yaml`.
pub fn project() -> String {
    document(words::PROJECT, "What a project says once for all commands.")
}

pub(super) fn document(words: Words, description: &str) -> String {
    let mut schema = object(words);
    put(&mut schema, "$schema", json!("https://json-schema.org/draft/2020-12/schema"));
    put(&mut schema, "title", json!(format!("changeproof: {}", words.of)));
    put(&mut schema, "description", json!(description));
    // Nothing in a tree of maps, lists and texts can fail to be written.
    serde_json::to_string_pretty(&schema).unwrap_or_default()
}

fn put(schema: &mut Value, key: &str, value: Value) {
    if let Value::Object(map) = schema {
        map.insert(key.to_owned(), value);
    }
}

/// A closed map with these words as keys.
fn object(words: Words) -> Value {
    closed(properties(words), required(words))
}

fn closed(properties: Map<String, Value>, required: Vec<&str>) -> Value {
    let mut schema =
        json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        put(&mut schema, "required", json!(required));
    }
    schema
}

fn properties(words: Words) -> Map<String, Value> {
    words.rows.iter().map(|word| (word.name.to_owned(), property(word))).collect()
}

fn required(words: Words) -> Vec<&'static str> {
    words.rows.iter().filter(|word| word.is_required).map(|word| word.name).collect()
}

fn property(word: &Word) -> Value {
    let mut schema = word.takes.map_or_else(|| json!({}), of);
    put(&mut schema, "description", json!(word.meaning));
    schema
}

/// The schema of a type.
fn of(of_type: Type) -> Value {
    match of_type {
        Type::Text | Type::Path => text(),
        Type::Sql | Type::RowTable | Type::Life => json!({"type": "string"}),
        Type::Count(most) => json!({"type": "integer", "minimum": 1, "maximum": most}),
        Type::Duration => json!({"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"}),
        Type::Bool => json!({"type": "boolean"}),
        Type::Session => json!({"type": "string", "pattern": SESSION_NAME}),
        Type::Word(words) => {
            let word = |word: &Word| json!({"const": word.name, "description": word.meaning});
            json!({"anyOf": words.rows.iter().map(word).collect::<Vec<_>>()})
        }
        Type::Map(words) => object(*words),
        Type::Named(_, to) => json!({"type": "object", "additionalProperties": of(*to)}),
        Type::List(item) => json!({"type": "array", "items": of(*item)}),
        Type::OneOrList(item) => any([of(*item), of(Type::List(item))]),
        Type::OneOf(types) => any(types.iter().map(|one| of(*one))),
        Type::Choice(item) => any([
            of(*item),
            json!({"type": "null"}),
            json!({"type": "array", "items": any([of(*item), json!({"type": "null"})])}),
        ]),
        Type::PerPlace(_, item) => {
            let one = of(Type::Choice(item));
            any([one.clone(), json!({"type": "object", "additionalProperties": one})])
        }
        Type::Options => {
            any([of(Type::Named("option", &Type::Choice(&Type::Text))), json!({"type": "null"})])
        }
        Type::Labels => json!({}),
        Type::Sink => any([json!({"type": "string"}), object(words::SINK)]),
        Type::Shown(words) => shown(*words),
        Type::Timeline => {
            let mains = MAIN.rows.iter().map(|main| {
                let mut properties = properties(words::modifiers(main.name));
                let required: Vec<&str> = std::iter::once(main.name)
                    .chain(required(words::modifiers(main.name)))
                    .collect();
                properties.insert(main.name.to_owned(), property(main));
                closed(properties, required)
            });
            json!({"type": "array", "items": any(std::iter::once(session()).chain(mains))})
        }
        Type::Sessions => json!({"type": "array", "items": session()}),
    }
}

/// SQL in a session, with its modifiers.
fn session() -> Value {
    let description = "SQL in the session of this name: a connection of its own, UTC, autocommit.";
    let mut schema = object(SESSION);
    put(
        &mut schema,
        "patternProperties",
        json!({(SESSION_NAME): {"type": "string", "description": description}}),
    );
    put(&mut schema, "minProperties", json!(1));
    schema
}

/// A single value: what looks like a number or a bool is taken as it is written.
fn text() -> Value {
    json!({"type": ["string", "number", "boolean"]})
}

fn any(schemas: impl IntoIterator<Item = Value>) -> Value {
    json!({"anyOf": schemas.into_iter().collect::<Vec<_>>()})
}

/// `finding: place`, and its modifiers.
fn shown(words: Words) -> Value {
    let finding = |anomaly: &Anomaly| {
        let mut schema = text();
        put(&mut schema, "description", json!(anomaly.summary()));
        (anomaly.name().to_owned(), schema)
    };
    let mut properties = properties(words);
    properties.extend(Anomaly::ALL.iter().map(finding));
    closed(properties, required(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_schemas_are_current() {
        for (name, made) in [("scenario", scenario()), ("pipeline", pipeline())] {
            let file = format!("{}/docs/schema/{name}.json", env!("CARGO_MANIFEST_DIR"));
            let published = fs_err::read_to_string(file).unwrap_or_default();
            assert!(published.trim_end() == made, "write it anew: ci/generate");
        }
    }

    #[test]
    fn every_key_is_described() {
        for words in words::ALL {
            for word in words.rows {
                assert!(
                    word.meaning.ends_with('.') || word.meaning.ends_with('…'),
                    "{}",
                    word.name
                );
            }
        }
    }
}
