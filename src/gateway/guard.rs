//! What stands before every handler: the transcript, faults, keys, the rate.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Gateway;
use super::answer::{Refusal, is_versioned, json_of};
use super::faults::Stage;
use super::ids::Api;
use super::server::Cut;

/// The largest body of a request.
const LARGEST: usize = 4 << 20;
/// How much later a slow answer comes.
const SLOW: Duration = Duration::from_secs(3);
/// A page of HTML, as a proxy in front of an API answers.
const PAGE: &str = "<html><head><title>Error</title></head><body><h1>Error</h1></body></html>";

/// The API to whose keys a path belongs.
fn api(path: &str) -> Api {
    if path.starts_with("/sql/") {
        Api::Flink
    } else if path.starts_with("/kafka/") {
        Api::Kafka
    } else if is_versioned(path) || path.starts_with("/changeproof/") {
        Api::Cloud
    } else {
        Api::Registry
    }
}

/// All of it, around one request.
pub(super) async fn guard(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return Refusal::new(413, "the body is too long or was cut").of(&path);
    };
    let (method, target) = (parts.method.to_string(), parts.uri.to_string());
    let asked = body.clone();
    let admitted = admitted(&gateway, &path, &parts.headers);
    let is_control = path.starts_with("/changeproof/");
    let instead = if is_control { None } else { gateway.faults.take(Stage::Instead, &path) };
    let is_fault = instead.is_some();
    let answer = match (instead, admitted) {
        (Some(fault), _) => in_stead(fault, &path, &gateway, &target),
        (None, Err(refused)) => refused.of(&path),
        (None, Ok(())) => next.run(Request::from_parts(parts, Body::from(body))).await,
    };
    let (answer, told) = told(answer).await;
    let fault =
        if is_control || is_fault { None } else { gateway.faults.take(Stage::Answer, &path) };
    gateway.record(json!({
        "method": method, "path": target, "request": shown(&asked),
        "status": answer.status().as_u16(), "answer": shown(&told),
        "fault": instead.or(fault),
    }));
    match fault {
        Some(fault) => spoilt(fault, answer, &told, &path).await,
        None => answer,
    }
}

/// The answer with its body read.
async fn told(answer: Response) -> (Response, Bytes) {
    let (parts, body) = answer.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    (Response::from_parts(parts, Body::from(bytes.clone())), bytes)
}

/// Whether a request bears the keys of its API, and does not come too soon.
fn admitted(gateway: &Gateway, path: &str, headers: &HeaderMap) -> Result<(), Refusal> {
    let login = gateway.keys.of(api(path));
    let expected = format!("{}:{}", login.user, login.password.0);
    let written = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, text) = written.and_then(|value| value.split_once(' ')).unwrap_or_default();
    let decoded = STANDARD.decode(text.trim()).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("basic") || decoded != expected.as_bytes() {
        let why = "the API key or its secret is missing or wrong; each API has a key of its own";
        return Err(Refusal::new(401, why));
    }
    if !gateway.is_in_time() {
        return Err(Refusal::new(429, "too many requests within a second"));
    }
    Ok(())
}

/// What is answered instead of carrying a request out.
fn in_stead(fault: &str, path: &str, gateway: &Gateway, target: &str) -> Response {
    let plain = |status: u16| Refusal::new(status, "a fault that was asked for").of(path);
    match fault {
        "429" => {
            let mut answer = plain(429);
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            answer
        }
        "429-bare" => bare(429, ""),
        "401-html" => page(401),
        "502" => page(502),
        "504" => bare(504, ""),
        "reset" => cut(),
        "empty-page" => {
            let own = gateway.at(target);
            json_of(
                200,
                &json!({"api_version": "sql/v1", "kind": "StatementResult",
                    "metadata": {"self": own, "next": own}, "results": {"data": []}}),
            )
        }
        other => plain(other.parse().unwrap_or(500)),
    }
}

fn bare(status: u16, body: &'static str) -> Response {
    let mut answer = Response::new(Body::from(body));
    if let Ok(status) = status.try_into() {
        *answer.status_mut() = status;
    }
    answer
}

fn page(status: u16) -> Response {
    let mut answer = bare(status, PAGE);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    answer
}

fn cut() -> Response {
    let mut answer = Response::new(Body::empty());
    answer.extensions_mut().insert(Cut);
    answer
}

/// The answer of a request that was carried out, spoilt.
async fn spoilt(fault: &str, mut answer: Response, body: &Bytes, path: &str) -> Response {
    match fault {
        "slow" => {
            // Nothing is waited for but the time.
            tokio::time::timeout(SLOW, std::future::pending::<()>()).await.ok();
            answer
        }
        "reset-after" => cut(),
        "500-after" => Refusal::new(500, "a fault that was asked for").of(path),
        "504-after" => bare(504, ""),
        "torn" => {
            let half = body.slice(..body.len() / 2);
            let end = Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
            let halves = futures::stream::iter([Ok(half), end]);
            *answer.body_mut() = Body::from_stream(halves);
            answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
            answer
        }
        "content-type" => {
            let html = HeaderValue::from_static("text/html");
            answer.headers_mut().insert(header::CONTENT_TYPE, html);
            answer
        }
        "empty-body" => {
            *answer.body_mut() = Body::empty();
            answer.headers_mut().remove(header::CONTENT_LENGTH);
            answer
        }
        "html" => page(200),
        "error-200" => json_of(200, &json!({"error": {"code": 500, "message": "asked for"}})),
        "unknown-field" => {
            let Ok(mut json) = serde_json::from_slice::<Value>(body) else { return answer };
            if let Some(object) = json.as_object_mut() {
                object.insert("x_unknown".to_owned(), json!({"a": [1]}));
            }
            json_of(answer.status().as_u16(), &json)
        }
        _ => answer,
    }
}

/// A body as the transcript has it: JSON without secrets, or text.
fn shown(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    let Ok(mut json) = serde_json::from_slice::<Value>(body) else {
        return Value::String(String::from_utf8_lossy(body).into_owned());
    };
    hide(&mut json);
    json
}

/// Takes the place of what a key calls a secret.
pub(super) const HIDDEN: &str = "****************";

/// Whether a key of a configuration names a secret.
pub(super) fn is_secret(key: &str) -> bool {
    ["password", "secret", "jaas", "user.info"].iter().any(|word| key.to_lowercase().contains(word))
}

fn hide(json: &mut Value) {
    match json {
        Value::Object(fields) => {
            for (key, value) in fields {
                if value.is_string() && is_secret(key) {
                    *value = json!(HIDDEN);
                } else {
                    hide(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_api_has_keys_of_its_own() {
        let of = ["/sql/v1/x", "/connect/v1/x", "/kafka/v3/x", "/subjects", "/changeproof/faults"];
        let expected = [Api::Flink, Api::Cloud, Api::Kafka, Api::Registry, Api::Cloud];
        assert_eq!(of.map(api), expected);
    }

    #[test]
    fn a_transcript_has_no_secrets() {
        let body =
            br#"{"config":{"database.password":"s3cret","kafka.api.secret":"s3cret","a":"b"}}"#;
        let told = shown(body).to_string();
        assert!(!told.contains("s3cret") && told.contains("\"a\":\"b\""), "{told}");
    }
}
