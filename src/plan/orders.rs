//! One timeline for each order that a `permute` asks for.

use super::Matrix;
use crate::scenario::orders;
use crate::scenario::timeline::{Action, Entry};

/// The axes that name the orders of a timeline, and the timeline.
type Ordered = (Vec<(String, String)>, Vec<Entry>);

/// The timelines, each with the axes that name its orders.
pub(super) fn timelines(timeline: &[Entry], matrix: Matrix, seed: u64) -> Vec<Ordered> {
    let mut found: Vec<Ordered> = vec![(Vec::new(), Vec::new())];
    for entry in timeline {
        let Action::Permute { count, of } = &entry.action else {
            for (_, timeline) in &mut found {
                timeline.push(entry.clone());
            }
            continue;
        };
        let mut orders = match count {
            None => orders::all(of),
            Some(count) => orders::draw(of, usize::try_from(*count).unwrap_or(usize::MAX), seed),
        };
        if matrix == Matrix::First {
            orders.truncate(1);
        }
        let before = std::mem::take(&mut found);
        for (axes, timeline) in before {
            for order in &orders {
                let mut axes = axes.clone();
                let axis = if axes.is_empty() {
                    "order".to_owned()
                } else {
                    format!("order.{}", axes.len() + 1)
                };
                axes.push((axis, orders::label(of, order)));
                let entries = order.iter().filter_map(|place| of.get(*place)).cloned();
                found.push((axes, timeline.iter().cloned().chain(entries).collect()));
            }
        }
    }
    found
}
