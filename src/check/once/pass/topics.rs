//! What the topics hold, record by record.

use super::super::Stop;
use super::super::digest::{Digester, Id, NO_ROW};
use super::super::frame::Watched;
use super::super::lives::{Due, Marks, NOWHERE};
use super::super::partition::{Got, Partition};
use super::spelling;
use super::{First, Pass, WAITING_MAX};
use crate::base::position::{Lsn, RecordPosition, Xid};
use crate::codec::debezium::scan::{Side, scan};
use crate::codec::debezium::{self, Body, Op};
use crate::history::stream::RecordView;
use crate::model::feed::Part;
use crate::model::partitioner::default_partition;

impl Pass {
    pub(super) fn record(&mut self, record: &RecordView<'_>) -> Result<(), Stop> {
        let Some(table) = self.frame.topics.get(record.topic).copied() else { return Ok(()) };
        self.counted.records += 1;
        self.check_spelling(table, record)?;
        let place = (table, record.partition);
        let (got, is_of_key) = self.got(table, record);
        if !is_of_key {
            // Who looks at one of the rows that the key and the value name must look at both.
            let id = self.value_names(table, record);
            if let Some(id) = id.filter(|id| got.is_none_or(|got| got.id != *id)) {
                self.suspects.add(id);
            }
        }
        let Some(got) = got else {
            self.suspects.unreadable((table, record.partition, record.offset));
            return Ok(());
        };
        if got.part == Part::Read && self.frame.rules.snapshot {
            self.check_point(&got)?;
            self.read_until = self.read_until.max(record.timestamp);
        }
        let partition = self.partitions.entry(place).or_default();
        partition.last_ms = partition.last_ms.max(Some(record.timestamp.unwrap_or(i64::MIN)));
        partition.waiting.push_back(got);
        let too_many = partition.waiting.len() > WAITING_MAX;
        if partition.waiting.len() == 1 || too_many {
            self.settle_all(place, too_many)?;
        }
        Ok(())
    }

    /// A key that is written in two ways is two keys, and only their bytes tell which.
    fn check_spelling(&mut self, table: usize, record: &RecordView<'_>) -> Result<(), Stop> {
        let Some(key) = record.key else { return Ok(()) };
        let form = spelling::form(key);
        if *self.spellings.entry(table).or_insert_with(|| form.clone()) == form {
            return Ok(());
        }
        Err(Stop::refused("the keys of a topic are written in more than one way"))
    }

    /// The rows of a snapshot say the point that they were read at.
    fn check_point(&self, got: &Got) -> Result<(), Stop> {
        if got.lsn == Lsn(0) || got.lsn == self.frame.point {
            return Ok(());
        }
        let seen = self.partitions.values().any(|partition| partition.n_reads > 0);
        if seen {
            return Err(Stop::refused("rows of more than one snapshot were seen"));
        }
        Err(Stop::Again(got.lsn))
    }

    /// `None` where the record cannot be read; and whether its value is for certain of the row that its
    /// key names.
    fn got(&mut self, table: usize, record: &RecordView<'_>) -> (Option<Got>, bool) {
        let Some(Some(watched)) = self.frame.watched.get(table) else { return (None, true) };
        let got = got(&mut self.digester, (table, watched), record);
        got.map_or((None, false), |(got, is_of_key)| (Some(got), is_of_key))
    }

    /// The row that the value of a record names.
    fn value_names(&mut self, table: usize, record: &RecordView<'_>) -> Option<Id> {
        let watched = self.frame.watched.get(table)?.as_ref()?;
        let read = debezium::read(None, record.value, &place_of(record)).ok()?;
        let Body::Envelope(envelope) = read.body else { return None };
        let image = serde_json::to_string(&envelope.after.or(envelope.before)?).ok()?;
        self.digester.key_by_name((table, watched), image.as_bytes())
    }

    /// The journal has come further: what waited for it may go on.
    pub(super) fn wake(&mut self) -> Result<(), Stop> {
        let waits = |(_, partition): &(&(usize, i32), &Partition)| !partition.waiting.is_empty();
        if !self.partitions.iter().any(|waiting| waits(&waiting)) {
            return Ok(());
        }
        let places = self.partitions.iter().filter(waits).map(|(place, _)| *place);
        for place in places.collect::<Vec<_>>() {
            self.settle_all(place, false)?;
        }
        Ok(())
    }

