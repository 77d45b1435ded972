//! Names of Flink's metrics, as the JobManager's REST API gives them (seen on 2.2.0).
//!
//! - A task's own metric is `<subtask>.<metric>`, an operator's `<subtask>.<operator>.<metric>`. In
//!   names of operators, topics and the like a space, full stop, colon or comma becomes `_`, nothing
//!   else does: `Source: tx[3]` is `Source__tx[3]`, topic `p.public.tx-a` is `p_public_tx-a`.
//! - The source reader of `kafka` and of `upsert-kafka` tables is the same:
//!   `0.Source__tx[3].KafkaSourceReader.topic.p_public_tx.partition.2.currentOffset`. Only the
//!   subtask that a partition is assigned to has its metric; it is -1 before the first record. The
//!   offset is noted just before the record is handed on, in the same step of the task's thread,
//!   so a checkpoint triggered after it was seen is taken after the record.
//! - A statement set that reads a table several times has one source operator for all of them.
//! - The first read of a job's metrics after a pause gives nothing or old values, because it only
//!   starts the JobManager's fetcher: every condition is looked at again and again.

/// Whose offset a metric is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OffsetMetric {
    /// The subtask that reads the partition.
    pub(super) subtask: u32,
    /// The source operator, sanitised.
    pub(super) operator: String,
    /// The topic, sanitised.
    pub(crate) topic: String,
    /// The partition.
    pub(crate) partition: i32,
}

/// Reads the name of a `currentOffset` metric; `None` for any other.
pub(crate) fn current_offset(name: &str) -> Option<OffsetMetric> {
    let (subtask, rest) = name.strip_suffix(".currentOffset")?.split_once('.')?;
    let (operator, rest) = rest.split_once(".KafkaSourceReader.topic.")?;
    let (topic, partition) = rest.rsplit_once(".partition.")?;
    Some(OffsetMetric {
        subtask: subtask.parse().ok()?,
        operator: operator.to_owned(),
        topic: topic.to_owned(),
        partition: partition.parse().ok()?,
    })
}

/// The name of a task's input watermark.
pub(super) fn input_watermark(subtask: u32) -> String {
    format!("{subtask}.currentInputWatermark")
}

/// The operator whose number of rows dropped as late a metric is; `None` for any other metric.
pub(super) fn late_rows(name: &str) -> Option<&str> {
    name.strip_suffix(".numLateRecordsDropped")?.split_once('.').map(|(_, operator)| operator)
}

/// The operator whose number of rows given on a metric is; `None` for any other metric.
pub(super) fn rows_given_on(name: &str) -> Option<&str> {
    name.strip_suffix(".numRecordsOut")?.split_once('.').map(|(_, operator)| operator)
}

/// The subtask and operator of a count of an operator that waits for a model's answers, and whether
/// it counts what came in (else what has left); `None` for any other metric.
pub(super) fn waits_for_answers(name: &str) -> Option<(&str, bool)> {
    let (operator, came) = match name.strip_suffix(".numRecordsIn") {
        Some(operator) => (operator, true),
        None => (name.strip_suffix(".numRecordsOut")?, false),
    };
    let letters = operator.chars().filter(char::is_ascii_alphanumeric);
    let letters = letters.map(|char| char.to_ascii_lowercase()).collect::<String>();
    letters.contains("mlpredict").then_some((operator, came))
}

/// A name as it appears in a metric's name.
pub(crate) fn sanitised(name: &str) -> String {
    name.replace([' ', '.', ':', ','], "_")
}

/// The table that a vertex reads, from the vertex's name: `Source: tx[3] -> Calc[4]` reads `tx`, and
/// so does, from Flink 2.3 on, `Source: KafkaSource-default_catalog.default_database.tx -> Calc[4]`.
pub(super) fn source_table(vertex: &str) -> Option<&str> {
    let (_, name) = vertex.split_once("Source: ")?;
    let operator = name.split_once(" -> ").map_or(name, |(operator, _)| operator);
    if let Some(path) = operator.strip_prefix("KafkaSource-") {
        // The names of catalogs and databases that the planner gives have no dot.
        let table = path.splitn(3, '.').nth(2);
        return Some(table.unwrap_or(path));
    }
    Some(operator.rsplit_once('[').map_or(operator, |(table, _)| table))
}

/// Whether a vertex holds the writer of a sink: `… -> sink[7]: Writer -> sink[7]: Committer`.
pub(super) fn writes(vertex: &str, sink: &str) -> bool {
    vertex.split([' ', '(', ',']).any(|word| {
        word.strip_prefix(sink).and_then(|rest| rest.strip_prefix('[')).is_some_and(|rest| {
            let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            digits.starts_with("]:")
        })
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn an_offset_metric_names_subtask_operator_topic_and_partition() {
        let name = "1.Source__transactions[78].KafkaSourceReader.topic.\
            cp7_card-tx_public_transactions.partition.2.currentOffset";
        let metric = current_offset(name).unwrap();
        assert_eq!((metric.subtask, metric.partition), (1, 2));
        assert_eq!(metric.operator, sanitised("Source: transactions[78]"));
        assert_eq!(metric.topic, sanitised("cp7.card-tx.public.transactions"));
    }

    #[rstest]
    #[case("0.Source__t[1].KafkaSourceReader.topic.t.partition.0.committedOffset")]
    #[case("0.Source__t[1].numRecordsOut")]
    #[case("0.currentInputWatermark")]
    fn another_metric_is_none(#[case] name: &str) {
        assert_eq!(current_offset(name), None);
    }

    #[test]
    fn counts_of_an_operator_that_asks_a_model_are_known() {
        let operator = "0.MLPredictTableFunction[3]";
        let count = |metric: &str| format!("{operator}.{metric}");
        assert_eq!(waits_for_answers(&count("numRecordsIn")), Some((operator, true)));
        assert_eq!(waits_for_answers(&count("numRecordsOut")), Some((operator, false)));
        assert_eq!(waits_for_answers(&count("numRecordsInPerSecond")), None);
        assert_eq!(waits_for_answers("0.Calc[2].numRecordsIn"), None);
    }

    #[rstest]
    #[case("Source: customers[57] -> Calc[58] -> dim[59]: Writer", Some("customers"))]
    #[case("Source: card-tx.public.tx[1]", Some("card-tx.public.tx"))]
    #[case("Source: KafkaSource-default_catalog.default_database.a.b -> Calc[2]", Some("a.b"))]
    #[case("GlobalWindowAggregate[72] -> Calc[73]", None)]
    fn a_vertex_names_the_table_it_reads(#[case] vertex: &str, #[case] table: Option<&str>) {
        assert_eq!(source_table(vertex), table);
    }

    #[rstest]
    #[case("0.Source__t[1].numRecordsOut", Some("Source__t[1]"))]
    #[case("0.numRecordsOut", None)]
    #[case("0.Source__t[1].numRecordsOutPerSecond", None)]
    fn an_operator_counts_the_rows_that_it_gives_on(
        #[case] name: &str,
        #[case] operator: Option<&str>,
    ) {
        assert_eq!(rows_given_on(name), operator);
    }

    #[test]
    fn a_vertex_names_the_sinks_it_writes() {
        let vertex = "Source: transactions[60] -> (Calc[61] -> ConstraintEnforcer[62] -> \
            src_tx[62]: Writer -> src_tx[62]: Committer, Calc[63] -> src_tx_pending[64]: Writer)";
        assert!(writes(vertex, "src_tx") && writes(vertex, "src_tx_pending"));
        assert!(!writes(vertex, "transactions") && !writes(vertex, "tx"));
    }
}
