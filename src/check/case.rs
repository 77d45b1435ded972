//! A history laid out for judging: the journal folded, every topic aligned with what it must hold,
//! every sink's records read. The checkers look at this and at nothing else.

use itertools::Itertools as _;

use super::excerpt::Excerpt;
use super::feeds::Feed;
use super::outbox;
use super::shots;
use super::topic::{TopicCase, envelope};
use super::verdict::Gap;
use crate::base::exit::Exit;
use crate::base::position::{Lsn, Xid};
use crate::history::event::{End, Header, Proof, Published, Question, Table};
use crate::history::{History, Index};
use crate::model::application::table;
use crate::model::feed::shape::Shape;
use crate::model::feed::{Columns, Deletes, Part, Rules};
use crate::model::outbox::apart;
use crate::model::source::{Carried, Journal, Transaction, through_roots};
use crate::scenario::expect::{Expect, Level};
use crate::scenario::settings::ReplicaIdentity;
use crate::scenario::timeline::Action;

use super::sinks::SinkCase;

/// A history laid out for judging.
pub(super) struct Case<'a> {
    pub(super) index: Index<'a>,
    /// What is known of the whole run besides.
    pub(super) excerpt: Excerpt,
    pub(super) expect: &'a Expect,
    /// The source tables, in the order of the history's.
    pub(super) columns: Vec<Columns<'a>>,
    pub(super) transactions: Vec<Transaction>,
    /// Why the journal cannot be read.
    pub(super) journal_error: Option<String>,
    /// The connectors.
    pub(super) feeds: Vec<Feed<'a>>,
    /// The topics of captured tables that could be aligned.
    pub(super) topics: Vec<TopicCase<'a>>,
    /// The topics of applications.
    pub(super) applications: Vec<TopicCase<'a>>,
    pub(super) sinks: Vec<SinkCase<'a>>,
    /// What could not be laid out.
    pub(super) gaps: Vec<Gap>,
    /// Topics whose records have no model, and why; `None` for all of them.
    pub(super) unmodelled: Vec<(Option<usize>, String)>,
}

impl<'a> Case<'a> {
    /// Says of evidence which only the run could give that it is not there, and why, if that is known.
    pub(super) fn unanswered(&self, question: Question, what: &str) -> String {
        match &self.index.asked {
            Some(asked) if !asked.contains(&question) => {
                let version = &self.index.header.changeproof;
                format!("{what} was not asked for by changeproof {version}, which recorded the run")
            }
            Some(_) | None => format!("{what} was not recorded"),
        }
    }

    pub(super) fn of(history: &'a History) -> Self {
        Self::of_excerpt(history, Excerpt::default())
    }

    /// Of a history that holds only some keys of a run.
    pub(super) fn of_excerpt(history: &'a History, excerpt: Excerpt) -> Self {
        let index = history.index();
        let (sinks, gaps) = SinkCase::all(&index);
        let mut case = Self {
            expect: &history.header.trial.expect,
            columns: Vec::new(),
            transactions: Vec::new(),
            journal_error: None,
            feeds: Vec::new(),
            topics: Vec::new(),
            applications: Vec::new(),
            sinks,
            gaps,
            unmodelled: Vec::new(),
            index,
            excerpt,
        };
        case.read_journal();
        case.read_rules();
        let mut transactions = std::mem::take(&mut case.transactions);
        through_roots(case.index.tables, &mut transactions, |root| {
            case.rules_of(root).is_some_and(|rules| rules.via_root)
        });
        case.transactions = transactions;
        case.read_columns();
        case.align_topics();
        case.read_applications();
        case
    }

    /// Says that something cannot be decided.
    pub(super) fn gap(&mut self, what: impl Into<String>, missing: impl Into<String>) {
        self.gaps.push(Gap { what: what.into(), missing: missing.into() });
    }

