//! The topics judged in one pass over a history of any length.
//!
//! What is held is a small state of every live key and the changes that are on their way to the
//! topic. The pass has no verdict of its own: it only finds out which keys are beyond doubt, since
//! each of their records shows exactly what the journal says, where it says it, once and in order.
//! For all other keys the history is read again, and the whole checker judges the history of just
//! these; so that a finding has the same name and the same evidence as ever. It is told what was seen of
//! the other keys, so that whatever makes a run vacuous or incomplete is told by it too.
//!
//! A history that this has no model for is refused with the reason: then the whole checker is
//! needed, with all events in memory.

mod digest;
mod frame;
mod lives;
mod partition;
mod pass;
mod slice;
mod suspects;

use super::case::Case;
use super::excerpt::Excerpt;
use super::verdict::{Gap, Outcome, Verdict};
use crate::base::position::Lsn;
use crate::history::event::Header;
use crate::history::stream::Stream;
use crate::history::{History, HistoryError};
use crate::scenario::pipeline::Sink;
use frame::Frame;
use pass::Pass;
use slice::Slice;

/// What a pass came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Once {
    /// What was run.
    pub header: Header,
    /// The verdict on the topics; an error is why this history cannot be judged in one pass.
    pub judged: Result<Verdict, String>,
    /// What the scenario demands besides, and no pass over the topics judges. It is among the gaps
    /// of the verdict.
    pub left_out: Vec<Gap>,
    /// What it took.
    pub taken: Taken,
}

/// What a pass took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Events of the history.
    pub events: u64,
    /// The most keys that were live at once.
    pub live_keys: usize,
    /// Bytes of the table that holds the state of keys, at the end.
    pub key_bytes: usize,
    /// Bytes of the changes that were on their way, at their most.
    pub due_bytes: usize,
    /// Keys at which something deviates.
    pub deviating_keys: usize,
    /// Events that the whole checker was given.
    pub looked_at: usize,
}

/// Why a pass ends early.
#[derive(Debug)]
enum Stop {
    /// It has no model for this history.
    Refused(String),
    /// The snapshot has another point than its slot says.
    Again(Lsn),
    Unreadable(HistoryError),
}

impl Stop {
    fn refused(why: &str) -> Self {
        Self::Refused(why.to_owned())
    }
}

impl From<HistoryError> for Stop {
    fn from(error: HistoryError) -> Self {
        Self::Unreadable(error)
    }
}

/// Judges the topics of a history in one pass, and in a second one over the keys at which something
/// deviates; `open` begins to read it.
pub fn judge_once<'h>(
    open: impl Fn() -> Result<Stream<'h>, HistoryError>,
) -> Result<Once, HistoryError> {
    let header = open()?.header().clone();
    let left_out = left_out(&header);
    let mut once = Once { judged: Err(String::new()), left_out, taken: Taken::default(), header };
    let mut point = None;
    loop {
        match once.pass(&open, point) {
            Ok(verdict) => once.judged = Ok(verdict),
            Err(Stop::Again(at)) if point.is_none() => {
                point = Some(at);
                continue;
            }
            Err(Stop::Again(_)) => {
                once.judged = Err("rows of more than one snapshot were seen".to_owned());
            }
            Err(Stop::Refused(why)) => once.judged = Err(why),
            Err(Stop::Unreadable(error)) => return Err(error),
        }
        return Ok(once);
    }
}

impl Once {
    /// The verdict; unknown, with the reason, where there is none.
    pub fn verdict(self) -> Verdict {
        self.judged.unwrap_or_else(|missing| {
            let mut verdict = Verdict::empty(Outcome::Unknown);
            let what = "the topics, in one pass over the history".to_owned();
            let missing = format!("{missing}; `check --whole` judges it with all events in memory");
            verdict.gaps.push(Gap { what, missing });
            verdict.gaps.extend(self.left_out);
            verdict
        })
    }

