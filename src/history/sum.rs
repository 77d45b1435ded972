//! The sum that opens every line: FNV-1a over all bytes so far.
//!
//! Each step is a bijection of the state, so one changed byte always changes the sum. It guards
//! against accidents, not against forgery.

const START: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// What stands between the brace and the rest of a line: `"sum":"0123456789abcdef",`.
const OPEN: &str = "{\"sum\":\"";
const CLOSE: &str = "\",";
const DIGITS: usize = 16;

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
