//! The types that Debezium gives Postgres columns, as Confluent's inference and Flink call them.

use crate::scenario::settings::Options;
use crate::sql::columns::PgType;

use super::captured::is_avro;
use super::numbers::Counted;

/// The Flink type of a column under a connector's options, or why there is none.
pub(super) fn flink_type(kind: &PgType, connector: &Options) -> Result<String, String> {
    let one = scalar(&kind.name, &kind.arguments, connector)?;
    if kind.is_array && has_numbers(connector) && Counted::of(&one).is_some() {
        return Err(
            "time.precision.mode=connect writes its times as numbers, and JSON does not mark \
                    them: of the items of an array no SQL makes times; write \
                    \"output.data.format\": \"AVRO\", or \"time.precision.mode\": \"adaptive\""
                .to_owned(),
        );
    }
    Ok(if kind.is_array { format!("ARRAY<{one}>") } else { one })
}

fn mode<'a>(connector: &'a Options, option: &str, default: &'a str) -> &'a str {
    connector.get(option).map_or(default, String::as_str)
}

fn scalar(name: &str, arguments: &[i64], connector: &Options) -> Result<String, String> {
    let plain = match name {
        "smallint" | "int2" | "smallserial" | "serial2" => "SMALLINT",
        "integer" | "int" | "int4" | "serial" | "serial4" => "INT",
        "bigint" | "int8" | "bigserial" | "serial8" | "oid" => "BIGINT",
        "real" | "float4" => "FLOAT",
        "float" if arguments.first().is_some_and(|bits| *bits <= 24) => "FLOAT",
        "double precision" | "float8" | "float" => "DOUBLE",
        "boolean" | "bool" => "BOOLEAN",
        "text"
        | "varchar"
        | "character varying"
        | "char"
        | "character"
        | "bpchar"
        | "citext"
        | "name"
        | "uuid"
        | "json"
        | "jsonb"
        | "xml"
        | "inet"
        | "cidr"
        | "macaddr"
        | "macaddr8"
        | "ltree"
        | "tsvector"
        | "tsrange"
        | "tstzrange"
        | "daterange"
        | "int4range"
        | "int8range"
        | "numrange"
        | "timestamptz"
        | "timestamp with time zone"
        | "timetz"
        | "time with time zone"
        | "enum" => "STRING",
        "bit" if arguments.first().is_none_or(|bits| *bits == 1) => "BOOLEAN",
        "bit" | "bit varying" | "varbit" => "BYTES",
        "point" => "ROW<`x` DOUBLE, `y` DOUBLE, `wkb` BYTES, `srid` INT>",
        "bytea" if mode(connector, "binary.handling.mode", "bytes") == "bytes" => "BYTES",
        "bytea" => "STRING",
        "hstore" if mode(connector, "hstore.handling.mode", "json") == "map" => {
            "MAP<STRING, STRING>"
        }
        "hstore" => "STRING",
        "interval" if mode(connector, "interval.handling.mode", "numeric") == "string" => "STRING",
        "interval" => "BIGINT",
        "numeric" | "decimal" | "money" => return decimal(name, arguments, connector),
        "date"
        | "time"
        | "time without time zone"
        | "timestamp"
        | "timestamp without time zone" => time(name, arguments, connector),
        _ => {
            return Err(format!(
                "the Postgres type `{name}` has no known form in Debezium's records"
            ));
        }
    };
    Ok(plain.to_owned())
}

/// Whether the connector writes times as numbers that nothing in the record marks.
pub(super) fn has_numbers(connector: &Options) -> bool {
    mode(connector, "time.precision.mode", "adaptive") == "connect" && !is_avro(connector)
}

fn decimal(name: &str, arguments: &[i64], connector: &Options) -> Result<String, String> {
    match mode(connector, "decimal.handling.mode", "precise") {
        "string" => return Ok("STRING".to_owned()),
        "double" => return Ok("DOUBLE".to_owned()),
        _ => {}
    }
    let (precision, scale) = match (name, arguments) {
        ("money", _) => (19, 2),
        (_, []) => return Ok("ROW<`scale` INT, `value` BYTES>".to_owned()),
        (_, [precision]) => (*precision, 0),
        (_, [precision, scale, ..]) => (*precision, *scale),
    };
    if precision > 38 || scale < 0 || scale > precision {
        return Err(format!(
            "numeric({precision}, {scale}) does not fit Flink's DECIMAL; set decimal.handling.mode=string"
        ));
    }
    Ok(format!("DECIMAL({precision}, {scale})"))
}

