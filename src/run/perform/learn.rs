//! Tables that have come on the way: the journal, the shadow and the history learn of them.

use super::live::Live;
use crate::capture::catalog::{self, qualified};
use crate::history::event::{Event, Table};
use crate::run::outcome::Stop;
use crate::run::prepare::topics;
use crate::run::start::coming::{capture, published};
use crate::run::start::source;

impl Live<'_> {
    /// Learns the tables that have come since, and sees to it that each has its topic.
    pub(in crate::run) async fn learn(&mut self) -> Result<(), Stop> {
        let turns = self.source.capture.journal.n_turns();
        if turns == self.so_far.turns {
            return Ok(());
        }
        self.so_far.turns = turns;
        let mut new = catalog::tables(&self.source.database).await?;
        new.retain(|table| {
            let named = |other: &Table| qualified(other) == qualified(table);
            !self.source.tables.iter().any(named)
        });
        if new.is_empty() {
            return Ok(());
        }
        let published = published(self.run, &self.source.database, &new).await?;
        capture(self.run, &self.source.database, &mut new).await?;
        for mut table in new {
            let name = qualified(&table);
            let is_published = published.iter().any(|now| now.table == name && now.published);
            let enters = is_published || table.partitioned;
            table.captured &= enters;
            let seen = |other: &Table| other.captured && table.within.contains(&qualified(other));
            if table.captured || self.source.tables.iter().any(seen) {
                self.source.capture.journal.capture(&table);
            }
            self.shadow.learn(&table);
            self.source.tables.push(table);
        }
        self.add_topics().await?;
        let tables = self.source.tables.clone();
        Ok(self.run.recorder.record(Event::Tables { tables })?)
    }

    /// Makes the topics that are still missing.
    async fn add_topics(&mut self) -> Result<(), Stop> {
        let run = self.run;
        let mut all = topics::topics(&self.source.tables, &run.trial.pipeline, &run.planned());
        all.retain(|topic| !self.source.topics.iter().any(|other| other.name == topic.name));
        if all.is_empty() {
            return Ok(());
        }
        source::create_topics(run, &all).await?;
        self.source.topics.extend(all);
        let topics = self.source.topics.clone();
        run.recorder.record(Event::Topics { topics })?;
        Ok(self.source.capture.tap.add(&self.source.topics)?)
    }
}
