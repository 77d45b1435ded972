//! What the options of a Confluent table mean: how it is read and written, and how its topic is
//! configured.

use super::avro;
use super::refusal::Refusal;
use crate::scenario::nearest;
use crate::scenario::settings::Options;

/// How a table's changes are read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Every record is a new row.
    Append,
    /// A record replaces the row of its key; one without value deletes it.
    Upsert,
    /// Records retract rows.
    Retract,
}

/// The format of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueFormat {
    /// A plain registry format.
    Registry,
    /// A registry format of Debezium's envelope.
    Debezium,
    /// The bytes themselves.
    Raw,
}

/// The options of one table, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meaning {
    pub mode: Mode,
    pub value: ValueFormat,
    /// Values are Avro; else, where they have a format, JSON.
    pub avro: bool,
    /// The open-source format of keys.
    pub key: &'static str,
    /// Key columns are in the value too.
    pub includes_key: bool,
    /// Options of the open-source table that follow.
    pub passed: Vec<(String, String)>,
    /// Options of the topic.
    pub topic: Options,
    /// Every option that is Confluent's own, to be taken out.
    pub taken_out: Vec<String>,
    pub notes: Vec<String>,
}

impl Meaning {
    /// The open-source format of values that are no envelopes.
    pub(super) fn registry(&self) -> &'static str {
        if self.avro { avro::FORMAT } else { "json" }
    }
}

/// Options that say nothing here, with the reason.
const SILENT: &[(&str, &str)] = &[
    ("schema-context", "one registry serves the run, so that a schema context changes nothing"),
    ("schema-id", "the columns come from the source DDL, not from a registered schema"),
    ("schema-version", "the columns come from the source DDL, not from a registered schema"),
    ("validate-writes", "values are not validated against a registered schema"),
];

/// All options that are known, for the nearest name.
const KNOWN: &[&str] = &[
    "changelog.mode",
    "connector",
    "error-handling.mode",
    "kafka.cleanup-policy",
    "kafka.consumer.isolation-level",
    "kafka.max-message-size",
    "kafka.producer.compression.type",
    "kafka.retention.size",
    "kafka.retention.time",
    "key.fields-prefix",
    "key.format",
    "late-handling.mode",
    "scan.bounded.mode",
    "scan.bounded.specific-offsets",
    "scan.bounded.timestamp-millis",
    "scan.startup.mode",
    "scan.startup.specific-offsets",
    "scan.startup.timestamp-millis",
    "value.fields-include",
    "value.format",
];

/// Reads the options. `has_key` tells whether the table has a primary key, `avro` whether the
/// connector writes Avro.
pub(super) fn meaning(options: &Options, has_key: bool, avro: bool) -> Result<Meaning, Refusal> {
    let mut found = Meaning {
        mode: Mode::Append,
        value: ValueFormat::Registry,
        avro,
        key: "json",
        includes_key: false,
        passed: Vec::new(),
        topic: Options::new(),
        taken_out: options.keys().cloned().collect(),
        notes: Vec::new(),
    };
    found.mode = mode(options, has_key, &mut found.notes)?;
    formats(options, &mut found)?;
    for (key, value) in options {
        option(&mut found, key, value)?;
    }
    // A client of Flink's reads uncommitted records unless it is told; Confluent's does not.
    let isolation = options.get("kafka.consumer.isolation-level");
    let isolation = isolation.map_or("read_committed".to_owned(), |level| level.replace('-', "_"));
    found.passed.push(("properties.isolation.level".to_owned(), isolation));
    startup(&mut found, options)?;
    Ok(found)
}

fn mode(options: &Options, has_key: bool, notes: &mut Vec<String>) -> Result<Mode, Refusal> {
    match options.get("changelog.mode").map(String::as_str) {
        Some("append") => Ok(Mode::Append),
        Some("upsert") if has_key => Ok(Mode::Upsert),
        Some("upsert") => Err(Refusal::new(
            "changelog.mode=upsert needs a PRIMARY KEY",
            "add PRIMARY KEY (…) NOT ENFORCED",
        )),
        Some("retract") => Ok(Mode::Retract),
        Some(other) => Err(Refusal::new(
            format!("`{other}` is no changelog.mode"),
            "write append, upsert or retract",
        )),
        None => {
            let (mode, why) = if has_key {
                (Mode::Upsert, "upsert, because the table has a primary key")
            } else {
                (Mode::Append, "append, because the table has no primary key")
            };
            notes.push(format!("changelog.mode is {why}"));
            Ok(mode)
        }
    }
}

