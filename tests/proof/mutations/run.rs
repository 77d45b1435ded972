//! What the run itself saw go wrong.

use changeproof::base::anomaly::Anomaly;
use changeproof::history::event::Event;

use super::super::edit;
use super::super::scene::Scene;
use super::{Hop, Mutant, Mutation, Wanted};

pub(super) const ALL: &[Mutation] = &[
    Mutation { hop: Hop::Run, does: "end the run in trouble", also: &[], make: trouble },
    Mutation { hop: Hop::Run, does: "take the connector's slot away", also: &[], make: share },
    Mutation {
        hop: Hop::Upsert,
        does: "make a row less of the records that are read",
        also: &[],
        make: skip,
    },
];

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
        out(ended(scene, (*anomaly, *anomaly), place, "it went wrong"));
    }
}

/// Another reader holds the slot: the connector fails, and says why.
fn share(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    let told = (Anomaly::ConnectorFailed, Anomaly::SharedSlot);
    let cause = "ERROR: replication slot \"s\" is active for PID 4711";
    out(ended(scene, told, "connector".to_owned(), cause));
}

/// The run ended in trouble: what it is recorded as, and what it must be found as.
fn ended(
    scene: &Scene<'_>,
    (finding, anomaly): (Anomaly, Anomaly),
    place: String,
    sentence: &str,
) -> Mutant {
    let mut history = scene.history.clone();
    let event = Event::Trouble {
        finding,
        place: place.clone(),
        at: None,
        sentence: sentence.to_owned(),
        detail: Vec::new(),
    };
    edit::end_with(&mut history, event);
    let (key, record, position, column) = (None, None, None, None);
    Mutant { history, wanted: Wanted { anomaly, place, key, record, position, column, says: None } }
}

/// The source operators of a table that ignores parse errors gave on a row less.
fn skip(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    let proofs = scene.history.events.iter().enumerate().rev();
    let last = proofs.filter(|(_, event)| matches!(event, Event::Proof(_))).map(|(n, _)| n).next();
    let Some(Event::Proof(proof)) = last.and_then(|last| scene.history.events.get(last)) else {
        return;
    };
    for (job, of) in proof.jobs.iter().enumerate() {
        for (reading, _) in of.readings.iter().enumerate() {
            let mut history = scene.history.clone();
            let Some(Event::Proof(proof)) = last.and_then(|n| history.events.get_mut(n)) else {
                continue;
            };
            let rows = &mut proof.jobs[job].readings[reading].rows;
            *rows = rows.map(|rows| rows - 1);
            for sink in &of.sinks {
                let (key, record, position, column) = (None, None, None, None);
                let (anomaly, place) = (Anomaly::RecordSkipped, sink.clone());
                let wanted = Wanted { anomaly, place, key, record, position, column, says: None };
                out(Mutant { history: history.clone(), wanted });
            }
        }
    }
}
