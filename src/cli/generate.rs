//! `changeproof generate`: card customers and transactions into any Postgres.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use rand::TryRng as _;

use super::console::Console;
use super::environment::Environment;
use crate::base::exit::Exit;
use crate::base::secret;
use crate::client::clock;
use crate::client::postgres::Url;
use crate::generate::rows::Rows;
use crate::generate::target::{Target, TargetError};
use crate::report::plural;
use crate::run::Cancel;

/// How many customers, and how many transactions, one call writes.
const ONE_SHOT: u64 = 10;
/// How often a transaction is written again when its customer was deleted meanwhile.
const TRIES: usize = 10;

/// Write card customers and transactions to any Postgres
///
/// They are those of the reference pipeline. Without further options it writes 10 customers and 10 transactions. The tables are `customers`
/// and `transactions` of the pipeline `card_tx_oss`.
#[derive(Debug, Args)]
pub(super) struct Generate {
    /// Where to write: `postgres://USER@HOST:PORT/DATABASE`
    ///
    /// Else the variable `CHANGEPROOF_POSTGRES_URL`. A URL with a password is taken from there alone:
    /// everybody on the machine sees the arguments of a process.
    #[arg(long, value_name = "URL")]
    url: Option<Secret>,
    /// Make the two tables first if they are not there
    #[arg(long)]
    create_tables: bool,
    /// The same seed writes the same rows to the same database; by default a random one
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The newest time that a transaction may bear, as in `2026-01-08T00:00:00Z`; by default now
    ///
    /// Times go back seven days from here. Rows repeat exactly only with `--seed` and `--at`.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    #[command(flatten)]
    what: What,
    /// The pause between two transactions of `--run-forever`, as in `200ms` or `5s`
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = humantime::parse_duration)]
    interval: Duration,
}

/// What to do, instead of writing once.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct What {
    /// Write a transaction at each interval, until Ctrl-C (and customers first if there are none)
    #[arg(long)]
    run_forever: bool,
    /// Write one more customer
    #[arg(long)]
    add_customer: bool,
    /// Delete these customers with their transactions, all of them or none
    #[arg(long, value_name = "ACC", num_args = 1..)]
    delete_customer: Vec<String>,
    /// Delete one transaction
    #[arg(long, value_name = "UUID")]
    delete_transaction: Option<String>,
}

/// A text that is never shown.
#[derive(Clone)]
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl std::str::FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

/// What was written so far.
#[derive(Debug, Default)]
struct Written {
    customers: u64,
    transactions: u64,
    cents: u64,
}

impl std::fmt::Display for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} written, ", counted(self.customers, self.transactions))?;
        write!(f, "amounts {}.{:02} in all", self.cents / 100, self.cents % 100)
    }
}

fn counted(customers: u64, transactions: u64) -> String {
    let plural = |n, word| plural(usize::try_from(n).unwrap_or(usize::MAX), word);
    format!("{} and {}", plural(customers, "customer"), plural(transactions, "transaction"))
}

/// One call of the command.
struct Generator<'a> {
    order: &'a Generate,
    target: Target,
    rows: Rows,
    written: Written,
}

pub(super) fn run(generate: &Generate, environment: &Environment, console: Console) -> Exit {
    if generate.url.as_ref().is_some_and(|url| secret::is_in(&url.0)) {
        let seen = "everybody on this machine sees a password in --url: set the URL as \
                    CHANGEPROOF_POSTGRES_URL instead";
        return console.failed(&seen, Exit::Usage);
    }
    let url = generate.url.as_ref().map(|url| &url.0).or(environment.postgres_url.as_ref());
    let Some(url) = url else {
        let missing = "name a Postgres with --url or in CHANGEPROOF_POSTGRES_URL";
        return console.failed(&missing, Exit::Usage);
    };
    let url = match Url::parse(url) {
        Ok(url) => url,
        Err(error) => return console.failed(&error, Exit::Usage),
    };
    let seed = generate.seed.unwrap_or_else(random_seed);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return console.failed(&error, Exit::Internal),
    };
    match runtime.block_on(all(generate, &url, seed, console)) {
        Ok(()) => Exit::Pass,
        Err(error @ TargetError::NotThere(_)) => console.failed(&error, Exit::NothingRun),
        Err(error) => console.failed(&error, Exit::StackNotUp),
    }
}

