//! The orders of sessions' entries that keep each session's own.

use std::collections::BTreeMap;

use super::timeline::{Action, Entry};

/// The entries of each session, by their places.
fn by_session(entries: &[Entry]) -> BTreeMap<&str, Vec<usize>> {
    let mut sessions = BTreeMap::<&str, Vec<usize>>::new();
    for (place, entry) in entries.iter().enumerate() {
        if let Action::Session(session) = &entry.action {
            sessions.entry(&session.session).or_default().push(place);
        }
    }
    sessions
}

/// How many orders there are (as many as can be counted).
pub fn count(entries: &[Entry]) -> u64 {
    let mut orders = 1_u64;
    let mut placed = 0_u64;
    for session in by_session(entries).values() {
        for n in 1..=u64::try_from(session.len()).unwrap_or(u64::MAX) {
            placed += 1;
            // The product of binomials, each step of which is whole.
            let Some(product) = orders.checked_mul(placed) else { return u64::MAX };
            orders = product / n;
        }
    }
    orders
}

/// All orders, those first in which the earlier session (by name) goes first; each a list of places.
pub fn all(entries: &[Entry]) -> Vec<Vec<usize>> {
    let sessions: Vec<Vec<usize>> = by_session(entries).into_values().collect();
    let mut orders = Vec::new();
    extend(&sessions, &mut vec![0; sessions.len()], &mut Vec::new(), &mut orders);
    orders
}

fn extend(
    sessions: &[Vec<usize>],
    next: &mut Vec<usize>,
    order: &mut Vec<usize>,
    orders: &mut Vec<Vec<usize>>,
) {
    let mut ended = true;
    for (n, session) in sessions.iter().enumerate() {
        let at = next.get(n).copied().unwrap_or_default();
        let Some(place) = session.get(at) else { continue };
        ended = false;
        order.push(*place);
        if let Some(next) = next.get_mut(n) {
            *next += 1;
        }
        extend(sessions, next, order, orders);
        if let Some(next) = next.get_mut(n) {
            *next -= 1;
        }
        order.pop();
    }
    if ended {
        orders.push(order.clone());
    }
}

/// So many different orders, drawn by a seed; all of them if there are not more.
pub fn draw(entries: &[Entry], wanted: usize, seed: u64) -> Vec<Vec<usize>> {
    let sessions: Vec<Vec<usize>> = by_session(entries).into_values().collect();
    let total = usize::try_from(count(entries)).unwrap_or(usize::MAX);
    if total <= wanted {
        return all(entries);
    }
    let mut numbers = Numbers(seed);
    let mut drawn: Vec<Vec<usize>> = Vec::new();
    while drawn.len() < wanted {
        let mut left: Vec<&[usize]> = sessions.iter().map(Vec::as_slice).collect();
        let mut order = Vec::new();
        loop {
            let rest: usize = left.iter().map(|session| session.len()).sum();
            if rest == 0 {
                break;
            }
            // Weighted by what is left, so that every order is equally likely.
            let mut pick = numbers.below(rest);
            for session in &mut left {
                if pick < session.len() {
                    order.extend(session.first());
                    *session = session.get(1..).unwrap_or_default();
                    break;
                }
                pick -= session.len();
            }
        }
        if !drawn.contains(&order) {
            drawn.push(order);
        }
    }
    drawn
}

/// Numbers that look drawn and are the same for the same seed (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(mixed % bound).unwrap_or_default()
    }
}

/// An order as its cell is named: the sessions in their turn.
pub fn label(entries: &[Entry], order: &[usize]) -> String {
    let name = |place: &usize| match entries.get(*place).map(|entry| &entry.action) {
        Some(Action::Session(session)) => session.session.as_str(),
        _ => "?",
    };
    order.iter().map(name).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::text::{Place, Span};
    use crate::scenario::timeline::SessionEntry;

    fn entries(sessions: &str) -> Vec<Entry> {
        let entry = |session: char| Entry {
            place: Place { file: "a.yaml".into(), line: 1, column: 1 },
            span: Span::default(),
            action: Action::Session(SessionEntry {
                session: session.to_string(),
                statements: Vec::new(),
                blocks_on: None,
                error: None,
                rounds: 1,
                until: None,
                within_ms: 1,
                finds_waits: true,
            }),
        };
        sessions.chars().map(entry).collect()
    }

    #[test]
    fn every_order_keeps_each_session_s_own_and_stands_once() {
        let entries = entries("aaabbb");
        let orders = all(&entries);
        assert_eq!((orders.len(), count(&entries)), (20, 20));
        assert_eq!(label(&entries, &orders[0]), "a a a b b b");
        for order in &orders {
            let of = |session: std::ops::Range<usize>| {
                order.iter().copied().filter(|n| session.contains(n)).collect::<Vec<_>>()
            };
            assert_eq!((of(0..3), of(3..6)), (vec![0, 1, 2], vec![3, 4, 5]));
        }
        let mut distinct = orders.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), 20);
    }

    #[test]
    fn drawn_orders_are_distinct_and_repeat_with_their_seed() {
        let entries = entries("aaabbbcc");
        assert_eq!(count(&entries), 560);
        let drawn = draw(&entries, 30, 7);
        assert_eq!(drawn, draw(&entries, 30, 7));
        assert_ne!(drawn, draw(&entries, 30, 8));
        let known = all(&entries);
        assert!(drawn.iter().all(|order| known.contains(order)));
        assert_eq!(draw(&entries, 1_000, 7).len(), 560);
    }
}
