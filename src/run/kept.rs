//! What a run that did not pass keeps on the stack, if it was asked to: databases, topics and the
//! session of its statements. Whatever moves is ended, so that people find what was judged.

use std::io::Write as _;

use camino::Utf8Path;
use fs_err::OpenOptions;
use fs_err::os::unix::fs::OpenOptionsExt as _;

use super::cleanup::KeptParts;
use super::outcome::Stop;
use super::prepare::Run;
use crate::base::exit::Exit;
use crate::check::verdict::Verdict;
use crate::client::reach::{Postgres, Reach};
use crate::report::Kept;

/// Whether a run that ended so is kept: what passed, was not run or was interrupted is not.
pub(super) fn is_wanted(run: &Run<'_>, stop: Option<&Stop>, verdict: Option<&Verdict>) -> bool {
    let exit = stop.and_then(Stop::exit).or_else(|| verdict.map(Verdict::exit));
    let is_kept = match exit {
        Some(Exit::Pass | Exit::NothingRun | Exit::Interrupted | Exit::Usage) => false,
        Some(_) => true,
        None => false,
    };
    is_kept && run.context.keep_run
}

/// Keeps it; gives where to look, and what went wrong.
pub(super) async fn keep(run: &Run<'_>) -> (Vec<Kept>, Vec<String>) {
    let (parts, mut left) = run.tools.created.keep(run.site()).await;
    let held = run.claim.keep().and_then(|()| run.context.lease.hold());
    left.extend(held.err().map(|error| format!("what the run made will be removed: {error}")));
    let passwords = run.claim.folder.join("pgpass");
    let written = write_passwords(run, &passwords);
    left.extend(written.err().map(|error| format!("psql will ask for a password: {error}")));
    (places(run, &parts, &passwords), left)
}

/// The passwords of the servers as psql reads them, in a file of this user alone that goes with the
/// claim.
fn write_passwords(run: &Run<'_>, file: &Utf8Path) -> std::io::Result<()> {
    // A colon and a backslash have a meaning there.
    let plain = |text: &str| text.replace('\\', "\\\\").replace(':', "\\:");
    let line = |at: &Reach| {
        let Postgres { at, user, password, .. } = &at.postgres;
        let (host, port) = (plain(&at.outside.host), at.outside.port);
        format!("{host}:{port}:*:{}:{}\n", plain(user), plain(&password.0))
    };
    let text = line(run.context.reach()) + &line(run.context.mirror());
    let mut opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    opened.write_all(text.as_bytes())
}

/// Where to look at what was kept, each with the command that does.
fn places(run: &Run<'_>, parts: &KeptParts, passwords: &Utf8Path) -> Vec<Kept> {
    let (reach, names) = (run.context.reach(), &run.names);
    let database = |name: &String| {
        let is_source = *name == names.database();
        let (what, at) = if is_source {
            ("the source database", reach)
        } else if *name == names.shadow() {
            ("its tables as the journal tells them", run.context.mirror())
        } else {
            ("its tables as the topics tell them", run.context.mirror())
        };
        Kept { what: what.to_owned(), look: psql(at, name, passwords) }
    };
    let topic = |name: &String| Kept {
        what: format!("the topic {name}"),
        look: format!("kcat -C -e -b {} -t {name}", reach.kafka.outside.bootstrap),
    };
    let session = |address: &String| Kept {
        what: "the session with the tables of the statements".to_owned(),
        look: format!("curl -X POST {address}/statements -d '{{\"statement\": \"SHOW TABLES\"}}'"),
    };
    let databases = parts.databases.iter().map(database);
    databases
        .chain(parts.topics.iter().map(topic))
        .chain(parts.session.iter().map(session))
        .collect()
}

fn psql(at: &Reach, database: &str, passwords: &Utf8Path) -> String {
    let Postgres { at, user, .. } = &at.postgres;
    format!("PGPASSFILE={passwords} psql postgres://{user}@{}/{database}", at.outside)
}
