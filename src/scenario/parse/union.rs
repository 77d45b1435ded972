//! Entries of `expect` that hold for the same cell must not say two things of one place.

use super::Reader;
use crate::scenario::code::Code;
use crate::scenario::diagnose::At;
use crate::scenario::scenario::{Expectation, Restriction};

/// Something that may be said once only in a cell.
pub(super) struct Said {
    what: String,
    at: At,
}

impl Said {
    pub(super) fn new(what: impl Into<String>, at: &At) -> Self {
        Self { what: what.into(), at: at.clone() }
    }
}

impl Reader<'_> {
    pub(super) fn check_union(&mut self, entries: &[(Expectation, Vec<Said>)]) {
        for (n, (later, said)) in entries.iter().enumerate() {
            for what in said {
                let earlier = entries.iter().take(n).find_map(|(earlier, said)| {
                    let same = said.iter().find(|other| other.what == what.what)?;
                    share_a_cell(earlier, later).then_some(same)
                });
                let Some(earlier) = earlier else { continue };
                let message = format!("the {} is said twice for one cell", what.what);
                self.error(Code::SaidTwice, &what.at, message)
                    .label("again here")
                    .earlier(&earlier.at)
                    .help("part the entries by `where`, or say it once");
            }
        }
    }
}

/// The cells are the whole product of the axes: two restrictions meet unless an axis keeps them
/// apart.
fn share_a_cell(a: &Expectation, b: &Expectation) -> bool {
    let mut versions = a.versions.iter().filter_map(|(name, a)| Some((a, b.versions.get(name)?)));
    versions.all(|(a, b)| a.meets(b)) && share_axes(&a.when, &b.when)
}

fn share_axes(a: &[Restriction], b: &[Restriction]) -> bool {
    a.iter().all(|a| {
        b.iter()
            .filter(|b| b.axis == a.axis)
            .all(|b| b.labels.iter().any(|label| a.labels.contains(label)))
    })
}