fn time(name: &str, arguments: &[i64], connector: &Options) -> &'static str {
    let coarse = arguments.first().is_some_and(|digits| *digits <= 3);
    let is_time_of_day = name.starts_with("time") && !name.starts_with("timestamp");
    match mode(connector, "time.precision.mode", "adaptive") {
        "isostring" => "STRING",
        // The schema says that they are times. Flink's format for Avro reads them with milliseconds,
        // and points in time as wall times.
        "connect" => match name {
            "date" => "DATE",
            _ if is_time_of_day => "TIME(3)",
            _ if is_avro(connector) => "TIMESTAMP(3)",
            _ => "TIMESTAMP_LTZ(3)",
        },
        _ if name == "date" => "INT",
        "adaptive" if is_time_of_day && coarse => "INT",
        _ => "BIGINT",
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn of(name: &str, arguments: &[i64], options: &[(&str, &str)]) -> Result<String, String> {
        let options =
            options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let kind = PgType { name: name.to_owned(), arguments: arguments.to_vec(), is_array: false };
        flink_type(&kind, &options)
    }

    #[rstest]
    #[case("numeric", &[10, 2], &[], "DECIMAL(10, 2)")]
    #[case("numeric", &[5], &[], "DECIMAL(5, 0)")]
    #[case("numeric", &[], &[], "ROW<`scale` INT, `value` BYTES>")]
    #[case("decimal", &[10, 2], &[("decimal.handling.mode", "string")], "STRING")]
    #[case("decimal", &[10, 2], &[("decimal.handling.mode", "double")], "DOUBLE")]
    #[case("timestamp", &[3], &[], "BIGINT")]
    #[case("timestamp with time zone", &[], &[], "STRING")]
    #[case("date", &[], &[], "INT")]
    #[case("date", &[], &[("time.precision.mode", "isostring")], "STRING")]
    #[case("time", &[3], &[], "INT")]
    #[case("time", &[], &[], "BIGINT")]
    #[case("bytea", &[], &[("binary.handling.mode", "hex")], "STRING")]
    fn mapped(
        #[case] name: &str,
        #[case] arguments: &[i64],
        #[case] options: &[(&str, &str)],
        #[case] expected: &str,
    ) {
        assert_eq!(of(name, arguments, options).as_deref(), Ok(expected));
    }

    #[test]
    fn what_flink_cannot_hold_is_said() {
        assert!(of("numeric", &[50, 2], &[]).unwrap_err().contains("decimal.handling.mode"));
        assert!(of("geometry", &[], &[]).unwrap_err().contains("geometry"));
    }

    #[rstest]
    #[case("date", Ok("DATE"))]
    #[case("time without time zone", Ok("TIME(3)"))]
    #[case("timestamp", Ok("TIMESTAMP_LTZ(3)"))]
    #[case("timestamptz", Ok("STRING"))]
    fn connects_own_types_are_times_of_the_schema_in_json(
        #[case] name: &str,
        #[case] expected: Result<&str, ()>,
    ) {
        let found = of(name, &[], &[("time.precision.mode", "connect")]);
        assert_eq!(found.as_deref().map_err(drop), expected);
    }

    #[test]
    fn an_array_of_times_is_refused_in_json_alone() {
        let kind = PgType { name: "date".into(), arguments: Vec::new(), is_array: true };
        let mut options = Options::from([("time.precision.mode".into(), "connect".into())]);
        assert!(flink_type(&kind, &options).unwrap_err().contains("AVRO"));
        options.insert("value.converter".into(), super::super::avro::CONVERTER.into());
        assert_eq!(flink_type(&kind, &options).as_deref(), Ok("ARRAY<DATE>"));
    }

    #[rstest]
    #[case("date", "DATE")]
    #[case("time without time zone", "TIME(3)")]
    #[case("timestamp", "TIMESTAMP(3)")]
    #[case("timestamptz", "STRING")]
    fn connects_own_types_are_times_in_avro(#[case] name: &str, #[case] expected: &str) {
        let options = [
            ("time.precision.mode", "connect"),
            ("value.converter", "io.apicurio.registry.utils.converter.AvroConverter"),
        ];
        assert_eq!(of(name, &[], &options).as_deref(), Ok(expected));
    }

    #[test]
    fn arrays_hold_their_type() {
        let kind = PgType { name: "int".into(), arguments: Vec::new(), is_array: true };
        assert_eq!(flink_type(&kind, &Options::new()).as_deref(), Ok("ARRAY<INT>"));
    }
}
