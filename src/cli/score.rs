//! `changeproof score`: the scoring service on its own, and whether it is well.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Subcommand};
use tokio::net::TcpListener;

use super::console::Console;
use super::environment::Environment;
use crate::base::exit::Exit;
use crate::run::Cancel;
use crate::score::manners::Manners;
use crate::score::service::{self, Service, Token};

/// The scoring service of the reference pipeline
#[derive(Debug, Args)]
pub(super) struct Score {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Serve),
    Health(Health),
}

/// Ask a service whether it is well, as the health check of its container does
#[derive(Debug, Args)]
struct Health {
    /// Where it listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8088")]
    at: SocketAddr,
}

/// Serve `POST /predict`, `GET /health`, `GET /metrics` and `GET /openapi.json` until Ctrl-C
///
/// Clients must send the token of the variable `CHANGEPROOF_SCORE_TOKEN` as `Authorization: Bearer
/// TOKEN`. Without the variable the service refuses to start. `POST /v1/chat/completions` gives the
/// same scores to Flink's `openai` model provider.
#[derive(Debug, Args)]
struct Serve {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8088")]
    listen: SocketAddr,
    /// Serve everybody, without a token
    #[arg(long)]
    no_token: bool,
    /// Answer this much later, as in `500ms`
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Bad manners")]
    delay: Option<Duration>,
    /// Refuse the first N requests of each transaction with 503
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Bad manners")]
    fail_first: u32,
    /// Hold every second answer back until the one after it has left
    #[arg(long, help_heading = "Bad manners")]
    out_of_order: bool,
}

pub(super) fn run(score: &Score, environment: &Environment, console: Console) -> Exit {
    match &score.command {
        Command::Serve(serve) => serve_all(serve, environment, console),
        Command::Health(health) => done(console, async { Ok(service::health(health.at).await?) }),
    }
}

fn serve_all(serve: &Serve, environment: &Environment, console: Console) -> Exit {
    let token = match (&environment.score_token, serve.no_token) {
        (_, true) => None,
        (Some(token), false) => Some(Token::new(token)),
        (None, false) => {
            let missing = "set CHANGEPROOF_SCORE_TOKEN to the token that clients must send, or \
                           serve everybody with --no-token";
            return console.failed(&missing, Exit::Usage);
        }
    };
    done(console, listen(serve, token, console))
}

/// Runs it to its end.
fn done(console: Console, what: impl Future<Output = anyhow::Result<()>>) -> Exit {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return console.failed(&error, Exit::Internal),
    };
    match runtime.block_on(what) {
        Ok(()) => Exit::Pass,
        Err(error) => console.failed(&error, Exit::StackNotUp),
    }
}

async fn listen(serve: &Serve, token: Option<Token>, console: Console) -> anyhow::Result<()> {
    let manners = Manners {
        delay: serve.delay.unwrap_or_default(),
        fail_first: serve.fail_first,
        out_of_order: serve.out_of_order,
    };
    let cancel = Cancel::new();
    cancel.on_signals()?;
    let listener = TcpListener::bind(serve.listen)
        .await
        .map_err(|error| anyhow::anyhow!("cannot listen on {}: {error}", serve.listen))?;
    console.out(&format!("listening on http://{}", listener.local_addr()?));
    let service = Service::new(token, manners);
    let stop = {
        let cancel = cancel.clone();
        async move { cancel.cancelled().await }
    };
    tokio::select! {
        served = service.clone().serve(listener, stop) => served?,
        () = cancel.insisted() => {}
    }
    let asked = service.behaviour().asked();
    let requests: u32 = asked.values().sum();
    console.out(&format!("{requests} requests for {} transactions", asked.len()));
    Ok(())
}
