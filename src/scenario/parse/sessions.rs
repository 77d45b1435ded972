//! What can be known of the sessions without running them: who waits, and who is left in a
//! transaction.

use std::collections::BTreeMap;

use super::Reader;
use super::timeline::Placed;
use crate::scenario::code::Code;
use crate::scenario::diagnose::At;
use crate::scenario::timeline::{Action, SessionEntry};
use crate::sql::postgres::{Kind, kind};

/// What is known of a session after some entries.
#[derive(Debug, Default)]
struct Session {
    /// The entry that opened the transaction it is in.
    transaction: Option<At>,
    /// The session it waits for, and since which entry.
    waits: Option<(String, At)>,
}

type Sessions = BTreeMap<String, Session>;

impl Reader<'_> {
    /// Reports use of a waiting session, an impossible `blocks_on`, and what is left open at the end.
    pub(super) fn check_sessions(&mut self, entries: &[Placed]) {
        let mut sessions = Sessions::new();
        for placed in entries {
            if let Action::Permute { of, .. } = &placed.entry.action {
                // In whatever order, each session runs its own entries in theirs.
                for entry in of {
                    if let Action::Session(entry) = &entry.action {
                        run(entry, &placed.main, &mut sessions);
                    }
                }
            }
            let Action::Session(entry) = &placed.entry.action else { continue };
            if let Some((blocker, _)) = sessions.get(&entry.session).and_then(|s| s.waits.clone()) {
                let message =
                    format!("session `{}` still waits for `{blocker}` here", entry.session);
                let help = format!("let `{blocker}` end its transaction first");
                self.error(Code::WaitingSession, &placed.main, message).help(help);
                continue;
            }
            let errors = self.diagnostics.len();
            if let Some(at) = &placed.blocks_on {
                self.check_blocks_on(entry, at, &sessions);
            }
            run(entry, &placed.main, &mut sessions);
            if self.diagnostics.len() > errors
                && let Some(session) = sessions.get_mut(&entry.session)
            {
                // A wait that cannot be is said once.
                session.waits = None;
            }
        }
        for (name, session) in &sessions {
            self.check_end(name, session);
        }
    }

    fn check_blocks_on(&mut self, entry: &SessionEntry, at: &At, sessions: &Sessions) {
        let Some(blocker) = &entry.blocks_on else { return };
        let known = sessions.get(blocker);
        let message = if *blocker == entry.session {
            format!("session `{blocker}` cannot wait for itself")
        } else if known.is_none() {
            format!("session `{blocker}` has run nothing yet, so that nothing can wait for it")
        } else if known.is_some_and(|session| {
            session.waits.as_ref().is_some_and(|(waits_for, _)| *waits_for == entry.session)
        }) {
            format!("`{blocker}` waits for `{}`: that would be a deadlock", entry.session)
        } else {
            return;
        };
        self.error(Code::BlocksOn, at, message)
            .help("`blocks_on` names another session that holds the lock in an open transaction");
    }

    fn check_end(&mut self, name: &str, session: &Session) {
        if let Some((blocker, at)) = &session.waits {
            let message = format!("session `{name}` waits for `{blocker}` to the end");
            let help = format!("end the transaction of `{blocker}` with COMMIT or ROLLBACK");
            self.error(Code::OpenTransaction, at, message).help(help);
        } else if let Some(at) = &session.transaction {
            let message = format!("session `{name}` is left in the transaction that begins here");
            let help = format!("end it: `- {name}: COMMIT` or `- {name}: ROLLBACK`");
            self.error(Code::OpenTransaction, at, message).help(help);
        }
    }
}

fn run(entry: &SessionEntry, at: &At, sessions: &mut Sessions) {
    let was_open = sessions.get(&entry.session).is_some_and(|s| s.transaction.is_some());
    let session = sessions.entry(entry.session.clone()).or_default();
    // An error aborts the transaction, and with that its locks are gone.
    let mut ended = !was_open || entry.error.is_some();
    for statement in &entry.statements {
        match kind(statement) {
            Kind::Begin => {
                session.transaction.get_or_insert_with(|| at.clone());
            }
            Kind::Chain => ended = true,
            Kind::Commit | Kind::Rollback | Kind::PrepareTransaction | Kind::EndPrepared => {
                session.transaction = None;
                ended = true;
            }
            Kind::Savepoint
            | Kind::RollbackTo
            | Kind::Copy
            | Kind::Ddl
            | Kind::OutsideBlock
            | Kind::Other => {}
        }
    }
    if let Some(blocker) = &entry.blocks_on {
        session.waits = Some((blocker.clone(), at.clone()));
    } else if ended {
        release(&entry.session, sessions);
    }
}

/// Lets go on who waits for `blocker`, and who waits for those that run to their end by that.
fn release(blocker: &str, sessions: &mut Sessions) {
    let mut freed = Vec::new();
    for (name, session) in sessions.iter_mut() {
        if session.waits.as_ref().is_some_and(|(waits_for, _)| waits_for == blocker) {
            session.waits = None;
            if session.transaction.is_none() {
                freed.push(name.clone());
            }
        }
    }
    for name in freed {
        release(&name, sessions);
    }
}
