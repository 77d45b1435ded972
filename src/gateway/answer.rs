//! Answers in the shapes of the APIs: JSON, and a refusal in the form that each of them has.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// The form of an API's refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `{"errors": […]}`: statements and the control plane.
    Errors,
    /// `{"error": {code, message}}`: Connect.
    Error,
    /// `{"error_code", "message"}`: Kafka's REST API and the schema registry.
    Code,
}

impl Shape {
    /// That of the API to which a path belongs.
    pub(super) fn of(path: &str) -> Self {
        if path.starts_with("/connect/") {
            Self::Error
        } else if path.starts_with("/kafka/") || !is_versioned(path) {
            Self::Code
        } else {
            Self::Errors
        }
    }
}

/// The paths of the registry bear no name of an API.
pub(super) fn is_versioned(path: &str) -> bool {
    ["/sql/", "/connect/", "/org/", "/cmk/", "/srcm/", "/fcpm/", "/iam/", "/tableflow/", "/kafka/"]
        .iter()
        .any(|start| path.starts_with(start))
}

/// Why a request is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) detail: String,
}

impl Refusal {
    pub(super) fn new(status: u16, detail: impl ToString) -> Self {
        Self { status, detail: detail.to_string() }
    }

    /// There is nothing of that name.
    pub(super) fn absent(what: &str, name: &str) -> Self {
        Self::new(404, format!("there is no {what} `{name}`"))
    }

    /// As the API of a path says it.
    pub(super) fn of(&self, path: &str) -> Response {
        let Self { status, detail } = self;
        let reason = StatusCode::from_u16(*status).ok().and_then(|s| s.canonical_reason());
        let title = reason.unwrap_or("Error");
        let body = match Shape::of(path) {
            Shape::Errors => json!({"errors": [{
                "id": "0", "status": status.to_string(), "code": code(*status), "title": title,
                "detail": detail, "source": {},
            }]}),
            Shape::Error => json!({"error": {"code": status, "message": detail}}),
            // The first digits are the status, as in 40401.
            Shape::Code => json!({"error_code": u32::from(*status) * 100 + 1, "message": detail}),
        };
        json_of(*status, &body)
    }
}

fn code(status: u16) -> &'static str {
    match status {
        400 => "bad_request",
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not_found",
        409 => "resource_already_exists",
        422 => "unprocessable_entity",
        429 => "too_many_requests",
        _ => "internal_error",
    }
}

/// What a handler gives.
pub(super) type Answer = Result<Response, Refusal>;

/// A body of JSON.
pub(super) fn json_of(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let form = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (status, form, body.to_string()).into_response()
}

/// A body of JSON with status 200.
#[expect(clippy::unnecessary_wraps, reason = "it ends handlers")]
pub(super) fn fine(body: &Value) -> Answer {
    Ok(json_of(200, body))
}

/// No body.
#[expect(clippy::unnecessary_wraps, reason = "it ends handlers")]
pub(super) fn empty(status: u16) -> Answer {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    Ok(answer)
}
