//! The report for monitoring: verdicts as OpenMetrics text, which Prometheus reads.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Case, human};
use crate::base::anomaly::Anomaly;
use crate::check::verdict::Status;

/// The verdicts, told at a time: seconds since 1970. The names are a contract of the rules in
/// `infra/monitoring`.
pub fn text(cases: &[Case<'_>], at: i64) -> String {
    let mut text = family("changeproof_trial_verdict", "How a trial ended: 1 beside the word.");
    for case in cases {
        let (trial, word) = (quoted(&case.name()), human::counted_as(case));
        let control = case.is_control();
        text += &format!(
            "changeproof_trial_verdict{{trial={trial},verdict=\"{word}\",control=\"{control}\"}} 1\n"
        );
    }
    text += &family("changeproof_trial_findings", "How many findings failed a trial, by anomaly.");
    for case in cases {
        for (anomaly, n) in failing(case) {
            let trial = quoted(&case.name());
            text +=
                &format!("changeproof_trial_findings{{trial={trial},anomaly=\"{anomaly}\"}} {n}\n");
        }
    }
    text += &family("changeproof_trial_seconds", "How long a trial took.");
    for case in cases {
        if let Some(elapsed_ms) = case.elapsed_ms {
            let trial = quoted(&case.name());
            let seconds = Duration::from_millis(elapsed_ms).as_secs_f64();
            text += &format!("changeproof_trial_seconds{{trial={trial}}} {seconds}\n");
        }
    }
    text += &family("changeproof_run_timestamp_seconds", "When the trials were judged.");
    text += &format!("changeproof_run_timestamp_seconds {at}\n# EOF");
    text
}

fn family(name: &str, help: &str) -> String {
    format!("# TYPE {name} gauge\n# HELP {name} {help}\n")
}

/// The anomalies that failed a trial; each by its public name.
fn failing(case: &Case<'_>) -> BTreeMap<&'static str, usize> {
    let mut found = BTreeMap::new();
    let findings = case.judgement().map_or(&[][..], |verdict| verdict.findings.as_slice());
    for judged in findings.iter().filter(|judged| judged.status == Status::Failing) {
        *found.entry(Anomaly::name(judged.finding.anomaly)).or_default() += 1;
    }
    found
}

/// The value of a label.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::examples;

    #[test]
    fn a_failed_trial_tells_its_anomalies_and_a_pass_none() {
        let header = examples::header();
        let (pass, fail) = (examples::pass(), examples::fail());
        let cases = [examples::case(&header, &pass), examples::case(&header, &fail)];
        let text = text(&cases, 1_764_547_200);
        assert!(text.ends_with("changeproof_run_timestamp_seconds 1764547200\n# EOF"), "{text}");
        let trial = format!("trial=\"{}\"", cases[0].name());
        for line in [
            format!("changeproof_trial_verdict{{{trial},verdict=\"pass\",control=\"false\"}} 1"),
            format!("changeproof_trial_verdict{{{trial},verdict=\"fail\",control=\"false\"}} 1"),
            format!("changeproof_trial_findings{{{trial},anomaly=\"diverged-sink\"}} 1"),
            format!("changeproof_trial_seconds{{{trial}}} 0.934"),
        ] {
            assert!(text.lines().any(|told| told == line), "{line}\nis not in\n{text}");
        }
        // A witness fails nothing.
        assert!(!text.contains("lsn-inversion"), "{text}");
    }

    #[test]
    fn a_label_cannot_end_early() {
        assert_eq!(quoted("a\"b\\c\nd"), "\"a\\\"b\\\\c\\nd\"");
    }
}
