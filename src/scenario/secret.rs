//! The secrets of a trial: which they are, and the trial without them, as it is recorded.

use super::pipeline::{Pipeline, Sink};
use super::settings::{Cell, Options, Settings};
use super::timeline::{Action, Entry};
use super::trial::Trial;
use crate::base::secret::{Secrets, redacted_value};
use crate::base::text::Text;
use crate::sql::secret::{learn, masked};
use crate::sql::token::Language;

impl Trial {
    /// What the author's files of this trial hold of secrets.
    pub fn secrets(&self) -> Secrets {
        let mut secrets = Secrets::none();
        let files = self.pipeline.connectors.iter().flat_map(|file| file.options.clone());
        let set = self.settings_in_turn();
        let of_settings = set.flat_map(|settings| options(settings).into_iter().flatten());
        for (key, value) in files.chain(of_settings) {
            secrets.learn_value(&key, &value);
        }
        for text in &self.pipeline.statements {
            learn(&mut secrets, Language::Flink, &text.value);
        }
        let mut of_sessions = Vec::new();
        self.timeline.iter().for_each(|entry| statements(entry, &mut of_sessions));
        let source = self.pipeline.source.iter().chain(&self.setup).chain(of_sessions);
        for text in source.chain(references(&self.pipeline)) {
            learn(&mut secrets, Language::Postgres, &text.value);
        }
        secrets
    }

    /// The same trial with every secret overwritten. Keys, and every place in a text, stay.
    #[must_use]
    pub fn masked(&self) -> Self {
        let known = self.secrets();
        let postgres = |text: &mut Text| *text = masked(Language::Postgres, text, &known);
        let mut trial = self.clone();
        let Pipeline { source, connectors, statements, sinks, .. } = &mut trial.pipeline;
        source.iter_mut().for_each(&postgres);
        for text in statements.iter_mut() {
            *text = masked(Language::Flink, text, &known);
        }
        for sink in sinks.values_mut() {
            if let Sink::Judged { reference, .. } = sink {
                postgres(reference);
            }
        }
        for file in connectors {
            file.options = hidden(&file.options, &known);
        }
        hide_settings(&mut trial.settings, &known);
        trial.cell = trial.cell.hidden();
        trial.setup.iter_mut().for_each(&postgres);
        trial.timeline.iter_mut().for_each(|entry| hide_entry(entry, &known));
        trial
    }
}

impl Cell {
    /// The same with the values of secrets hidden.
    #[must_use]
    pub fn hidden(&self) -> Self {
        let hide = |(axis, value): &(String, String)| {
            (axis.clone(), redacted_value(axis, value).into_owned())
        };
        Self(self.0.iter().map(hide).collect())
    }
}

/// The options with the values of secrets hidden, and those that are known; every key stays. What is
/// all of a harmless key's value is that key's own: a user may be called as the password is.
pub fn hidden(options: &Options, known: &Secrets) -> Options {
    let hide = |(key, value): (&String, &String)| {
        let value = redacted_value(key, value).into_owned();
        let is_own = known.knows(&value);
        let value = if is_own { value } else { known.known_hidden(&value).into_owned() };
        (key.clone(), value)
    };
    options.iter().map(hide).collect()
}

fn references(pipeline: &Pipeline) -> impl Iterator<Item = &Text> {
    pipeline.sinks.values().filter_map(|sink| match sink {
        Sink::Judged { reference, .. } => Some(reference),
        Sink::Unjudged => None,
    })
}

/// The SQL of an entry's sessions.
fn statements<'a>(entry: &'a Entry, found: &mut Vec<&'a Text>) {
    match &entry.action {
        Action::Session(session) => found.extend(&session.statements),
        Action::Permute { of, .. } => of.iter().for_each(|entry| statements(entry, found)),
        Action::Await { .. }
        | Action::Fault(_)
        | Action::Arm { .. }
        | Action::Upset(_)
        | Action::Hold { .. }
        | Action::Release { .. }
        | Action::Produce(_)
        | Action::Set(_) => {}
    }
}

