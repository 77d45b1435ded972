//! The words in which components say that somebody was not let in. On a stack that somebody else keeps a
//! right may be missing, or a login refused; whoever meets it first says nothing about the pipeline.

use super::exhaustion::without_quotes;

const TOPICS: &str = "let the users of the stack file and of Connect's worker do everything with topics \
    that begin with `cp_`";
const GROUPS: &str =
    "let the user of the stack file do everything with groups that begin with `cp_`";
const IDS: &str =
    "let the user of the stack file do everything with transactional ids that begin with `cp_`";

/// Words, and what mends it. Those that data or the author's SQL can bring about are not among them.
const WORDS: [(&str, &str); 10] = [
    ("TopicAuthorizationException", TOPICS),
    ("Not authorized to access topics", TOPICS),
    ("GroupAuthorizationException", GROUPS),
    ("Not authorized to access group", GROUPS),
    ("TransactionalIdAuthorizationException", IDS),
    ("Transactional Id authorization failed", IDS),
    (
        "No LoginModule found",
        "put one jar of Flink's Kafka connector into its `lib`: that for SQL, or the other with kafka-clients",
    ),
    // The run names this class, and no author.
    (
        "io.apicurio.registry.utils.converter.AvroConverter could not be found",
        "put Apicurio's converter for Avro into the worker's plugin.path and restart it",
    ),
    ("SaslAuthenticationException", "mend `kafka.seen_from_components`"),
    (
        "password authentication failed for user",
        "mend `postgres.password_seen_from_components`, or what the worker looks up for it",
    ),
];

/// That somebody was not let in, in a sentence, with `who` met it and with what mends it. What a message
/// quotes is data.
pub fn told(who: &str, said: &str) -> Option<String> {
    let own = without_quotes(said);
    let (_, mend) = WORDS.iter().find(|(words, _)| own.contains(words))?;
    Some(format!(
        "a component was not let in, which says nothing about the pipeline ({who}: {})\n  to mend it: \
         {mend}",
        said.trim()
    ))
}

/// The same of a connector that the worker refuses since it does not get to the source from where it
/// is: the run is there, and its address is the stack's and not the author's.
pub fn refused(said: &str) -> Option<String> {
    let away = "Check that the hostname and port are correct";
    told("connector", said).or_else(|| {
        said.contains(away).then(|| {
            format!(
                "Connect's worker does not reach the source, which says nothing about the pipeline \
                 ({said})\n  to mend it: mend `postgres.seen_from_components`"
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "org.apache.kafka.common.errors.TransactionalIdAuthorizationException",
        "transactional ids"
    )]
    #[case("Not authorized to access topics: [cp_x.t]", "topics that begin")]
    #[case("Not authorized to access group: cp_x.g", "groups that begin")]
    #[case("FATAL: password authentication failed for user \"tester\"", "what the worker looks up")]
    #[case(
        "Class io.apicurio.registry.utils.converter.AvroConverter could not be found.",
        "plugin.path"
    )]
    fn whoever_was_not_let_in_is_told_with_the_cure(#[case] said: &str, #[case] cure: &str) {
        let told = told("o", said).unwrap();
        assert!(told.contains(cure) && told.contains(&format!("(o: {said})")), "{told}");
    }

    #[rstest]
    #[case("Corrupt Debezium JSON message '{\"note\": \"Not authorized to access topics\"}'.")]
    #[case("invalid input syntax for type integer: \"No LoginModule found\"")]
    fn what_a_message_quotes_is_data(#[case] said: &str) {
        assert_eq!(told("o", said), None);
    }

    #[test]
    fn a_source_that_the_worker_does_not_reach_is_the_stacks() {
        let said = "Error while validating connector config: Connection to localhost:1 refused. Check that \
                    the hostname and port are correct and that the postmaster is accepting TCP/IP \
                    connections.";
        assert!(refused(said).unwrap().contains("seen_from_components"));
        // Somebody may have taken it away.
        assert_eq!(told("connector", said), None);
    }

    #[test]
    fn a_right_that_the_authors_sql_takes_away_is_the_pipelines() {
        assert_eq!(told("connector", "ERROR: permission denied for table t"), None);
    }
}
