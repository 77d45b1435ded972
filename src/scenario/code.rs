//! The codes of everything that can be wrong with a file. Codes are stable: tools and people search
//! for them, and `changeproof explain CODE` tells more.

macro_rules! codes {
    ($($variant:ident $code:literal $summary:literal;)+) => {
        /// What is wrong with a file.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $summary] $variant,)+
        }

        impl Code {
            /// All of them, ascending.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable code, `E0102`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// What it means, in one or two sentences.
            pub fn summary(self) -> &'static str {
                match self { $(Self::$variant => $summary,)+ }
            }
        }
    };
}

codes! {
    NotYaml "E0101" "The file is not YAML 1.2. Only the first such place is shown, because nothing after it can be read for certain.";
    Tab "E0102" "There is a tab where YAML needs spaces. Indent with spaces; tabs are allowed inside the lines of a block scalar.";
    Documents "E0103" "A file holds exactly one document, and it is a map.";
    Anchor "E0104" "Anchors, aliases, tags and merge keys are not part of the language: every file says what it means where it says it.";
    DuplicateKey "E0105" "A key appears twice in one map; the second would silently replace the first.";
    TooMuch "E0106" "The file holds, or asks for, more than changeproof takes. The message names the bound; docs/limits.md has all of them, and why. They lie far above what people write.";
    UnknownKey "E0201" "The key is not known here. A mistyped key is never ignored.";
    MissingKey "E0202" "A required key is missing.";
    WrongShape "E0203" "A map, a list or a single value is found where another kind is expected.";
    UnknownWord "E0204" "The value is not one of the words allowed here.";
    BadValue "E0205" "The value is not of the type that its key asks for. A scalar is its source text; the key gives the type.";
    NotBuilt "E0206" "The word belongs to the language, but this version of changeproof does not support it yet. Nothing is skipped silently, so the file is refused.";
    NoValue "E0207" "A key has no value, or `null` is given where a value is needed.";
    NoFile "E0301" "A file that another one names cannot be read. Paths are relative to the file that names them.";
    OpenQuote "E0302" "A quote, dollar quote or comment in SQL is never closed. A plain YAML scalar ends at ` #`: quote it or use a block (`|`).";
    PsqlCommand "E0303" "SQL that goes to Postgres itself contains a command of psql.";
    FlowSql "E0304" "SQL is written in a flow map or list (`{}`, `[]`), where YAML ends it at the next comma or bracket.";
    CopyData "E0305" "`COPY … FROM STDIN` is followed by its data lines and a line `\\.`, each on a line of its own.";
    EmptySql "E0306" "The SQL holds no statement.";
    OneStatement "E0307" "Exactly one SELECT is expected here.";
    RefusedStatement "E0308" "The Flink statement cannot be used as written; the message says what to write instead.";
    NotConnector "E0309" "The connector file is not a flat JSON object of options, nor `{\"name\": …, \"config\": {…}}`.";
    FoldedComment "E0310" "YAML folds the lines of this value into one, so that a `--` comment swallows the SQL after it. Use a literal block (`|`).";
    Placeholder "E0311" "A statement has a placeholder that a tool fills in before Flink sees it (`${X}`, `{{ x }}`, `{x}`, `<X>`), and no `settings.variables` says what it stands for.";
    NoTable "E0401" "The source DDL creates no table.";
    UnnamedSink "E0402" "An INSERT writes a table that `sinks` does not name: it would not be judged. Give its reference query, or `unjudged`.";
    UnwrittenSink "E0403" "`sinks` names a table that no INSERT writes.";
    UnknownPlace "E0404" "The name is not a place of this pipeline: neither a source table, nor a sink, nor `connector`.";
    UnknownColumn "E0405" "The table has no such column.";
    Delay "E0406" "The delay of the watermark cannot be read from a WATERMARK clause, or a clause says another than the pipeline promises.";
    Override "E0407" "A statement of `settings.statements` cannot take the place of the pipeline's.";
    Outside "E0408" "A value in the connector file, in a statement, in SQL or in the settings names a place outside of the run: a host, an address, a folder, a bucket, a catalog, a jar or a program. What a run can own is replaced and listed; everything else is refused, so that a run touches nothing that it did not make.";
    Topics "E0409" "The connector's options do not say what its topics are called or how they are created, or Debezium and Connect would refuse them for that. A run makes every topic itself, before the connector starts.";
    ApplicationTopic "E0410" "A topic under `topics` cannot be made as it is declared: its name is that of something else, or its format cannot hold its columns. The message says which.";
    Several "E0411" "Two connectors of a pipeline get into each other's way: both capture one table, or they share a name, a slot, a publication that each rewrites, a prefix or a topic. In production one of them would stop, or take from the other what it needs.";
    AxisHere "E0501" "A list makes cells, and is allowed only in the settings of a scenario.";
    OwnedOption "E0502" "The option is set by changeproof itself, because isolation or the proof of quiescence needs it.";
    EmptyAxis "E0503" "A list of settings is empty or holds one value twice: there would be no cells, or the same one twice.";
    UnreadAxis "E0504" "Nothing in the pipeline reads this setting, so that its cells would all be the same.";
    NoMainKey "E0601" "An entry of the timeline has exactly one main key: a session (`a`, `b`, `s1`) with SQL, or `await`.";
    Modifier "E0602" "The modifier does not belong to the entry's main key.";
    WaitingSession "E0603" "The session still waits for a lock here, so that it cannot run anything.";
    OpenTransaction "E0604" "A session is left in a transaction, or waiting, at the end: what it wrote would never be seen.";
    BlocksOn "E0605" "`blocks_on` names a session that cannot block this one.";
    Round "E0606" "`:i` stands for the round of `repeat`, and there is none.";
    Target "E0607" "Unknown target, or this action does not apply to it.";
    TargetState "E0608" "The entry does not fit the target's state: what runs cannot be started, what is down cannot be killed, and nothing waits for what is down.";
    Condition "E0609" "The condition cannot be waited for here.";
    Produce "E0610" "The entry cannot write these records: the topic has no such partition, a record has no row to take away, or rows are written to a topic that is not an application's. The message says which.";
    NotAnAxis "E0701" "A key under `where` is not an axis: `settings` has no list there.";
    NoCell "E0702" "The `where` matches no cell of the matrix, so that what it expects would never be checked.";
    SaidTwice "E0703" "Two entries of `expect` that hold for the same cell say different things about the same place.";
    UnknownFinding "E0704" "The word is neither an anomaly nor a witness.";
    RowTable "E0705" "The row table is not well formed: a header, then rows with as many cells, separated by `|`; no cell is empty.";
    RowKey "E0706" "The row table leaves out a column of the sink's primary key, so that its rows could not be found.";
    CellType "E0707" "The cell is not a value of its column's type.";
    Life "E0708" "The pattern is not a life: events with `|`, `?`, `*` or `{3}`, or `never` alone.";
    KeyParts "E0709" "A key is the values of the primary key in its order, joined by `,`.";
    Dialect "E0801" "A statement or a connector file written for Confluent Cloud has no equivalent on open-source Flink, Kafka and Debezium as they run here. The message says why, the help names what comes nearest. Nothing is left out silently.";
    Refused "E0901" "Postgres refuses a statement that no `error:` announces. The message is Postgres' own, and the caret stands where it points.";
    OtherError "E0902" "A statement passed although it should have been refused, or was refused with another error than `error:` announces.";
    OtherWait "E0903" "An announced wait for a lock did not happen, or one happened that `blocks_on` does not announce.";
    TooLong "E0904" "An entry did not end within its limit. `within` sets another one.";
    Session "E0905" "A session is used while it waits or while its server is down, or it is left waiting or in a transaction at the end.";
    Volatile "E0906" "DDL that computes another value for each row changes rows without any row event, so that nothing could say what they hold.";
    Reference "E0907" "A reference that Postgres refuses, or that has no single result: it must give the same rows whenever it is asked over the same tables.";
    Pipeline "E0908" "Parts of the pipeline do not fit together, or one of them cannot be run or judged as written; the message says which.";
    Fault "E0909" "A fault that did not act, a change that cannot be made, or a condition that means nothing where it stands.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_ascend() {
        let names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    }
}
