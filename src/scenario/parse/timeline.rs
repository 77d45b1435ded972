//! The timeline: one main key an entry, with its modifiers.

use super::Reader;
use super::catalogue::Catalogue;
use crate::base::limits::{self, exceeds, grouped};
use crate::base::text::Text;
use crate::scenario::code::Code;
use crate::scenario::diagnose::At;
use crate::scenario::scenario::Setting;
use crate::scenario::timeline::{Action, Condition, Entry, SessionEntry};
use crate::scenario::words::{
    AWAIT, CONDITION, CONDITION_MAP, FAULT, MAIN, MODIFIERS, PERMUTE, PRODUCE, SESSION, STOP,
    Words, listed, nearest, suggestion,
};
use crate::scenario::yaml::{Key, Node, Value};
use crate::sql::postgres::rounds;
use crate::sql::sqlstate::{CONDITIONS, sqlstate};
use crate::sql::token::Language;

/// The limit of an entry on the local stack, where none is written.
const WITHIN_MS: u64 = 30_000;

/// An entry with the places of what may be wrong with it only in the light of the others.
pub(super) struct Placed {
    pub entry: Entry,
    pub main: At,
    pub blocks_on: Option<At>,
}

/// What the entries are read in the light of.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// The places of the pipeline.
    pub catalogue: &'a Catalogue,
    /// The settings, the scenario's over the pipeline's.
    pub settings: &'a [Setting],
    /// The pipeline has statements.
    pub has_statements: bool,
    /// Something of the pipeline is written in transactions.
    pub has_transactions: bool,
}

