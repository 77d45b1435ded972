//! Connections: with TLS or without, and some that end without an answer.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::client::tls::Acceptor;

/// How long a client may take for the head of its next request; so long may a connection be idle.
const HEADERS: Duration = Duration::from_mins(2);

/// On an answer: the connection ends instead of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut;

/// Serves until `stop` is done; what is under way then ends with it.
pub(super) async fn serve(
    listener: TcpListener,
    acceptor: Option<Acceptor>,
    router: Router,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    let acceptor = acceptor.map(Arc::new);
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => return Ok(()),
        };
        let Ok((stream, _)) = accepted else { continue };
        stream.set_nodelay(true)?;
        let (router, acceptor) = (router.clone(), acceptor.clone());
        connections.spawn(async move {
            match acceptor {
                None => connection(stream, router).await,
                // Who cannot shake hands has been told so by TLS itself.
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        connection(stream, router).await;
                    }
                }
            }
        });
    }
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, router: Router) {
    let router = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let answered = router.call(request);
        async move {
            let answer: Response =
                answered.await.unwrap_or_else(|never: Infallible| match never {});
            if answer.extensions().get::<Cut>().is_some() {
                return Err(io::Error::from(io::ErrorKind::ConnectionReset));
            }
            Ok(answer)
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    // How a connection ends is the client's affair.
    served.await.ok();
}
