//! What a client does, and how the pipeline is set up: everything that is drawn.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// A statement; one that finds no row does nothing.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Insert(i64, Option<i64>),
    /// The flag: the long column is left alone.
    Update(i64, Option<i64>, bool),
    /// Another primary key.
    Rekey(i64, i64),
    Delete(i64),
    Truncate,
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
}

fn act() -> impl Strategy<Value = Act> {
    let key = || 0_i64..5;
    let value = || prop::option::of(0_i64..9);
    prop_oneof![
        4 => (key(), value()).prop_map(|(key, value)| Act::Insert(key, value)),
        4 => (key(), value(), any::<bool>()).prop_map(|(key, v, alone)| Act::Update(key, v, alone)),
        2 => (key(), key()).prop_map(|(from, to)| Act::Rekey(from, to)),
        3 => key().prop_map(Act::Delete),
        1 => Just(Act::Truncate),
    ]
}

/// All plans; the last transaction always inserts a row, so that something streams.
pub(crate) fn plans() -> impl Strategy<Value = Plan> {
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
        transactions.push((vec![Act::Insert(1000, Some(1))], false));
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
            noise,
        }
    })
}
