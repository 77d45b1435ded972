//! The HTTP around the rules. The only user of axum.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::extract::{Request as HttpRequest, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;

use super::chat::Chat;
use super::figures::Figures;
use super::manners::{Behaviour, Manners};
use super::openapi;
use super::rules::{self, Problem, Response};
use super::server::{self, Limits};
use crate::client::clock::{self, Stopwatch};
use crate::client::http::{Http, HttpError};
use crate::client::reach::Rest;

/// A request is a few hundred bytes.
const BODY_MAX: usize = 64 * 1024;

/// A token, kept as its digest: it cannot be shown, and comparing digests tells nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; 32]);

impl Token {
    /// The token with this text.
    pub fn new(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

/// What the service is made of.
#[derive(Debug)]
pub struct Service {
    token: Option<Token>,
    behaviour: Behaviour,
    figures: Figures,
}

/// Asks a service whether it is well.
pub async fn health(at: SocketAddr) -> Result<(), HttpError> {
    let http = Http::new(&Rest::plain(format!("http://{at}")))?;
    http.get::<Value>("/health").await.map(drop)
}

impl Service {
    /// A service that asks for `token`, or for none.
    pub fn new(token: Option<Token>, manners: Manners) -> Arc<Self> {
        let behaviour = Behaviour::new(manners);
        Arc::new(Self { token, behaviour, figures: Figures::default() })
    }

    /// How it was used.
    pub fn behaviour(&self) -> &Behaviour {
        &self.behaviour
    }

    /// Serves until `stop` is done; requests under way are answered first, within five seconds.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let limits = Limits::USUAL;
        server::serve(listener, self.router(limits), limits, stop).await
    }

    fn router(self: Arc<Self>, limits: Limits) -> Router {
        let guarded = Router::new()
            .route("/predict", post(predict))
            .route("/v1/chat/completions", post(chat))
            // The last one is the outer one: who may not ask need not send a body either.
            .route_layer(middleware::from_fn_with_state(limits.body, read_whole))
            .route_layer(middleware::from_fn_with_state(Arc::clone(&self), guard))
            .route_layer(middleware::from_fn_with_state(Arc::clone(&self), measure));
        Router::new()
            .route("/metrics", get(metrics))
            .route("/health", get(|| async { Json(json!({"status": "ok"})) }))
            .route("/openapi.json", get(|| async { Json(openapi::description()) }))
            .merge(guarded)
            .with_state(self)
    }

    /// Whether the request bears the token.
    fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let written = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let scheme = written.and_then(|value| value.split_once(' '));
        scheme.is_some_and(|(scheme, text)| {
            scheme.eq_ignore_ascii_case("bearer") && Token::new(text.trim()) == *token
        })
    }

    async fn scored(&self, body: &[u8]) -> Result<Response, HttpResponse> {
        let request = rules::read(body).map_err(|problems| unprocessable(&problems))?;
        if !self.behaviour.before(&request.txn_id).await {
            return Err(refusal(StatusCode::SERVICE_UNAVAILABLE, "try again"));
        }
        let now = Timestamp::try_from(clock::now()).unwrap_or_default();
        Ok(rules::score(&request, now))
    }
}

/// Counts an answer, refusals among them.
async fn measure(
    State(service): State<Arc<Service>>,
    request: HttpRequest,
    next: Next,
) -> HttpResponse {
    let watch = Stopwatch::start();
    let answer = next.run(request).await;
    service.figures.answered(answer.status().as_u16(), watch.elapsed());
    answer
}

async fn metrics(State(service): State<Arc<Service>>) -> HttpResponse {
    let form = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (form, service.figures.text()).into_response()
}

async fn guard(
    State(service): State<Arc<Service>>,
    request: HttpRequest,
    next: Next,
) -> HttpResponse {
    if service.admits(request.headers()) {
        return next.run(request).await;
    }
    let refused = refusal(StatusCode::UNAUTHORIZED, "the token is missing or wrong");
    ([(header::WWW_AUTHENTICATE, "Bearer")], refused).into_response()
}

