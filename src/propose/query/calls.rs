//! Calls of functions: those that mean the same, those that are called otherwise, and those whose
//! result nothing determines.

use super::types::{pattern, postgres};
use super::windows::UNITS;
use super::{Why, Writer, parts};
use crate::sql::token::{Kind, Language, Token, significant};

/// Functions that mean the same to both.
const SAME: [&str; 54] = [
    "ABS",
    "ACOS",
    "ASIN",
    "ATAN",
    "AVG",
    "BTRIM",
    "CARDINALITY",
    "CEIL",
    "CEILING",
    "CHARACTER_LENGTH",
    "CHAR_LENGTH",
    "COALESCE",
    "COS",
    "COUNT",
    "CUME_DIST",
    "DEGREES",
    "DENSE_RANK",
    "EXP",
    "EXTRACT",
    "FLOOR",
    "GREATEST",
    "INITCAP",
    "LAG",
    "LEAD",
    "LEAST",
    "LEFT",
    "LN",
    "LOWER",
    "LPAD",
    "LTRIM",
    "MAX",
    "MD5",
    "MIN",
    "MOD",
    "NTILE",
    "NULLIF",
    "OVERLAY",
    "PERCENT_RANK",
    "POSITION",
    "POWER",
    "RANK",
    "REPEAT",
    "REPLACE",
    "REVERSE",
    "RIGHT",
    "ROUND",
    "ROW_NUMBER",
    "RPAD",
    "RTRIM",
    "SIGN",
    "SQRT",
    "SUBSTRING",
    "SUM",
    "TRIM",
];

/// The same functions under other names.
const RENAMED: [(&str, &str); 9] = [
    ("IFNULL", "COALESCE"),
    ("SUBSTR", "SUBSTRING"),
    ("LENGTH", "CHAR_LENGTH"),
    ("LCASE", "LOWER"),
    ("UCASE", "UPPER"),
    ("UPPER", "UPPER"),
    ("STDDEV_POP", "STDDEV_POP"),
    ("STDDEV_SAMP", "STDDEV_SAMP"),
    ("LOG10", "LOG"),
];

/// Functions of a time that Postgres has as fields of EXTRACT.
const FIELDS: [(&str, &str); 8] = [
    ("YEAR", "YEAR"),
    ("QUARTER", "QUARTER"),
    ("MONTH", "MONTH"),
    ("WEEK", "WEEK"),
    ("DAYOFMONTH", "DAY"),
    ("HOUR", "HOUR"),
    ("MINUTE", "MINUTE"),
    ("SECOND", "SECOND"),
];

/// Functions whose result depends on the order in which records arrive.
const BY_ARRIVAL: [&str; 6] =
    ["LAST_VALUE", "FIRST_VALUE", "LISTAGG", "COLLECT", "ARRAY_AGG", "JSON_ARRAYAGG"];

/// Functions that give another value at each run.
const VOLATILE: [&str; 6] = ["NOW", "PROCTIME", "RAND", "RAND_INTEGER", "UUID", "UNIX_TIMESTAMP"];