    /// Settles records of a partition in their order, up to one that must wait; `force`: the first
    /// must not.
    pub(super) fn settle_all(&mut self, place: (usize, i32), force: bool) -> Result<(), Stop> {
        let mut force = force;
        loop {
            let partition = self.partitions.get(&place);
            let Some(got) = partition.and_then(|p| p.waiting.front()).copied() else {
                return Ok(());
            };
            if !self.settle(place, &got, force)? {
                return Ok(());
            }
            force = false;
            if let Some(partition) = self.partitions.get_mut(&place) {
                partition.waiting.pop_front();
                partition.first_is_new = false;
            }
        }
    }

    /// Whether the record could be placed.
    fn settle(&mut self, place: (usize, i32), got: &Got, force: bool) -> Result<bool, Stop> {
        let first = self.lives.get(got.id).copied().and_then(|life| {
            let owes = life.marks.has(Marks::OWES_READ);
            if owes {
                Some((Due::read(life.row), true))
            } else {
                Some((self.lives.first(&life)?, false))
            }
        });
        if let Some((due, from_mark)) = first.filter(|(due, _)| due.is(got.part, got.xid, got.lsn))
        {
            if from_mark {
                self.show(got.id, false);
            } else {
                self.lives.pop(got.id);
            }
            self.arrived(place, got, &due);
            return Ok(true);
        }
        if self.repeated(place, got) {
            return Ok(true);
        }
        if let Some(due) = self.skip_to(got) {
            self.suspects.add(got.id);
            self.arrived(place, got, &due);
            return Ok(true);
        }
        if !force {
            return Ok(false);
        }
        let forgot = self.partitions.get(&place).is_some_and(|partition| partition.forgot);
        if self.may_repeat && forgot {
            let why = "after a restart, a record may repeat one that stands too far before it";
            return Err(Stop::refused(why));
        }
        self.suspects.add(got.id);
        Ok(true)
    }

    /// The record is not the next of its key, but one that is due later.
    fn skip_to(&mut self, got: &Got) -> Option<Due> {
        let life = self.lives.get(got.id).copied()?;
        let is_it = |due: &Due| due.is(got.part, got.xid, got.lsn);
        let n = self.lives.due(&life).position(|due| is_it(&due))?;
        self.show(got.id, false);
        for _ in 0..n {
            self.lives.pop(got.id);
        }
        self.lives.pop(got.id)
    }

    /// A record that was there before: the whole checker looks at all that stands from there on.
    fn repeated(&mut self, place: (usize, i32), got: &Got) -> bool {
        let Some(partition) = self.partitions.get_mut(&place) else { return false };
        if partition.first_is_new {
            return false;
        }
        let Some(since) = partition.since(got) else {
            partition.first_is_new = true;
            return false;
        };
        for id in since {
            self.suspects.add(id);
        }
        partition.repeats = true;
        true
    }

    /// A record has arrived that was due: what it shows, and where it stands.
    fn arrived(&mut self, place: (usize, i32), got: &Got, due: &Due) {
        let forgot = self.lives.forgot;
        if due.seq > 0 && self.first.is_none_or(|first| due.seq < first.seq) {
            let Due { seq, lsn, end, .. } = *due;
            self.first = Some(First { seq, id: got.id, lsn, end });
        }
        let Some(partition) = self.partitions.get_mut(&place) else { return };
        partition.n_reads += u64::from(got.part == Part::Read);
        let mut deviates = (got.before, got.after) != (due.before, due.after);
        // A row of the snapshot has the number zero, and is late behind anything that has come.
        if due.seq < partition.seq
            && let Some(other) = partition.at
        {
            deviates = true;
            self.suspects.add(other);
        }
        // What follows on records that are there again says whether these were all of them.
        deviates |= std::mem::take(&mut partition.repeats);
        partition.arrived(got, due.seq);
        let home = u16::try_from(place.1).unwrap_or(NOWHERE - 1);
        if let Some(life) = self.lives.get(got.id) {
            if life.home == NOWHERE {
                life.home = home;
                life.marks.set(Marks::AT_DEFAULT, got.at_default);
                // It may have been elsewhere in a life that was forgotten.
                deviates |= forgot && !got.at_default;
            }
            deviates |= life.home != home;
        }
        if deviates {
            self.suspects.add(got.id);
        }
    }
}

