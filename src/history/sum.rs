//! What opens every line: the sum, FNV-1a over all bytes so far, and then when the event was seen.
//!
//! Each step is a bijection of the state, so one changed byte always changes the sum. It guards
//! against accidents, not against forgery.

const START: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// What stands between the brace and the rest of a line: `"sum":"0123456789abcdef",`.
const OPEN: &str = "{\"sum\":\"";
const CLOSE: &str = "\",";
const DIGITS: usize = 16;
/// What stands behind the sum of an event whose time is known: `"at_us":123,`.
const AT: &str = "\"at_us\":";

/// Puts the time at which an event was seen, in microseconds since the run's start, into its JSON
/// object.
pub(super) fn timed(at_us: u64, object: &str) -> String {
    let rest = object.strip_prefix('{').unwrap_or(object);
    format!("{{{AT}{at_us},{rest}")
}

/// The time in a line whose sum holds.
pub(super) fn time(line: &[u8]) -> Result<Option<u64>, &'static str> {
    let rest = line.get(OPEN.len() + DIGITS + CLOSE.len()..).unwrap_or_default();
    let Some(rest) = rest.strip_prefix(AT.as_bytes()) else { return Ok(None) };
    let digits = rest.split(|byte| *byte == b',').next().unwrap_or_default();
    let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    number.map(Some).ok_or("`at_us` is no number of microseconds")
}

/// The sum over the lines so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sum(u64);

impl Sum {
    pub(super) fn start() -> Self {
        Self(START)
    }

    fn add(self, bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(self.0, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(PRIME)))
    }

    /// Puts the sum into a JSON object that has at least one field.
    pub(super) fn seal(&mut self, object: &str) -> String {
        let rest = object.strip_prefix('{').unwrap_or(object);
        *self = self.add(rest.as_bytes());
        format!("{OPEN}{:016x}{CLOSE}{rest}", self.0)
    }

    /// Whether the line carries the sum it should; it is then the sum so far.
    pub(super) fn holds(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let broken = "the line does not open with its sum";
        let digits = line.strip_prefix(OPEN.as_bytes()).ok_or(broken)?;
        let (digits, rest) = digits.split_at_checked(DIGITS).ok_or(broken)?;
        let rest = rest.strip_prefix(CLOSE.as_bytes()).ok_or(broken)?;
        let next = self.add(rest);
        if digits != format!("{:016x}", next.0).as_bytes() {
            return Err("its sum does not fit: a byte was changed, or a line is missing or moved");
        }
        *self = next;
        Ok(())
    }
}
