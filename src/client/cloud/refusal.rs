//! What a refusal says. There are four shapes of body, whatever the media type claims: `errors` (Flink,
//! organisation, clusters, Tableflow), `error` (Connect), `error_code` (Kafka's REST API, the registry), and
//! HTML (gateways before them).

use std::fmt;

use serde::Deserialize;

/// An answer that is none of success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    /// The method (`GET`).
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// The status.
    pub status: u16,
    /// What it says, in one sentence.
    pub sentence: String,
    /// By which the service's keepers find the call, if it is told.
    pub id: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path, status, sentence, id } = self;
        write!(f, "{method} {path}: status {status}, {sentence}")?;
        match id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<One>,
}

#[derive(Deserialize, Default)]
struct One {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    source: Option<Source>,
}

#[derive(Deserialize, Default)]
struct Source {
    #[serde(default)]
    pointer: Option<String>,
    #[serde(default)]
    parameter: Option<String>,
}

#[derive(Deserialize)]
struct Connect {
    error: OfConnect,
}

#[derive(Deserialize)]
struct OfConnect {
    message: String,
}

#[derive(Deserialize)]
struct Coded {
    message: String,
}

impl Refusal {
    /// Of an answer with a status that is none of success.
    pub(super) fn of((method, path): (&str, &str), status: u16, body: &str) -> Self {
        let (sentence, id) = said(body);
        Self { method: method.to_owned(), path: path.to_owned(), status, sentence, id }
    }
}

fn said(body: &str) -> (String, Option<String>) {
    if let Ok(Errors { errors }) = serde_json::from_str::<Errors>(body) {
        let id = errors.iter().find_map(|one| one.id.clone());
        let told: Vec<_> = errors.into_iter().map(sentence).collect();
        return (if told.is_empty() { "without a reason".to_owned() } else { told.join("; ") }, id);
    }
    let connect = serde_json::from_str::<Connect>(body).map(|found| found.error.message);
    let message =
        connect.or_else(|_| serde_json::from_str::<Coded>(body).map(|coded| coded.message));
    (message.unwrap_or_else(|_| text(body)), None)
}

fn sentence(one: One) -> String {
    let place = one.source.and_then(|source| source.pointer.or(source.parameter));
    let told = one.detail.or(one.title).or(one.code);
    let told = told.unwrap_or_else(|| "without a reason".to_owned());
    match place.filter(|place| !place.is_empty()) {
        Some(place) => format!("{told} (at {place})"),
        None => told,
    }
}

/// The first words of a page or text: tags are left out, and so is all that follows.
fn text(body: &str) -> String {
    const WIDTH: usize = 200;
    let mut shown = String::new();
    let mut is_tag = false;
    for c in body.chars() {
        match c {
            '<' => {
                is_tag = true;
                shown.push('\n');
            }
            '>' if is_tag => is_tag = false,
            _ if is_tag => {}
            _ => shown.push(c),
        }
    }
    let line = shown.lines().map(str::trim).find(|line| !line.is_empty());
    line.map_or_else(|| "without a body".to_owned(), |line| line.chars().take(WIDTH).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::flink(
        r#"{"errors":[{"id":"r1","status":"422","title":"Invalid","detail":"no table `t`","source":{"pointer":"/spec/statement"}}]}"#,
        "no table `t` (at /spec/statement)",
        Some("r1")
    )]
    #[case::several(r#"{"errors":[{"detail":"a"},{"title":"b"}]}"#, "a; b", None)]
    #[case::empty(r#"{"errors":[]}"#, "without a reason", None)]
    #[case::connect(r#"{"error":{"code":401,"message":"Unauthorized"}}"#, "Unauthorized", None)]
    #[case::kafka(r#"{"error_code":40403,"message":"no such topic"}"#, "no such topic", None)]
    #[case::html(
        "<html>\n<head><title>401 Authorization Required</title></head>\n<body>x</body></html>",
        "401 Authorization Required",
        None
    )]
    #[case::text("upstream connect error", "upstream connect error", None)]
    #[case::nothing("", "without a body", None)]
    #[case::torn(r#"{"errors":[{"id":"#, r#"{"errors":[{"id":"#, None)]
    fn every_shape_is_one_sentence(
        #[case] body: &str,
        #[case] told: &str,
        #[case] id: Option<&str>,
    ) {
        assert_eq!(said(body), (told.to_owned(), id.map(ToOwned::to_owned)));
    }
}
