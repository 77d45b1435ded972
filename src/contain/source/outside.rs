//! Commands that reach out of the run: files, programs, libraries, other servers, the settings of
//! the server itself.

use super::calls;
use super::command::{Command, folded};
use super::made::Made;
use crate::base::text::Span;
use crate::sql::token::{Kind, Token};

/// A part of a command that reaches out of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outside {
    /// Where it stands.
    pub(super) span: Span,
    /// What it does, and why that is refused.
    pub(super) message: String,
    /// What to write instead.
    pub(super) help: String,
}

impl Outside {
    pub(super) fn new(span: Span, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: help.into() }
    }
}

/// Languages that Postgres lets anybody write in: they reach nothing but the database.
const TRUSTED: [&str; 5] = ["sql", "plpgsql", "plperl", "pltcl", "plv8"];

/// Extensions that reach other servers, files or programs; so does every `…_fdw`.
const REACHING: [&str; 21] = [
    "adminpack",
    "aws_commons",
    "aws_lambda",
    "aws_s3",
    "azure_storage",
    "dblink",
    "http",
    "oracle_fdw",
    "orafce",
    "pg_background",
    "pg_cron",
    "pg_curl",
    "pg_net",
    "pg_task",
    "pgagent",
    "pglogical",
    "pljava",
    "plperlu",
    "plproxy",
    "plsh",
    "pltclu",
];

/// Rights that reach files, programs and other servers.
const REACHING_ROLES: [&str; 4] = [
    "pg_execute_server_program",
    "pg_read_server_files",
    "pg_write_server_files",
    "pg_create_subscription",
];

/// Parameters whose value is a file, a folder or a library of the server.
const PLACES: [&str; 8] = [
    "dynamic_library_path",
    "extension_control_path",
    "jit_provider",
    "local_preload_libraries",
    "session_preload_libraries",
    "shared_preload_libraries",
    "log_directory",
    "log_filename",
];

/// Parameters whose value is a tablespace; an empty one is the database's own.
const TABLESPACES: [&str; 2] = ["default_tablespace", "temp_tablespaces"];

/// Everything in a command that reaches out of the run.
pub(super) fn find(command: Command<'_>) -> Vec<Outside> {
    let mut found: Vec<Outside> = [
        copy(command),
        load(command),
        foreign(command),
        subscription(command),
        system(command),
        extension(command),
        language(command),
        set(command),
        rights(command),
    ]
    .into_iter()
    .flatten()
    .collect();
    found.extend(tablespaces(command));
    calls::find(command, &mut found);
    found
}

/// `COPY` from or to a file or a program.
fn copy(command: Command<'_>) -> Option<Outside> {
    if !command.is(0, "COPY") {
        return None;
    }
    let mut directions = command.depths().filter(|(_, depth, _)| *depth == 0);
    let direction = directions.find(|(_, _, token)| token.is("FROM") || token.is("TO"))?.0;
    let span = command.span(direction, direction + 2);
    let target = command.0.get(direction + 1)?;
    let what = if target.is("PROGRAM") {
        "runs a program of the server's machine"
    } else if target.kind == Kind::Text {
        "is about a file of the server's machine"
    } else {
        return None;
    };
    let help = if command.is(direction, "FROM") {
        "write the rows as INSERT, or as `COPY … FROM STDIN;` with its data lines below"
    } else {
        "leave it out: a run keeps what it saw in its own folder"
    };
    Some(Outside::new(span, format!("this COPY {what}, which is outside of the run"), help))
}

fn load(command: Command<'_>) -> Option<Outside> {
    let library = command.0.get(1).is_some_and(|token| token.kind == Kind::Text);
    (command.is(0, "LOAD") && library).then(|| {
        let message = "`LOAD` loads a library of the server's machine, which is outside of the run";
        Outside::new(command.span(0, 2), message, "leave it out")
    })
}

