//! Versions, plans and attempts: what a file asks of the stack and of a statement's plan.

use super::Reader;
use super::catalogue::{Among, Catalogue};
use super::union::Said;
use crate::base::limits;
use crate::scenario::code::Code;
use crate::scenario::expect::{Expect, PlanTexts};
use crate::scenario::range::{Range, Ranges};
use crate::scenario::words::{COMPONENT, PLAN};
use crate::scenario::yaml::Node;

use super::shape::Fields;

impl Reader<'_> {
    /// `{flink: from 2.2}`.
    pub(super) fn ranges(&mut self, node: &Node, of: &str) -> Ranges {
        let mut ranges = Ranges::new();
        for (key, node) in self.entries(node, of).unwrap_or_default() {
            if !self.allows(COMPONENT, key) {
                continue;
            }
            let Some(text) = self.text(node, "a range of versions") else { continue };
            match Range::parse(&text) {
                Some(range) => {
                    ranges.insert(key.name.clone(), range);
                }
                None => {
                    let message = format!("`{text}` is no range of versions");
                    self.error(Code::BadValue, &node.at, message)
                        .help("write `from 2.2`, `below 3`, or `from 2.2 below 3`");
                }
            }
        }
        ranges
    }

    /// `only`: sinks.
    pub(super) fn only(&mut self, node: &Node, catalogue: &Catalogue) -> Vec<String> {
        let mut sinks = Vec::new();
        for item in self.one_or_list(node) {
            let Some(sink) = self.text(item, "a sink") else { continue };
            self.known_place(&sink, &item.at, Among::Sinks, catalogue);
            sinks.push(sink);
        }
        sinks
    }

    /// `plan` and `attempts`.
    pub(super) fn plan_and_attempts(
        &mut self,
        fields: &Fields<'_>,
        catalogue: &Catalogue,
        (expect, said): (&mut Expect, &mut Vec<Said>),
    ) {
        if let Some((key, node)) = fields.entry("attempts") {
            said.push(Said::new("attempts", &key.at));
            expect.attempts = self.count(node, "a number of attempts", limits::ATTEMPTS);
        }
        let Some(node) = fields.get("plan") else { return };
        for (sink, node) in self.entries(node, "`plan`").unwrap_or_default() {
            self.known_place(&sink.name, &sink.at, Among::Sinks, catalogue);
            said.push(Said::new(format!("plan of {}", sink.name), &sink.at));
            let Some(fields) = self.map(node, PLAN) else { continue };
            let mut texts = |key: &str| -> Vec<String> {
                let items = fields.get(key).map(|node| self.one_or_list(node)).unwrap_or_default();
                items.iter().filter_map(|item| self.text(item, "a text of the plan")).collect()
            };
            let texts = PlanTexts { has: texts("has"), lacks: texts("lacks") };
            expect.plan.insert(sink.name.clone(), texts);
        }
    }
}
