//! What is left out of a statement of the source DDL because the run has no such role, database or
//! tablespace, where leaving it out changes nothing that a run shows.

use super::command::{Command, folded};
use super::made::{Made, ROLE_WORDS};
use super::outside::used_tablespaces;
use crate::base::text::Span;

/// A part that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    /// Where it stands.
    pub(super) span: Span,
    /// Why: one clause.
    pub(super) why: String,
}

/// The parts to leave out, ascending; one that spans the whole command leaves it out.
pub(super) fn of(command: Command<'_>, made: &Made) -> Vec<Cut> {
    let tablespaces = tablespaces(command);
    if !tablespaces.is_empty() {
        return tablespaces;
    }
    let found = own(command, made)
        .or_else(|| database(command, made))
        .or_else(|| owner(command, made))
        .or_else(|| authorization(command, made))
        .or_else(|| named_role(command, made));
    found.map_or_else(|| lists(command, made), |cut| vec![cut])
}

fn whole(command: Command<'_>, why: String) -> Cut {
    Cut { span: command.span(0, command.0.len()), why }
}

fn no_role(name: &str) -> String {
    format!("the files create no role `{name}`")
}

/// What is there already, and what is about loading a dump or about the server alone.
fn own(command: Command<'_>, made: &Made) -> Option<Cut> {
    const LOGICAL: [&str; 3] = ["wal_level", "max_replication_slots", "max_wal_senders"];
    let makes = command.begins(&["CREATE", "DATABASE"]);
    let why = if makes && command.name(2).is_some_and(|(name, _)| made.is_own(&name)) {
        "the run's own database stands for it"
    } else if command.begins(&["CREATE", "SCHEMA", "PUBLIC"]) && command.0.len() == 3 {
        made.has_public().then_some("every database has it")?
    } else if command.begins(&["COMMENT", "ON", "EXTENSION"]) {
        "nobody reads what is said of an extension"
    } else if command.begins(&["SET", "transaction_timeout"]) {
        "it is a limit for whoever loads the dump, and older servers do not know it"
    } else if command.begins(&["ALTER", "SYSTEM", "SET"]) && command.is_any(3, &LOGICAL) {
        "the stack's server has what logical replication needs"
    } else {
        return None;
    };
    Some(whole(command, why.to_owned()))
}

/// A tablespace is a folder; where rows are stored does not show.
fn tablespaces(command: Command<'_>) -> Vec<Cut> {
    let why = || "the run has no tablespaces".to_owned();
    if command.is(0, "SET") && command.is_any(1, &["default_tablespace", "temp_tablespaces"]) {
        return vec![whole(command, why())];
    }
    let clauses = used_tablespaces(command).into_iter();
    let cut = |at: usize| {
        let before = at.checked_sub(1)?;
        if command.is(0, "ALTER") {
            let only = command.is(before, "SET") && command.0.len() == at + 2;
            return only.then(|| whole(command, why()));
        }
        let from = if command.is(before, "INDEX") { before.checked_sub(1)? } else { at };
        let makes = command.is(0, "CREATE") && !command.is(1, "DATABASE");
        makes.then(|| Cut { span: command.span(from, at + 2), why: why() })
    };
    clauses.filter_map(cut).collect()
}

/// What concerns a database that the run does not have and that nobody would notice.
fn database(command: Command<'_>, made: &Made) -> Option<Cut> {
    let at = if command.begins(&["COMMENT", "ON", "DATABASE"]) {
        3
    } else if command.begins(&["DROP", "DATABASE", "IF", "EXISTS"]) {
        4
    } else if command.begins(&["ALTER", "DATABASE"])
        && command.outside("SET").or_else(|| command.outside("RESET")).is_none()
    {
        2
    } else if command.is_any(0, &["GRANT", "REVOKE"]) {
        let on = command.outside("ON")?;
        command.is(on + 1, "DATABASE").then_some(on + 2)?
    } else {
        return None;
    };
    let (name, _) = command.name(at)?;
    let why = format!("the files create no database `{name}`");
    (!made.has_database(&name)).then(|| whole(command, why))
}

/// `ALTER … OWNER TO x`.
fn owner(command: Command<'_>, made: &Made) -> Option<Cut> {
    let at = command.outside("OWNER").filter(|n| command.is(n + 1, "TO"))?;
    let (name, end) = command.name(at + 2)?;
    let only = command.is(0, "ALTER") && end == command.0.len();
    (only && !made.has_role(&name)).then(|| whole(command, no_role(&name)))
}

