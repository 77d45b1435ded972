//! A JSON object with the place of every key, those that stand twice included.

use serde::Deserializer;
use serde::de::{Deserialize, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::base::text::{Span, Text};
use crate::scenario::diagnose::At;

/// One member of an object.
pub(super) struct Member<'s> {
    pub key: String,
    /// Its value as it is written.
    value: &'s RawValue,
}

/// The members in the order of the text.
struct Members<'s>(Vec<Member<'s>>);

impl<'de: 's, 's> Deserialize<'de> for Members<'s> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Vec<Member<'de>>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((key, value)) = map.next_entry()? {
                    members.push(Member { key, value });
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(InOrder).map(Members)
    }
}

/// The members of an object; `None` if the text is something else.
pub(super) fn members(text: &str) -> Option<Vec<Member<'_>>> {
    serde_json::from_str(text).ok().map(|Members(members)| members)
}

/// The items of an array; `None` if the text is something else.
pub(super) fn items(text: &str) -> Option<Vec<&str>> {
    let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    Some(items.into_iter().map(RawValue::get).collect())
}

impl<'s> Member<'s> {
    /// Its value as it is written.
    pub(super) fn raw(&self) -> &'s str {
        self.value.get()
    }

    /// Its value.
    pub(super) fn value(&self) -> serde_json::Value {
        serde_json::from_str(self.value.get()).unwrap_or_default()
    }

    /// The members of its value, if that is an object.
    pub(super) fn members(&self) -> Option<Vec<Member<'s>>> {
        members(self.value.get())
    }

    /// Where its key stands in the text that it was read from.
    pub(super) fn at(&self, source: &Text) -> At {
        let text = source.value.as_str();
        let value = self.value.get().as_ptr().addr().saturating_sub(text.as_ptr().addr());
        // Before the value stand only the colon and white space, and then the key.
        let before = text.get(..value).unwrap_or("");
        let end = before.rfind('"').unwrap_or_default();
        let start = before.get(..end).and_then(|before| before.rfind('"')).unwrap_or(end);
        At::of(source, Span::new(start, (end + 1).min(text.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_knows_its_place() {
        let text = "{\"name\": \"é\",\n \"config\" : {\"a\": 1, \"b\": {}, \"a\" :\n2}}";
        let source = Text::whole("c.json".into(), text.to_owned());
        let root = members(&source.value).unwrap();
        assert_eq!(root[1].at(&source).place.to_string(), "c.json:2:2");
        let inner = root[1].members().unwrap();
        let places: Vec<String> =
            inner.iter().map(|m| format!("{} {}", m.key, m.at(&source).place)).collect();
        assert_eq!(places, ["a c.json:2:14", "b c.json:2:22", "a c.json:2:31"]);
        assert_eq!(inner[2].value(), serde_json::json!(2));
        assert!(members("[1]").is_none() && root[0].members().is_none());
    }
}
