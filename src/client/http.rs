//! JSON over HTTP or HTTPS to a component. The only user of reqwest.

use std::error::Error;
use std::fmt::{Display, Write as _};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::cause;
use super::reach::{Login, Rest};
use super::tls::{self, ClientConfig, Verify};

/// A component answers on loopback within milliseconds; a call that takes this long will not end.
const CALL_LIMIT: Duration = Duration::from_mins(1);

/// One component's REST API.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    base: String,
    host: String,
    login: Option<Login>,
}

/// A call that did not give what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{method} {path}: {}{line}", status.map(|status| format!("status {status}, ")).unwrap_or_default())]
pub struct HttpError {
    /// The method (`GET`).
    pub method: String,
    /// The path of the URL, with its query.
    pub path: String,
    /// The status; `None` when there was no answer, or not of the expected form.
    pub status: Option<u16>,
    /// The first line of the body, or what went wrong on the way.
    pub line: String,
    /// The whole body; empty without an answer.
    pub body: String,
}

/// A call as it goes out: method, path with its query, and the body with its media type.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub(super) method: &'static str,
    /// Below the API's address.
    pub(super) path: &'a str,
    /// Media type and text.
    pub(super) body: Option<(&'static str, String)>,
}

/// What came back, whatever it says. Its media type is not told: servers are wrong about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answered {
    /// The status.
    pub(super) status: u16,
    /// How long the server asks to wait, in seconds, if it does.
    pub(super) retry_after: Option<u64>,
    /// The whole body.
    pub(super) body: String,
}

/// No whole answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// Nobody was reached: nothing was done.
    NotSent(HttpError),
    /// It broke off somewhere: what was asked for may have been done.
    Unclear(HttpError),
}

impl Http {
    /// A client of an API.
    pub fn new(at: &Rest) -> Result<Self, HttpError> {
        Self::below(at, "")
    }

    /// A client of what stands below the API's address.
    pub fn below(at: &Rest, path: &str) -> Result<Self, HttpError> {
        let base = at.below(path);
        let unusable = |why: &dyn Display| HttpError {
            method: Method::GET.to_string(),
            path: base.clone(),
            status: None,
            line: format!("no answer: {why}"),
            body: String::new(),
        };
        // Without https nobody's certificate is looked at, and a machine that trusts nobody will do.
        let verify = match (&at.tls.ca, at.url.starts_with("https:")) {
            (_, false) => Verify::Nothing,
            (Some(ca), true) => Verify::AuthorityAndHost(ca.clone()),
            (None, true) => Verify::System,
        };
        let tls = tls::config(verify, at.tls.identity.as_ref()).map_err(|why| unusable(&why))?;
        let client = client(tls).map_err(|error| unusable(&error))?;
        let host = reqwest::Url::parse(&base).map_err(|error| unusable(&error))?;
        let host = host.host_str().unwrap_or_default().to_owned();
        Ok(Self { client, base, host, login: at.login.clone() })
    }

