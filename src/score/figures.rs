//! What the service tells of itself to Prometheus: answers by status, and how long they took.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The bounds of the histogram, in milliseconds.
const BOUNDS_MS: [u64; 10] = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000];

/// Counts of a running service.
#[derive(Debug, Default)]
pub(super) struct Figures(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    /// Status → answers.
    answers: BTreeMap<u16, u64>,
    /// Bound → answers that took so long at most.
    within_ms: BTreeMap<u64, u64>,
    /// What all answers took.
    took: Duration,
}

impl Figures {
    /// A request was answered.
    pub(super) fn answered(&self, status: u16, took: Duration) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counted.answers.entry(status).or_default() += 1;
        counted.took += took;
        for bound in BOUNDS_MS.into_iter().filter(|ms| took <= Duration::from_millis(*ms)) {
            *counted.within_ms.entry(bound).or_default() += 1;
        }
    }

    /// All of it in Prometheus' text form.
    pub(super) fn text(&self) -> String {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = "# TYPE score_requests_total counter\n".to_owned();
        for (status, n) in &counted.answers {
            text += &format!("score_requests_total{{code=\"{status}\"}} {n}\n");
        }
        text += "# TYPE score_request_seconds histogram\n";
        for bound in BOUNDS_MS {
            let n = counted.within_ms.get(&bound).copied().unwrap_or(0);
            let le = Duration::from_millis(bound).as_secs_f64();
            text += &format!("score_request_seconds_bucket{{le=\"{le}\"}} {n}\n");
        }
        let all: u64 = counted.answers.values().sum();
        let took = counted.took.as_secs_f64();
        text += &format!("score_request_seconds_bucket{{le=\"+Inf\"}} {all}\n");
        text += &format!("score_request_seconds_sum {took}\nscore_request_seconds_count {all}\n");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_in_each_bound_that_holds_it() {
        let figures = Figures::default();
        figures.answered(200, Duration::from_millis(7));
        figures.answered(503, Duration::from_secs(9));
        let text = figures.text();
        for line in [
            "score_requests_total{code=\"200\"} 1",
            "score_requests_total{code=\"503\"} 1",
            "score_request_seconds_bucket{le=\"0.005\"} 0",
            "score_request_seconds_bucket{le=\"0.01\"} 1",
            "score_request_seconds_bucket{le=\"5\"} 1",
            "score_request_seconds_bucket{le=\"+Inf\"} 2",
            "score_request_seconds_sum 9.007",
            "score_request_seconds_count 2",
        ] {
            assert!(text.lines().any(|told| told == line), "{line}\nis not in\n{text}");
        }
    }
}