/// Reads a record; `None` where it cannot be read, or is of a kind that has no place here. And whether
/// its value is for certain of the row that its key names.
fn got(
    digester: &mut Digester,
    (table, watched): (usize, &Watched),
    record: &RecordView<'_>,
) -> Option<(Got, bool)> {
    let key = record.key?;
    let id = digester.key((table, watched), key)?;
    let at_default = default_partition(key, watched.partitions) == record.partition;
    let tombstone = Got {
        id,
        part: Part::Tombstone,
        xid: Xid(0),
        lsn: Lsn(0),
        before: NO_ROW,
        after: NO_ROW,
        at_default,
    };
    let Some(value) = record.value else { return Some((tombstone, true)) };
    digester.start();
    if let Some(scanned) = scan(value, |side, name, raw| digester.show(watched, side, name, raw)) {
        let part = part(scanned.op).filter(|_| !scanned.is_incremental)?;
        let (xid, lsn) = (scanned.xid.unwrap_or(Xid(0)), scanned.lsn.unwrap_or_default());
        let before = digester.shown(watched, Side::Before, scanned.before);
        let after = digester.shown(watched, Side::After, scanned.after);
        let side = if scanned.after.is_some() { Side::After } else { Side::Before };
        let is_of_key = digester.is_of_key(watched, side);
        return Some((Got { id, part, xid, lsn, before, after, at_default }, is_of_key));
    }
    let envelope = match debezium::read(Some(key), Some(value), &place_of(record)).ok()?.body {
        Body::Tombstone => return Some((tombstone, true)),
        Body::Envelope(envelope) => envelope,
    };
    let part = part(envelope.op).filter(|_| !envelope.source.is_incremental())?;
    let (xid, lsn) = (envelope.source.xid, envelope.source.lsn);
    let mut row =
        |raw: Option<&str>| raw.map_or(NO_ROW, |raw| digester.json(watched, raw.as_bytes()));
    let json = |row: &debezium::Row<'_>| serde_json::to_string(row).unwrap_or_default();
    let before = row(envelope.before.as_ref().map(json).as_deref());
    let after = row(envelope.after.as_ref().map(json).as_deref());
    let (xid, lsn) = (xid.unwrap_or(Xid(0)), lsn.unwrap_or_default());
    Some((Got { id, part, xid, lsn, before, after, at_default }, false))
}

fn place_of(record: &RecordView<'_>) -> RecordPosition {
    RecordPosition {
        topic: record.topic.to_owned(),
        partition: record.partition,
        offset: record.offset,
        file: None,
    }
}

