//! What is asked, what is answered, and by which rules.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A transaction to score.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Request {
    /// Its id; not empty.
    #[schemars(length(min = 1))]
    pub txn_id: String,
    /// The customer's account; not empty.
    #[schemars(length(min = 1))]
    pub account_number: String,
    /// In whole units; more than 0.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub amount: f64,
    /// Who was paid.
    pub merchant: String,
    /// Where; `ONLINE` in any case for purchases on-line.
    pub location: String,
    /// When, as in `2026-01-08T12:00:00Z`.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub tx_time: Timestamp,
}

/// The score of a transaction.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Response {
    /// That of the request.
    pub txn_id: String,
    /// How likely fraud is.
    #[schemars(range(min = 0, max = 1))]
    pub fraud_score: f64,
    /// Which rule held.
    pub fraud_category: Category,
    /// What to make of it.
    pub risk_level: Risk,
    /// When it was scored.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub inference_timestamp: Timestamp,
}

/// The rule that held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Category {
    /// More than 1000.
    AmountAnomaly,
    /// More than 500 and on-line.
    OnlineHighValue,
    /// More than 500 elsewhere.
    HighValue,
    /// Everything else.
    Normal,
}

/// What to make of a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Risk {
    /// Nothing to do.
    Low,
    /// Look at it.
    Medium,
    /// Stop it.
    High,
}

/// A field of a request that cannot be scored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// Which field; empty if the body as a whole cannot be read.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Reads a request; gives everything that is wrong with its fields.
pub fn read(body: &[u8]) -> Result<Request, Vec<Problem>> {
    let request: Request = serde_json::from_slice(body)
        .map_err(|error| vec![Problem { field: String::new(), problem: error.to_string() }])?;
    let mut problems = Vec::new();
    let mut refuse = |holds: bool, field: &str, problem: &str| {
        if !holds {
            problems.push(Problem { field: field.to_owned(), problem: problem.to_owned() });
        }
    };
    refuse(!request.txn_id.is_empty(), "txn_id", "must not be empty");
    refuse(!request.account_number.is_empty(), "account_number", "must not be empty");
    refuse(request.amount > 0.0, "amount", "must be more than 0");
    if problems.is_empty() { Ok(request) } else { Err(problems) }
}

/// Scores a transaction at `now`.
pub fn score(request: &Request, now: Timestamp) -> Response {
    let online = request.location.eq_ignore_ascii_case("online");
    let (fraud_score, fraud_category, risk_level) = if request.amount > 1000.0 {
        (0.7, Category::AmountAnomaly, Risk::High)
    } else if request.amount > 500.0 && online {
        (0.5, Category::OnlineHighValue, Risk::Medium)
    } else if request.amount > 500.0 {
        (0.3, Category::HighValue, Risk::Medium)
    } else {
        (0.1, Category::Normal, Risk::Low)
    };
    Response {
        txn_id: request.txn_id.clone(),
        fraud_score,
        fraud_category,
        risk_level,
        inference_timestamp: now,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn body(amount: &str, location: &str) -> String {
        format!(
            r#"{{"txn_id":"t","account_number":"ACC1","amount":{amount},"merchant":"m",
                "location":"{location}","tx_time":"2026-01-08T12:00:00Z"}}"#
        )
    }

    #[rstest]
    #[case("1000.01", "ONLINE", 0.7, Category::AmountAnomaly, Risk::High)]
    #[case("1000.00", "online", 0.5, Category::OnlineHighValue, Risk::Medium)]
    #[case("500.01", "OnLine", 0.5, Category::OnlineHighValue, Risk::Medium)]
    #[case("500.01", "Rome", 0.3, Category::HighValue, Risk::Medium)]
    #[case("1000", "ON LINE", 0.3, Category::HighValue, Risk::Medium)]
    #[case("500.00", "ONLINE", 0.1, Category::Normal, Risk::Low)]
    #[case("0.01", "Rome", 0.1, Category::Normal, Risk::Low)]
    fn the_rules_hold_at_their_bounds(
        #[case] amount: &str,
        #[case] location: &str,
        #[case] score_expected: f64,
        #[case] category: Category,
        #[case] risk: Risk,
    ) {
        let request = read(body(amount, location).as_bytes()).unwrap();
        let scored = score(&request, Timestamp::UNIX_EPOCH);
        assert!((scored.fraud_score - score_expected).abs() < f64::EPSILON);
        assert_eq!((scored.fraud_category, scored.risk_level), (category, risk));
    }

    #[rstest]
    #[case(body("0", "x"), "amount: must be more than 0")]
    #[case(body("-1", "x"), "amount: must be more than 0")]
    #[case(body("\"1\"", "x"), ": invalid type: string")]
    #[case(body("null", "x"), ": invalid type: null")]
    #[case(body("1e999", "x"), ": number out of range")]
    #[case(body("1", "x").replace("\"ACC1\"", "\"\""), "account_number: must not be empty")]
    #[case(body("1", "x").replace("merchant", "shop"), ": missing field `merchant`")]
    #[case(body("1", "x").replace("2026", "20x6"), ": failed to parse")]
    #[case("no JSON".to_owned(), ": expected ident")]
    fn a_bad_body_is_refused_by_field(#[case] body: String, #[case] says: &str) {
        let problems = read(body.as_bytes()).unwrap_err();
        let told: Vec<_> = problems.iter().map(|p| format!("{}: {}", p.field, p.problem)).collect();
        assert!(told.join("; ").contains(says), "{told:?}");
    }
}
