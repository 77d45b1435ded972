//! What a client does, and how the pipeline is set up: everything that is drawn.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::shaping::{Chain, Shaping, Tells, shapings};
use super::types::{Kind, Modes, kinds, modes};

/// A statement; one that finds no row does nothing.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// The last draws the values of further columns.
    Insert(i64, Option<i64>, u32),
    /// The flag: the long column is left alone; so are the further ones where nothing is drawn.
    Update(i64, Option<i64>, bool, Option<u32>),
    /// Another primary key.
    Rekey(i64, i64),
    Delete(i64),
    Truncate,
    Alter(Alter),
}

/// A change of the schema; the place is one of the further columns.
#[derive(Debug, Clone)]
pub(crate) enum Alter {
    /// A column whose value in the rows that are there is NULL, or drawn.
    Add(Kind, Option<u32>),
    Drop(usize),
    Rename(usize),
    /// `ALTER … TYPE text USING x::text`
    IntoText(usize),
    /// Another table, which nobody captures.
    Beside,
}

/// How the table is partitioned, and what of it is captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parts {
    None,
    /// `publish.via.partition.root`; the flag: its leaves are captured too.
    Root(bool),
    /// The flag: so is the root.
    Leaves(bool),
}

/// How the sink is written.
#[derive(Debug, Clone)]
pub(crate) struct Statements {
    /// Every record adds a row or takes one back.
    pub(crate) retracts: bool,
    /// Two statements write it, each the rows of some keys.
    pub(crate) two: bool,
    /// The TaskManager dies: how much was written, and how far back the job starts again.
    pub(crate) death: Option<(Index, Index)>,
}

/// A made-up run.
#[expect(clippy::struct_excessive_bools, reason = "each is one independent choice")]
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) partitions: i32,
    /// The table has a primary key.
    pub(crate) keyed: bool,
    /// `message.key.columns` names the column `id` of a table without primary key, where several
    /// rows may have the same.
    pub(crate) message_key: bool,
    /// REPLICA IDENTITY FULL; a table without key has always that.
    pub(crate) full: bool,
    pub(crate) tombstones: bool,
    pub(crate) snapshot: bool,
    pub(crate) truncates: bool,
    /// Records of this operation are left out: `c`, `u` or `d`.
    pub(crate) skips: Option<char>,
    /// How many transactions the snapshot shows.
    pub(crate) before: usize,
    /// The flag: it is written before the transaction that commits before it.
    pub(crate) transactions: Vec<(Vec<Act>, bool)>,
    /// Crashes of the worker: how far it had come in the stream, and how far back it starts again;
    /// the later of two may fall into the replay of the first.
    pub(crate) crashes: Vec<(Index, Index)>,
    /// Where the windows of an incremental snapshot's chunks open and close, among the transactions.
    pub(crate) windows: Option<[Index; 4]>,
    /// The first run of the connector stores no offset: how far it streams, and where the snapshot
    /// stands that is taken anew.
    pub(crate) anew: Option<(Index, Index)>,
    /// Further columns of the table.
    pub(crate) columns: Vec<Kind>,
    pub(crate) modes: Modes,
    pub(crate) shaping: Shaping,
    pub(crate) parts: Parts,
    pub(crate) statements: Statements,
    /// Choices of partitions, and of which partition is read next.
    pub(crate) noise: Vec<u8>,
}

impl Plan {
    /// The records have a key.
    pub(crate) fn has_message_keys(&self) -> bool {
        self.keyed || self.message_key
    }

    /// One of the choices.
    pub(crate) fn choice(&self, n: usize) -> usize {
        self.noise.get(n % self.noise.len()).map_or(0, |byte| usize::from(*byte))
    }

    /// The schema changes on the way.
    pub(crate) fn alters(&self) -> bool {
        let mut acts = self.transactions.iter().flat_map(|(acts, _)| acts);
        acts.any(|act| matches!(act, Act::Alter(_)))
    }
}

fn act() -> impl Strategy<Value = Act> {
    let key = || 0_i64..5;
    let value = || prop::option::of(0_i64..9);
    let seed = any::<u32>;
    let update = (key(), value(), any::<bool>(), prop::option::of(seed()));
    prop_oneof![
        8 => (key(), value(), seed()).prop_map(|(key, value, seed)| Act::Insert(key, value, seed)),
        8 => update.prop_map(|(key, v, alone, seed)| Act::Update(key, v, alone, seed)),
        4 => (key(), key()).prop_map(|(from, to)| Act::Rekey(from, to)),
        6 => key().prop_map(Act::Delete),
        2 => Just(Act::Truncate),
        1 => alter().prop_map(Act::Alter),
    ]
}

