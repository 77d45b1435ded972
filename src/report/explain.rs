//! What a name means, in sentences: a scenario as it will be driven and judged.

use itertools::Itertools;

use super::page::{Ink, Page};
use crate::base::text::Text;
use crate::scenario::expect::{Delivery, Expect, RowCell, RowTable};
use crate::scenario::pipeline::{Pipeline, Sink};
use crate::scenario::timeline::{Action, Condition, Entry, SessionEntry};
use crate::scenario::trial::Trial;

/// A longer statement is cut here; the file has it whole.
const SQL_SHOWN: usize = 160;

/// A scenario in sentences. Of several trials (the cells of its matrix) the first is told in full.
pub fn scenario(trials: &[Trial]) -> Page {
    let mut page = Page::new();
    let Some(trial) = trials.first() else { return page };
    page.add(Ink::Strong, format!("{}\n", trial.id));
    page.line(format!("  {}.", trial.title));
    if !trial.covers.is_empty() {
        page.line(format!("  It covers {}.", trial.covers.join(", ")));
    }
    cells(&mut page, trials);
    pipeline(&mut page, &trial.pipeline);
    page.end();
    timeline(&mut page, trial);
    page.end();
    expect(&mut page, &trial.expect, &trial.pipeline);
    page
}

fn cells(page: &mut Page, trials: &[Trial]) {
    match trials {
        [] => {}
        [only] if only.cell.0.is_empty() => page.line("  It runs once."),
        [only] => page.line(format!("  It runs once, with {}.", only.cell)),
        many => {
            page.line(format!("  It runs {} times:", many.len()));
            for trial in many {
                page.line(format!("    {}", trial.cell));
            }
        }
    }
    if trials.iter().any(|trial| trial.alone) {
        page.line("  It needs the stack alone.");
    }
}

fn pipeline(page: &mut Page, pipeline: &Pipeline) {
    let of = match &pipeline.file {
        Some(file) => format!("the pipeline {file}"),
        None => "a pipeline of its own".to_owned(),
    };
    page.line(format!("  Under test is {of}."));
    if pipeline.sinks.is_empty() {
        page.line("  It has no statements: the topics are the last hop.");
        return;
    }
    let sinks = pipeline.sinks.iter().map(|(name, sink)| match sink {
        Sink::Judged { window: None, .. } => format!("{name} (against its reference query)"),
        Sink::Judged { window: Some(window), .. } => {
            format!("{name} (windows that end at {}, against its reference query)", window.end)
        }
        Sink::Unjudged => format!("{name} (not judged)"),
    });
    page.line(format!("  Its sinks are {}.", sinks.collect_vec().join(", ")));
}

fn timeline(page: &mut Page, trial: &Trial) {
    page.add(Ink::Strong, "What happens\n");
    if !trial.setup.is_empty() {
        page.line("  0. Before the connector starts, so that it arrives as snapshot:");
        statements(page, &trial.setup);
    }
    for (n, entry) in trial.timeline.iter().enumerate() {
        page.add(Ink::Plain, format!("  {}. ", n + 1));
        entry_in_words(page, entry);
    }
}

fn entry_in_words(page: &mut Page, entry: &Entry) {
    match &entry.action {
        Action::Await { condition, .. } => page.line(match condition {
            Condition::Streaming => "Wait until the snapshot is over and the connector streams.",
            Condition::Captured => "Wait until every change so far was read from its topic.",
            Condition::Processed => {
                "Wait for the proof that nothing more can arrive from what was committed."
            }
        }),
        Action::Session(session) => session_in_words(page, session),
    }
}

fn session_in_words(page: &mut Page, session: &SessionEntry) {
    let rounds = (session.rounds > 1).then(|| format!(", {} times", session.rounds));
    let waits = session.blocks_on.as_ref();
    let waits = waits.map(|other| format!(", and must be seen to wait for session {other}"));
    let refused = session.error.as_ref();
    let refused = refused.map(|error| format!(", and must be refused with {error}"));
    let head = [Some(format!("Session {}", session.session)), rounds, waits, refused];
    let head = head.into_iter().flatten().join("");
    page.line(format!("{head}:"));
    statements(page, &session.statements);
}

fn statements(page: &mut Page, statements: &[Text]) {
    for statement in statements {
        let flat = statement.value.split_whitespace().join(" ");
        page.line(format!("       {}", super::grid::shorten(&flat, SQL_SHOWN)));
    }
}

fn expect(page: &mut Page, expect: &Expect, pipeline: &Pipeline) {
    page.add(Ink::Strong, "What must be seen\n");
    for demand in &expect.must_show {
        page.line(format!("  - It must show {demand}."));
    }
    for allowance in &expect.may_show {
        let (finding, place) = (allowance.finding, &allowance.place);
        page.line(format!("  - It may show {finding} at {place}, because {}.", allowance.because));
    }
    for (sink, table) in &expect.rows {
        page.line(format!("  - At the end {sink} {}.", rows(table)));
    }
    for (place, keys) in &expect.life {
        for (key, life) in keys {
            page.line(format!("  - The life of key {key} at {place} is `{}`.", life.source));
        }
    }
    page.line("  - No other anomaly at any hop.");
    if expect.delivery == Delivery::ExactlyOnce {
        page.line("  - No record twice, not even after a fault.");
    }
    let judged = pipeline.sinks.iter().filter(|(_, sink)| matches!(sink, Sink::Judged { .. }));
    let judged = judged.map(|(name, _)| name.as_str()).join(", ");
    if !judged.is_empty() {
        page.line(format!("  - Whenever nothing more can arrive: {judged} as the reference says."));
    }
}

fn rows(table: &RowTable) -> String {
    let more = if table.open { " among others" } else { "" };
    if table.rows.is_empty() {
        return "is empty".to_owned();
    }
    let cell = |cell: &RowCell| match cell {
        RowCell::Null => "NULL".to_owned(),
        RowCell::Any => "...".to_owned(),
        RowCell::Value { text, quoted: true } => format!("'{text}'"),
        RowCell::Value { text, quoted: false } => text.clone(),
    };
    let row = |cells: &[RowCell]| cells.iter().map(cell).join(" | ");
    let rows = table.rows.iter().map(|found| row(&found.cells)).join("; ");
    format!("holds{more} ({}): {rows}", table.columns.join(" | "))
}
