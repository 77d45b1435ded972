//! The OpenAPI description, made from the types that the service reads and writes.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::rules::{Problem, Request, Response};

/// The description as JSON.
pub fn description() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Scoring of card transactions",
            "version": "1",
            "description": "Says by fixed rules how likely a card transaction is fraud.",
        },
        "paths": {
            "/predict": {"post": predict()},
            "/health": {"get": {
                "summary": "Whether the service runs",
                "security": [],
                "responses": {"200": answer("It does", json!({
                    "type": "object",
                    "properties": {"status": {"const": "ok"}},
                    "required": ["status"],
                }))},
            }},
            "/openapi.json": {"get": {
                "summary": "This description",
                "security": [],
                "responses": {"200": answer("The description", json!({"type": "object"}))},
            }},
            "/v1/chat/completions": {"post": chat()},
        },
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    })
}

/// The description as it is checked in.
pub fn text() -> String {
    let mut text = serde_json::to_string_pretty(&description()).unwrap_or_default();
    text.push('\n');
    text
}

fn predict() -> Value {
    json!({
        "summary": "Score a transaction",
        "requestBody": body(schema::<Request>()),
        "responses": {
            "200": answer("The score", schema::<Response>()),
            "401": answer("The token is missing or wrong", error(&json!({"type": "null"}))),
            "422": answer("The body cannot be scored", error(&schema::<Vec<Problem>>())),
            "503": answer("The service refuses for now", error(&json!({"type": "null"}))),
        },
    })
}

fn chat() -> Value {
    json!({
        "summary": "The same for a client that speaks the chat API of OpenAI",
        "description": "The last message of the user is the JSON text of a request of /predict; \
                        the answer's message is the JSON text of its response.",
        "requestBody": body(json!({
            "type": "object",
            "properties": {
                "model": {"type": "string"},
                "messages": {"type": "array", "items": {"type": "object"}},
            },
            "required": ["model", "messages"],
        })),
        "responses": {
            "200": answer("The score", json!({"type": "object"})),
            "401": answer("The token is missing or wrong", error(&json!({"type": "null"}))),
            "422": answer("The message cannot be scored", error(&schema::<Vec<Problem>>())),
            "503": answer("The service refuses for now", error(&json!({"type": "null"}))),
        },
    })
}

fn body(schema: Value) -> Value {
    json!({"required": true, "content": {"application/json": {"schema": schema}}})
}

fn answer(description: &str, schema: Value) -> Value {
    json!({"description": description, "content": {"application/json": {"schema": schema}}})
}

fn error(detail: &Value) -> Value {
    json!({
        "type": "object",
        "properties": {"error": {"type": "string"}, "detail": detail},
        "required": ["error"],
    })
}

fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>().to_value()
}