impl Reader<'_> {
    /// The entries, with the `await: processed` that is always last.
    pub(super) fn timeline(&mut self, node: &Node, around: Around<'_>) -> Vec<Entry> {
        let mut items = self.list(node, "`timeline`").unwrap_or_default();
        if exceeds(items.len(), limits::TIMELINE) {
            let message = format!("the timeline has {} entries", items.len());
            let help = format!(
                "at most {}: `repeat` says the same entry many times",
                grouped(limits::TIMELINE)
            );
            self.error(Code::TooMuch, &node.at, message).help(help);
            items = &[];
        }
        let errors = self.diagnostics.len();
        let mut placed: Vec<Placed> =
            items.iter().filter_map(|item| self.entry(item, around)).collect();
        let is_last = |placed: &Placed| {
            matches!(placed.entry.action, Action::Await { condition: Condition::Processed, .. })
        };
        if !placed.last().is_some_and(is_last) {
            let condition = Condition::Processed;
            let action = Action::Await { condition, within_ms: WITHIN_MS };
            let main = placed.last().map_or_else(|| node.at.clone(), |last| last.main.clone());
            let entry = Entry { place: node.at.place.clone(), span: node.at.span, action };
            placed.push(Placed { entry, main, blocks_on: None });
        }
        if self.diagnostics.len() == errors {
            // With an entry missing, what the others do cannot be said.
            self.check_sessions(&placed);
            self.check_states(&placed, around);
            self.check_held(&placed, around);
        }
        placed.into_iter().map(|placed| placed.entry).collect()
    }

    fn entry(&mut self, node: &Node, around: Around<'_>) -> Option<Placed> {
        let entries = self.entries(node, "an entry of the timeline")?;
        let mains: Vec<&(Key, Node)> =
            entries.iter().filter(|(key, _)| is_main(&key.name)).collect();
        match mains.as_slice() {
            [] => {
                self.no_main(node, entries);
                None
            }
            [(key, value)] => {
                let modifiers: Vec<&(Key, Node)> =
                    entries.iter().filter(|(other, _)| other.name != key.name).collect();
                self.main((key, value), &modifiers, around)
            }
            [(first, _), (second, _), ..] => {
                let message = format!("the entry does both `{}` and `{}`", first.name, second.name);
                self.error(Code::NoMainKey, &second.at, message)
                    .help("write two entries, each beginning with `- `");
                None
            }
        }
    }

    fn no_main(&mut self, node: &Node, entries: &[(Key, Node)]) {
        let modifiers: Vec<&str> =
            SESSION.all().chain(AWAIT.all()).chain(MODIFIERS.all()).collect();
        let main = "a session (`a`, `b`, `s1`, …: one letter and digits, not `y` or `n`), `await`, or what \
             is done to a target (`kill`, `start`, …)";
        let stranger = entries.iter().find(|(key, _)| !modifiers.contains(&key.name.as_str()));
        let Some((key, _)) = stranger else {
            self.error(Code::NoMainKey, &node.at, "the entry does nothing")
                .help(format!("its main key is {main}"));
            return;
        };
        let (message, help) = if matches!(key.name.as_str(), "sleep" | "wait" | "pause_for") {
            let more = CONDITION_MAP.known.iter().filter(|word| !CONDITION.known.contains(word));
            let allowed = listed(CONDITION.known.iter().chain(more).copied());
            let help = format!("wait for a condition: `await:` with {allowed}");
            (format!("`{}`: nothing waits for a fixed time", key.name), help)
        } else {
            let words = MAIN.all().chain(modifiers.iter().copied());
            no_word(&key.name, nearest(&key.name, words), main)
        };
        self.error(Code::NoMainKey, &key.at, message).help(help);
    }

    fn main(
        &mut self,
        (key, value): (&Key, &Node),
        modifiers: &[&(Key, Node)],
        around: Around<'_>,
    ) -> Option<Placed> {
        let name = key.name.as_str();
        if MAIN.later.contains(&name) {
            let help = format!(
                "it belongs to the language; this version knows only sessions, {}",
                listed(MAIN.known.iter().copied())
            );
            let message = format!("`{name}` is not built yet");
            self.error(Code::NotBuilt, &key.at, message).help(help);
            return None;
        }
        let mut blocks_on = None;
        let action = match name {
            "await" => {
                let modifiers = self.modifiers(key, AWAIT, modifiers);
                let condition = self.condition(value, around);
                let within_ms = self.within(&modifiers)?;
                Action::Await { condition: condition?, within_ms }
            }
            "permute" => {
                let modifiers = self.modifiers(key, PERMUTE, modifiers);
                self.permute((key, value), &modifiers, around)?
            }
            "produce" => {
                let modifiers = self.modifiers(key, PRODUCE, modifiers);
                self.produce((key, value), &modifiers, around)?
            }
            "arm" => {
                self.modifiers(key, FAULT, modifiers);
                self.arm(value, around)?
            }
            "set" => {
                self.modifiers(key, FAULT, modifiers);
                self.change(value, around)?
            }
            "lose" | "drop" | "advance" | "recreate" => {
                self.modifiers(key, FAULT, modifiers);
                self.upset(key, value)?
            }
            "hold" | "release" => {
                self.modifiers(key, FAULT, modifiers);
                self.held(key, value, around)?
            }
            _ if MAIN.known.contains(&name) => {
                let words = if name == "stop" { STOP } else { FAULT };
                let modifiers = self.modifiers(key, words, modifiers);
                Action::Fault(self.fault((key, value), &modifiers, around)?)
            }
            _ => {
                let modifiers = self.modifiers(key, SESSION, modifiers);
                let blocker = modifiers.iter().find(|(key, _)| key.name == "blocks_on");
                blocks_on = blocker.map(|(_, node)| node.at.clone());
                Action::Session(self.session((key, value), &modifiers, around)?)
            }
        };
        let entry = Entry { place: key.at.place.clone(), span: key.at.span, action };
        Some(Placed { entry, main: key.at.clone(), blocks_on })
    }

    /// `permute: all`, or so many orders, `of` sessions' entries.
    fn permute(
        &mut self,
        (key, value): (&Key, &Node),
        modifiers: &[&(Key, Node)],
        around: Around<'_>,
    ) -> Option<Action> {
        let text = self.text(value, "`all`, or a number of orders")?;
        let count = match text.as_str() {
            "all" => None,
            _ => Some(self.count(value, "`all`, or a number of orders", limits::ORDERS)?),
        };
        let Some((_, node)) = modifiers.iter().find(|(key, _)| key.name == "of") else {
            self.error(Code::MissingKey, &key.at, "a `permute` has no `of`")
                .help("list the sessions' entries below `of:`");
            return None;
        };
        let mut of = Vec::new();
        for item in self.list(node, "`of`")? {
            let placed = self.entry(item, around)?;
            let Action::Session(mut session) = placed.entry.action else {
                self.error(Code::NoMainKey, &placed.main, "only sessions' entries have an order")
                    .help("write this before or after the `permute`");
                return None;
            };
            if let Some(at) = &placed.blocks_on {
                let message = "waits are found here, since they differ from order to order";
                self.error(Code::Modifier, at, message).help("leave `blocks_on` out");
                return None;
            }
            session.finds_waits = true;
            of.push(Entry { action: Action::Session(session), ..placed.entry });
        }
        let orders = crate::scenario::orders::count(&of);
        if count.is_none() && orders > limits::ORDERS {
            let orders = if orders == u64::MAX { "countless".to_owned() } else { grouped(orders) };
            let message = format!("these entries have {orders} orders");
            let help =
                format!("write how many of them are drawn, at most {}", grouped(limits::ORDERS));
            self.error(Code::TooMuch, &value.at, message).help(help);
            return None;
        }
        Some(Action::Permute { count, of })
    }

    /// The modifiers that belong to the main key.
    fn modifiers<'n>(
        &mut self,
        main: &Key,
        words: Words,
        modifiers: &[&'n (Key, Node)],
    ) -> Vec<&'n (Key, Node)> {
        let mut kept = Vec::new();
        for entry in modifiers {
            let (key, value) = entry;
            let name = key.name.as_str();
            let is_later = words.later.contains(&name);
            let elsewhere = MODIFIERS.all().chain(SESSION.all()).any(|word| word == name);
            if !words.known.contains(&name) && !is_later && elsewhere {
                let message = format!("`{name}` is no modifier of `{}`", main.name);
                let help = match words.known {
                    [] => format!("`{}` has none", main.name),
                    known => format!("allowed: {}", listed(known.iter().copied())),
                };
                self.error(Code::Modifier, &key.at, message).help(help);
            } else if self.allows(words, key) {
                if matches!(&value.value, Value::Scalar(scalar) if scalar.is_null()) {
                    self.no_value(key);
                } else {
                    kept.push(*entry);
                }
            }
        }
        kept
    }

    fn within(&mut self, modifiers: &[&(Key, Node)]) -> Option<u64> {
        match modifiers.iter().find(|(key, _)| key.name == "within") {
            Some((_, node)) => self.duration(node),
            None => Some(WITHIN_MS),
        }
    }

    fn session(
        &mut self,
        (key, value): (&Key, &Node),
        modifiers: &[&(Key, Node)],
        around: Around<'_>,
    ) -> Option<SessionEntry> {
        let get = |name: &str| modifiers.iter().find(|(key, _)| key.name == name).map(|(_, n)| n);
        let statements = self.session_sql(value);
        let rounds = match get("repeat") {
            Some(node) => self.count(node, "a number of rounds", limits::ROUNDS),
            None => Some(1),
        };
        let until = get("until").map(|node| self.condition(node, around));
        if let (Some(node), true) = (get("repeat"), until.is_some()) {
            let message = "`repeat` and `until` both say how often";
            self.error(Code::Modifier, &node.at, message).help("keep one of them");
        }
        if get("repeat").is_none() && until.is_none() {
            statements.iter().flatten().for_each(|statement| self.no_round(statement));
        }
        let error = get("error").map(|node| self.sqlstate(node));
        let blocks_on = get("blocks_on").map(|node| self.text(node, "a session"));
        let within_ms = self.within(modifiers);
        Some(SessionEntry {
            session: key.name.clone(),
            statements: statements?,
            blocks_on: match blocks_on {
                Some(blocks_on) => Some(blocks_on?),
                None => None,
            },
            error: match error {
                Some(error) => Some(error?),
                None => None,
            },
            rounds: rounds?,
            until: match until {
                Some(until) => Some(until?),
                None => None,
            },
            within_ms: within_ms?,
            finds_waits: false,
        })
    }

    fn session_sql(&mut self, node: &Node) -> Option<Vec<Text>> {
        let scalar = self.scalar(node, "SQL")?;
        let written = scalar.text.value.trim();
        if !written.contains(char::is_whitespace) && written.to_lowercase().ends_with(".sql") {
            let message = "a session's SQL is written in the timeline, not named by a path";
            self.error(Code::BadValue, &node.at, message)
                .help("only `source`, `setup`, `statements` and references take a path");
            return None;
        }
        Some(self.inline(scalar, &node.at, Language::Postgres)?.statements)
    }

    fn no_round(&mut self, statement: &Text) {
        if let Some(span) = rounds(statement).first() {
            let message = "`:i` is the round of `repeat` or `until`, and this entry has neither";
            self.error(Code::Round, &At::of(statement, *span), message)
                .help("write `repeat: N` below it");
        }
    }

    fn sqlstate(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "a SQLSTATE or a condition's name")?;
        let code = sqlstate(&text).map(str::to_owned);
        if code.is_none() {
            let message = format!("`{text}` is neither a SQLSTATE nor a condition's name");
            let near = nearest(&text, CONDITIONS.iter().map(|(name, _)| *name));
            let help = match near {
                Some(_) => suggestion(&text, near),
                None => "write the five letters and digits of the SQLSTATE, e.g. `23505`, or a \
                         name such as `unique_violation`"
                    .to_owned(),
            };
            self.error(Code::BadValue, &node.at, message).help(help);
        }
        code
    }
}

/// What to say of a key that is neither a session nor a word.
fn no_word(name: &str, nearest: Option<&str>, main: &str) -> (String, String) {
    let message = format!("`{name}` is no session and no word of the timeline");
    let lower = name.to_lowercase();
    if matches!(lower.as_str(), "y" | "n") {
        let message = format!(
            "`{name}` names no session: readers of YAML 1.1 take it for the word `{}`",
            if lower == "y" { "yes" } else { "no" }
        );
        return (message, "name the session by another letter, such as `a` or `s1`".to_owned());
    }
    let help = match nearest {
        Some(word) => format!("did you mean `{word}`? the main key is {main}"),
        None if is_session(&lower) => {
            format!("did you mean the session `{lower}`? the main key is {main}")
        }
        None => format!("the main key is {main}"),
    };
    (message, help)
}

fn is_main(name: &str) -> bool {
    is_session(name) || MAIN.all().any(|word| word == name)
}

/// One letter and digits, and nothing that YAML 1.1 reads as a bool.
fn is_session(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first.is_ascii_lowercase())
        && chars.all(|digit| digit.is_ascii_digit())
        && !matches!(name, "y" | "n")
}
