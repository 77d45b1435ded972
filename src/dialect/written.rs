//! The Avro schema by which Flink's `avro-confluent` writes a row: it follows from the columns alone.
//! The text is that which Flink registers, byte by byte, since a registry tells schemas apart by it.

use serde_json::Value;

/// A column as `DESCRIBE` shows it: its name, its type, and whether it may be NULL.
pub type Field<'a> = (&'a str, &'a str, bool);

/// The schema of a row of these columns; `Err` names the first one whose type is not known here.
pub fn schema(fields: &[Field<'_>]) -> Result<String, String> {
    let field = |(name, type_name, nullable): &Field<'_>| {
        let kind = kind(type_name)
            .ok_or_else(|| format!("how `{name}` ({type_name}) is written is not known here"))?;
        let name = Value::from(*name);
        Ok(match nullable {
            true => format!(r#"{{"name":{name},"type":["null",{kind}],"default":null}}"#),
            false => format!(r#"{{"name":{name},"type":{kind}}}"#),
        })
    };
    let fields = fields.iter().map(field).collect::<Result<Vec<_>, String>>()?;
    Ok(format!(
        r#"{{"type":"record","name":"record","namespace":"org.apache.flink.avro.generated","fields":[{}]}}"#,
        fields.join(",")
    ))
}

/// The schema of a type; `None` where it is not known here.
fn kind(type_name: &str) -> Option<String> {
    let (name, arguments) = match type_name.split_once('(') {
        Some((name, rest)) => (name.trim(), rest.strip_suffix(')')?),
        None => (type_name, ""),
    };
    let numbers = arguments.split(',').map(|n| n.trim().parse::<u32>().ok());
    let numbers: Vec<_> = numbers.collect();
    let plain = |name: &str| Some(format!(r#""{name}""#));
    let logical =
        |of: &str, name: &str| Some(format!(r#"{{"type":"{of}","logicalType":"{name}"}}"#));
    match (name, numbers.as_slice()) {
        ("BOOLEAN", _) => plain("boolean"),
        ("TINYINT" | "SMALLINT" | "INT", _) => plain("int"),
        ("BIGINT", _) => plain("long"),
        ("FLOAT", _) => plain("float"),
        ("DOUBLE", _) => plain("double"),
        ("STRING" | "VARCHAR" | "CHAR", _) => plain("string"),
        ("BYTES" | "VARBINARY" | "BINARY", _) => plain("bytes"),
        ("DATE", _) => logical("int", "date"),
        ("TIMESTAMP", [Some(0..=3)]) => logical("long", "timestamp-millis"),
        ("DECIMAL", [Some(precision), Some(scale)]) => Some(format!(
            r#"{{"type":"bytes","logicalType":"decimal","precision":{precision},"scale":{scale}}}"#
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// As Flink 2.2 has registered it.
    const WRITTEN: &str = r#"{"type":"record","name":"record","namespace":"org.apache.flink.avro.generated","fields":[{"name":"account_number","type":"string"},{"name":"at","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"default":null},{"name":"amount","type":["null",{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}],"default":null},{"name":"n","type":["null","long"],"default":null},{"name":"is_deleted","type":["null","boolean"],"default":null},{"name":"score","type":["null","double"],"default":null},{"name":"part","type":["null","int"],"default":null}]}"#;

    #[test]
    fn a_schema_is_that_which_flink_registers() {
        let made = schema(&[
            ("account_number", "STRING", false),
            ("at", "TIMESTAMP(3)", true),
            ("amount", "DECIMAL(10, 2)", true),
            ("n", "BIGINT", true),
            ("is_deleted", "BOOLEAN", true),
            ("score", "DOUBLE", true),
            ("part", "INT", true),
        ]);
        assert_eq!(made.unwrap(), WRITTEN);
    }

    #[rstest]
    #[case("TIMESTAMP(6)")]
    #[case("TIMESTAMP_LTZ(3)")]
    #[case("ROW<`a` INT>")]
    #[case("ARRAY<INT>")]
    fn other_types_are_not_guessed(#[case] type_name: &str) {
        let told = schema(&[("c", type_name, true)]).unwrap_err();
        assert!(told.contains(&format!("`c` ({type_name})")), "{told}");
    }
}
