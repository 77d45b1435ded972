//! The results of a statement, part by part: rows with what they do to those before them.

use std::sync::Arc;

use axum::extract::{Path, Query, State as Of};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::model::{Phase, Rows, Statement, now};
use super::wire;
use crate::client::clock::now_ms;
use crate::client::gateway::Page;
use crate::gateway::Gateway;
use crate::gateway::answer::{Answer, Refusal, fine};

/// Which part is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Part {
    #[serde(default)]
    page_token: Option<String>,
}

/// A part: its rows, and the token of the one behind it.
type Found = (Vec<Value>, Option<u64>);

pub(super) async fn page(
    Of(gateway): Of<Arc<Gateway>>,
    Path((organization, environment, name)): Path<(String, String, String)>,
    Query(part): Query<Part>,
) -> Response {
    let answered = async {
        gateway.own_place(&organization, &environment)?;
        let statement = gateway.statements().named(&name)?;
        shown(&gateway, &statement, &part).await
    };
    let answered = answered.await;
    gateway.answered("/sql/", answered)
}

async fn shown(gateway: &Gateway, statement: &Statement, part: &Part) -> Answer {
    let token =
        match part.page_token.as_deref().filter(|token| !token.is_empty()) {
            Some(text) => Some(text.parse::<u64>().map_err(|_| {
                Refusal::new(400, format!("`{text}` is no page_token that was given"))
            })?),
            None => None,
        };
    let rows = statement.change(|state| {
        state.read_ms = now_ms();
        state.rows.clone()
    });
    let (data, next) = match rows {
        Rows::None if statement.look(|state| state.phase == Phase::Pending) => {
            (Vec::new(), Some(0))
        }
        Rows::None => (Vec::new(), None),
        Rows::Fixed(rows) => {
            (rows.into_iter().map(|row| json!({"op": 0, "row": row})).collect(), None)
        }
        Rows::Of { session, operation, kinds } => match token {
            // As in the cloud, the first part is empty and names the next.
            None => (Vec::new(), Some(0)),
            Some(token) => match session.page(&operation, token).await {
                Ok(page) => found(page, token, &kinds),
                // A job that has failed gives no more; why, its statement says.
                Err(_) if statement.look(|state| state.phase.is_final()) => (Vec::new(), None),
                Err(error) => return Err(Refusal::new(500, error)),
            },
        },
    };
    let own = format!("{}/results", gateway.address_of(&statement.name));
    let mut metadata = json!({"self": own, "created_at": now().to_string()});
    if let (Some(next), Some(metadata)) = (next, metadata.as_object_mut()) {
        metadata.insert("next".to_owned(), json!(format!("{own}?page_token={next}")));
    }
    let mut body = json!({
        "api_version": "sql/v1", "kind": "StatementResult", "metadata": metadata,
        "results": {"data": data},
    });
    gateway.faults.change_results(&mut body);
    fine(&body)
}

fn found(page: Page, token: u64, kinds: &[Value]) -> Found {
    if page.is_early {
        return (Vec::new(), Some(token));
    }
    let row = |(kind, fields): (String, Vec<Box<serde_json::value::RawValue>>)| {
        let op = match kind.as_str() {
            "UPDATE_BEFORE" => 1,
            "UPDATE_AFTER" => 2,
            "DELETE" => 3,
            _ => 0,
        };
        let null = Value::Null;
        let values = fields.iter().enumerate();
        let values: Vec<Value> =
            values.map(|(n, raw)| wire::value(raw, kinds.get(n).unwrap_or(&null))).collect();
        json!({"op": op, "row": values})
    };
    (page.rows.into_iter().map(row).collect(), page.next)
}
