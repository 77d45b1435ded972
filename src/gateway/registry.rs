//! The schema registry: whatever is asked is passed on to that of the stack.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;

use super::Gateway;
use super::answer::Refusal;
use crate::client::http::{Http, HttpError};
use crate::client::reach::Reach;
use crate::client::registry::API;

/// What the registry's paths begin with.
const PATHS: [&str; 5] = ["/subjects", "/schemas", "/config", "/mode", "/compatibility"];

/// A client of the stack's registry.
pub(super) fn client(reach: &Reach) -> Result<Option<Http>, HttpError> {
    reach.registry.as_ref().map(|at| Http::below(&at.outside, API)).transpose()
}

/// Passes a request on; what belongs to no API is not found.
pub(super) async fn pass(
    State(gateway): State<Arc<Gateway>>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Response {
    let path = uri.path();
    let is_own = PATHS.iter().any(|own| {
        path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    let Some(registry) = gateway.registry.as_ref().filter(|_| is_own) else {
        let why = format!("{method} {path} is not served here");
        return Refusal::new(404, why).of(path);
    };
    let target = uri.path_and_query().map_or(path, |target| target.as_str());
    match registry.pass(method.as_str(), target, body.to_vec()).await {
        Ok((status, kind, body)) => {
            let mut answer = Response::new(Body::from(body));
            *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            let kind = kind.and_then(|kind| HeaderValue::from_str(&kind).ok());
            if let Some(kind) = kind {
                answer.headers_mut().insert(header::CONTENT_TYPE, kind);
            }
            answer
        }
        Err(error) => Refusal::new(502, error).of(path),
    }
}
