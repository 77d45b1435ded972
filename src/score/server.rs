//! The connections of the service: so many at once, and none that is silent for ever.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How many clients are served at once; more wait until one leaves.
const CONNECTIONS: usize = 256;

/// How long anything may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// A client's next request, from its first byte to the end of its headers; so long may a
    /// connection be idle, too.
    pub(super) headers: Duration,
    /// The body of a request.
    pub(super) body: Duration,
    /// What is under way when the service is to stop.
    pub(super) stop: Duration,
}

impl Limits {
    pub(super) const USUAL: Self = Self {
        headers: Duration::from_secs(30),
        body: Duration::from_secs(10),
        stop: Duration::from_secs(5),
    };
}

/// Serves until `stop` is done, and then answers what is under way, within a limit.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    let under_way = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        while connections.try_join_next().is_some() {}
        let seated = async {
            let seat = Arc::clone(&seats).acquire_owned().await;
            (seat, listener.accept().await)
        };
        let (seat, accepted) = tokio::select! {
            seated = seated => seated,
            () = &mut stop => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            // A client that left at once, or no file is left: then one must end first.
            Err(_) if connections.join_next().await.is_some() => continue,
            Err(error) => return Err(error),
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.headers)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        let served = under_way.watch(connection);
        connections.spawn(async move {
            // How a connection ends is the client's affair.
            served.await.ok();
            drop(seat);
        });
    }
    // Whatever still runs then ends with the set of connections.
    tokio::time::timeout(limits.stop, under_way.shutdown()).await.ok();
    Ok(())
}
