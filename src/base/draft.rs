//! A configuration on its way from the author's files to what is submitted. Whatever changes it says
//! why, so that the difference can be listed key by key.

use std::collections::BTreeMap;

use super::difference::Difference;
use super::secret::{redacted, redacted_value};
use super::text::Place;

/// Options by their names.
type Options = BTreeMap<String, String>;

/// The author's options, what became of them, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    theirs: Options,
    ours: Options,
    why: BTreeMap<String, String>,
    places: BTreeMap<String, Place>,
}

impl Draft {
    /// Begins with what the author wrote.
    pub fn new(theirs: Options) -> Self {
        Self { ours: theirs.clone(), theirs, ..Self::default() }
    }

    /// Takes in what the author wrote elsewhere, over what is there.
    pub fn author(&mut self, options: &Options) {
        for (key, value) in options {
            self.theirs.insert(key.clone(), value.clone());
            self.ours.insert(key.clone(), value.clone());
            self.places.remove(key);
        }
    }

    /// Takes note of where a key stands in the author's files.
    pub fn place(&mut self, key: &str, place: Place) {
        self.places.insert(key.to_owned(), place);
    }

    /// What is submitted as things stand.
    pub fn options(&self) -> &Options {
        &self.ours
    }

    /// The value of a key as things stand.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.ours.get(key).map(String::as_str)
    }

    /// Gives a key a value.
    pub fn set(&mut self, key: &str, value: impl Into<String>, why: &str) {
        let value = value.into();
        if self.ours.get(key) != Some(&value) {
            self.why.insert(key.to_owned(), why.to_owned());
            self.ours.insert(key.to_owned(), value);
        }
    }

    /// Gives a key a value where it has none.
    pub fn set_default(&mut self, key: &str, value: &str, why: &str) {
        if self.get(key).is_none() {
            self.set(key, value, why);
        }
    }

    /// Leaves a key out.
    pub fn leave_out(&mut self, key: &str, why: &str) {
        if self.ours.remove(key).is_some() {
            self.why.insert(key.to_owned(), why.to_owned());
        }
    }

    /// Leaves out every key for which there is a reason to.
    pub fn leave_out_where(&mut self, why: impl Fn(&str) -> Option<&'static str>) {
        let keys: Vec<_> = self.ours.keys().cloned().collect();
        for key in keys {
            if let Some(why) = why(&key) {
                self.leave_out(&key, why);
            }
        }
    }

    /// What is submitted, and how it differs from what the author wrote. `part` is what the options
    /// are about, as in [`Difference::part`].
    pub fn finish(self, part: &str) -> (Options, Vec<Difference>) {
        let Self { theirs, ours, why, places } = self;
        let keys = theirs.keys().chain(ours.keys());
        let mut keys: Vec<_> = keys.filter(|key| theirs.get(*key) != ours.get(*key)).collect();
        keys.sort();
        keys.dedup();
        let shown = |options: &Options, key: &str| {
            options.get(key).map(|value| redacted_value(key, value).into_owned())
        };
        let differences = keys.into_iter().map(|key| Difference {
            theirs: shown(&theirs, key),
            ours: shown(&ours, key),
            at: places.get(key).cloned(),
            ..Difference::new(part, redacted(key), why.get(key).map_or("", String::as_str))
        });
        let differences = differences.collect();
        (ours, differences)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> Options {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_ends_as_it_began_is_no_difference() {
        let theirs = options(&[("a", "1"), ("b", "2"), ("c", "3"), ("my.password", "hunter2")]);
        let mut draft = Draft::new(theirs);
        draft.set("a", "1", "it is so already");
        draft.set("b", "3", "it is another");
        draft.leave_out("c", "it is nobody's");
        draft.leave_out("my.password", "nobody asks for it");
        draft.set_default("d", "4", "it is needed");
        draft.set_default("a", "5", "it is needed");
        draft.place("b", Place { file: "c.json".into(), line: 3, column: 2 });
        let (ours, differences) = draft.finish("connector");
        assert_eq!(ours, options(&[("a", "1"), ("b", "3"), ("d", "4")]));
        assert_eq!(differences.first().and_then(|one| one.at.as_ref()).map(|at| at.line), Some(3));
        let lines: Vec<_> = differences.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "connector: `b`: 2 → 3 (it is another)",
                "connector: `c`: 3 is left out (it is nobody's)",
                "connector: `d`: 4 is added (it is needed)",
                "connector: `my.password`: … is left out (nobody asks for it)",
            ]
        );
    }
}