    fn read_journal(&mut self) {
        let mut journal = Journal::new(self.index.tables);
        for wal in &self.index.wal {
            match journal.push(wal.lsn, wal.xid, wal.data) {
                Ok(transaction) => {
                    let restored = transaction.map(|mut transaction| {
                        self.excerpt.restore(&mut transaction);
                        transaction
                    });
                    self.transactions.extend(restored);
                }
                Err(error) => {
                    self.journal_error = Some(error.to_string());
                    return;
                }
            }
        }
        for table in self.index.tables.iter().filter(|table| table.captured) {
            let unidentified = match table.identity {
                ReplicaIdentity::Default => table.key.is_empty(),
                ReplicaIdentity::Nothing => true,
                ReplicaIdentity::Full | ReplicaIdentity::Index => false,
            };
            if unidentified && !self.is_always_published(table) {
                let what = format!("updates and deletes of `{}`", table.name);
                let missing = "without a primary key and without REPLICA IDENTITY FULL the WAL does \
                               not carry them in a form that names the row";
                self.gaps.push(Gap { what, missing: missing.to_owned() });
            }
        }
    }

    /// Every proof saw the table in the connector's publication, which publishes updates and
    /// deletes: Postgres refuses those of a table whose rows cannot be named, so there were none.
    fn is_always_published(&self, table: &Table) -> bool {
        let name = format!("{}.{}", table.schema, table.name);
        let published = |(_, tables): &(u32, &[Published])| {
            tables.iter().any(|now| now.table == name && now.published)
        };
        let seen = &self.index.publications;
        !seen.is_empty() && seen.iter().all(published)
    }

    fn read_rules(&mut self) {
        let submitted = self.index.connectors.iter();
        self.feeds = submitted.map(|(name, config)| Feed::new(*name, config)).collect();
        if self.feeds.is_empty() && !self.ended_in_trouble() {
            self.gap("the source topics", "no connector's configuration was recorded");
        }
        for nth in 0..self.feeds.len() {
            let Some(config) = self.feeds.get(nth).map(|feed| feed.config) else { continue };
            let rules = match Rules::of(&apart(config)) {
                Ok(rules) => self.with_changes(nth, rules),
                Err(problems) => {
                    self.have_no_model(nth, problems.join("; "));
                    None
                }
            };
            if let Some(feed) = self.feeds.get_mut(nth) {
                feed.rules = rules;
            }
        }
        self.refuse_unknown_connectors();
    }

    /// A table whose connector was never seen has no rules.
    fn refuse_unknown_connectors(&mut self) {
        if self.feeds.is_empty() || self.ended_in_trouble() {
            return;
        }
        let is_known =
            |table: &Table| self.feeds.iter().any(|feed| feed.name == table.connector.as_deref());
        let tables = self.index.tables.iter().enumerate();
        let unknown: Vec<_> =
            tables.filter(|(_, table)| table.captured && !is_known(table)).collect();
        for (place, table) in unknown {
            let name = table.connector.as_deref().unwrap_or("that captures it");
            let missing = format!("no configuration of the connector `{name}` was recorded");
            self.unmodelled.push((Some(place), missing.clone()));
            self.gap(format!("the records of `{}`", table.name), missing);
        }
    }

    /// Says that the records of a connector's topics have no model.
    pub(super) fn have_no_model(&mut self, nth: usize, why: String) {
        if self.feeds.len() < 2 {
            return self.unmodelled.push((None, why));
        }
        let tables = self.tables_of(nth).into_iter().enumerate();
        let own = tables.filter(|(_, table)| table.captured);
        self.unmodelled.extend(own.map(|(place, _)| (Some(place), why.clone())));
    }

    fn read_columns(&mut self) {
        let mut all = Vec::<Columns<'a>>::new();
        let mut rules: Vec<_> = self.feeds.iter().map(|feed| feed.rules.clone()).collect();
        let later = |(nth, rules): (usize, &Option<Rules>)| {
            let forms = rules.iter().flat_map(Rules::forms);
            forms.map(|(after, form)| (after, nth, form)).collect::<Vec<_>>()
        };
        let mut forms = rules.iter().enumerate().flat_map(later).collect::<Vec<_>>();
        forms.sort_by_key(|(after, ..)| *after);
        let mut forms = forms.into_iter();
        let mut next = forms.next();
        for (nth, table) in self.index.tables.iter().enumerate() {
            let of = rules.get(self.feed_place(nth)).and_then(Option::as_ref);
            let shaped = self.shaped(of, nth, table);
            all.push(match shaped {
                Some((key, shape)) => Columns::shaped(table, key, shape),
                None => Columns::of(table, table.key.clone()),
            });
        }
        let turns = self.transactions.iter().flat_map(|transaction| &transaction.turns);
        for turn in turns.cloned().collect::<Vec<_>>() {
            while let Some((after, of, form)) = next.take_if(|(after, ..)| *after <= turn.lsn) {
                self.reform(&mut all, after, (of, &form));
                if let Some(rules) = rules.get_mut(of) {
                    *rules = Some(form);
                }
                next = forms.next();
            }
            for reshaped in turn.reshaped.iter().filter(|reshaped| !reshaped.gone) {
                let Some(place) = reshaped.place else { continue };
                let Some(of) = all.get_mut(place) else { continue };
                let (captured, connector) = (of.table.captured, of.table.connector.clone());
                let table = Table { captured, connector, ..Table::clone(&reshaped.table) };
                let by = rules.get(self.feed_place(place)).and_then(Option::as_ref);
                let (key, shape) = match self.shaped(by, place, &table) {
                    Some(shaped) => shaped,
                    None => (table.key.clone(), Shape::plain(&table, &table.key)),
                };
                of.turn(turn.lsn, table, (key, shape));
            }
        }
        for (after, of, form) in next.into_iter().chain(forms) {
            self.reform(&mut all, after, (of, &form));
        }
        self.columns = all;
    }

