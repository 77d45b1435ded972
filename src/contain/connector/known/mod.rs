//! Every documented option of a connector file, with what becomes of it: `docs/connector-options.md`
//! is made of this table.
//!
//! The table does nothing. Tests hold it against what does: the rule for options that name a place,
//! the list of options without a model, the map of the managed connector, and the lists of options
//! that the pinned jars and a running worker give.

mod connector;
mod managed;
mod plugins;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

pub use plugins::UNMODELLED;

/// What becomes of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// It is submitted as it is written, and what it does is known to the verdict.
    Modelled,
    /// It is submitted as it is written, and nothing that is judged depends on it.
    Idle,
    /// The run has a value of its own or leaves it out, and every report lists that.
    Replaced,
    /// It is refused, or makes the verdict `unknown`; either by name, with what to write instead.
    Refused,
}

impl Class {
    /// As the table shows it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Modelled => "modelled",
            Self::Idle => "no effect",
            Self::Replaced => "replaced",
            Self::Refused => "refused",
        }
    }
}

/// One option, or all that begin or end as its name does, a `*` standing for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// What becomes of it.
    pub class: Class,
    /// What it does, or why that is so; one clause.
    pub says: &'static str,
}

impl Known {
    /// Whether the option is meant.
    pub fn is(&self, option: &str) -> bool {
        match self.name.split_once('*') {
            Some((start, end)) => {
                option.len() >= start.len() + end.len()
                    && option.starts_with(start)
                    && option.ends_with(end)
            }
            None => self.name == option,
        }
    }
}

const fn modelled(name: &'static str, says: &'static str) -> Known {
    Known { name, class: Class::Modelled, says }
}

const fn idle(name: &'static str, says: &'static str) -> Known {
    Known { name, class: Class::Idle, says }
}

const fn replaced(name: &'static str, says: &'static str) -> Known {
    Known { name, class: Class::Replaced, says }
}

const fn refused(name: &'static str, says: &'static str) -> Known {
    Known { name, class: Class::Refused, says }
}

/// The options of one component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its heading.
    pub title: &'static str,
    /// The classes whose options these are, as a worker names them.
    pub classes: &'static [&'static str],
    /// They.
    pub options: &'static [Known],
}

impl Part {
    /// What becomes of an option of this component; the first entry that means it counts.
    pub fn option(&self, name: &str) -> Option<&'static Known> {
        self.options.iter().find(|known| known.is(name))
    }
}

/// The connector itself: Debezium's, with what Connect knows of any source connector.
pub const CONNECTOR: Part = Part {
    title: "Debezium's connector for Postgres, and Connect",
    classes: &["io.debezium.connector.postgresql.PostgresConnector"],
    options: connector::OPTIONS,
};

/// The managed connector.
pub const MANAGED: Part = Part {
    title: "Confluent's managed connector `PostgresCdcSourceV2`",
    classes: &[],
    options: managed::OPTIONS,
};

/// All parts.
pub fn parts() -> impl Iterator<Item = &'static Part> {
    [&CONNECTOR, &MANAGED].into_iter().chain(plugins::PARTS)
}

/// What stands before the tables.
const HEAD: &str = "\
# Options of connector files

What becomes of each option, made from the table in the code (`changeproof schema connector-options`).
Each is exactly one of:

| word | what becomes of it |
|---|---|
| modelled | It is submitted as it is written, and the verdict knows what it does. |
| no effect | It is submitted as it is written, and nothing that is judged depends on it. |
| replaced | The run has a value of its own, or leaves it out. Every report lists that, and so does `changeproof explain`. |
| refused | It is refused before anything starts, or the verdict is `unknown`. Either names the option and says what to write instead. |

An option that stands in no table is submitted as it is written if its value names no place outside of
the run; `lint` warns of one that Debezium does not know (`W0112`). A `*` stands for any rest. A file may
be flat or `{\"name\": …, \"config\": {…}}`, and its values may be texts, numbers, `true` and `false`.
";

/// The options that the pinned connector lists when a worker validates a configuration, one a line.
/// A test asks a running worker whether they still are.
pub const LISTED: &str = include_str!("../../../../infra/local/connector.options");

/// Options that it reads and does not list.
pub const UNLISTED: &[&str] = &[
    "create.slot.command.timeout",
    "custom.retriable.exception",
    "event.converting.failure.handling.mode",
    "field.name.adjustment.mode",
    "incremental.snapshot.allow.schema.changes",
    "money.fraction.digits",
    "offset.mismatch.strategy",
    "read.only",
    "skip.messages.without.change",
    "slot.seek.to.known.offset.on.start",
    "topic.cache.size",
    "topic.delimiter",
    "topic.heartbeat.name",
    "topic.heartbeat.prefix",
    "topic.key.enforce.uniqueness",
    "topic.key.field.name",
    "topic.key.field.regex",
    "topic.key.field.replacement",
    "topic.regex",
    "topic.replacement",
    "topic.transaction",
];

/// The page.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    for part in parts() {
        let Part { title, classes, options } = part;
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## {title}\n\n");
        if let [first, ..] = classes
            && *part != CONNECTOR
        {
            let package = first.rsplit_once('.').map_or(*first, |(package, _)| package);
            let names = classes.iter().map(|class| class.rsplit('.').next().unwrap_or(class));
            let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
            let _ = write!(page, "In `{package}`: {}.\n\n", names.join(", "));
        }
        page.push_str("| option | what becomes of it | |\n|---|---|---|\n");
        for Known { name, class, says } in *options {
            let _ = writeln!(page, "| `{name}` | {} | {says} |", class.word());
        }
    }
    page.push_str("\n## Transforms, predicates and converters that are refused\n\n");
    page.push_str("| class | what to write instead |\n|---|---|\n");
    for (class, cure) in UNMODELLED {
        let _ = writeln!(page, "| `{class}` | {cure} |");
    }
    page
}

/// Whether a converter, transform or predicate is refused, or makes the verdict `unknown`.
pub fn is_unmodelled(class: &str) -> bool {
    let known = UNMODELLED.iter().map(|(name, says)| refused(name, says));
    known.into_iter().any(|known| known.is(class))
}