/// Formats of keys and values. Where none is written, Confluent takes Avro, which here is what the
/// connector writes too, or JSON stands for it.
fn formats(options: &Options, found: &mut Meaning) -> Result<(), Refusal> {
    let note = |found: &mut Meaning, words: &str| found.notes.push(words.to_owned());
    let avro = found.avro;
    match options.get("value.format").map(String::as_str) {
        None if avro => {}
        None => {
            note(found, "no value.format is written: json stands for Confluent's avro-registry");
        }
        Some("avro-registry") => found.avro = true,
        Some("avro-debezium-registry") => {
            (found.value, found.avro) = (ValueFormat::Debezium, true);
        }
        Some("json-registry") => {
            found.avro = false;
            note(found, "json-registry is json: no schema is framed before the value");
        }
        Some("json-debezium-registry") => {
            (found.value, found.avro) = (ValueFormat::Debezium, false);
        }
        Some("raw") => (found.value, found.avro) = (ValueFormat::Raw, false),
        Some(other) => return Err(unknown_format("value.format", other)),
    }
    found.key = match options.get("key.format").map(String::as_str) {
        Some("avro-registry") => avro::FORMAT,
        None if avro => avro::FORMAT,
        None | Some("json-registry") => "json",
        Some("raw") => "raw",
        Some(other) => return Err(unknown_format("key.format", other)),
    };
    if found.avro {
        note(found, "avro-registry is avro-confluent, its schemas in the stack's registry");
    }
    Ok(())
}

fn unknown_format(option: &str, format: &str) -> Refusal {
    let message = format!("{option}={format} cannot be read or written here");
    let help = match format {
        "proto-registry" | "proto-debezium-registry" => {
            "open-source Flink has no Protobuf format with a registry; write avro-registry or \
             avro-debezium-registry"
        }
        _ => "write raw, or json-registry, avro-registry and their -debezium- forms",
    };
    Refusal::new(message, help)
}

/// One option: passed, turned into the topic's configuration, silent, or refused.
fn option(found: &mut Meaning, key: &str, value: &str) -> Result<(), Refusal> {
    let refused = |help: &str| {
        Err(Refusal::new(format!("'{key}' = '{value}' has no open-source equivalent"), help))
    };
    match key {
        "changelog.mode"
        | "value.format"
        | "key.format"
        | "kafka.consumer.isolation-level"
        | "scan.startup.mode" => {}
        "connector" if value == "confluent" => {}
        "connector" => return refused("only Confluent's own tables (`confluent`) stand on topics"),
        "value.fields-include" => found.includes_key = value.eq_ignore_ascii_case("all"),
        "key.fields-prefix"
        | "scan.startup.timestamp-millis"
        | "scan.startup.specific-offsets"
        | "scan.bounded.mode"
        | "scan.bounded.timestamp-millis"
        | "scan.bounded.specific-offsets" => {
            if value != "unbounded" {
                found.passed.push((key.to_owned(), value.to_owned()));
            }
        }
        "kafka.producer.compression.type" => {
            found.passed.push(("properties.compression.type".to_owned(), value.to_owned()));
        }
        "kafka.cleanup-policy"
        | "kafka.retention.time"
        | "kafka.retention.size"
        | "kafka.max-message-size" => {
            let (option, value) = topic_option(key, value)?;
            found.notes.push(format!("{key} is the topic's {option}={value}"));
            found.topic.insert(option.to_owned(), value);
        }
        "error-handling.mode" if value == "fail" => {}
        "error-handling.mode" if value == "ignore" && found.avro => {
            return Err(avro::ignores_errors());
        }
        "error-handling.mode" if value == "ignore" => {
            found.passed.push(("ignore-parse-errors".to_owned(), "true".to_owned()));
            found
                .notes
                .push("error-handling.mode=ignore is the format's ignore-parse-errors".to_owned());
        }
        "error-handling.mode" => {
            return refused("write `fail` or `ignore`; there is no dead letter topic");
        }
        "late-handling.mode" if value == "pass-through" => {}
        "late-handling.mode" => {
            return refused("open-source Flink hands late rows on; filter them in the statement");
        }
        _ => {
            let Some((_, why)) = SILENT.iter().find(|(end, _)| key.ends_with(end)) else {
                let near = nearest(key, KNOWN.iter().copied());
                let help = near.map_or_else(
                    || format!("the options that are translated: {}", KNOWN.join(", ")),
                    |near| format!("did you mean '{near}'?"),
                );
                return Err(Refusal::new(format!("the option '{key}' is not known here"), help));
            };
            found.notes.push(format!("{key} is left out: {why}"));
        }
    }
    Ok(())
}