    fn pass<'h>(
        &mut self,
        open: &impl Fn() -> Result<Stream<'h>, HistoryError>,
        point: Option<Lsn>,
    ) -> Result<Verdict, Stop> {
        let frame = Frame::read(&mut open()?, point)?;
        let mut pass = Pass::new(frame);
        pass.run(&mut open()?)?;
        self.taken = Taken {
            events: pass.counted.events,
            live_keys: pass.lives.n_live_max,
            key_bytes: pass.lives.table_bytes(),
            due_bytes: pass.lives.due_bytes(),
            deviating_keys: pass.suspects.n_deviating(),
            looked_at: 0,
        };
        if pass.suspects.too_many {
            return Err(Stop::Refused(format!(
                "more than {} keys must be looked at more closely",
                pass.suspects.n_deviating()
            )));
        }
        let witnesses_left_out = pass.suspects.n_witnesses_left_out;
        let must_show = &self.header.trial.expect.must_show;
        if witnesses_left_out > 0 && must_show.iter().any(|demand| demand.finding.is_witness()) {
            let why = "a witness must be shown, and more keys show one than can be looked at";
            return Err(Stop::refused(why));
        }
        let keys = pass.suspects.closed();
        let unreadable = pass.suspects.take_unreadable();
        let mut seen = Excerpt::default();
        seen.sinks.extend(self.header.trial.pipeline.sinks.keys().cloned());
        pass.tell(&mut seen);
        let Pass { frame, digester, lacking, counted, lives, first, .. } = pass;
        let n_keys = (!lives.forgot).then(|| lives.len());
        drop(lives);
        let slice = Slice { frame: &frame, digester, keys, unreadable, lacking: &lacking, first };
        let (part, excerpt) = slice.read(&mut open()?, (reduced(&self.header), seen))?;
        self.taken.looked_at = part.events.len();
        let mut verdict = judge_part(&part, excerpt, frame.point)?;
        let figures = [
            ("transactions", Some(counted.transactions)),
            ("changes", Some(counted.changes)),
            ("records", Some(counted.records)),
            ("keys", n_keys.and_then(|keys| u64::try_from(keys).ok())),
        ];
        for (name, figure) in figures {
            match figure {
                Some(figure) => verdict.figures.insert(name.to_owned(), figure),
                None => verdict.figures.remove(name),
            };
        }
        if witnesses_left_out > 0 {
            verdict.warnings.push(
                "more keys show a witness (`lsn-inversion`, `mid-snapshot`) than were looked at"
                    .to_owned(),
            );
        }
        verdict.gaps.extend(self.left_out.iter().cloned());
        if verdict.outcome == Outcome::Pass && !verdict.gaps.is_empty() {
            (verdict.outcome, verdict.control) = (Outcome::Unknown, false);
        }
        Ok(verdict)
    }
}

/// The whole checker over a part of a history.
fn judge_part(part: &History, excerpt: Excerpt, point: Lsn) -> Result<Verdict, Stop> {
    let mut has_another = false;
    let verdict = super::laid_out(part, || {
        if let Some(verdict) = super::integrity::aborted(part) {
            return verdict;
        }
        let case = Case::of_excerpt(part, excerpt);
        let point_of = case.feeds.first().and_then(|feed| feed.point);
        has_another = point_of.is_some_and(|other| other != point);
        super::judge_case(&case)
    });
    if has_another {
        return Err(Stop::refused("the run has had more than one snapshot"));
    }
    Ok(verdict)
}

/// What the scenario demands that no pass over the topics judges.
fn left_out(header: &Header) -> Vec<Gap> {
    let trial = &header.trial;
    let expect = &trial.expect;
    let mut left_out = Vec::new();
    let mut say = |what: String| {
        let missing = "one pass judges the topics only".to_owned();
        left_out.push(Gap { what, missing });
    };
    for (name, sink) in &trial.pipeline.sinks {
        if matches!(sink, Sink::Judged { .. }) {
            say(format!("whether `{name}` agrees with its reference"));
        }
    }
    let rows = expect.rows.keys().map(|place| ("rows", place));
    let lives = expect.life.keys().map(|place| ("life", place));
    let plans = expect.plan.keys().map(|place| ("plan", place));
    for (demand, place) in rows.chain(lives).chain(plans) {
        say(format!("`{demand}` of `{place}`"));
    }
    for demand in expect.must_show.iter().filter(|demand| is_at_sink(header, &demand.place)) {
        say(format!("`must_show` {demand}"));
    }
    left_out
}

fn is_at_sink(header: &Header, place: &str) -> bool {
    header.trial.pipeline.sinks.contains_key(place)
}

/// The header without what is left out.
fn reduced(header: &Header) -> Header {
    let mut reduced = header.clone();
    let trial = &mut reduced.trial;
    trial.pipeline.sinks.clear();
    trial.expect.rows.clear();
    trial.expect.life.clear();
    trial.expect.plan.clear();
    trial.expect.consistency.clear();
    trial.expect.must_show.retain(|demand| !is_at_sink(header, &demand.place));
    trial.expect.may_show.retain(|allowance| !is_at_sink(header, &allowance.place));
    reduced
}