fn random_seed() -> u64 {
    // Small enough to be typed again.
    rand::rngs::SysRng.try_next_u32().map_or(0, u64::from)
}

async fn all(order: &Generate, url: &Url, seed: u64, console: Console) -> Result<(), TargetError> {
    let target = Target::open(url, order.create_tables).await?;
    let what = &order.what;
    if !what.delete_customer.is_empty() {
        let deleted = target.delete_customers(&what.delete_customer).await?;
        let counted = counted(deleted.customers, deleted.transactions);
        console.out(&format!("{counted} deleted from {url}"));
        return Ok(());
    }
    if let Some(txn_id) = &what.delete_transaction {
        target.delete_transaction(txn_id).await?;
        console.out(&format!("1 transaction deleted from {url}"));
        return Ok(());
    }
    let (rows, written) = (Rows::of(seed), Written::default());
    let mut generator = Generator { order, target, rows, written };
    let ended = generator.write().await;
    // What was written is told also when it ended badly.
    console.out(&format!("{} to {url} (seed {seed})", generator.written));
    ended
}

impl Generator<'_> {
    async fn write(&mut self) -> Result<(), TargetError> {
        if self.order.what.add_customer {
            return self.customers(1).await;
        }
        if self.order.what.run_forever {
            return self.run_forever().await;
        }
        self.customers(ONE_SHOT).await?;
        let mut accounts = self.target.accounts().await?;
        for _ in 0..ONE_SHOT {
            self.transaction(&mut accounts).await?;
        }
        Ok(())
    }

    /// Until Ctrl-C or SIGTERM; what was begun by then is finished, unless somebody insists.
    async fn run_forever(&mut self) -> Result<(), TargetError> {
        let cancel = Cancel::new();
        if let Err(error) = cancel.on_signals() {
            tracing::warn!("Ctrl-C will end this without a summary: {error}");
        }
        let mut accounts = self.target.accounts().await?;
        while !cancel.is_cancelled() {
            tokio::select! {
                written = self.transaction(&mut accounts) => written?,
                () = cancel.insisted() => break,
            }
            // Passing is the usual end of this wait: it is the pace.
            tokio::time::timeout(self.order.interval, cancel.cancelled()).await.ok();
        }
        Ok(())
    }

    fn newest(&self) -> Timestamp {
        let now = || Timestamp::try_from(clock::now()).unwrap_or_default();
        self.order.at.unwrap_or_else(now)
    }

    async fn customers(&mut self, n: u64) -> Result<(), TargetError> {
        let first = self.target.next_number().await?;
        let customers: Vec<_> = (first..first + n).map(|n| self.rows.customer(n)).collect();
        self.target.add_customers(&customers, self.newest()).await?;
        self.written.customers += n;
        Ok(())
    }

    /// One transaction of one of `accounts`, which are read again where that customer is gone.
    async fn transaction(&mut self, accounts: &mut Vec<String>) -> Result<(), TargetError> {
        for _ in 0..TRIES {
            if accounts.is_empty() {
                self.customers(ONE_SHOT).await?;
                *accounts = self.target.accounts().await?;
            }
            let Some(account) = self.rows.account(accounts) else { continue };
            let row = self.rows.transaction(account, self.newest());
            let cents = row.cents;
            if self.target.add_transactions(&[row]).await? {
                self.written.transactions += 1;
                self.written.cents += u64::from(cents);
                return Ok(());
            }
            *accounts = self.target.accounts().await?;
        }
        tracing::warn!("a transaction was left out: its customer was deleted {TRIES} times");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_never_shown() {
        assert_eq!(format!("{:?}", Secret("postgres://ann:s3cret@db/cards".to_owned())), "…");
    }
}