fn topic_option(key: &str, value: &str) -> Result<(&'static str, String), Refusal> {
    let wrong = |what: &str| {
        Refusal::new(format!("'{key}' = '{value}' is no {what}"), format!("write {what}"))
    };
    match key {
        "kafka.cleanup-policy" => match value {
            "delete" | "compact" => Ok(("cleanup.policy", value.to_owned())),
            "delete-compact" => Ok(("cleanup.policy", "compact,delete".to_owned())),
            _ => Err(wrong("policy: delete, compact or delete-compact")),
        },
        // Confluent's 0 means for ever.
        "kafka.retention.time" => {
            let ms = duration_ms(value).ok_or_else(|| wrong("duration, as in `7 d` or `0`"))?;
            Ok(("retention.ms", if ms == 0 { "-1".to_owned() } else { ms.to_string() }))
        }
        "kafka.retention.size" => {
            let bytes = size(value).ok_or_else(|| wrong("size, as in `10 mb` or `0 bytes`"))?;
            Ok(("retention.bytes", if bytes == 0 { "-1".to_owned() } else { bytes.to_string() }))
        }
        _ => {
            let bytes = size(value).ok_or_else(|| wrong("size, as in `2 mb`"))?;
            Ok(("max.message.bytes", bytes.to_string()))
        }
    }
}

/// A number and its unit.
fn number(value: &str) -> Option<(u64, String)> {
    let value = value.trim();
    let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let (digits, unit) = (value.get(..end)?, value.get(end..)?);
    Some((digits.parse().ok()?, unit.trim().to_lowercase()))
}

/// A duration of Flink's (`3 s`, `1 d`, `500`) in milliseconds.
pub fn duration_ms(value: &str) -> Option<u64> {
    let (number, unit) = number(value)?;
    let ms = match unit.as_str() {
        "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => 1,
        "s" | "sec" | "second" | "seconds" => 1_000,
        "m" | "min" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(ms)
}

fn size(value: &str) -> Option<u64> {
    let (number, unit) = number(value)?;
    let bytes = match unit.as_str() {
        "" | "b" | "bytes" => 1,
        "k" | "kb" | "kibibytes" => 1 << 10,
        "m" | "mb" | "mebibytes" => 1 << 20,
        "g" | "gb" | "gibibytes" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(bytes)
}

/// Where reading begins. An upsert table is always read from the start.
fn startup(found: &mut Meaning, options: &Options) -> Result<(), Refusal> {
    let written = options.get("scan.startup.mode").map(String::as_str);
    if found.mode == Mode::Upsert {
        return match written {
            None | Some("earliest-offset") => Ok(()),
            Some(other) => Err(Refusal::new(
                format!("an upsert table cannot be read from scan.startup.mode={other}"),
                "open-source Flink reads upsert tables from the earliest offset; leave the option out",
            )),
        };
    }
    if written.is_none() {
        found.notes.push("scan.startup.mode is earliest-offset, as Confluent's default".to_owned());
    }
    let mode = written.unwrap_or("earliest-offset").to_owned();
    found.passed.push(("scan.startup.mode".to_owned(), mode));
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(options: &[(&str, &str)], has_key: bool) -> Result<Meaning, Refusal> {
        let options = options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        meaning(&options, has_key, false)
    }

    #[rstest]
    #[case("kafka.retention.time", "7 d", "retention.ms", "604800000")]
    #[case("kafka.retention.time", "0", "retention.ms", "-1")]
    #[case("kafka.retention.size", "1 gb", "retention.bytes", "1073741824")]
    #[case("kafka.max-message-size", "2097164 bytes", "max.message.bytes", "2097164")]
    #[case("kafka.cleanup-policy", "delete-compact", "cleanup.policy", "compact,delete")]
    fn topic_options(
        #[case] key: &str,
        #[case] value: &str,
        #[case] option: &str,
        #[case] set: &str,
    ) {
        let found = read(&[(key, value)], false).unwrap();
        assert_eq!(found.topic.get(option).map(String::as_str), Some(set));
    }

    #[test]
    fn the_mode_follows_the_key() {
        assert_eq!(read(&[], true).unwrap().mode, Mode::Upsert);
        assert_eq!(read(&[], false).unwrap().mode, Mode::Append);
        assert!(read(&[("changelog.mode", "upsert")], false).is_err());
    }

    #[test]
    fn a_mistyped_option_is_not_passed_over() {
        let wrong = read(&[("value.fromat", "raw")], false).unwrap_err();
        assert!(format!("{wrong:?}").contains("did you mean 'value.format'"), "{wrong:?}");
    }
}
