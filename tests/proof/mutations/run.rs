//! What the run itself saw go wrong.

use changeproof::base::anomaly::Anomaly;
use changeproof::history::event::Event;

use super::super::edit;
use super::super::scene::Scene;
use super::{Hop, Mutant, Mutation, Wanted};

pub(super) const ALL: &[Mutation] =
    &[Mutation { hop: Hop::Run, does: "end the run in trouble", also: &[], make: trouble }];

const TROUBLES: &[Anomaly] = &[
    Anomaly::Stalled,
    Anomaly::ConnectorFailed,
    Anomaly::StatementFailed,
    Anomaly::StatementRejected,
    Anomaly::SlotRetained,
];

fn trouble(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    let sink = scene.sinks.first().map(|sink| sink.table.name.clone());
    for anomaly in TROUBLES {
        let place = match anomaly {
            Anomaly::StatementFailed | Anomaly::StatementRejected => sink.clone(),
            _ => Some("connector".to_owned()),
        };
        let Some(place) = place else { continue };
        let mut history = scene.history.clone();
        let event = Event::Trouble {
            finding: *anomaly,
            place: place.clone(),
            at: None,
            sentence: "it went wrong".to_owned(),
            detail: Vec::new(),
        };
        edit::end_with(&mut history, event);
        let (key, record, position, column) = (None, None, None, None);
        let wanted = Wanted { anomaly: *anomaly, place, key, record, position, column };
        out(Mutant { history, wanted });
    }
}
