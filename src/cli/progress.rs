//! Progress on stderr while trials run; silent when nobody watches.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::console::Console;
use crate::run::{Progress, Stage};

/// One line for the whole and one for each running trial; all of it vanishes at the end.
pub(super) struct Bars {
    console: Console,
    all: MultiProgress,
    total: ProgressBar,
    running: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Bars {
    /// Bars for `n` trials; hidden when stderr is no terminal.
    pub(super) fn new(n: u64, console: Console) -> Self {
        let all = MultiProgress::new();
        let total =
            if Console::watched() { all.add(ProgressBar::new(n)) } else { ProgressBar::hidden() };
        total.set_style(style("{pos}/{len} {msg} {elapsed}"));
        total.enable_steady_tick(Duration::from_millis(200));
        Self { console, all, total, running: Mutex::default() }
    }

    /// Says what happens before the trials run. Whom a wait is for is said where nobody watches too.
    pub(super) fn say(&self, what: &str) {
        self.total.set_message(what.to_owned());
        if !Console::watched() && what.starts_with("waiting for ") {
            self.console.err(what);
        }
    }

    /// A trial ended; `print` may print meanwhile without being overdrawn.
    pub(super) fn ended(&self, trial: &str, print: impl FnOnce()) {
        if let Some(bar) = self.bars().remove(trial) {
            bar.finish_and_clear();
        }
        self.total.inc(1);
        self.all.suspend(print);
    }

    /// Nothing is left of the bars.
    pub(super) fn clear(&self) {
        self.total.finish_and_clear();
        self.all.clear().ok();
    }

    fn bars(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, ProgressBar>> {
        // A panic elsewhere leaves a map of bars that is still a map of bars.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Bars {
    fn stage(&self, trial: &str, stage: &Stage) {
        if !Console::watched() {
            return;
        }
        let mut bars = self.bars();
        let bar = bars.entry(trial.to_owned()).or_insert_with(|| {
            let bar = self.all.add(ProgressBar::new_spinner());
            bar.set_style(style("  {spinner} {prefix}: {msg} ({elapsed})"));
            bar.set_prefix(trial.to_owned());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        bar.set_message(stage.to_string());
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is one of ours")
}