    /// Gives the columns of a connector's tables what another configuration of it makes of them.
    fn reform(&mut self, all: &mut [Columns<'a>], after: Lsn, (nth, rules): (usize, &Rules)) {
        for (place, of) in all.iter_mut().enumerate() {
            if self.feed_place(place) != nth {
                continue;
            }
            let table = Table::clone(&of.last().table);
            let Some((key, shape)) = self.shaped(Some(rules), place, &table) else { continue };
            if shape == of.last().shape {
                continue;
            }
            let across = |t: &Transaction| {
                t.end > after && t.changes.iter().any(|c| c.table == place && c.lsn < after)
            };
            let why = if !shape.is_read_like(&of.last().shape) {
                "the connector puts rows or keys elsewhere than before, which has no model together"
            } else if self.transactions.iter().any(across) {
                "a transaction was open while the connector was given another configuration, and \
                 its records do not tell by which they were written"
            } else {
                of.turn(after, table, (key, shape));
                continue;
            };
            self.unmodelled.push((Some(place), why.to_owned()));
        }
    }

    /// By what the connector keys a table's records, and what becomes of them; `None` where that has
    /// no model, which is noted.
    fn shaped(
        &mut self,
        rules: Option<&Rules>,
        place: usize,
        table: &Table,
    ) -> Option<(Vec<String>, Shape)> {
        let rules = rules?;
        let is_routed = |table: &&Table| table.captured && !outbox::is_routed(self, table);
        let tables = self.index.tables.iter();
        let captured = tables.filter(|other| other.connector == table.connector).filter(is_routed);
        if let Some(why) = rules.sharing(table, captured).filter(|_| is_routed(&table)) {
            self.unmodelled.push((Some(place), why));
            return None;
        }
        match rules.shape_of(table) {
            Ok(shape) => Some((rules.key_of(table), shape)),
            Err(problem) => {
                self.unmodelled.push((Some(place), problem));
                None
            }
        }
    }

    /// Whether the records of a table have no model.
    fn is_unmodelled(&self, table: usize) -> bool {
        self.unmodelled.iter().any(|(of, _)| of.is_none_or(|of| of == table))
    }

    fn align_topics(&mut self) {
        for nth in 0..self.feeds.len() {
            self.align_topics_of(nth);
        }
    }

    /// The topics of the tables that one connector captures.
    fn align_topics_of(&mut self, nth: usize) {
        let Some(rules) = self.feeds.get(nth).and_then(|feed| feed.rules.clone()) else { return };
        let mut read = Vec::new();
        for (table, source) in self.index.tables.iter().enumerate() {
            let is_read = source.captured && self.feed_place(table) == nth;
            if !is_read || outbox::is_routed(self, source) || self.is_unmodelled(table) {
                continue;
            }
            let name = format!("{}.{}", source.schema, source.name);
            let Some((topic, _)) = self.index.sources().find(|(_, table)| *table == name) else {
                if !self.ended_in_trouble() {
                    self.gap(format!("the topic of `{name}`"), "no such topic was recorded");
                }
                continue;
            };
            let place = self.place_of(source);
            let Some(columns) = self.columns.get(table) else { continue };
            let records = self.index.of_topic(&topic.name);
            let (mut topic, gaps) =
                TopicCase::read(topic, (table, columns), place, records, &rules);
            topic.read_besides = self.excerpt.partitions(&topic.topic.name).collect();
            topic.truncated = !super::snapshot::lost_offsets(self, topic.topic).is_empty();
            self.gaps.extend(gaps);
            read.push(topic);
        }
        let found = match shots::find(self, (nth, &rules), &read) {
            Ok(found) => found,
            Err(missing) => return self.gap("the records of the source topics", missing),
        };
        let Some(shots::Found { snapshots, gaps }) = found else {
            if !read.is_empty() && !self.ended_in_trouble() {
                let missing = "the slot's consistent point was not recorded, so that snapshot and \
                               stream cannot be told apart";
                self.gap("the records of the source topics", missing);
            }
            return;
        };
        self.gaps.extend(gaps);
        if let Some(feed) = self.feeds.get_mut(nth) {
            feed.point = snapshots.taken.first().map(|shot| shot.at);
            feed.windows.clone_from(&snapshots.signals.windows);
        }
        // A transaction whose commit record stands before the point is in the snapshot.
        let streamed = self.transactions.get(snapshots.begins()..).unwrap_or_default();
        for mut topic in read {
            let columns = self.columns.get(topic.table);
            let Some(columns) = columns else { continue };
            let replays = self.replays_from(&topic.topic.name);
            let missing = without_position(columns, replays).map(str::to_owned);
            let missing = missing.or_else(|| without_key(columns, topic.table, streamed));
            if let Some(missing) = missing {
                let what = format!("the records of `{}`", topic.place);
                self.gaps.push(Gap { what, missing });
                continue;
            }
            match topic.align(columns, &rules, (&snapshots, &self.transactions), replays) {
                Ok(()) => match self
                    .written_across(nth, &topic)
                    .or_else(|| deletes_without_position(columns, &topic, replays))
                {
                    Some(missing) => {
                        let what = format!("the records of `{}`", topic.place);
                        self.gaps.push(Gap { what, missing });
                    }
                    None => self.topics.push(topic),
                },
                Err(error) => self.gaps.push(Gap {
                    what: format!("the records of `{}`", topic.place),
                    missing: format!("a value cannot be read: {error}"),
                }),
            }
        }
    }

    /// The topics of applications; their columns stand behind those of the source tables.
    fn read_applications(&mut self) {
        let (trial, all) = (&self.index.header.trial, super::produced::all(&self.index));
        for (name, of) in &trial.pipeline.topics {
            let Some(topic) = self.index.topics.iter().find(|topic| topic.name == *name) else {
                continue;
            };
            let written: Vec<_> =
                all.iter().filter(|one| one.record.topic == *name).cloned().collect();
            let place = (topic, self.columns.len());
            let records = self.index.of_topic(name);
            self.applications.push(TopicCase::written(place, of, &written, records));
            self.columns.push(Columns::owned(table(name, of)));
        }
    }

    /// How `expect` names a source table: by its name, or with its schema where a sink or another
    /// table has that name too.
    pub(super) fn place_of(&self, table: &Table) -> String {
        let mut sinks = self.index.sinks.iter().map(|sink| &sink.name).chain(&self.excerpt.sinks);
        let sink = sinks.any(|name| *name == table.name);
        let namesakes = self.index.tables.iter().filter(|other| other.name == table.name).count();
        if sink || namesakes > 1 {
            return format!("{}.{}", table.schema, table.name);
        }
        table.name.clone()
    }

    /// A place as an author writes it, in the form that findings have.
    pub(super) fn place(&self, written: &str) -> String {
        let is_it = |table: &&Table| written == format!("{}.{}", table.schema, table.name);
        let table = self.index.tables.iter().find(is_it);
        table.map_or_else(|| written.to_owned(), |table| self.place_of(table))
    }

    /// Whether a place is a source table.
    pub(super) fn is_source(&self, place: &str) -> bool {
        self.index.tables.iter().any(|table| self.place_of(table) == place)
    }

    /// The run ended early: because of what the pipeline did, or because it lost its stack.
    pub(super) fn ended_in_trouble(&self) -> bool {
        match self.index.end {
            Some(End::Trouble) => !self.index.troubles.is_empty(),
            Some(End::Aborted { exit, .. }) => *exit == Exit::StackNotUp,
            Some(End::Completed) | None => false,
        }
    }

    /// The names of the columns of a topic's key.
    pub(super) fn key_columns(&self, table: usize) -> &[String] {
        self.columns.get(table).map_or(&[], |columns| &columns.key)
    }

    /// The level at which a sink is judged.
    pub(super) fn level(&self, sink: &SinkCase<'_>) -> Level {
        level(self.index.header, sink)
    }

    /// The option, if there is one, by which windows fire early, or again for late rows.
    pub(super) fn corrects_windows(&self) -> Option<&'a str> {
        corrects_windows(self.index.header)
    }

