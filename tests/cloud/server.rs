//! A server that answers what it is told to, and keeps what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use changeproof::client::cloud::{Api, Patience};
use changeproof::client::reach::{Login, Password, Rest};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
    /// The connection is cut after so many bytes of the body.
    pub(crate) cut: Option<usize>,
}

impl Answer {
    pub(crate) fn json(status: u16, body: impl Into<String>) -> Self {
        let headers = vec![("Content-Type", "application/json".to_owned())];
        Self { status, headers, body: body.into(), cut: None }
    }

    pub(crate) fn html(status: u16, body: &str) -> Self {
        let headers = vec![("Content-Type", "text/html".to_owned())];
        Self { status, headers, body: body.to_owned(), cut: None }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn cut(mut self, after: usize) -> Self {
        self.cut = Some(after);
        self
    }
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) media: String,
    pub(crate) login: bool,
    pub(crate) body: String,
}

/// Answers in order, the last one again and again.
pub(crate) struct Server {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn answering(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = ["http:", "", &listener.local_addr().unwrap().to_string()].join("/");
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let kept = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                one(stream, &kept, &answers).await;
            }
        });
        Self { url, asked, task }
    }

    pub(crate) fn api(&self) -> Api {
        self.patient(Duration::from_secs(5))
    }

    pub(crate) fn patient(&self, call: Duration) -> Api {
        let login = Login { user: "KEY".to_owned(), password: Password("s3cret".to_owned()) };
        let at = Rest { url: self.url.clone(), login: Some(login), ..Rest::default() };
        Api::new(&at, Patience { call, key: Duration::from_secs(3) }).unwrap()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// Reads one request, answers it, and closes.
async fn one(mut stream: TcpStream, kept: &Mutex<Vec<Asked>>, answers: &[Answer]) {
    let mut read = Vec::new();
    let end = loop {
        let mut some = [0; 4096];
        let n = stream.read(&mut some).await.unwrap_or(0);
        if n == 0 {
            return;
        }
        read.extend_from_slice(&some[..n]);
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8(read[..end].to_vec()).unwrap();
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let length: usize = header("content-length").map_or(0, |text| text.parse().unwrap());
    while read.len() < end + length {
        let mut some = [0; 4096];
        let n = stream.read(&mut some).await.unwrap();
        read.extend_from_slice(&some[..n]);
    }
    let mut words = head.split(' ');
    let asked = Asked {
        method: words.next().unwrap().to_owned(),
        target: words.next().unwrap().to_owned(),
        media: header("content-type").unwrap_or_default(),
        login: header("authorization").is_some_and(|text| text.starts_with("Basic ")),
        body: String::from_utf8(read[end..].to_vec()).unwrap(),
    };
    let nth = {
        let mut kept = kept.lock().unwrap();
        kept.push(asked);
        kept.len() - 1
    };
    let answer = answers.get(nth).or(answers.last()).unwrap();
    let headers: String =
        answer.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "HTTP/1.1 {} X\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        answer.status,
        answer.body.len()
    );
    let body = &answer.body.as_bytes()[..answer.cut.unwrap_or(answer.body.len())];
    drop(stream.write_all(head.as_bytes()).await);
    drop(stream.write_all(body).await);
    drop(stream.shutdown().await);
}
