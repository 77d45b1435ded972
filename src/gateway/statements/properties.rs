//! The properties of a statement: what they are to a session of Flink, and to the tables it reads.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::placed::Reads;
use crate::gateway::ids::Ids;

/// How often a job makes its results visible. The cloud's minute would only be waited for.
const CHECKPOINTS: &str = "250ms";

/// The properties, read.
#[derive(Debug, Clone)]
pub(super) struct Properties {
    /// Options of the session.
    pub(super) session: BTreeMap<String, String>,
    /// Options of the tables that are read.
    pub(super) reads: Reads,
    /// Only what the result would be is asked for.
    pub(super) is_dry_run: bool,
    /// What is there now is read, and no more.
    pub(super) is_bounded: bool,
}

impl Properties {
    /// Reads them; what is wrong is told all at once.
    pub(super) fn of(all: &BTreeMap<String, String>, ids: &Ids) -> Result<Self, Vec<String>> {
        let checkpoints = "execution.checkpointing.interval".to_owned();
        let mut found = Self {
            session: BTreeMap::from([(checkpoints, CHECKPOINTS.to_owned())]),
            reads: Reads::default(),
            is_dry_run: false,
            is_bounded: false,
        };
        found.session.insert("table.local-time-zone".to_owned(), "UTC".to_owned());
        let mut wrong = Vec::new();
        for (key, value) in all {
            wrong.extend(found.property(key, value, ids).err());
        }
        if wrong.is_empty() { Ok(found) } else { Err(wrong) }
    }

    fn property(&mut self, key: &str, value: &str, ids: &Ids) -> Result<(), String> {
        let mut session = |option: &str| {
            self.session.insert(option.to_owned(), value.to_owned());
            Ok(())
        };
        match key {
            "sql.state-ttl" => session("table.exec.state.ttl"),
            "sql.tables.scan.idle-timeout" => session("table.exec.source.idle-timeout"),
            "sql.local-time-zone" => {
                zone(value)?;
                session("table.local-time-zone")
            }
            "sql.current-catalog" => one_of(key, value, &[&ids.environment, Ids::ENVIRONMENT]),
            "sql.current-database" => one_of(key, value, &[&ids.cluster, Ids::CLUSTER]),
            "sql.dry-run" => {
                self.is_dry_run = value.eq_ignore_ascii_case("true");
                Ok(())
            }
            "sql.snapshot.mode" => {
                one_of(key, value, &["now", "off"])?;
                if value == "now" {
                    let mode = "scan.bounded.mode".to_owned();
                    self.reads.0.insert(mode, "latest-offset".to_owned());
                    self.is_bounded = true;
                }
                Ok(())
            }
            "sql.tables.scan.startup.mode" | "sql.tables.scan.startup.timestamp-millis" => {
                let option = key.trim_start_matches("sql.tables.").to_owned();
                self.reads.0.insert(option, value.to_owned());
                Ok(())
            }
            "sql.tables.scan.bounded.mode" | "sql.tables.scan.bounded.timestamp-millis" => {
                let option = key.trim_start_matches("sql.tables.").to_owned();
                self.reads.0.insert(option, value.to_owned());
                self.is_bounded |= key.ends_with("mode") && value != "unbounded";
                Ok(())
            }
            _ if key.starts_with("client.") => Ok(()),
            _ => Err(format!(
                "the property `{key}` is not known here; known are sql.current-catalog, \
                 sql.current-database, sql.dry-run, sql.local-time-zone, sql.snapshot.mode, \
                 sql.state-ttl and sql.tables.scan.*"
            )),
        }
    }
}

/// Whether a zone is one: by its name, or by its distance from Greenwich (`GMT-08:00`).
fn zone(name: &str) -> Result<(), String> {
    let offset = name.strip_prefix("GMT").or_else(|| name.strip_prefix("UTC"));
    let is_offset = offset.is_some_and(|offset| {
        let digits = offset.trim_start_matches(['+', '-']).split(':');
        offset.is_empty() || digits.clone().all(|part| part.parse::<u8>().is_ok())
    });
    if is_offset || TimeZone::get(name).is_ok() {
        return Ok(());
    }
    Err(format!("sql.local-time-zone={name}: write a zone's name, or GMT+hh:mm"))
}

fn one_of(key: &str, value: &str, known: &[&str]) -> Result<(), String> {
    if known.contains(&value) {
        return Ok(());
    }
    Err(format!("{key}={value}: write {}", known.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Properties, Vec<String>> {
        let ids = Ids::new().unwrap();
        let all = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Properties::of(&all.collect(), &ids)
    }

    #[test]
    fn properties_are_options_of_the_session_and_of_tables() {
        let found = read(&[
            ("sql.state-ttl", "1 d"),
            ("sql.local-time-zone", "GMT-07:30"),
            ("sql.current-catalog", "local"),
            ("sql.snapshot.mode", "now"),
        ])
        .unwrap();
        assert_eq!(found.session["table.exec.state.ttl"], "1 d");
        assert_eq!(found.reads.0["scan.bounded.mode"], "latest-offset");
        assert!(found.is_bounded && !found.is_dry_run);
        assert_eq!(found.session["table.local-time-zone"], "GMT-07:30");
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        let wrong = read(&[("sql.current-database", "other"), ("sql.nothing", "x")]).unwrap_err();
        assert_eq!(wrong.len(), 2, "{wrong:?}");
    }
}
