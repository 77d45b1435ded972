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
    /// It keeps subjects in contexts, as Confluent's own.
    has_contexts: bool,
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
        let has_contexts = reach.is_confluents_registry;
        let api = if has_contexts { "" } else { API };
        Ok(Some(Self { http: Http::below(&at.outside, api)?, has_contexts }))
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

    /// Subjects whose names begin with `prefix`, in whatever context.
    pub async fn subjects(&self, prefix: &str) -> Result<Vec<String>, HttpError> {
        let of_all = if self.has_contexts { "?subjectPrefix=%3A*%3A" } else { "" };
        let mut subjects = self.http.get::<Vec<String>>(&format!("/subjects{of_all}")).await?;
        subjects.retain(|subject| within_context(subject).starts_with(prefix));
        Ok(subjects)
    }

    /// Removes a subject with its schemas; for good only what is marked as removed already.
    pub async fn delete(&self, subject: &str) -> Result<(), HttpError> {
        let subject = encode(subject);
        self.http.delete(&format!("/subjects/{subject}")).await?;
        self.http.delete(&format!("/subjects/{subject}?permanent=true")).await
    }
}

/// A subject without its context: `a-value` of `:.dev:a-value`.
pub fn within_context(subject: &str) -> &str {
    let rest = subject.strip_prefix(":.").and_then(|rest| rest.split_once(':'));
    rest.map_or(subject, |(_, subject)| subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_has_a_name_within_its_context() {
        assert_eq!(within_context(":.dev:cp_t.a-value"), "cp_t.a-value");
        assert_eq!(within_context("cp_t.a-value"), "cp_t.a-value");
        assert_eq!(within_context(":.dev"), ":.dev");
    }
}
