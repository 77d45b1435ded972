//! The door before the object storage: requests pass through it as they are, unless a run has asked for
//! bad manners. It refuses and delays as a busy storage does, and cuts connections as a network does,
//! and only to those who write and read below the folder of that run.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use camino::Utf8Path;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::error::{Doing, StackError};
use super::files;
use crate::base::exit::Exit;
use crate::client::http::Http;
use crate::client::reach::{Address, Login};
use crate::client::storage::MANNERS;
use crate::scenario::settings::S3;

/// What a door is told, as a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Order {
    /// Where it listens.
    pub(super) listen: Address,
    /// Where the storage does.
    pub(super) storage: Address,
    /// Who may ask for manners.
    pub(super) login: Login,
}

/// What it keeps.
struct Door {
    storage: Address,
    /// The header of who may ask for manners.
    key: String,
    /// What is left of what was asked for, by the folder of a run.
    manners: Mutex<BTreeMap<String, S3>>,
}

/// A connection that ends here on purpose.
#[derive(Debug)]
struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is cut, as it was asked for")
    }
}

impl std::error::Error for Cut {}

type Answer = Result<Response<Full<Bytes>>, Cut>;

/// Is a door until it is killed. For the hidden subcommand; `order` is a file that the keeper wrote.
pub fn serve(order: &Utf8Path) -> Result<Exit, StackError> {
    let order: Order = files::read_json(order)?
        .ok_or_else(|| StackError::Keeper(format!("there is no order in {order}")))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .doing("start a runtime")?;
    runtime.block_on(stand(&order)).doing("stand before the object storage")?;
    Ok(Exit::Pass)
}

async fn stand(order: &Order) -> std::io::Result<Infallible> {
    let Login { user, password } = &order.login;
    let key = format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.0)));
    let manners = Mutex::default();
    // It is there as long as the process is.
    let door: &'static Door =
        Box::leak(Box::new(Door { storage: order.storage.clone(), key, manners }));
    let listener = TcpListener::bind((order.listen.host.as_str(), order.listen.port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(|request| door.pass(request)));
            // How a connection ends is the client's affair, or was asked for.
            connection.await.ok();
        });
    }
}

/// What is done to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Pass,
    Refuse,
    Cut,
}

impl Door {
    async fn pass(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        // The client went away.
        let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
        if let Some(run) = head.uri.path().strip_prefix(MANNERS) {
            return Ok(self.ask(run, (&head.method, &head.headers), &body));
        }
        let run = folder(&head.uri);
        let (deed, delay) = self.decide(run.as_deref(), &head.method, (&head.uri, body.len()));
        match deed {
            Deed::Refuse => return Ok(refusal()),
            Deed::Cut => {
                let cut = self.cut((&head.method, &head.uri, &head.headers), &body).await;
                cut.ok();
                return Err(Cut);
            }
            Deed::Pass => {}
        }
        if !delay.is_zero() {
            // Slowness is what is asked for here.
            tokio::time::timeout(delay, std::future::pending::<()>()).await.ok();
        }
        self.forward((&head.method, &head.uri, &head.headers), body).await.ok_or(Cut)
    }

    fn manners(&self) -> MutexGuard<'_, BTreeMap<String, S3>> {
        self.manners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what a run asks for, or tells what of it is left.
    fn ask(
        &self,
        run: &str,
        (method, headers): (&Method, &HeaderMap),
        body: &[u8],
    ) -> Response<Full<Bytes>> {
        if headers.get(AUTHORIZATION).is_none_or(|given| given.as_bytes() != self.key.as_bytes()) {
            return answer(StatusCode::UNAUTHORIZED, "{}");
        }
        let mut manners = self.manners();
        if *method == Method::PUT {
            let Ok(asked) = serde_json::from_slice::<S3>(body) else {
                return answer(StatusCode::BAD_REQUEST, "{}");
            };
            manners.insert(run.to_owned(), asked);
        }
        let left = manners.get(run).copied().unwrap_or_default();
        answer(StatusCode::OK, &serde_json::to_string(&left).unwrap_or_default())
    }

    fn decide(
        &self,
        run: Option<&str>,
        method: &Method,
        (uri, length): (&Uri, usize),
    ) -> (Deed, Duration) {
        let mut manners = self.manners();
        let Some(left) = run.and_then(|run| manners.get_mut(run)) else {
            return (Deed::Pass, Duration::ZERO);
        };
        let delay = Duration::from_millis(left.delay_ms);
        if left.refuse > 0 && shows(method, uri) {
            left.refuse -= 1;
            return (Deed::Refuse, delay);
        }
        if left.cut > 0 && *method == Method::PUT && length > 1 {
            left.cut -= 1;
            return (Deed::Cut, delay);
        }
        (Deed::Pass, delay)
    }

    /// Sends a request on as it is; what is answered, if anything.
    async fn forward(
        &self,
        (method, uri, headers): (&Method, &Uri, &HeaderMap),
        body: Bytes,
    ) -> Option<Response<Full<Bytes>>> {
        let client = Http::plain().ok()?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let url = crate::client::reach::Rest::plain(self.storage.http()).below(path);
        let mut headers = headers.clone();
        headers.remove(CONNECTION);
        headers.remove(TRANSFER_ENCODING);
        let sent = client.request(method.clone(), url).headers(headers).body(body).send().await;
        let answered = sent.ok()?;
        let mut response = Response::builder().status(answered.status());
        for (name, value) in answered.headers() {
            // The answer to a HEAD has a length and no body.
            let is_length = name == CONTENT_LENGTH && *method != Method::HEAD;
            if !is_length && name != TRANSFER_ENCODING && name != CONNECTION {
                response = response.header(name, value);
            }
        }
        let body = answered.bytes().await.ok()?;
        response.body(Full::new(body)).ok()
    }

