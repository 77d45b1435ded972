//! The schema registry, by the part of its API that Confluent's has too.

use serde::Deserialize;
use serde_json::json;

use super::http::{Http, HttpError, encode};
use super::reach::Reach;

/// The API, below the registry's address.
pub const API: &str = "/apis/ccompat/v7";

/// A client of the registry.
#[derive(Debug, Clone)]
pub struct Registry {
    http: Http,
}

#[derive(Deserialize)]
struct Registered {
    id: u32,
}

#[derive(Deserialize)]
struct Found {
    schema: String,
}

impl Registry {
    /// That of a stack; `None` if nobody asked for it yet.
    pub fn of(reach: &Reach) -> Result<Option<Self>, HttpError> {
        let Some(at) = &reach.registry else { return Ok(None) };
        Ok(Some(Self { http: Http::below(&at.outside, API)? }))
    }

    /// The schema of an id, as it was registered.
    pub async fn schema(&self, id: u32) -> Result<String, HttpError> {
        let found = self.http.get::<Found>(&format!("/schemas/ids/{id}")).await?;
        Ok(found.schema)
    }

    /// Registers a schema under a subject, and gives its id; one that is registered there already is
    /// no error.
    pub async fn register(&self, subject: &str, schema: &str) -> Result<u32, HttpError> {
        let path = format!("/subjects/{}/versions", encode(subject));
        let registered = self.http.post::<Registered>(&path, &json!({"schema": schema})).await?;
        Ok(registered.id)
    }

    /// Subjects whose names begin with `prefix`.
    pub async fn subjects(&self, prefix: &str) -> Result<Vec<String>, HttpError> {
        let mut subjects = self.http.get::<Vec<String>>("/subjects").await?;
        subjects.retain(|subject| subject.starts_with(prefix));
        Ok(subjects)
    }

    /// Removes a subject with its schemas; for good only what is marked as removed already.
    pub async fn delete(&self, subject: &str) -> Result<(), HttpError> {
        self.http.delete(&format!("/subjects/{subject}")).await?;
        self.http.delete(&format!("/subjects/{subject}?permanent=true")).await
    }
}
