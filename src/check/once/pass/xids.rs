//! Sets of transaction ids.

use std::collections::BTreeMap;

/// The xids of the journal, as runs: they are nearly dense.
#[derive(Debug, Default)]
pub(super) struct Xids(BTreeMap<u32, u32>);

impl Xids {
    pub(super) fn insert(&mut self, xid: u32) {
        if self.contains(xid) {
            return;
        }
        let before = xid.checked_sub(1).and_then(|last| {
            let (start, end) = self.0.range(..=last).next_back()?;
            (*end == last).then_some(*start)
        });
        let end = xid.checked_add(1).and_then(|next| self.0.remove(&next)).unwrap_or(xid);
        self.0.insert(before.unwrap_or(xid), end);
    }

    pub(super) fn contains(&self, xid: u32) -> bool {
        self.0.range(..=xid).next_back().is_some_and(|(_, end)| *end >= xid)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_of_runs_is_a_set(xids in prop::collection::vec(0_u32..20, 0..30)) {
            let mut runs = Xids::default();
            for xid in &xids {
                runs.insert(*xid);
            }
            for xid in 0..22 {
                prop_assert_eq!(runs.contains(xid), xids.contains(&xid));
            }
        }
    }
}
