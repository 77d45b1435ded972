//! A plan of Flink's as text, read as trees of operators.

use std::collections::BTreeSet;

use regex::Regex;

/// The heading of the plan that runs.
const HEADING: &str = "== Optimized Execution Plan ==";
/// How far a node stands behind the one that it feeds.
const INDENT: usize = 3;

/// An operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::run) struct Node {
    /// Its name (`Deduplicate`).
    pub(in crate::run) operator: String,
    /// What stands behind the name.
    pub(in crate::run) text: String,
    /// The node that it feeds; `None` for a root.
    above: Option<usize>,
}

impl Node {
    /// The names in a list (`orderBy=[seen ASC, id ASC]` → `seen`, `id`).
    pub(in crate::run) fn names(&self, attribute: &str) -> Vec<String> {
        let Some((_, rest)) = self.text.split_once(&format!("{attribute}=[")) else {
            return Vec::new();
        };
        let list = rest.split_once(']').map_or(rest, |(list, _)| list);
        let first = |item: &str| item.split_whitespace().next().map(ToOwned::to_owned);
        list.split(',').filter_map(first).collect()
    }

    /// The last part of the name of the table that it reads or writes.
    pub(in crate::run) fn table(&self) -> Option<&str> {
        let (_, rest) = self.text.split_once("table=[")?;
        let list = rest.trim_start_matches('[').split(']').next()?;
        if self.operator == "Sink" {
            return list.rsplit('.').next();
        }
        // Behind the name of the table stands what was pushed down into it.
        list.split(", ").nth(2)
    }

    fn number(&self, attribute: &str) -> Option<&str> {
        let (_, rest) = self.text.split_once(&format!("({attribute}=["))?;
        rest.split(']').next()
    }
}

/// The operators of a plan, each after the one that it feeds.
#[derive(Debug)]
pub(in crate::run) struct Plan(pub(in crate::run) Vec<Node>);

impl Plan {
    pub(in crate::run) fn read(text: &str) -> Self {
        let executed = text.split_once(HEADING).map_or(text, |(_, executed)| executed);
        let mut nodes: Vec<Node> = Vec::new();
        // The nodes on the way from the root to the last one, by depth.
        let mut way: Vec<usize> = Vec::new();
        for line in executed.lines() {
            let name = line.trim_start_matches([' ', ':', '+', '-']);
            if name.is_empty() || name.starts_with("==") {
                continue;
            }
            way.truncate((line.len() - name.len()) / INDENT);
            let at = name.find('(').unwrap_or(name.len());
            let (operator, text) = name.split_at(at);
            let (operator, text) = (operator.to_owned(), text.to_owned());
            nodes.push(Node { operator, text, above: way.last().copied() });
            way.push(nodes.len() - 1);
        }
        Self(nodes)
    }

    fn node(&self, n: usize) -> Option<&Node> {
        self.0.get(n)
    }

    /// The nodes that a node feeds, however many others stand between; one that is used more than
    /// once feeds all that use it.
    pub(in crate::run) fn above(&self, of: usize) -> Vec<&Node> {
        let (mut open, mut seen) = (vec![of], BTreeSet::new());
        while let Some(n) = open.pop() {
            let Some(node) = self.node(n) else { continue };
            let mut next: Vec<usize> = node.above.into_iter().collect();
            if let Some(id) = node.number("reuse_id") {
                let uses = |(_, other): &(usize, &Node)| other.number("reference_id") == Some(id);
                next.extend(self.0.iter().enumerate().filter(uses).map(|(n, _)| n));
            }
            open.extend(next.into_iter().filter(|n| seen.insert(*n)));
        }
        seen.into_iter().filter_map(|n| self.node(n)).collect()
    }

    /// The nodes that feed a node.
    pub(in crate::run) fn below(&self, of: usize) -> Vec<&Node> {
        let (mut open, mut seen) = (vec![of], BTreeSet::new());
        while let Some(n) = open.pop() {
            let feeds = |(_, node): &(usize, &Node)| node.above == Some(n);
            let mut next: Vec<usize> =
                self.0.iter().enumerate().filter(feeds).map(|(n, _)| n).collect();
            if let Some(id) = self.node(n).and_then(|node| node.number("reference_id")) {
                let is_it = |(_, node): &(usize, &Node)| node.number("reuse_id") == Some(id);
                next.extend(self.0.iter().enumerate().filter(is_it).map(|(n, _)| n));
            }
            open.extend(next.into_iter().filter(|n| seen.insert(*n)));
        }
        seen.into_iter().filter_map(|n| self.node(n)).collect()
    }
}

/// The columns of a plan that hold the time of the machine, or a row's own.
#[derive(Debug, Default, Clone)]
pub(in crate::run) struct Times {
    pub(in crate::run) machine: BTreeSet<String>,
    pub(in crate::run) event: BTreeSet<String>,
}

impl Times {
    /// Follows them through all names that a plan gives them.
    pub(in crate::run) fn follow(&mut self, plan: &str) {
        let all = |pattern: &str| match Regex::new(pattern) {
            Ok(pattern) => pattern
                .captures_iter(plan)
                .map(|found| {
                    found.iter().skip(1).flatten().map(|m| m.as_str().to_owned()).collect()
                })
                .collect(),
            Err(_) => Vec::<Vec<String>>::new(),
        };
        self.machine.extend(all(r"PROCTIME\(\) AS ([\w$]+)").into_iter().flatten());
        self.event.extend(all(r"rowtime=\[([\w$]+)\]").into_iter().flatten());
        let renamed = all(r"[\[ ]([\w$]+) AS ([\w$]+)");
        // Each round finds at least one name more, or there is none.
        for _ in 0..=renamed.len() {
            for pair in &renamed {
                let [old, new] = pair.as_slice() else { continue };
                for of_one in [&mut self.machine, &mut self.event] {
                    if of_one.contains(old) {
                        of_one.insert(new.clone());
                    }
                }
            }
        }
    }

    /// A column is a row's own time for sure.
    pub(in crate::run) fn is_event(&self, column: &str) -> bool {
        self.event.contains(column) && !self.machine.contains(column)
    }
}
