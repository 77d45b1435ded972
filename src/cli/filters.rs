//! Which of the selected trials are wanted, whatever they did before.

use camino::Utf8PathBuf;
use clap::Args;

use crate::base::anomaly::Anomaly;
use crate::plan::Word;
use crate::scenario::trial::Trial;

/// Filters on what scenarios say.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Filters {
    /// Leave out an id, a folder of ids, a label, or a pattern of them; may be said several times
    #[arg(long, value_name = "ID|LABEL", help_heading = "Filters")]
    exclude: Vec<Word>,
    /// Only trials with this label in `covers`
    #[arg(long, value_name = "LABEL", help_heading = "Filters")]
    covers: Option<Word>,
    /// Only trials that must or may show this finding
    #[arg(long, value_name = "FINDING", help_heading = "Filters")]
    anomaly: Option<Anomaly>,
    /// Only trials of this pipeline file; the end of its path is enough
    #[arg(long, value_name = "PATH", help_heading = "Filters")]
    pipeline: Option<Utf8PathBuf>,
}

impl Filters {
    /// Whether a scenario is left out before its file is read.
    pub(super) fn leaves_out(&self, id: &str) -> bool {
        self.exclude.iter().any(|word| word.is_id(id))
    }

    /// Whether a trial is wanted.
    pub(super) fn wants(&self, trial: &Trial) -> bool {
        let excluded = self.exclude.iter().any(|word| word.is_trial(trial));
        let covers = |word: &Word| trial.covers.iter().any(|label| word.is_label(label));
        let shows = |anomaly: Anomaly| {
            let must = trial.expect.must_show.iter().map(|demand| demand.finding);
            let may = trial.expect.may_show.iter().map(|allowance| allowance.finding);
            must.chain(may).any(|finding| finding == anomaly)
        };
        let file = trial.pipeline.file.as_ref();
        let is_of = |end: &Utf8PathBuf| file.is_some_and(|file| file.ends_with(end));
        !excluded
            && self.covers.as_ref().is_none_or(covers)
            && self.anomaly.is_none_or(shows)
            && self.pipeline.as_ref().is_none_or(is_of)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rstest::rstest;

    use super::*;
    use crate::scenario::pipeline::{Dialect, Pipeline};
    use crate::scenario::settings::Cell;

    fn trial() -> Trial {
        let pipeline = Pipeline {
            file: Some("flink/shop/pipeline.yaml".into()),
            source: Vec::new(),
            left_out: Vec::new(),
            connectors: Vec::new(),
            outbox: BTreeMap::new(),
            topics: BTreeMap::new(),
            format: None,
            dialect: Dialect::Flink,
            statements: Vec::new(),
            sinks: BTreeMap::new(),
        };
        let cell = Cell(vec![("partitions".to_owned(), "3".to_owned())]);
        let covers = vec!["SNK-05".to_owned()];
        Trial { covers, cell, ..Trial::idle("order/late", "a title", pipeline) }
    }

    #[rstest]
    #[case("order", false)]
    #[case("*late", false)]
    #[case("SNK-05", false)]
    #[case("order/late [partitions=3]", false)]
    #[case("*[partitions=1]", true)]
    #[case("deletes", true)]
    fn what_is_excluded_is_not_wanted(#[case] word: &str, #[case] expected: bool) {
        let filters = Filters { exclude: vec![word.parse().unwrap()], ..Filters::default() };
        assert_eq!(filters.wants(&trial()), expected);
    }

    #[rstest]
    #[case(Filters { covers: "SNK-*".parse().ok(), ..Filters::default() }, true)]
    #[case(Filters { covers: "SNK".parse().ok(), ..Filters::default() }, false)]
    #[case(Filters { pipeline: Some("shop/pipeline.yaml".into()), ..Filters::default() }, true)]
    #[case(Filters { pipeline: Some("op/pipeline.yaml".into()), ..Filters::default() }, false)]
    #[case(Filters { anomaly: Some(Anomaly::GhostRow), ..Filters::default() }, false)]
    #[case(Filters::default(), true)]
    fn filters_ask_what_the_scenario_says(#[case] filters: Filters, #[case] expected: bool) {
        assert_eq!(filters.wants(&trial()), expected);
    }
}
