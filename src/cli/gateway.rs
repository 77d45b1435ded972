//! `changeproof gateway`: Confluent Cloud's APIs on loopback, over a local stack of its own.

use std::net::Ipv4Addr;

use camino::Utf8PathBuf;
use clap::Args;
use tokio::net::TcpListener;

use super::console::Console;
use super::environment::Environment;
use super::stack;
use crate::base::exit::Exit;
use crate::gateway::faults::Fault;
use crate::gateway::{self, Files, Written};
use crate::run::Cancel;
use crate::stack::{OwnOptions, Share, StackError, lease, new_identity};

/// Serve Confluent Cloud's APIs on loopback, over a local stack, until Ctrl-C
///
/// Statements, connectors, topics, the schema registry and what of the control plane their clients ask,
/// one base URL for all. It shows what clients make of the APIs, not how the cloud behaves. Keys are new
/// at each start and stand in a file of the folder that is printed; nothing is left behind.
#[derive(Debug, Args)]
pub(super) struct Gateway {
    /// Where to listen on 127.0.0.1; 0 takes a free port
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// Serve https, with a certificate of its own that `ca.pem` has
    #[arg(long)]
    tls: bool,
    /// The folder for the stack file, the keys and the certificates; in the state folder if left out
    #[arg(long, value_name = "FOLDER")]
    files: Option<Utf8PathBuf>,
    /// Answer so many requests in a second, and 429 to more
    #[arg(long, value_name = "N")]
    rate: Option<u32>,
    /// Show a fault: KIND, KIND:n for n times, KIND:* for always, and @PART for paths that hold PART
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Fault>,
    /// Write each request with its answer, secrets hidden, as a line of JSON
    #[arg(long, value_name = "FILE")]
    transcript: Option<Utf8PathBuf>,
}

pub(super) fn run(gateway: &Gateway, environment: &Environment, console: Console) -> Exit {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return console.failed(&error, Exit::Internal),
    };
    match runtime.block_on(serve(gateway, environment, console)) {
        Ok(()) => Exit::Pass,
        Err(error) => {
            let exit =
                error.downcast_ref::<StackError>().map_or(Exit::StackNotUp, StackError::exit);
            console.failed(&error, exit)
        }
    }
}

async fn serve(
    wanted: &Gateway,
    environment: &Environment,
    console: Console,
) -> anyhow::Result<()> {
    let cancel = Cancel::new();
    cancel.on_signals()?;
    let say = |line: &str| console.err(line);
    let shared = stack::own_options(environment, None)?;
    let own = OwnOptions { secured: true, ..OwnOptions::default() };
    let options = shared.with(own);
    let leased = async {
        let lease = lease(&options, Share::Alone, &say).await?;
        lease.with_registry(&options, &say).await
    };
    let lease = tokio::select! {
        leased = leased => leased?,
        () = cancel.cancelled() => return Ok(()),
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted.port)).await;
    let listener = listener
        .map_err(|error| anyhow::anyhow!("cannot listen on 127.0.0.1:{}: {error}", wanted.port))?;
    let transcript = wanted.transcript.as_ref().map(std::fs::File::create).transpose()?;
    let set = gateway::Options {
        identity: if wanted.tls { Some(new_identity()?) } else { None },
        rate: wanted.rate,
        faults: wanted.fault.clone(),
        transcript,
    };
    let served = gateway::Gateway::new(&lease.reach, &listener, set)?;
    let folder = wanted.files.clone().unwrap_or_else(|| shared.state.join("gateway"));
    let files = Files::open(&folder)?;
    let written = files.write(&served)?;
    console.out(&told(&served, &written));
    let stop = {
        let cancel = cancel.clone();
        async move { cancel.cancelled().await }
    };
    let ended = tokio::select! {
        ended = served.serve(listener, stop) => ended,
        () = cancel.insisted() => Ok(()),
    };
    files.remove(&written);
    Ok(ended?)
}

/// Where everything is; no key among it.
fn told(served: &gateway::Gateway, written: &Written) -> String {
    let ids = &served.ids;
    [
        format!("every API      {}", served.address()),
        format!("organization   {}", ids.organization),
        format!("environment    {} ({})", ids.environment, gateway::ids::Ids::ENVIRONMENT),
        format!("cluster        {} ({})", ids.cluster, gateway::ids::Ids::CLUSTER),
        format!("compute pool   {}", ids.pool),
        format!("registry       {}", ids.registry),
        format!("principal      {}", ids.account),
        format!("stack file     {}", written.stack),
        format!("keys           {} (set them with: . {})", written.keys, written.keys),
        format!("certificates   {}", written.ca),
        format!("as JSON        {}", written.addresses),
        "end it with Ctrl-C".to_owned(),
    ]
    .join("\n")
}