fn hide_entry(entry: &mut Entry, known: &Secrets) {
    match &mut entry.action {
        Action::Session(session) => {
            let statements = session.statements.iter_mut();
            statements.for_each(|text| *text = masked(Language::Postgres, text, known));
        }
        Action::Permute { of, .. } => of.iter_mut().for_each(|entry| hide_entry(entry, known)),
        Action::Set(settings) => hide_settings(settings, known),
        Action::Await { .. }
        | Action::Fault(_)
        | Action::Arm { .. }
        | Action::Upset(_)
        | Action::Hold { .. }
        | Action::Release { .. }
        | Action::Produce(_) => {}
    }
}

/// All options of all components, topics and tables.
fn options(settings: Settings) -> Vec<Options> {
    let Settings { topics, tables, connector, flink, worker, kafka, postgres, .. } = settings;
    let by_name = topics.into_values().chain(tables.into_values());
    [connector, flink, worker, kafka, postgres].into_iter().chain(by_name).collect()
}

fn hide_settings(settings: &mut Settings, known: &Secrets) {
    let Settings { topics, tables, connector, flink, worker, kafka, postgres, .. } = settings;
    let of_components = [connector, flink, worker, kafka, postgres].into_iter();
    for options in of_components.chain(topics.values_mut()).chain(tables.values_mut()) {
        *options = hidden(options, known);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::pipeline::{ConnectorFile, Dialect, Format};
    use super::super::timeline::SessionEntry;
    use super::*;
    use crate::base::text::{Place, Span};

    fn text(sql: &str) -> Text {
        Text::whole("a.sql".into(), sql.to_owned())
    }

    fn own(pairs: &[(&str, &str)]) -> Options {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn trial() -> Trial {
        let reference = text("SELECT 'password=r3ference'");
        let pipeline = Pipeline {
            file: None,
            source: vec![text("CREATE ROLE a PASSWORD 's0urce'")],
            left_out: Vec::new(),
            connectors: vec![ConnectorFile {
                path: "c.json".into(),
                name: None,
                options: own(&[
                    ("database.password", "c0nnector"),
                    ("slot.name", "s1ot"),
                    ("a.list", "one,c0nnector"),
                ]),
            }],
            outbox: BTreeMap::default(),
            topics: BTreeMap::new(),
            format: Some(Format::Json),
            dialect: Dialect::Flink,
            statements: vec![text("SET 'a.password' = 'st4tement'; -- c0nnector")],
            sinks: [("s".to_owned(), Sink::Judged { reference, window: None })].into(),
        };
        let session = SessionEntry {
            session: "a".to_owned(),
            statements: vec![text("ALTER ROLE a PASSWORD 'sess1on'")],
            blocks_on: None,
            error: None,
            rounds: 1,
            until: None,
            within_ms: 1,
            finds_waits: false,
        };
        let connector = own(&[("a.secret", "ch4nged")]);
        let changed = Settings { connector, ..Settings::default() };
        let place = Place { file: "a.yaml".into(), line: 1, column: 1 };
        let entry = |action| Entry { place: place.clone(), span: Span::default(), action };
        let mut trial = Trial::idle("a", "A", pipeline);
        trial.setup = vec![text("SELECT dblink('password=s3tup')")];
        trial.settings.tables.insert("t".to_owned(), own(&[("ssl.key.password", "t4ble")]));
        trial.settings.worker = own(&[("sasl.jaas.config", "w0rker"), ("a", "h4rmless")]);
        trial.cell = Cell(vec![("connector.a.token".to_owned(), "ax1s".to_owned())]);
        let of = vec![entry(Action::Session(session))];
        trial.timeline =
            vec![entry(Action::Permute { count: None, of }), entry(Action::Set(Box::new(changed)))];
        trial
    }

    #[test]
    fn every_secret_of_a_trial_is_known_and_masked() {
        let trial = trial();
        let secrets = trial.secrets();
        let masked = serde_json::to_string(&trial.masked()).unwrap();
        for secret in [
            "s0urce",
            "c0nnector",
            "st4tement",
            "sess1on",
            "s3tup",
            "t4ble",
            "w0rker",
            "ch4nged",
            "r3ference",
        ] {
            assert_eq!(secrets.hidden(secret), "…", "{secret}");
            assert!(!masked.contains(secret), "{secret} in {masked}");
        }
        assert!(!masked.contains("ax1s"), "{masked}");
        for harmless in ["s1ot", "h4rmless"] {
            assert_eq!(secrets.hidden(harmless), harmless);
            assert!(masked.contains(harmless), "{harmless} in {masked}");
        }
    }
}