    /// The address of a path.
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// GET.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, HttpError> {
        self.call(Method::GET, path, None).await
    }

    /// POST with a JSON body.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<T, HttpError> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// PUT with a JSON body.
    pub async fn put<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, HttpError> {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// PUT without a body; whatever the answer's body is, it is dropped.
    pub async fn put_plain(&self, path: &str) -> Result<(), HttpError> {
        self.raw(Method::PUT, path, None).await.map(|_| ())
    }

    /// PATCH without a body.
    pub async fn patch(&self, path: &str) -> Result<(), HttpError> {
        self.raw(Method::PATCH, path, None).await.map(|_| ())
    }

    /// DELETE; whatever the answer's body is, it is dropped.
    pub async fn delete(&self, path: &str) -> Result<(), HttpError> {
        self.raw(Method::DELETE, path, None).await.map(|_| ())
    }

    /// Whatever is answered to a request whose body is passed on as it is: status, content type and
    /// body.
    pub async fn pass(
        &self,
        method: &str,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(u16, Option<String>, Vec<u8>), HttpError> {
        let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET);
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.base));
        if let Some(Login { user, password }) = &self.login {
            request = request.basic_auth(user, Some(&password.0));
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/json").body(body);
        }
        let failed = |error| self.failed(&method, path, &error);
        let response = request.send().await.map_err(failed)?;
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        let (status, kind) = (response.status().as_u16(), kind.map(str::to_owned));
        Ok((status, kind, response.bytes().await.map_err(failed)?.to_vec()))
    }

    /// A client that sends whatever it is told to, without TLS.
    pub fn plain() -> Result<reqwest::Client, HttpError> {
        Self::new(&Rest::plain("http://127.0.0.1")).map(|http| http.client)
    }

    /// Sends a call once and gives whatever comes back.
    pub(super) async fn exchange(&self, call: &Call<'_>) -> Result<Answered, Unanswered> {
        let method = Method::from_bytes(call.method.as_bytes()).unwrap_or_default();
        let mut request = self.client.request(method.clone(), self.address(call.path));
        if let Some(Login { user, password }) = &self.login {
            request = request.basic_auth(user, Some(&password.0));
        }
        if let Some((media_type, text)) = &call.body {
            request = request.header(CONTENT_TYPE, *media_type).body(text.clone());
        }
        let failed = |error: reqwest::Error| {
            let told = self.failed(&method, call.path, &error);
            if error.is_connect() { Unanswered::NotSent(told) } else { Unanswered::Unclear(told) }
        };
        let response = request.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let body = response.text().await.map_err(failed)?;
        Ok(Answered { status, retry_after, body })
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, HttpError> {
        let text = self.raw(method.clone(), path, body).await?;
        serde_json::from_str(&text).map_err(|error| HttpError {
            method: method.to_string(),
            path: path.to_owned(),
            status: None,
            line: format!(
                "the answer is not of the expected form ({error}): {}",
                first_line(&text)
            ),
            body: text,
        })
    }

    async fn raw(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<String, HttpError> {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.base));
        if let Some(Login { user, password }) = &self.login {
            request = request.basic_auth(user, Some(&password.0));
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let failed = |error| self.failed(&method, path, &error);
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let text = response.text().await.map_err(failed)?;
        if status.is_success() {
            return Ok(text);
        }
        Err(HttpError {
            method: method.to_string(),
            path: path.to_owned(),
            status: Some(status.as_u16()),
            line: match (status.as_u16(), &self.login) {
                (401, None) => "it asks for a login, and none is given".to_owned(),
                (401, Some(_)) => "it refuses the login".to_owned(),
                _ => reason(&text),
            },
            body: text,
        })
    }

    /// The error's innermost cause is the one that says something ("Connection refused").
    fn failed(&self, method: &Method, path: &str, error: &reqwest::Error) -> HttpError {
        let mut cause: &(dyn Error + 'static) = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        let line = tls::refused(&self.host, error).unwrap_or_else(|| cause.to_string());
        HttpError {
            method: method.to_string(),
            path: path.to_owned(),
            status: None,
            line: format!("no answer: {line}"),
            body: String::new(),
        }
    }
}

/// How TLS is spoken must be said, since no other way is built in.
fn client(tls: ClientConfig) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .timeout(CALL_LIMIT)
        .tcp_nodelay(true)
        .tls_backend_preconfigured(tls)
        .build()
}

/// What a refusal says. Flink's are `{"errors": ["…", "<trace>"]}`, Connect's `{"message": "…"}`; of a
/// trace only its cause is told.
fn reason(body: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Refusal {
        #[serde(default)]
        errors: Vec<String>,
        #[serde(default)]
        message: Option<String>,
    }
    let refusal = serde_json::from_str::<Refusal>(body).ok();
    let said = refusal.and_then(|refusal| refusal.errors.into_iter().last().or(refusal.message));
    match said {
        Some(said) => cause::root(&said).sentence,
        None => first_line(body).to_owned(),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("(empty body)")
}

/// A text as one segment of a path or one value of a query: everything but unreserved characters
/// and commas is percent-encoded. (Flink separates metric names by commas that stay as they are.)
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~,".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_name_is_encoded_but_for_the_commas_between_names() {
        assert_eq!(encode("0.Source__s[1].x,b c"), "0.Source__s%5B1%5D.x,b%20c");
    }

    #[test]
    fn an_error_names_method_path_status_and_the_first_line() {
        let error = HttpError {
            method: "PUT".to_owned(),
            path: "/connectors/c/config".to_owned(),
            status: Some(400),
            line: "no such class".to_owned(),
            body: "no such class\n".to_owned(),
        };
        assert_eq!(error.to_string(), "PUT /connectors/c/config: status 400, no such class");
    }

    #[rstest::rstest]
    #[case::trace(
        r#"{"errors":["Internal server error.","<Exception on server side:\na.b.OuterException: x\n\tat a.b.C.d(C.java:1)\nCaused by: java.lang.ArithmeticException: / by zero\n\tat e.F.g(F.java:2)\n\nEnd of exception on server side>"]}"#,
        "/ by zero"
    )]
    #[case::connect(
        r#"{"error_code":500,"message":"no such class\n\tat a.B.c(B.java:1)"}"#,
        "no such class"
    )]
    #[case::text("gone\n\tat a.B.c(B.java:1)\n", "gone")]
    #[case::nothing("", "(empty body)")]
    fn a_refusal_is_one_line_without_a_trace(#[case] body: &str, #[case] told: &str) {
        assert_eq!(reason(body), told);
    }

    #[tokio::test]
    async fn a_component_that_is_not_there_is_an_error_at_once() {
        // Port 9 (discard) is never listened on by a component.
        let http = Http::new(&Rest::plain("http://127.0.0.1:9")).unwrap();
        let error = http.get::<Value>("/overview").await.unwrap_err();
        assert_eq!(error.status, None);
        assert!(error.to_string().contains("Connection refused"), "{error}");
    }
}