/// `CREATE SCHEMA … AUTHORIZATION x`; without another name the schema is called like the role.
fn authorization(command: Command<'_>, made: &Made) -> Option<Cut> {
    let at = command.outside("AUTHORIZATION").filter(|_| command.begins(&["CREATE", "SCHEMA"]))?;
    let (name, end) = command.name(at + 1)?;
    let unnamed = at == 2 || command.is(at - 1, "EXISTS");
    let span = command.span(at, if unnamed { at + 1 } else { end });
    (!made.has_role(&name)).then(|| Cut { span, why: no_role(&name) })
}

/// A command about one role.
fn named_role(command: Command<'_>, made: &Made) -> Option<Cut> {
    let at = if command.is(0, "SET") {
        let at = 1 + usize::from(command.is_any(1, &["SESSION", "LOCAL"]));
        let is_role = command.is(at, "ROLE") || (at == 2 && command.is(at, "AUTHORIZATION"));
        is_role.then_some(at + 1)?
    } else if command.is(0, "ALTER") && command.is_any(1, &ROLE_WORDS) && !command.is(2, "MAPPING")
    {
        2
    } else if command.is(0, "COMMENT") || command.begins(&["SECURITY", "LABEL"]) {
        let on = command.outside("ON")?;
        command.is(on + 1, "ROLE").then_some(on + 2)?
    } else {
        return None;
    };
    let token = command.0.get(at)?;
    let name = folded(token).or_else(|| token.string())?;
    let is_there = made.has_role(&name) || token.is("DEFAULT");
    (!is_there).then(|| whole(command, no_role(&name)))
}

/// Lists of roles, of which some may not be there.
fn lists(command: Command<'_>, made: &Made) -> Vec<Cut> {
    let mut cuts = Vec::new();
    for list in starts(command).into_iter().filter_map(|from| from.map(|n| items(command, n))) {
        let gone: Vec<bool> = list.iter().map(|item| !made.has_role(&item.name)).collect();
        let Some(kept) = gone.iter().position(|gone| !gone) else {
            match list.first() {
                Some(first) => return vec![whole(command, no_role(&first.name))],
                None => continue,
            }
        };
        for (n, item) in list.iter().enumerate().filter(|(n, _)| gone.get(*n) == Some(&true)) {
            // With the comma that parts it from those that stay.
            let (from, to) = if n < kept {
                (item.start, list.get(n + 1).map_or(item.end, |next| next.start))
            } else {
                (
                    n.checked_sub(1).and_then(|n| list.get(n)).map_or(item.start, |one| one.end),
                    item.end,
                )
            };
            cuts.push(Cut { span: command.span(from, to), why: no_role(&item.name) });
        }
    }
    cuts.sort_by_key(|cut| cut.span);
    cuts
}

/// Where lists of roles begin.
fn starts(command: Command<'_>) -> [Option<usize>; 2] {
    let behind = |keyword: &str| command.outside(keyword).map(|n| n + 1);
    let to = behind("TO").or_else(|| behind("FROM"));
    if command.begins(&["ALTER", "DEFAULT", "PRIVILEGES"]) {
        let of = (3..5).find(|n| command.is(*n, "FOR") && command.is_any(n + 1, &ROLE_WORDS));
        return [of.map(|n| n + 2), to];
    }
    match command.object() {
        Some(1) if command.is(1, "POLICY") && !command.is(0, "DROP") => {
            let renames = command.outside("RENAME").is_some();
            [behind("TO").filter(|_| !renames), None]
        }
        Some(1) if command.is(0, "DROP") && command.is_any(1, &ROLE_WORDS) => {
            [Some(if command.is(2, "IF") { 4 } else { 2 }), None]
        }
        Some(1) if command.begins(&["DROP", "OWNED", "BY"]) => [Some(3), None],
        None if command.begins(&["REASSIGN", "OWNED", "BY"]) => [Some(3), behind("TO")],
        None if command.is_any(0, &["GRANT", "REVOKE"]) => {
            let membership = command.outside("ON").is_none();
            let granted = command.outside("FOR").map_or(1, |n| n + 1);
            [membership.then_some(granted), to]
        }
        Some(_) | None => [None; 2],
    }
}

/// One name of a list, from token to token.
#[derive(Debug)]
struct Item {
    name: String,
    start: usize,
    end: usize,
}

fn items(command: Command<'_>, from: usize) -> Vec<Item> {
    let mut items = Vec::new();
    let mut start = from;
    loop {
        let at = start + usize::from(command.is(start, "GROUP"));
        let Some(name) = command.0.get(at).and_then(folded) else { break };
        items.push(Item { name, start, end: at + 1 });
        if !command.0.get(at + 1).is_some_and(|token| token.is_symbol(",")) {
            break;
        }
        start = at + 2;
    }
    items
}
