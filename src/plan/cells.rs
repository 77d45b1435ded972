//! The matrix: the product of all lists of a scenario's settings.

use super::Matrix;
use crate::scenario::Scenario;
use crate::scenario::scenario::{Choice, Setting};

/// Each setting with the value it has in one cell.
pub(super) type Draw<'s> = Vec<(&'s Setting, &'s Choice)>;

/// The draws of all wanted cells, the last axis fastest.
pub(super) fn draws(scenario: &Scenario, matrix: Matrix) -> Vec<Draw<'_>> {
    let mut draws: Vec<Draw<'_>> = vec![Vec::new()];
    for setting in &scenario.settings {
        let wanted = match matrix {
            Matrix::Full => setting.choices.len(),
            Matrix::First => 1,
        };
        let extended = draws.iter().flat_map(|draw| {
            setting.choices.iter().take(wanted).map(move |choice| {
                let mut longer = draw.clone();
                longer.push((setting, choice));
                longer
            })
        });
        draws = extended.collect();
    }
    draws
}