/// Reads the body of a request, within its limits of time and size.
async fn read_whole(
    State(limit): State<Duration>,
    request: HttpRequest,
    next: Next,
) -> HttpResponse {
    let too_long = || refusal(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long or was cut");
    let (parts, body) = request.into_parts();
    // A length that is announced need not be waited for.
    if usize::try_from(body.size_hint().lower()).map_or(true, |least| least > BODY_MAX) {
        return too_long();
    }
    match tokio::time::timeout(limit, to_bytes(body, BODY_MAX)).await {
        Ok(Ok(body)) => next.run(HttpRequest::from_parts(parts, Body::from(body))).await,
        Ok(Err(_)) => too_long(),
        Err(_) => refusal(StatusCode::REQUEST_TIMEOUT, "the body did not come"),
    }
}

async fn predict(State(service): State<Arc<Service>>, body: Bytes) -> HttpResponse {
    match service.scored(&body).await {
        Ok(scored) => Json(scored).into_response(),
        Err(refused) => refused,
    }
}

async fn chat(State(service): State<Arc<Service>>, body: Bytes) -> HttpResponse {
    let chat: Chat = match serde_json::from_slice(&body) {
        Ok(chat) => chat,
        Err(error) => {
            let problem = Problem { field: String::new(), problem: error.to_string() };
            return unprocessable(&[problem]);
        }
    };
    match service.scored(chat.request().as_bytes()).await {
        Ok(scored) => Json(chat.answer(&scored)).into_response(),
        Err(refused) => refused,
    }
}

fn refusal(status: StatusCode, error: &str) -> HttpResponse {
    (status, Json(json!({"error": error}))).into_response()
}

fn unprocessable(problems: &[Problem]) -> HttpResponse {
    let body = json!({"error": "the body cannot be scored", "detail": problems});
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::sync::oneshot::Sender;
    use tokio::task::JoinHandle;

    use super::*;
    use crate::client::http::Http;

    const BODY: &str = r#"{"txn_id":"t1","account_number":"ACC1","amount":600,"merchant":"m",
        "location":"online","tx_time":"2026-01-08T12:00:00Z"}"#;

    /// A service on a port of its own, and a client's way to it.
    async fn served(token: Option<&str>, manners: Manners) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = Service::new(token.map(Token::new), manners);
        tokio::spawn(service.serve(listener, std::future::pending()));
        format!("http://{address}")
    }

    async fn post_to(url: &str, authorization: Option<&str>, body: &str) -> (u16, String) {
        let mut request = Http::plain().unwrap().post(url).body(body.to_owned());
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    #[tokio::test]
    async fn only_the_right_token_is_let_in() {
        let url = served(Some("s3cret"), Manners::default()).await + "/predict";
        for wrong in [None, Some("s3cret"), Some("Bearer s3cre"), Some("Basic s3cret")] {
            let (status, text) = post_to(&url, wrong, BODY).await;
            assert_eq!((status, text.contains("s3cret")), (401, false), "{wrong:?}: {text}");
        }
        // Who may not ask does not learn what is wrong with the body either.
        assert_eq!(post_to(&url, None, "{").await.0, 401);
        let (status, text) = post_to(&url, Some("Bearer s3cret"), BODY).await;
        assert_eq!(status, 200, "{text}");
        let scored: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(scored["fraud_category"], "ONLINE_HIGH_VALUE");
        assert_eq!(scored["risk_level"], "MEDIUM");
    }

    #[tokio::test]
    async fn a_bad_body_is_422_with_its_fields() {
        let base = served(None, Manners::default()).await;
        let (status, text) = post_to(&format!("{base}/predict"), None, "{}").await;
        assert_eq!((status, text.contains("missing field `txn_id`")), (422, true), "{text}");
        let (status, text) =
            post_to(&format!("{base}/predict"), None, &BODY.replace("600", "-1")).await;
        assert_eq!((status, text.contains("must be more than 0")), (422, true), "{text}");
        let (status, _) = post_to(&format!("{base}/v1/chat/completions"), None, BODY).await;
        assert_eq!(status, 422);
    }

    #[tokio::test]
    async fn health_and_description_need_no_token() {
        let base = served(Some("s3cret"), Manners::default()).await;
        let get = async |path: &str| {
            Http::plain()
                .unwrap()
                .get(format!("{base}{path}"))
                .send()
                .await
                .unwrap()
                .text()
                .await
                .unwrap()
        };
        assert_eq!(get("/health").await, r#"{"status":"ok"}"#);
        let description: Value = serde_json::from_str(&get("/openapi.json").await).unwrap();
        assert_eq!(description, openapi::description());
    }

    #[tokio::test]
    async fn answers_are_counted_and_a_service_that_is_gone_is_not_well() {
        let base = served(Some("s3cret"), Manners::default()).await;
        let predict = format!("{base}/predict");
        post_to(&predict, None, BODY).await;
        post_to(&predict, Some("Bearer s3cret"), BODY).await;
        let metrics = Http::plain().unwrap().get(format!("{base}/metrics")).send().await.unwrap();
        let text = metrics.text().await.unwrap();
        for status in [200, 401] {
            let line = format!("score_requests_total{{code=\"{status}\"}} 1");
            assert!(text.lines().any(|told| told == line), "{text}");
        }
        let address = base.trim_start_matches("http://").parse().unwrap();
        health(address).await.unwrap();
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert!(health(free).await.is_err());
    }

    /// What the server sends to a client that says `said` and no more, until the server hangs up.
    async fn answer_to(address: SocketAddr, said: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    const BEGUN: &str = "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{";

    const BRIEF: Duration = Duration::from_millis(200);
    const USUAL: Limits = Limits::USUAL;

    /// A service with limits of its own, which stops when the sender is used.
    async fn limited(limits: Limits) -> (SocketAddr, JoinHandle<std::io::Result<()>>, Sender<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Service::new(None, Manners::default()).router(limits);
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let stopped = async move { drop(stopped.await) };
        (address, tokio::spawn(server::serve(listener, router, limits, stopped)), stop)
    }

    #[tokio::test]
    async fn headers_and_bodies_that_do_not_come_or_are_too_long_are_refused() {
        let (address, _serving, _stop) =
            limited(Limits { headers: BRIEF, body: BRIEF, ..USUAL }).await;
        let cut = answer_to(address, "POST /predict HTTP/1.1\r\nhost:").await;
        assert!(cut.is_empty() || cut.starts_with("HTTP/1.1 408"), "{cut}");
        let late = answer_to(address, BEGUN).await;
        assert!(late.starts_with("HTTP/1.1 408"), "{late}");
        let long = answer_to(address, &BEGUN.replace("length: 100", "length: 70000")).await;
        assert!(long.starts_with("HTTP/1.1 413"), "{long}");
    }

    #[tokio::test]
    async fn a_client_that_holds_its_request_open_does_not_keep_the_service() {
        let (address, serving, stop) = limited(Limits { stop: BRIEF, ..USUAL }).await;
        let held = tokio::spawn(answer_to(address, BEGUN));
        // One that comes later is answered, so the other is under way.
        let health = "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        assert!(answer_to(address, health).await.starts_with("HTTP/1.1 200"));
        stop.send(()).unwrap();
        let ended = tokio::time::timeout(USUAL.body / 2, serving).await;
        ended.expect("it does not wait for the body").unwrap().unwrap();
        assert_eq!(held.await.unwrap(), "");
    }

    #[tokio::test]
    async fn a_chat_gives_the_score_as_text_and_a_failing_service_503() {
        let manners = Manners { fail_first: 1, ..Manners::default() };
        let url = served(Some("t"), manners).await + "/v1/chat/completions";
        let content = serde_json::to_string(BODY).unwrap();
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":{content}}}]}}"#);
        let (status, _) = post_to(&url, Some("Bearer t"), &body).await;
        assert_eq!(status, 503);
        let (status, text) = post_to(&url, Some("Bearer t"), &body).await;
        assert_eq!(status, 200, "{text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        let content = answer["choices"][0]["message"]["content"].as_str().unwrap();
        assert!(content.contains(r#""fraud_score":0.5"#), "{content}");
    }
}