/// Other servers and their tables.
fn foreign(command: Command<'_>) -> Option<Outside> {
    const KINDS: [&[&str]; 5] = [
        &["SERVER"],
        &["FOREIGN", "TABLE"],
        &["FOREIGN", "DATA", "WRAPPER"],
        &["FOREIGN", "SCHEMA"],
        &["USER", "MAPPING"],
    ];
    if !command.is_any(0, &["CREATE", "ALTER", "IMPORT"]) {
        return None;
    }
    let kind = KINDS.iter().find(|words| command.from(1).begins(words))?;
    let what = kind.join(" ");
    let verb = command.0.first()?.text.to_uppercase();
    Some(Outside::new(
        command.span(0, 1 + kind.len()),
        format!("`{verb} {what}` is about another server, which is outside of the run"),
        "create the table itself in the source DDL, and write its rows in `setup`",
    ))
}

fn subscription(command: Command<'_>) -> Option<Outside> {
    (command.is_any(0, &["CREATE", "ALTER"]) && command.is(1, "SUBSCRIPTION")).then(|| {
        Outside::new(
            command.span(0, 2),
            "a subscription connects to another server, which is outside of the run",
            "leave it out, and write as a session of the timeline what it would bring",
        )
    })
}

/// Tablespaces, which are folders: made, or used.
fn tablespaces(command: Command<'_>) -> Vec<Outside> {
    if command.is_any(0, &["CREATE", "ALTER"]) && command.is(1, "TABLESPACE") {
        let message = "a tablespace is a folder of the server's machine, outside of the run";
        return vec![Outside::new(command.span(0, 2), message, "leave it out")];
    }
    let clauses = used_tablespaces(command).into_iter().filter_map(|clause| {
        let (name, _) = command.name(clause + 1)?;
        Some(Outside::new(
            command.span(clause, clause + 2),
            format!("the tablespace `{name}` is a folder that the run does not have"),
            "leave the clause out: where rows are stored does not change what a run shows",
        ))
    });
    clauses.collect()
}

/// The places of clauses `TABLESPACE name` in what makes or moves a table, an index or a database.
pub(super) fn used_tablespaces(command: Command<'_>) -> Vec<usize> {
    // What stands before a column or an object of that name.
    const NAMES: [&str; 12] = [
        "ADD", "ALTER", "AS", "COLUMN", "DROP", "EXISTS", "INDEX", "ON", "ONLY", "RENAME", "TABLE",
        "TO",
    ];
    const OWN: [&str; 2] = ["pg_default", "pg_global"];
    let about = match command.object() {
        Some(object) => command.is_any(object, &["TABLE", "INDEX", "VIEW", "DATABASE"]),
        None => command.is(0, "REINDEX"),
    };
    let query = command.outside("SELECT").unwrap_or(usize::MAX);
    let is_clause = |(n, depth, token): (usize, usize, &Token<'_>)| {
        let before = n.checked_sub(1)?;
        let of_index = n.checked_sub(2).is_some_and(|n| command.is(n, "USING"));
        let named = command.is_any(before, &NAMES) && !(of_index && command.is(before, "INDEX"));
        let inside = depth > 0 && !of_index && !command.is(0, "REINDEX");
        let name = folded(command.0.get(n + 1)?)?;
        let is_clause = token.is("TABLESPACE") && n < query && !named && !inside;
        (about && is_clause && !OWN.contains(&name.as_str())).then_some(n)
    };
    command.depths().filter_map(is_clause).collect()
}

fn system(command: Command<'_>) -> Option<Outside> {
    command.begins(&["ALTER", "SYSTEM"]).then(|| {
        Outside::new(
            command.span(0, 2),
            "`ALTER SYSTEM` changes the server that other runs share, and stays",
            "write the option under `settings.postgres`: the scenario gets a server of its own",
        )
    })
}

