//! A history without secrets: what is recorded of the author's files and of what components say is
//! hidden before it is written, so that nothing that is made of a history can show it.

use super::event::{End, EntryState, Event, Header};
use crate::base::secret::Secrets;
use crate::scenario::secret::hidden;

impl Header {
    /// The same without secrets.
    #[must_use]
    pub fn hidden(self, secrets: &Secrets) -> Self {
        let command = secrets.hidden(&self.command).into_owned();
        Self { trial: self.trial.masked(), command, ..self }
    }
}

impl Event {
    /// Hides secrets in options and in sentences. What the pipeline did with rows is data: it stays
    /// byte for byte, and costs nothing here.
    #[must_use]
    pub fn hidden(mut self, secrets: &Secrets) -> Self {
        let hide = |text: &mut String| *text = secrets.hidden(text).into_owned();
        match &mut self {
            Self::Connector { config, .. } | Self::Reconfigured { config, .. } => {
                *config = hidden(config, secrets);
            }
            Self::Differences { differences } => {
                for difference in differences {
                    *difference = difference.clone().hidden(secrets);
                }
            }
            Self::Plan { text, .. } => hide(text),
            Self::Trouble { sentence, detail, .. } => {
                hide(sentence);
                detail.iter_mut().for_each(hide);
            }
            Self::Entry { state: EntryState::Refused { message, .. }, .. } => hide(message),
            Self::End(End::Aborted { sentence, .. }) => hide(sentence),
            Self::Tables { .. }
            | Self::Topics { .. }
            | Self::Sinks { .. }
            | Self::Slot { .. }
            | Self::Streaming { .. }
            | Self::Walsender { .. }
            | Self::Entry { .. }
            | Self::Commit { .. }
            | Self::Abort { .. }
            | Self::Wal { .. }
            | Self::Schema { .. }
            | Self::Record(_)
            | Self::Produced { .. }
            | Self::File(_)
            | Self::Proof(_)
            | Self::Resumed { .. }
            | Self::Reference(_)
            | Self::Publication { .. }
            | Self::Clocks { .. }
            | Self::CutReference(_)
            | Self::Asked { .. }
            | Self::Capture { .. }
            | Self::Fault { .. }
            | Self::Reshaped { .. }
            | Self::End(End::Completed | End::Trouble) => {}
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::anomaly::Anomaly;
    use crate::base::difference::Difference;
    use crate::base::exit::Exit;
    use crate::history::event::{Bytes, Record};

    fn secrets() -> Secrets {
        let mut secrets = Secrets::none();
        secrets.learn_value("a.password", "hunter2");
        secrets
    }

    #[test]
    fn what_components_say_is_hidden() {
        let said = || "login with hunter2 failed, password=other".to_owned();
        let refused = EntryState::Refused { sqlstate: "28P01".to_owned(), message: said() };
        let difference = Difference::new("connector", "a", "").theirs(said()).ours(said());
        let config = [("a.password".to_owned(), "x".to_owned()), ("b".to_owned(), said())].into();
        for event in [
            Event::Connector { config, replaced: Vec::new(), connector: None },
            Event::Differences { differences: vec![difference] },
            Event::Plan { sink: "s".to_owned(), text: said() },
            Event::Entry { entry: None, state: refused },
            Event::End(End::Aborted { exit: Exit::Internal, sentence: said() }),
            Event::Trouble {
                finding: Anomaly::ConnectorFailed,
                place: "connector".to_owned(),
                at: None,
                sentence: said(),
                detail: vec![said()],
            },
        ] {
            let text = serde_json::to_string(&event.hidden(&secrets())).unwrap();
            assert!(!text.contains("hunter2") && !text.contains("other"), "{text}");
            assert!(text.contains("login with … failed, password=…"), "{text}");
            assert!(!text.contains("\"x\""), "{text}");
        }
    }

    #[test]
    fn a_record_is_data() {
        let record = Event::Record(Record {
            topic: "t".to_owned(),
            partition: 0,
            offset: 0,
            timestamp: None,
            key: None,
            value: Some(Bytes(b"{\"password\":\"hunter2\"}".to_vec())),
            headers: Vec::new(),
        });
        assert_eq!(record.clone().hidden(&secrets()), record);
    }
}
