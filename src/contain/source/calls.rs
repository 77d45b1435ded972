//! Functions of Postgres that reach out of the database they are called in.

use super::command::{Command, folded};
use super::outside::Outside;
use crate::sql::token::{Kind, Token};

/// What is behind a function, and what to write instead.
type Reason = (&'static str, &'static str);

const FILES: Reason = (
    "reads or writes files of the server, which are outside of the run",
    "write the value itself in the place of the call",
);
const HOSTS: Reason = (
    "connects to another server, which is outside of the run",
    "create the other server's tables in the source DDL and fill them in `setup`",
);
const SLOTS: Reason = (
    "is about replication slots, which belong to the whole server",
    "leave it out: the run makes and removes its own slots; `kill` and `stop` of `connector` or \
     `postgres` disturb them",
);
const SERVER: Reason = (
    "acts on the whole server, which other runs share",
    "leave it out; `kill`, `pause`, `stop` and `start` of `postgres` act on the server",
);

/// Names of functions; a `*` at the end stands for any rest.
const REFUSED: &[(&str, Reason)] = &[
    ("pg_read_file*", FILES),
    ("pg_read_binary_file*", FILES),
    ("pg_ls_*", FILES),
    ("pg_stat_file", FILES),
    ("pg_file_*", FILES),
    ("pg_logdir_ls", FILES),
    ("pg_current_logfile", FILES),
    ("pg_import_system_collations", FILES),
    ("lo_import", FILES),
    ("lo_export", FILES),
    ("be_lo_import", FILES),
    ("be_lo_export", FILES),
    ("dblink*", HOSTS),
    ("pg_create_logical_replication_slot", SLOTS),
    ("pg_create_physical_replication_slot", SLOTS),
    ("pg_copy_logical_replication_slot", SLOTS),
    ("pg_copy_physical_replication_slot", SLOTS),
    ("pg_drop_replication_slot", SLOTS),
    ("pg_replication_slot_advance", SLOTS),
    ("pg_logical_slot_*", SLOTS),
    ("pg_sync_replication_slots", SLOTS),
    ("pg_replication_origin_*", SLOTS),
    ("pg_reload_conf", SERVER),
    ("pg_rotate_logfile*", SERVER),
    ("pg_promote", SERVER),
    ("pg_wal_replay_*", SERVER),
    ("pg_backup_*", SERVER),
    ("pg_start_backup", SERVER),
    ("pg_stop_backup", SERVER),
    ("pg_create_restore_point", SERVER),
    ("pg_switch_wal", SERVER),
    ("pg_stat_reset_shared", SERVER),
    ("pg_stat_reset_slru", SERVER),
    ("pg_stat_reset_replication_slot", SERVER),
];

/// What stands before a name that is not called, although a parenthesis follows it.
const NAMED: [&str; 16] = [
    "TABLE",
    "INTO",
    "EXISTS",
    "REFERENCES",
    "ONLY",
    "ON",
    "COPY",
    "VIEW",
    "WITH",
    "RECURSIVE",
    "INDEX",
    "TYPE",
    "UPDATE",
    "ADD",
    "COLUMN",
    "AS",
];

/// The calls of a command that reach out.
pub(super) fn find(command: Command<'_>, found: &mut Vec<Outside>) {
    for (n, pair) in command.0.windows(2).enumerate() {
        let [name, open] = pair else { continue };
        if !open.is_symbol("(") || !matches!(name.kind, Kind::Word | Kind::Name) {
            continue;
        }
        let Some(called) = folded(name) else { continue };
        let schema = schema(command.0, n);
        let first = n - if schema.is_some() { 2 } else { 0 };
        let before = first.checked_sub(1).and_then(|n| command.0.get(n));
        if before.is_some_and(|token| NAMED.iter().any(|word| token.is(word))) {
            continue;
        }
        let reason = reason(&called);
        found.extend(reason.map(|(what, help)| {
            let shown =
                schema.map_or_else(|| called.clone(), |schema| format!("{schema}.{called}"));
            Outside::new(command.span(first, n + 1), format!("`{shown}` {what}"), help)
        }));
        marks(command.from(n), &called, found);
    }
}

/// The schema that stands before the name at `n`.
fn schema(tokens: &[Token<'_>], n: usize) -> Option<String> {
    let dot = tokens.get(n.checked_sub(1)?)?;
    dot.is_symbol(".").then(|| tokens.get(n.checked_sub(2)?).and_then(folded)).flatten()
}

/// Why a function is refused. An extension's own are not there without its `CREATE EXTENSION`.
fn reason(called: &str) -> Option<Reason> {
    let found = REFUSED.iter().find(|(name, _)| match name.strip_suffix('*') {
        Some(start) => called.starts_with(start),
        None => called == *name,
    });
    found.map(|(_, reason)| *reason)
}

/// A setting that names a file, and a message that bears a mark of the run's own.
fn marks(call: Command<'_>, called: &str, found: &mut Vec<Outside>) {
    let text = |n: usize| call.0.get(n).and_then(Token::string).unwrap_or_default();
    let last = call.depths().find(|(n, depth, _)| *n > 1 && *depth == 0).map_or(2, |(n, ..)| n);
    match called {
        "set_config" => found.extend(super::outside::setting(
            &text(2).to_lowercase(),
            &text(4),
            call.span(0, last + 1),
        )),
        "pg_logical_emit_message" if call.from(0).has_text("changeproof.", last) => {
            let message =
                "a message with the prefix `changeproof.` bears the mark of the run's own";
            let help = "give the message another prefix";
            found.push(Outside::new(call.span(0, last + 1), message.to_owned(), help));
        }
        _ => {}
    }
}
