//! The physical names of everything a run makes. All of them start with `cp_<token>`, so that a
//! sweep can tell a run's things from everybody else's; only topics may have the names of
//! production, which the run then claims one by one.

use crate::client::clock;
use crate::scenario::trial::Naming;

/// Digits of a token: lower case only, since Postgres folds unquoted names.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The names of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// `<time>-<token>`: the run's own name, and that of its directory.
    pub run: String,
    /// What every physical name of its own starts with: `cp_<token>`.
    pub base: String,
    /// Its topics bear its name.
    is_prefixed: bool,
}

impl Names {
    /// Names from a token that nobody else has.
    pub fn of_token(token: &str) -> Self {
        Self::of(format!("{}-{token}", time()), token)
    }

    /// Names from a time text and a number that nobody else has drawn.
    pub fn from_parts(time: &str, number: u64) -> Self {
        let token: String = (0..10).map(|n| digit(number >> (5 * n))).collect();
        Self::of(format!("{time}-{token}"), &token)
    }

    /// What stands for the names of a run that is only spoken of.
    pub fn shown() -> Self {
        Self { run: "<run>".to_owned(), base: "<run>".to_owned(), is_prefixed: true }
    }

    fn of(run: String, token: &str) -> Self {
        Self { run, base: format!("cp_{token}"), is_prefixed: true }
    }

    /// The same, with topics that are called so.
    #[must_use]
    pub fn with(self, naming: &Naming) -> Self {
        Self { is_prefixed: naming.is_prefixed(), ..self }
    }

    /// Whether its topics bear its name; else they have exactly those of production.
    pub fn is_prefixed(&self) -> bool {
        self.is_prefixed
    }

    /// The source database.
    pub fn database(&self) -> String {
        format!("{}_source", self.base)
    }

    /// The database that replays the journal.
    pub fn shadow(&self) -> String {
        format!("{}_shadow", self.base)
    }

    /// The database that holds the fold of the input topics, if a sink diverges.
    pub fn topics_database(&self) -> String {
        format!("{}_topics", self.base)
    }

    /// The database that is the catalog of tables in object storage.
    pub fn catalog(&self) -> String {
        format!("{}_catalog", self.base)
    }

    /// The slot of a connector and its publication; connectors are counted from 0.
    pub fn connector_slot(&self, nth: usize) -> String {
        format!("{}_connector{}", self.base, counted(nth))
    }

    /// The role that owns the run's databases and runs the author's SQL.
    pub fn owner(&self) -> String {
        format!("{}_owner", self.base)
    }

    /// The role by which the connector reads.
    pub fn reader(&self) -> String {
        format!("{}_reader", self.base)
    }

    /// The journal's slot.
    pub fn journal_slot(&self) -> String {
        format!("{}_journal", self.base)
    }

    /// The journal's publication of the tables that have a replica identity.
    pub fn journal_all(&self) -> String {
        format!("{}_journal_all", self.base)
    }

    /// The journal's publication of the tables that have none.
    pub fn journal_inserts(&self) -> String {
        format!("{}_journal_inserts", self.base)
    }

    /// A connector's name on the Connect cluster; connectors are counted from 0.
    pub fn connector(&self, nth: usize) -> String {
        let counted = counted(nth);
        let joint = if counted.is_empty() { "" } else { "_" };
        format!("{}{joint}{counted}", self.base)
    }

    /// `pipeline.name` of the run's Flink jobs.
    pub fn job(&self) -> String {
        self.base.clone()
    }

    /// The content of a barrier, which no other barrier has.
    pub fn barrier(&self, number: u32) -> String {
        format!("{}:{number}", self.base)
    }

    /// The content of the barrier that stands before another one.
    pub fn before(&self, barrier: &str) -> String {
        format!("{barrier}:before")
    }

    /// The name on the broker of a topic that production calls `logical`.
    pub fn topic(&self, logical: &str) -> String {
        if self.is_prefixed { self.own(logical) } else { logical.to_owned() }
    }

    /// The run's own of something that production has under a name and that is no topic: a consumer
    /// group, the start of transactional ids.
    pub fn own(&self, name: &str) -> String {
        format!("{}.{name}", self.base)
    }
}

/// The number of what there may be several of; the first has none.
fn counted(nth: usize) -> String {
    if nth == 0 { String::new() } else { nth.saturating_add(1).to_string() }
}

fn time() -> String {
    let now = jiff::Timestamp::try_from(clock::now()).unwrap_or_default();
    now.strftime("%Y%m%d-%H%M%S").to_string()
}

fn digit(bits: u64) -> char {
    let index = usize::try_from(bits & 31).unwrap_or(0);
    char::from(DIGITS.get(index).copied().unwrap_or(b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_starts_with_the_run_and_fits_postgres() {
        let names = Names::from_parts("20250101-000000", 0x0123_4567_89ab_cdef);
        assert_eq!(names.base, "cp_ffkqt4yc5t");
        assert_eq!(names.run, "20250101-000000-ffkqt4yc5t");
        for name in [names.database(), names.topics_database(), names.journal_inserts()] {
            assert!(name.starts_with(&names.base) && name.len() < 64, "{name}");
        }
    }

    #[test]
    fn several_connectors_have_names_of_their_own() {
        let names = Names::from_parts("20250101-000000", 1);
        assert_eq!(names.connector(0), names.base);
        assert_eq!(names.connector(1), format!("{}_2", names.base));
        assert_eq!(names.connector_slot(0), format!("{}_connector", names.base));
        assert_eq!(names.connector_slot(2), format!("{}_connector3", names.base));
    }

    #[test]
    fn a_topic_bears_the_runs_name_or_that_of_production() {
        let names = Names::from_parts("20250101-000000", 1);
        assert_eq!(names.topic("cdc.public.orders"), format!("{}.cdc.public.orders", names.base));
        let names = names.with(&Naming::AsInProduction(Vec::new()));
        assert_eq!(names.topic("cdc.public.orders"), "cdc.public.orders");
        assert_eq!(names.own("group"), format!("{}.group", names.base));
        assert!(names.database().starts_with(&names.base));
    }
}
