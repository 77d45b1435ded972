//! `changeproof bench-parse` (hidden; `ci/bench` calls it): how long a long scenario takes to be read.

use camino::Utf8Path;
use clap::Args;
use serde::Serialize;

use super::console::Console;
use crate::base::exit::Exit;
use crate::client::clock::Stopwatch;
use crate::scenario::load_edited;

/// Measure how long a scenario of many lines takes to be read; prints JSON
#[derive(Debug, Args)]
pub(super) struct BenchParse {
    /// The scenario's lines
    #[arg(long, default_value_t = 10_000)]
    lines: usize,
    /// How often it is read
    #[arg(long, default_value_t = 20)]
    runs: u32,
}

/// What was measured. Times in milliseconds.
#[derive(Debug, Serialize)]
struct Measured {
    lines: usize,
    bytes: usize,
    runs: u32,
    parse_p50_ms: u64,
    parse_max_ms: u64,
}

pub(super) fn run(bench: &BenchParse, console: Console) -> Exit {
    let text = scenario(bench.lines);
    let mut times = Vec::new();
    for _ in 0..bench.runs.max(1) {
        let text = text.clone();
        let watch = Stopwatch::start();
        let loaded = load_edited(Utf8Path::new("long.yaml"), "long", text);
        times.push(watch.elapsed_ms());
        if loaded.scenario.is_none() {
            let said = loaded.diagnostics.iter().take(3).map(ToString::to_string);
            return console.failed(&said.collect::<Vec<_>>().join("\n"), Exit::Internal);
        }
    }
    times.sort_unstable();
    let measured = Measured {
        lines: text.lines().count(),
        bytes: text.len(),
        runs: bench.runs.max(1),
        parse_p50_ms: times.get(times.len() / 2).copied().unwrap_or_default(),
        parse_max_ms: times.last().copied().unwrap_or_default(),
    };
    match serde_json::to_string_pretty(&measured) {
        Ok(json) => {
            console.out(&json);
            Exit::Pass
        }
        Err(error) => console.failed(&error, Exit::Internal),
    }
}

/// A scenario of about so many lines: entries of one line, entries with a block of SQL, lives, rows.
fn scenario(lines: usize) -> String {
    let mut text = String::from(HEAD);
    let rounds = lines.saturating_sub(HEAD.lines().count() + 6) / 10;
    for n in 1..=rounds {
        text += &format!(
            "  - a: INSERT INTO rates VALUES ({n}, 15, 'noted by hand')\n  \
             # What was wrong is mended.\n  \
             - b: |\n      \
             BEGIN;\n      \
             UPDATE rates SET rate = {n} WHERE id = {n};\n      \
             COMMIT\n  \
             - await: captured\n    \
             within: 20s\n"
        );
    }
    text += "expect:\n  life:\n    rates:\n";
    text.extend((1..=rounds).map(|n| format!("      {n}: c u\n")));
    text += "  rows:\n    high_rates: |\n      id | rate | note\n";
    text.extend((1..=rounds).map(|n| format!("      {n} | {n} | 'noted by hand'\n")));
    text
}

const HEAD: &str = "\
scenario: v1
title: A scenario of many lines is read at once
pipeline:
  source: CREATE TABLE rates (id int PRIMARY KEY, rate int NOT NULL, note text)
  dialect: flink
  statements: |
    CREATE TABLE rates (id INT, rate INT, note STRING, PRIMARY KEY (id) NOT ENFORCED)
      WITH ('connector' = 'kafka', 'topic' = 'cdc.public.rates', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset');
    CREATE TABLE high_rates (id INT, rate INT, note STRING, PRIMARY KEY (id) NOT ENFORCED)
      WITH ('connector' = 'upsert-kafka', 'topic' = 'high_rates', 'key.format' = 'json', 'value.format' = 'json');
    INSERT INTO high_rates SELECT id, rate, note FROM rates WHERE rate > 0;
  sinks:
    high_rates: SELECT id, rate, note FROM rates WHERE rate > 0
settings: {replica_identity: full}
timeline:
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_scenario_has_no_error_and_the_length_that_is_asked_for() {
        let text = scenario(1_000);
        assert!((980..=1_000).contains(&text.lines().count()), "{}", text.lines().count());
        let loaded = load_edited(Utf8Path::new("long.yaml"), "long", text);
        assert_eq!(loaded.diagnostics, []);
    }
}