fn extension(command: Command<'_>) -> Option<Outside> {
    if !command.begins(&["CREATE", "EXTENSION"]) {
        return None;
    }
    let at = if command.from(2).begins(&["IF", "NOT", "EXISTS"]) { 5 } else { 2 };
    let (name, end) = command.name(at)?;
    let is_untrusted = name.ends_with("_fdw") || name.ends_with("python3u");
    (is_untrusted || REACHING.contains(&name.as_str())).then(|| {
        Outside::new(
            command.span(at, end),
            format!("the extension `{name}` reaches files, programs or servers outside of the run"),
            "leave it out, and write plain tables for what it gives access to",
        )
    })
}

/// Code in a language that may do whatever the server's process may.
fn language(command: Command<'_>) -> Option<Outside> {
    let makes = command.is(0, "CREATE").then(|| command.object()).flatten();
    let at = match makes {
        Some(object) if command.is_any(object, &["FUNCTION", "PROCEDURE"]) => {
            command.outside("LANGUAGE")? + 1
        }
        Some(object) if command.is(object, "LANGUAGE") => object + 1,
        None if command.is(0, "DO") => command.outside("LANGUAGE")? + 1,
        Some(_) | None => return None,
    };
    let token = command.0.get(at)?;
    let name = folded(token).or_else(|| token.string().map(|name| name.to_lowercase()))?;
    (!TRUSTED.contains(&name.as_str())).then(|| {
        Outside::new(
            command.span(at, at + 1),
            format!(
                "code in `{name}` may do whatever the server's process may, outside of the run too"
            ),
            format!("write it in one of {}", TRUSTED.join(", ")),
        )
    })
}

/// A parameter of a database that the files do not make: production's, by its name.
pub(super) fn database(command: Command<'_>, made: &Made) -> Option<Outside> {
    let (name, end) = command.name(2).filter(|_| command.begins(&["ALTER", "DATABASE"]))?;
    (!made.has_database(&name)).then(|| {
        Outside::new(
            command.span(0, end),
            format!("the run has another database than `{name}`"),
            "write the parameter under `settings.postgres`, or set it in the sessions",
        )
    })
}

/// `SET` of a parameter, by itself, or for a role, a database or a routine.
fn set(command: Command<'_>) -> Option<Outside> {
    let at = if command.is(0, "SET") {
        0
    } else if command.is_any(0, &["ALTER", "CREATE"]) {
        command.outside("SET")?
    } else {
        return None;
    };
    let name = at + 1 + usize::from(command.is_any(at + 1, &["SESSION", "LOCAL"]));
    let parameter = folded(command.0.get(name)?)?;
    let value = command.from(name + 2);
    let given = value.0.first().and_then(|token| token.string().or_else(|| folded(token)));
    setting(&parameter, &given.unwrap_or_default(), command.span(at, name + 1))
}

/// A parameter that names a place, with the value it gets.
pub(super) fn setting(parameter: &str, value: &str, span: Span) -> Option<Outside> {
    let own = ["", "default", "pg_default", "pg_global"];
    let is_tablespace = TABLESPACES.contains(&parameter) && !own.contains(&value);
    (PLACES.contains(&parameter) || is_tablespace).then(|| {
        Outside::new(
            span,
            format!("`{parameter}` names a place of the server's machine, outside of the run"),
            "leave it out",
        )
    })
}

/// Rights over files and programs, and the right to everything.
fn rights(command: Command<'_>) -> Option<Outside> {
    let grants = command.is(0, "GRANT");
    let about_roles =
        grants || command.object().is_some_and(|n| command.is_any(n, &["ROLE", "USER", "GROUP"]));
    if !about_roles || command.is(0, "DROP") {
        return None;
    }
    let reaching = |token: &Token<'_>| {
        let name = folded(token).unwrap_or_default();
        REACHING_ROLES.contains(&name.as_str()) || (!grants && token.is("SUPERUSER"))
    };
    let at = command.0.iter().position(reaching)?;
    let name = command.0.get(at)?.text;
    Some(Outside::new(
        command.span(at, at + 1),
        format!("`{name}` gives rights over files, programs or servers outside of the run"),
        "leave it out; a connector needs `REPLICATION`, and the right to read its tables",
    ))
}
