//! Removes what killed runs left: who writes before what is written. Only names with a run's token are
//! looked at, and statements only with its label too.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::time::Duration;

use super::reach::Services;
use super::{Confluent, LABEL};
use crate::client::cloud::Patience;
use crate::client::kafka::Admin;
use crate::client::postgres::{self, CONTROL_DATABASE, Connection};
use crate::client::registry::{Registry, within_context};
use crate::stack::claim::{PREFIX, is_kept, timed};
use crate::stack::error::Doing as _;
use crate::stack::lock::{Lock, Mode};
use crate::stack::{Say, StackError, files};

/// How long one thing may take to be gone.
const GONE: Duration = Duration::from_mins(2);

/// Whose things are removed.
#[derive(Debug)]
struct Of {
    /// Tokens of dead claims.
    dead: BTreeSet<String>,
    /// Tokens of claims that somebody of this user holds.
    held: BTreeSet<String>,
    /// Whatever a token says that is older.
    older_than: Option<Duration>,
}

impl Of {
    /// Whether what has this name is removed; names of statements have dashes.
    fn has(&self, name: &str) -> bool {
        let rest = name.strip_prefix(PREFIX).or_else(|| name.strip_prefix("cp-"));
        let Some(rest) = rest else { return false };
        let is_of = |token: &String| {
            rest.strip_prefix(token.as_str())
                .is_some_and(|rest| rest.chars().next().is_none_or(|next| !next.is_alphanumeric()))
        };
        if self.held.iter().any(is_of) {
            return false;
        }
        let is_old = |age: Duration| self.older_than.is_some_and(|limit| age > limit);
        self.dead.iter().any(is_of) || timed(name).is_some_and(|(_, age)| is_old(age))
    }
}

/// Sweeps, then ends the dead claims. Gives a line for each thing.
pub(super) async fn sweep(
    stack: &Confluent,
    older_than: Option<Duration>,
    say: Say<'_>,
) -> Result<Vec<String>, StackError> {
    let claims = stack.claims();
    let mut of = Of { dead: BTreeSet::new(), held: BTreeSet::new(), older_than };
    // The locks are held until all is gone, so that nobody else sweeps the same.
    let mut locks = Vec::new();
    for token in files::names(&claims, "") {
        let file = claims.join(&token);
        match Lock::try_take(&file, Mode::Exclusive).doing("lock a claim")? {
            Some(lock) if !is_kept(&file) => {
                say(&format!("sweeping what the run {token} left"));
                of.dead.insert(token);
                locks.push((file, lock));
            }
            _ => drop(of.held.insert(token)),
        }
    }
    if of.dead.is_empty() && older_than.is_none() {
        return Ok(Vec::new());
    }
    let (services, _) = stack.services(Patience::default()).await?;
    let mut swept = of_the_cloud(&services, &of).await?;
    swept.extend(records(stack, &of).await?);
    swept.extend(source(stack, &of).await?);
    for (file, _lock) in &locks {
        files::remove(file)?;
    }
    Ok(swept)
}

/// Statements and connectors.
async fn of_the_cloud(services: &Services, of: &Of) -> Result<Vec<String>, StackError> {
    let mut swept = Vec::new();
    for statement in services.statements.list(None).await.map_err(refused)? {
        let label = format!("{}{LABEL}", crate::client::cloud::statements::LABEL);
        // A name alone may be anybody's.
        let token = statement.labels.get(&label).map(|token| format!("{PREFIX}{token}"));
        if of.has(&statement.name) && token.is_some_and(|token| of.has(&token)) {
            services.statements.delete(&statement.name, GONE).await.map_err(refused)?;
            swept.push(format!("statement {}", statement.name));
        }
    }
    for connector in services.connectors.list(PREFIX).await.map_err(refused)? {
        if of.has(&connector) {
            services.connectors.delete(&connector).await.map_err(refused)?;
            swept.push(format!("connector {connector}"));
        }
    }
    Ok(swept)
}

/// Topics, groups and subjects.
async fn records(stack: &Confluent, of: &Of) -> Result<Vec<String>, StackError> {
    let mut swept = Vec::new();
    let kafka = Admin::new(&stack.places.reach).map_err(refused)?;
    let topics = kafka.list(PREFIX).await.map_err(refused)?;
    let topics: Vec<&str> =
        topics.iter().map(|topic| topic.name.as_str()).filter(|name| of.has(name)).collect();
    kafka.delete(&topics).await.map_err(refused)?;
    swept.extend(topics.iter().map(|topic| format!("topic {topic}")));
    let groups = kafka.groups(PREFIX).await.map_err(refused)?;
    let groups: Vec<&str> = groups.iter().map(String::as_str).filter(|name| of.has(name)).collect();
    kafka.delete_groups(&groups).await.map_err(refused)?;
    swept.extend(groups.iter().map(|group| format!("group {group}")));
    if let Some(registry) = Registry::of(&stack.places.reach).map_err(refused)? {
        for subject in registry.subjects(PREFIX).await.map_err(refused)? {
            if of.has(within_context(&subject)) {
                registry.delete(&subject).await.map_err(refused)?;
                swept.push(format!("subject {subject}"));
            }
        }
    }
    Ok(swept)
}

/// Slots and databases, with the publications in them.
async fn source(stack: &Confluent, of: &Of) -> Result<Vec<String>, StackError> {
    let connected = postgres::connect(&stack.places.reach, CONTROL_DATABASE, "changeproof sweep");
    let postgres: Connection = connected.await.map_err(refused)?;
    let mut swept = Vec::new();
    for slot in postgres.slots(PREFIX).await.map_err(refused)? {
        if of.has(&slot) {
            postgres.drop_slot(&slot).await.map_err(refused)?;
            swept.push(format!("slot {slot}"));
        }
    }
    for database in postgres.databases(PREFIX).await.map_err(refused)? {
        if of.has(&database) {
            postgres.drop_database(&database).await.map_err(refused)?;
            swept.push(format!("database {database}"));
        }
    }
    Ok(swept)
}

/// Removes groups and subjects of a run that has ended.
pub(super) async fn forget(stack: &Confluent, base: &str) -> Result<(), StackError> {
    let kafka = Admin::new(&stack.places.reach).map_err(refused)?;
    let groups = kafka.groups(base).await.map_err(refused)?;
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    kafka.delete_groups(&groups).await.map_err(refused)?;
    let Some(registry) = Registry::of(&stack.places.reach).map_err(refused)? else {
        return Ok(());
    };
    for subject in registry.subjects(base).await.map_err(refused)? {
        registry.delete(&subject).await.map_err(refused)?;
    }
    Ok(())
}

fn refused(error: impl Display) -> StackError {
    StackError::Refused { doing: "sweep what a run left".to_owned(), cause: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_dead_run_or_an_old_one_named_is_swept() {
        let of = |older_than| Of {
            dead: ["t000000000000".to_owned()].into(),
            held: ["t000000000001".to_owned()].into(),
            older_than,
        };
        let dead = of(None);
        for name in ["cp_t000000000000", "cp_t000000000000.cdc.a", "cp-t000000000000-3"] {
            assert!(dead.has(name), "{name}");
        }
        let year = of(Some(Duration::from_hours(24 * 365)));
        assert!(year.has("cp_t00000000000f_source"));
        for name in [
            // Somebody holds it.
            "cp_t000000000001_source",
            // It tells no time: it may be anybody's.
            "cp_0123456789_source",
            "orders",
            // From the future, or from another clock.
            "cp_tfffffff00000",
            "cp_t0000000000001",
        ] {
            assert!(!year.has(name) && !dead.has(name), "{name}");
        }
    }
}
