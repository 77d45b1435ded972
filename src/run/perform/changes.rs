//! The timeline's `set`: settings that change while everything runs.

use std::collections::BTreeMap;
use std::time::Duration;

use itertools::zip_eq;

use crate::capture::diagnose;
use crate::client::kafka::KafkaError;
use crate::history::event::{EntryState, Event, Role, Topic};
use crate::run::outcome::Stop;
use crate::run::perform::live::Live;
use crate::run::perform::live::Wait;
use crate::run::prepare::connector::Connector;
use crate::run::start::source;
use crate::run::start::walsender;
use crate::scenario::settings::{Options, PerPlace, Settings};
use crate::scenario::timeline::{Entry, Fault, Target, Verb};

/// How long the connector may take to come to rest, and to stream again.
const LIMIT: Duration = Duration::from_secs(30);

impl Live<'_> {
    /// Changes settings: of topics and connector at once, of statements when they are started next.
    pub(in crate::run) async fn set(
        &mut self,
        index: usize,
        entry: &Entry,
        set: &Settings,
    ) -> Result<(), Stop> {
        let note = |state| Event::Entry { entry: Some(index), state };
        self.run.recorder.record(note(EntryState::Started))?;
        self.settings.change(set);
        self.jobs.settings = self.settings.clone();
        self.reshape(index, entry, set).await?;
        self.run.ask_manners(set.s3).await?;
        if !set.connector.is_empty() {
            match self.reconfigure(index).await {
                Ok(()) => {}
                Err(Wait::Stop(stop)) => return Err(stop),
                Err(Wait::Unproven(unproven)) => self.unproven(unproven)?,
            }
        }
        self.run.log(&format!("entry {}: set", entry.place.line));
        Ok(self.run.recorder.record(note(EntryState::Finished))?)
    }

    /// Gives topics more partitions and other options.
    async fn reshape(&mut self, entry: usize, of: &Entry, set: &Settings) -> Result<(), Stop> {
        let mut changed = BTreeMap::<String, Topic>::new();
        let mut grown = Vec::new();
        for topic in self.grown(of, set)? {
            grown.push(topic.name.clone());
            changed.insert(topic.name.clone(), topic);
        }
        for (place, options) in &set.topics {
            for topic in self.topics_of(place)? {
                let topic = changed.entry(topic.name.clone()).or_insert(topic);
                topic.options.extend(options.clone());
                let altered = self.run.tools.admin.alter(&topic.physical, &topic.options).await;
                altered.map_err(|error| refused(of, (place, options), error))?;
            }
        }
        for name in &grown {
            if let Some(topic) = changed.get(name) {
                self.run.tools.admin.grow(&topic.physical, topic.partitions).await?;
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        for topic in &mut self.source.topics {
            if let Some(changed) = changed.remove(&topic.name) {
                *topic = changed;
            }
        }
        let topics = self.source.topics.clone();
        self.run.recorder.record(Event::Reshaped { entry, grown, topics })?;
        // Behind the event, so that their first record is.
        Ok(self.source.capture.tap.add(&self.source.topics)?)
    }

    /// The topics of source tables that get more partitions, with as many as they get.
    fn grown(&self, of: &Entry, set: &Settings) -> Result<Vec<Topic>, Stop> {
        let count = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        let mut grown = Vec::new();
        match &set.partitions {
            None => {}
            Some(PerPlace::All(partitions)) => {
                let partitions = count(*partitions);
                let mut topics =
                    self.source.topics.iter().filter(|t| t.role.is_captured()).peekable();
                let first = topics.peek().copied();
                let fewer = topics.filter(|topic| topic.partitions < partitions);
                grown.extend(fewer.map(|topic| Topic { partitions, ..topic.clone() }));
                if let (true, Some(topic)) = (grown.is_empty(), first) {
                    return Err(not_more(of, "every source table", topic).into());
                }
            }
            Some(PerPlace::By(by)) => {
                for (place, partitions) in by {
                    let partitions = count(*partitions);
                    for topic in self.topics_of(place)? {
                        if topic.partitions >= partitions {
                            return Err(not_more(of, &format!("`{place}`"), &topic).into());
                        }
                        grown.push(Topic { partitions, ..topic });
                    }
                }
            }
        }
        Ok(grown)
    }

    /// The topics of a place; of an outbox table there are several.
    pub(in crate::run) fn topics_of(&self, place: &str) -> Result<Vec<Topic>, Stop> {
        let Some(one) = self.source.topic_of(place) else {
            return Err(Stop::Internal(format!("`{place}` has no topic")));
        };
        let same = |topic: &&Topic| match (&topic.role, &one.role) {
            (Role::Outbox { table, .. }, Role::Outbox { table: other, .. }) => table == other,
            _ => topic.name == one.name,
        };
        Ok(self.source.topics.iter().filter(same).cloned().collect())
    }

    /// Topics whose names the new options do not tell.
    fn unnamed(&self, entry: usize, problems: &[String]) -> Stop {
        let problems = problems.join("; ");
        match self.run.trial.timeline.get(entry) {
            Some(entry) => diagnose::entry(diagnose::FAULT, entry, problems).into(),
            None => Stop::Internal(problems),
        }
    }

    /// Gives the connector its configuration anew. It is stopped for that, once everything so far
    /// is captured, so that what it writes belongs to one of the configurations.
    async fn reconfigure(&mut self, entry: usize) -> Result<(), Wait> {
        let before = self.captured_to(LIMIT).await?;
        walsender::note_before_faults(self.run, &self.source.control).await?;
        let fault = |verb| Fault::of(verb, Target::Connector);
        self.run.tools.hand.act(entry, fault(Verb::Stop)).await?;
        let after = self.emit().await?.end;
        let (run, reach) = (self.run, self.run.context.reach());
        for (first, written) in zip_eq(run.effective.connectors.all(), &run.effective.written) {
            let (of, settings) = ((first.nth, first.name.as_deref()), &self.settings.connector);
            let one = Connector::new(written, of, settings, &run.names, reach)
                .map_err(|problems| self.unnamed(entry, &problems))?;
            let one =
                if first.has_messages_apart() { one.with_messages_apart(&run.names) } else { one };
            let (config, connector) = (one.shown(), one.name.clone());
            let differences = one.differences.clone();
            run.recorder.record(Event::Differences { differences }).map_err(Stop::from)?;
            let changed = Event::Reconfigured { entry, connector, config, before, after };
            run.recorder.record(changed).map_err(Stop::from)?;
            source::put(run, &*self.source.connect, &one).await?;
        }
        run.tools.hand.act(entry, fault(Verb::Start)).await?;
        self.streaming(LIMIT).await
    }
}

fn not_more(entry: &Entry, place: &str, topic: &Topic) -> crate::base::diagnostic::Diagnostic {
    let message = format!(
        "the topic of {place} has {} partitions already, and Kafka only adds some",
        topic.partitions
    );
    let mut diagnostic = diagnose::entry(diagnose::FAULT, entry, message);
    diagnostic.help = Some("write a higher number".to_owned());
    diagnostic
}

/// Which of the options is refused, the broker does not say.
fn refused(entry: &Entry, (place, options): (&str, &Options), error: KafkaError) -> Stop {
    if !error.is_refused_option() {
        return error.into();
    }
    let options: Vec<_> = options.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    let message =
        format!("the broker refuses an option of the topic of `{place}`: {}", options.join(", "));
    diagnose::entry(diagnose::FAULT, entry, message).into()
}