fn alter() -> impl Strategy<Value = Alter> {
    let place = || 0_usize..3;
    prop_oneof![
        3 => (kinds(), prop::option::of(any::<u32>())).prop_map(|(kind, n)| Alter::Add(kind, n)),
        1 => place().prop_map(Alter::Drop),
        1 => place().prop_map(Alter::Rename),
        2 => place().prop_map(Alter::IntoText),
        1 => Just(Alter::Beside),
    ]
}

fn parts() -> impl Strategy<Value = Parts> {
    prop_oneof![
        6 => Just(Parts::None),
        1 => any::<bool>().prop_map(Parts::Root),
        1 => any::<bool>().prop_map(Parts::Leaves),
    ]
}

fn statements() -> impl Strategy<Value = Statements> {
    let death = prop::option::weighted(0.3, (any::<Index>(), any::<Index>()));
    (any::<bool>(), any::<bool>(), death).prop_map(|(retracts, two, death)| Statements {
        retracts,
        two: two && !retracts,
        // What a retract sink takes back twice is another story.
        death: death.filter(|_| !retracts),
    })
}

/// All plans; the last transaction always inserts a row, so that something streams.
pub(crate) fn plans() -> impl Strategy<Value = Plan> {
    let wide = (vec(kinds(), 0..4), modes(), shapings(), parts(), statements());
    let wide = prop::option::weighted(0.7, wide);
    (narrow_plans(), wide).prop_map(|(plan, wide)| match wide {
        Some((columns, modes, shaping, parts, statements)) => {
            fitting(Plan { columns, modes, shaping, parts, statements, ..plan })
        }
        None => plan.without_alters(),
    })
}

impl Plan {
    /// The schema stays as it is.
    pub(crate) fn without_alters(mut self) -> Self {
        for (acts, _) in &mut self.transactions {
            acts.retain(|act| !matches!(act, Act::Alter(_)));
        }
        self
    }
}

/// Leaves out what does not go together.
fn fitting(mut plan: Plan) -> Plan {
    if !plan.keyed {
        plan.parts = Parts::None;
        if !matches!(plan.shaping.chain, Chain::Header | Chain::Route) {
            plan.shaping.chain = Chain::Nothing;
        }
    }
    if plan.shaping.needs_values() {
        plan.full = true;
    }
    if let Chain::Unwrap(unwrap, _) = &plan.shaping.chain {
        plan.truncates = false;
        if unwrap.tells == Tells::Nothing || unwrap.deletes_say_nothing() {
            // What does not say which change it is of cannot be judged behind a restart.
            plan.crashes.clear();
        }
        plan.anew = None;
    }
    if matches!(plan.shaping.chain, Chain::Key(_)) || plan.parts != Parts::None {
        plan.truncates = false;
    }
    // A snapshot on the way reads one table, as it is.
    if plan.alters() || plan.parts != Parts::None || plan.shaping.chain != Chain::Nothing {
        (plan.windows, plan.anew) = (None, None);
    }
    plan
}

fn narrow_plans() -> impl Strategy<Value = Plan> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let table = (prop::bool::weighted(0.7), any::<bool>(), prop_oneof![Just(1), Just(3)]);
    let transactions = vec((vec(act(), 1..4), any::<bool>()), 1..9);
    let crash = (any::<Index>(), any::<Index>());
    let crashes = prop_oneof![2 => Just(Vec::new()), 1 => vec(crash, 1..4)];
    let noise = vec(any::<u8>(), 1..24);
    let skips = prop_oneof![
        4 => Just(None),
        1 => prop::sample::select(vec!['c', 'u', 'd']).prop_map(Some),
    ];
    let place = any::<Index>;
    let windows = prop::option::weighted(0.4, any::<[Index; 4]>());
    let anew = prop::option::weighted(0.3, (place(), place()));
    let drawn = ((table, skips), flags, transactions, place(), (crashes, windows, anew), noise);
    drawn.prop_map(|((table, skips), flags, mut transactions, before, more, noise)| {
        let (crashes, windows, anew) = more;
        let (keyed, message_key, partitions) = table;
        let before = before.index(transactions.len() + 1);
        transactions.push((vec![Act::Insert(1000, Some(1), 1)], false));
        let (full, tombstones, snapshot, truncates) = flags;
        let full = full || !keyed;
        let anew = anew.filter(|_| keyed && snapshot);
        Plan {
            partitions,
            keyed,
            message_key: message_key && !keyed,
            full,
            tombstones,
            snapshot,
            truncates,
            skips,
            before,
            transactions,
            // Offsets that are not stored leave nothing to go on from.
            crashes: if anew.is_some() { Vec::new() } else { crashes },
            // What is skipped or truncated does not leave a chunk.
            windows: windows.filter(|_| keyed && skips.is_none() && !truncates && anew.is_none()),
            anew,
            columns: Vec::new(),
            modes: Modes::default(),
            shaping: Shaping::plain(),
            parts: Parts::None,
            statements: Statements { retracts: false, two: false, death: None },
            noise,
        }
    })
}