    /// Sends a request up to the middle of its body, and no further.
    async fn cut(
        &self,
        (method, uri, headers): (&Method, &Uri, &HeaderMap),
        body: &[u8],
    ) -> std::io::Result<()> {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut bytes = format!("{method} {path} HTTP/1.1\r\n").into_bytes();
        for (name, value) in headers.iter().filter(|(name, _)| *name != TRANSFER_ENCODING) {
            let line = [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat();
            bytes.extend(line);
        }
        bytes.extend(b"\r\n");
        bytes.extend(body.get(..body.len() / 2).unwrap_or_default());
        let at = (self.storage.host.as_str(), self.storage.port);
        let mut stream = TcpStream::connect(at).await?;
        stream.write_all(&bytes).await?;
        stream.shutdown().await
    }
}

/// The folder of the run that a request is about: behind the bucket's name, or what a list begins with.
fn folder(uri: &Uri) -> Option<String> {
    let mut parts = uri.path().split('/').skip(2);
    let prefix = || {
        let query = uri.query()?.split('&').find_map(|part| part.strip_prefix("prefix="))?;
        Some(query.replace("%2F", "/").replace("%2f", "/"))
    };
    let first =
        parts.next().filter(|first| !first.is_empty()).map(str::to_owned).or_else(prefix)?;
    first.split('/').next().map(str::to_owned)
}

/// The request lets others see an object: the end of an upload in parts, or the whole of it.
fn shows(method: &Method, uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default();
    let ends = *method == Method::POST && query.contains("uploadId=");
    ends || *method == Method::PUT && !query.contains("partNumber=")
}

fn answer(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(text.to_owned())));
    *answer.status_mut() = status;
    answer
}

/// What S3 says when it is busy.
fn refusal() -> Response<Full<Bytes>> {
    answer(
        StatusCode::SERVICE_UNAVAILABLE,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>SlowDown</Code>\
         <Message>Please reduce your request rate.</Message></Error>",
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn door(run: &str, asked: S3) -> Door {
        let manners = Mutex::new([(run.to_owned(), asked)].into());
        Door { storage: Address::local(9), key: "Basic key".to_owned(), manners }
    }

    #[rstest]
    #[case("/bucket/cp_a/t/part-0", Some("cp_a"))]
    #[case("/bucket/?list-type=2&prefix=cp_a%2Ft%2F", Some("cp_a"))]
    #[case("/bucket?prefix=cp_a/", Some("cp_a"))]
    #[case("/bucket/", None)]
    #[case("/", None)]
    fn a_request_is_about_a_folder(#[case] uri: &str, #[case] expected: Option<&str>) {
        assert_eq!(folder(&uri.parse().unwrap()).as_deref(), expected);
    }

    #[rstest]
    #[case("POST", "/b/r/o?uploadId=1", true)]
    #[case("POST", "/b/r/o?uploads", false)]
    #[case("PUT", "/b/r/o", true)]
    #[case("PUT", "/b/r/o?partNumber=1&uploadId=1", false)]
    #[case("GET", "/b/r/o", false)]
    fn what_lets_an_object_be_seen(#[case] method: &str, #[case] uri: &str, #[case] is: bool) {
        assert_eq!(shows(&method.parse().unwrap(), &uri.parse().unwrap()), is);
    }

    #[test]
    fn so_many_requests_of_one_run_are_refused_and_cut() {
        let door = door("cp_a", S3 { delay_ms: 7, refuse: 1, cut: 1 });
        let uri = |run: &str| format!("/b/{run}/o").parse::<Uri>().unwrap();
        let decide = |run: &str| {
            let (deed, delay) = door.decide(Some(run), &Method::PUT, (&uri(run), 10));
            (deed, delay.as_millis())
        };
        assert_eq!(decide("cp_b"), (Deed::Pass, 0));
        assert_eq!(decide("cp_a"), (Deed::Refuse, 7));
        assert_eq!(decide("cp_a"), (Deed::Cut, 7));
        assert_eq!(decide("cp_a"), (Deed::Pass, 7));
    }

    #[test]
    fn manners_are_told_to_who_has_the_key() {
        let door = door("cp_a", S3 { refuse: 2, ..S3::default() });
        let ask = |key: &str, method: &Method| {
            let headers = [(AUTHORIZATION, key.parse().unwrap())].into_iter().collect();
            door.ask("cp_a", (method, &headers), br#"{"delay_ms":0,"refuse":5,"cut":0}"#).status()
        };
        assert_eq!(ask("Basic other", &Method::PUT), StatusCode::UNAUTHORIZED);
        assert_eq!(door.manners()["cp_a"].refuse, 2);
        assert_eq!(ask("Basic key", &Method::PUT), StatusCode::OK);
        assert_eq!(door.manners()["cp_a"].refuse, 5);
    }
}