impl Writer<'_, '_> {
    /// The call of `name` (in capitals) with these tokens as its arguments.
    pub(super) fn call(
        &mut self,
        source: &str,
        name: &str,
        tokens: &[Token<'_>],
    ) -> Result<String, Why> {
        if BY_ARRIVAL.contains(&name) {
            return Err(format!(
                "what `{name}` gives depends on the order in which records arrive"
            ));
        }
        if VOLATILE.contains(&name) {
            return Err(format!("`{name}` gives another value at each run"));
        }
        if let Some(of_window) = self.of_window(source, name, tokens)? {
            return Ok(of_window);
        }
        let rounded = tokens.iter().position(|token| token.is("TO"));
        if let (Some(to), "FLOOR") = (rounded, name) {
            let (time, unit) = tokens.split_at(to);
            let unit = unit.get(1).map_or("", |unit| unit.text).to_lowercase();
            return Ok(format!("date_trunc('{unit}', {})", self.group(source, time, false)?));
        }
        if SAME.contains(&name) {
            return Ok(format!("{name}({})", self.group(source, tokens, false)?));
        }
        if matches!(name, "CAST" | "TRY_CAST") {
            return self.cast(source, tokens);
        }
        let mut written = Vec::new();
        for part in parts(tokens) {
            written.push(self.group(source, part, false)?.trim().to_owned());
        }
        let renamed = RENAMED.iter().find(|(known, _)| *known == name);
        if let Some((_, other)) = renamed {
            return Ok(format!("{other}({})", written.join(", ")));
        }
        if let (Some((_, field)), [time]) = (FIELDS.iter().find(|(f, _)| *f == name), &*written) {
            return Ok(format!("EXTRACT({field} FROM {time})"));
        }
        let refused = || format!("it calls `{name}`, for which no form in Postgres is known here");
        other(name, &written).ok_or_else(refused)
    }

    fn cast(&mut self, source: &str, tokens: &[Token<'_>]) -> Result<String, Why> {
        let at = tokens.iter().rposition(|token| token.is("AS"));
        let (value, kind) = at.map(|at| tokens.split_at(at)).ok_or("a CAST has no AS")?;
        let text = match (kind.get(1), kind.last()) {
            (Some(first), Some(last)) => source.get(first.span.start..last.span.end),
            _ => None,
        };
        let text = text.unwrap_or_default();
        let kind = postgres(text).ok_or_else(|| {
            format!("it casts to `{text}`, for which no type of Postgres is known here")
        })?;
        Ok(format!("CAST({} AS {kind})", self.group(source, value, false)?.trim()))
    }
}

/// A call that is said otherwise in Postgres.
fn other(name: &str, arguments: &[String]) -> Option<String> {
    Some(match (name, arguments) {
        ("IF", [condition, yes, no]) => format!("CASE WHEN {condition} THEN {yes} ELSE {no} END"),
        ("CONCAT", many) if !many.is_empty() => format!("({})", many.join(" || ")),
        ("CONCAT_WS", many) => format!("CONCAT_WS({})", many.join(", ")),
        ("DATE_FORMAT", [time, format]) => {
            format!("to_char({time}, '{}')", pattern(&text(format)?)?)
        }
        ("TO_TIMESTAMP", [time]) => format!("CAST({time} AS timestamp)"),
        ("TO_TIMESTAMP_LTZ", [time]) => format!("to_timestamp({time} / 1000.0)"),
        ("TO_TIMESTAMP_LTZ", [time, digits]) if digits == "3" => {
            format!("to_timestamp({time} / 1000.0)")
        }
        ("TO_TIMESTAMP_LTZ", [time, digits]) if digits == "0" => format!("to_timestamp({time})"),
        ("TO_DATE", [date]) => format!("CAST({date} AS date)"),
        ("FROM_UNIXTIME", [time]) => {
            format!("to_char(to_timestamp({time}) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')")
        }
        ("TIMESTAMPADD", [unit, n, time]) => {
            format!("({time} + {n} * INTERVAL '1 {}')", unit.to_lowercase())
        }
        ("TIMESTAMPDIFF", [unit, from, to]) => {
            let (_, seconds) = UNITS.iter().find(|(name, _)| unit.eq_ignore_ascii_case(name))?;
            format!("TRUNC(EXTRACT(EPOCH FROM ({to}) - ({from})) / {seconds})")
        }
        ("SPLIT_INDEX", [value, by, n]) => {
            format!("NULLIF(split_part({value}, {by}, {n} + 1), '')")
        }
        ("REGEXP_REPLACE", [value, regex, by]) => {
            format!("regexp_replace({value}, {regex}, {by}, 'g')")
        }
        ("JSON_VALUE", [json, path]) => {
            let path = text(path)?;
            let steps = path.strip_prefix("$.")?;
            let is_plain = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
            steps.chars().all(is_plain).then_some(())?;
            format!("(CAST({json} AS jsonb) #>> '{{{}}}')", steps.replace('.', ","))
        }
        _ => return None,
    })
}

/// The value of a string that is written out.
fn text(literal: &str) -> Option<String> {
    match significant(Language::Flink, literal).as_slice() {
        [only] if only.kind == Kind::Text => only.string(),
        _ => None,
    }
}
