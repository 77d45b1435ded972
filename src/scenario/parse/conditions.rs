//! What an entry waits for: a word, or a map of one key.

use super::Reader;
use super::catalogue::Among;
use super::timeline::Around;
use crate::scenario::application::millis;
use crate::scenario::code::Code;
use crate::scenario::diagnose::At;
use crate::scenario::scenario::{Setting, SettingValue};
use crate::scenario::timeline::Condition;
use crate::scenario::words::{CONDITION, CONDITION_MAP, listed, suggestion};
use crate::scenario::yaml::{Key, Node, Value};

impl Reader<'_> {
    pub(super) fn condition(&mut self, node: &Node, around: Around<'_>) -> Option<Condition> {
        let Value::Map(entries) = &node.value else {
            return Some(match self.word(node, CONDITION)? {
                "streaming" => Condition::Streaming,
                "captured" => Condition::Captured,
                "stored" => Condition::Stored,
                "confirmed" => Condition::Confirmed,
                "slot" => Condition::Slot,
                "uncommitted" => self.uncommitted(None, &node.at, around)?,
                _ => Condition::Processed,
            });
        };
        let [(key, value)] = entries.as_slice() else {
            let allowed = listed(CONDITION_MAP.known.iter().copied());
            self.error(Code::Condition, &node.at, "a condition is one key with its value")
                .help(format!("write {allowed}"));
            return None;
        };
        let name = key.name.as_str();
        if CONDITION.known.contains(&name) && !CONDITION_MAP.known.contains(&name) {
            self.error(Code::Condition, &key.at, format!("`{}` takes no value", key.name)).help(
                format!("write `{}` alone; a limit is `within: 5s` below the entry", key.name),
            );
            return None;
        }
        if !self.allows(CONDITION_MAP, key) {
            return None;
        }
        match key.name.as_str() {
            "watermark" => self.watermark(key, value, around),
            "compacted" => self.compacted(value, around),
            "uncommitted" => self.uncommitted(Some(value), &key.at, around),
            _ => self.expired(value, around),
        }
    }

    fn watermark(&mut self, key: &Key, node: &Node, around: Around<'_>) -> Option<Condition> {
        if !around.has_statements {
            self.error(Code::Condition, &key.at, "no statement has a watermark")
                .help("the pipeline has no `statements`");
            return None;
        }
        let text = self.text(node, "a time")?;
        let time = millis(&text);
        if time.is_none() {
            let message = format!("`{text}` is not a time");
            let help = "write `2025-01-01 10:00:00Z`; without a zone it is UTC";
            self.error(Code::BadValue, &node.at, message).help(help);
        }
        time.map(Condition::Watermark)
    }

    fn compacted(&mut self, node: &Node, around: Around<'_>) -> Option<Condition> {
        let entries = self.entries(node, "`compacted`")?;
        let [(place, value)] = entries else {
            self.error(Code::Condition, &node.at, "`compacted` names one place and one key")
                .help("write `{compacted: {orders: 7}}`");
            return None;
        };
        let known = self.known_place(&place.name, &place.at, Among::Tables, around.catalogue);
        let key = self.text(value, "a key")?;
        if let Some(known) = &known {
            self.check_key(&key, &value.at, known);
        }
        Some(Condition::Compacted { place: place.name.clone(), key })
    }

    /// Written and not committed: something must write in transactions.
    fn uncommitted(
        &mut self,
        place: Option<&Node>,
        at: &At,
        around: Around<'_>,
    ) -> Option<Condition> {
        let place = match place {
            Some(node) => {
                let place = self.text(node, "a source table or sink")?;
                self.known_place(&place, &node.at, Among::Tables, around.catalogue)?;
                Some(place)
            }
            None => None,
        };
        if !around.has_transactions {
            let message = "nothing is written in transactions, so that nothing is ever uncommitted";
            self.error(Code::Condition, at, message).help(
                "a sink is by 'sink.delivery-guarantee' = 'exactly-once', the topics of the source \
                 by `worker: {exactly.once.source.support: enabled}`",
            );
            return None;
        }
        Some(Condition::Uncommitted { place })
    }

    fn expired(&mut self, node: &Node, around: Around<'_>) -> Option<Condition> {
        let option = self.text(node, "an option")?;
        let of = |setting: &&Setting| setting.path.last() == Some(&option);
        let Some(setting) = around.settings.iter().find(of) else {
            let options: Vec<&str> = around
                .settings
                .iter()
                .filter(|setting| setting.path.len() > 1)
                .filter_map(|setting| setting.path.last().map(String::as_str))
                .collect();
            let message = format!("`settings` sets no option `{option}`");
            let help = suggestion(&option, options.iter().copied());
            self.error(Code::Condition, &node.at, message).help(help);
            return None;
        };
        let after_ms = self.longest(setting, &node.at)?;
        Some(Condition::Expired { option, after_ms })
    }

    /// The longest of the durations that an option has in some cell.
    fn longest(&mut self, setting: &Setting, at: &At) -> Option<u64> {
        let mut longest = 0;
        for choice in &setting.choices {
            let SettingValue::Option(text) = &choice.value else { continue };
            let Some(duration) = option_ms(text) else {
                let message = format!("`{text}`, the value of the option, is not a duration");
                self.error(Code::Condition, at, message)
                    .help("a number counts milliseconds; else it has a unit: `500 ms`, `5 s`");
                return None;
            };
            longest = longest.max(duration);
        }
        Some(longest)
    }
}

/// A duration as components write it: a bare number counts milliseconds.
fn option_ms(text: &str) -> Option<u64> {
    let digits = text.trim().trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = text.trim().get(digits.len()..)?.trim();
    let unit_ms = match unit {
        "" | "ms" => 1,
        "s" | "sec" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_a_zone_is_utc() {
        assert_eq!(millis("2025-01-01 10:00:00"), millis("2025-01-01 11:00:00+01:00"));
        assert_eq!(millis("2025-01-01 10:00:00.5Z"), Some(1_735_725_600_500));
        assert_eq!(millis("10:00"), None);
    }

    #[test]
    fn an_option_has_its_own_way_to_write_a_duration() {
        let read = ["50", "500ms", "5 s", "1 h", "2 min"].map(option_ms);
        assert_eq!(read, [50, 500, 5_000, 3_600_000, 120_000].map(Some));
        assert_eq!(["", "soon", "5 d"].map(option_ms), [None; 3]);
    }
}
