//! `changeproof score serve`: the scoring service on its own.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Subcommand};
use tokio::net::TcpListener;

use super::console::Console;
use super::environment::Environment;
use crate::base::exit::Exit;
use crate::run::Cancel;
use crate::score::manners::Manners;
use crate::score::service::{Service, Token};

/// The scoring service of the reference pipeline
#[derive(Debug, Args)]
pub(super) struct Score {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Serve),
}

/// Serve `POST /predict`, `GET /health` and `GET /openapi.json` until Ctrl-C
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
    let Command::Serve(serve) = &score.command;
    let token = match (&environment.score_token, serve.no_token) {
        (_, true) => None,
        (Some(token), false) => Some(Token::new(token)),
        (None, false) => {
            let missing = "set CHANGEPROOF_SCORE_TOKEN to the token that clients must send, or \
                           serve everybody with --no-token";
            return console.failed(&missing, Exit::Usage);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return console.failed(&error, Exit::Internal),
    };
    match runtime.block_on(listen(serve, token, console)) {
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