    pub(super) fn last_proof(&self) -> Option<&'a Proof> {
        self.index.last_proof()
    }

    pub(super) fn was_aborted(&self, xid: Xid) -> bool {
        self.index.aborts.contains(&xid)
    }
}

/// Why rows without an envelope cannot be told apart.
fn without_position(columns: &Columns<'_>, replays: Option<usize>) -> Option<&'static str> {
    let unwrapped = columns.shape.unwrapped.as_ref()?;
    if !columns.is_keyed() {
        return Some("rows without envelope and without key cannot be told apart");
    }
    let why = "after a restart, rows without envelope may be replays or changes: only their position \
               would tell, and ExtractNewRecordState has taken it away";
    replays.filter(|_| !unwrapped.tells_position()).map(|_| why)
}

/// Why deletes cannot be told apart that come as tombstones, which say nothing but a key.
fn deletes_without_position(
    columns: &Columns<'_>,
    topic: &TopicCase<'_>,
    replays: Option<usize>,
) -> Option<String> {
    let unwrapped = columns.shape.unwrapped.as_ref()?;
    let is_tombstone = matches!(unwrapped.deletes, Deletes::ToTombstone | Deletes::Nulls);
    let behind = topic.log.get(replays.filter(|_| is_tombstone)?..)?;
    let deletes = topic.expected.iter().filter(|wanted| wanted.part == Part::Tombstone);
    let deletes = deletes.filter_map(|wanted| wanted.key.as_ref()).counts();
    let keys = behind.iter().filter(|logged| envelope(logged).is_none());
    let mut keys = keys.filter_map(|logged| logged.key.as_ref());
    let key = keys.find(|key| deletes.get(key).is_some_and(|n| *n > 1))?;
    Some(format!(
        "after a restart, a tombstone of key {key} may be a replay of one delete or come from another: \
         only its position would tell, and ExtractNewRecordState has taken it away"
    ))
}

/// Why the keys of some records cannot be known: the WAL does not carry their columns, and the
/// connector makes up what it lacks.
fn without_key(columns: &Columns<'_>, table: usize, streamed: &[Transaction]) -> Option<String> {
    let column = columns.uncarried().filter(|_| columns.is_keyed_otherwise())?;
    let changes = streamed.iter().flat_map(|transaction| &transaction.changes);
    let mut partial = changes.filter(|c| c.table == table && c.carried == Carried::Key);
    let change = partial.next()?;
    Some(format!(
        "the key of the {} at {} has `{column}` by `message.key.columns`, which the WAL does not carry \
         in deletes and changes of the primary key under this replica identity, so that the connector \
         makes its value up: set REPLICA IDENTITY FULL",
        change.kind.name(),
        change.position,
    ))
}

/// The level at which a sink is judged: as demanded, else `windows` where it has windows that fire
/// once, else `final`.
pub(super) fn level(header: &Header, sink: &SinkCase<'_>) -> Level {
    let fires_once = sink.window.is_some() && corrects_windows(header).is_none();
    let usual = if fires_once { Level::Windows } else { Level::Final };
    header.trial.expect.consistency.get(sink.name).copied().unwrap_or(usual)
}

fn corrects_windows(header: &Header) -> Option<&str> {
    let on = |(option, value): &(&String, &String)| {
        let fires = ["table.exec.emit.early-fire.enabled", "table.exec.emit.late-fire.enabled"];
        fires.contains(&option.as_str()) && value.eq_ignore_ascii_case("true")
    };
    let now = header.trial.settings.flink.iter();
    let later = header.trial.timeline.iter().filter_map(|entry| match &entry.action {
        Action::Set(set) => Some(&set.flink),
        _ => None,
    });
    now.chain(later.flatten()).find(on).map(|(option, _)| option.as_str())
}