fn part(op: Op) -> Option<Part> {
    match op {
        Op::Read => Some(Part::Read),
        Op::Create => Some(Part::Create),
        Op::Update => Some(Part::Update),
        Op::Delete => Some(Part::Delete),
        Op::Truncate | Op::Message => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::super::frame::Frame;
    use super::*;
    use crate::check::testing::{Payment, Scene, TOPIC};
    use crate::history::stream::{Headers, Seen, Stream};

    const ANN: Payment<'_> = (1, "ann", 1, 10);
    const BOB: Payment<'_> = (2, "bob", 2, 5);

    /// A pass that has read nothing yet.
    fn pass(scene: &Scene) -> Pass {
        let frame = Frame::read(&mut Stream::of(&scene.so_far()), None);
        Pass::new(frame.unwrap_or_else(|stop| panic!("{stop:?}")))
    }

    fn run(pass: &mut Pass, scene: &Scene) -> Result<(), Stop> {
        pass.run(&mut Stream::of(&scene.so_far()))
    }

    #[rstest]
    #[case::nothing(false, false, false)]
    #[case::what_was_at_first(true, false, false)]
    #[case::a_restart(false, true, false)]
    #[case::both(true, true, true)]
    fn what_nothing_explains_may_be_a_repetition_of_what_was_forgotten_after_a_restart(
        #[case] forgot: bool,
        #[case] may_repeat: bool,
        #[case] stops: bool,
    ) {
        let mut scene = Scene::new(1);
        scene.insert(0, ANN);
        scene.show(0, Lsn(1), (None, Some(BOB)));
        let mut pass = pass(&scene);
        pass.may_repeat = may_repeat;
        pass.partitions.entry((0, 0)).or_default().forgot = forgot;
        let run = run(&mut pass, &scene);
        assert_eq!(run.is_err(), stops, "{run:?}");
        assert_eq!(pass.suspects.n_deviating(), usize::from(!stops));
    }

    #[rstest]
    #[case::none_was_forgotten(false, false, 0)]
    #[case::at_its_default(true, true, 0)]
    #[case::elsewhere(true, false, 1)]
    fn a_key_that_is_not_at_its_default_partition_may_have_moved_from_what_was_forgotten(
        #[case] forgot: bool,
        #[case] at_default: bool,
        #[case] deviating: usize,
    ) {
        let mut scene = Scene::new(2);
        let partition = usize::from(default_partition(scene.key(ANN).as_bytes(), 2) == 1);
        scene.insert(if at_default { partition } else { 1 - partition }, ANN);
        let mut pass = pass(&scene);
        pass.lives.forgot = forgot;
        run(&mut pass, &scene).unwrap_or_else(|stop| panic!("{stop:?}"));
        assert_eq!(pass.suspects.n_deviating(), deviating);
    }

    #[rstest]
    #[case::as_many_as_may_wait(WAITING_MAX - 1, 0)]
    #[case::one_more(WAITING_MAX, 1)]
    fn records_wait_for_the_journal_up_to_a_number(#[case] n: usize, #[case] deviating: usize) {
        let scene = Scene::new(1);
        let mut pass = pass(&scene);
        let (id, part, xid, lsn) = (Id(7, 7), Part::Create, Xid(7), Lsn(7));
        let got = Got { id, part, xid, lsn, before: 0, after: 7, at_default: true };
        let partition = pass.partitions.entry((0, 0)).or_default();
        partition.waiting.extend(std::iter::repeat_n(got, n));
        let record = RecordView {
            topic: TOPIC,
            partition: 0,
            offset: 0,
            timestamp: None,
            key: Some(b"{\"id\":1}"),
            value: None,
            headers: Headers::NONE,
        };
        pass.record(&record).unwrap_or_else(|stop| panic!("{stop:?}"));
        assert_eq!(pass.suspects.n_deviating(), deviating);
        assert_eq!(pass.partitions[&(0, 0)].waiting.len(), WAITING_MAX);
    }

    /// Takes all that was seen, as if more were to come.
    fn take(pass: &mut Pass, scene: &Scene) {
        let history = scene.so_far();
        let mut stream = Stream::of(&history);
        while let Some(seen) = stream.see().unwrap_or_else(|error| panic!("{error}")) {
            let taken = match seen {
                Seen::Wal { lsn, data, .. } => pass.wal(lsn, data),
                Seen::Record(record) => pass.record(&record),
                Seen::Other(event) => pass.other(event),
            };
            taken.unwrap_or_else(|stop| panic!("{stop:?}"));
        }
    }

    fn n_waiting(pass: &Pass) -> usize {
        pass.partitions.values().map(|partition| partition.waiting.len()).sum()
    }

    #[test]
    fn a_record_whose_change_is_known_does_not_wait() {
        let mut scene = Scene::new(1);
        scene.insert(0, ANN);
        let mut pass = pass(&scene);
        take(&mut pass, &scene);
        assert_eq!((n_waiting(&pass), pass.suspects.n_deviating()), (0, 0));
    }

    #[test]
    fn a_record_waits_for_its_change_and_those_behind_it_with_it() {
        let mut scene = Scene::new(2);
        let lsn = Lsn(scene.lsn);
        scene.show(0, lsn, (None, Some(ANN)));
        scene.show(0, Lsn(lsn.0 + 10), (None, Some(BOB)));
        let mut pass = pass(&scene);
        take(&mut pass, &scene);
        assert_eq!(n_waiting(&pass), 2);
        for (row, left) in [(ANN, 1), (BOB, 0)] {
            let mut more = Scene::new(2);
            more.events.clear();
            more.lsn = scene.lsn;
            more.commit(None, Some(row));
            scene.lsn = more.lsn;
            take(&mut pass, &more);
            assert_eq!((n_waiting(&pass), pass.suspects.n_deviating()), (left, 0));
        }
    }

    #[test]
    fn rows_of_the_snapshot_are_counted_and_others_are_not() {
        let mut scene = Scene::new(1);
        scene.read(0, ANN);
        scene.insert(0, BOB);
        scene.insert(0, (3, "cid", 3, 1));
        let mut pass = pass(&scene);
        take(&mut pass, &scene);
        assert_eq!(pass.partitions[&(0, 0)].n_reads, 1);
    }
}
