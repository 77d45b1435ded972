//! `only`: the part of a pipeline that some of its sinks need.

use std::collections::BTreeSet;

use crate::scenario::pipeline::Pipeline;
use crate::sql::flink::{self, Name};

/// Leaves out every INSERT that none of these sinks needs, and the sinks it writes.
pub(super) fn keep(pipeline: &mut Pipeline, only: &[String]) {
    if only.is_empty() {
        return;
    }
    let parsed: Vec<_> = pipeline.statements.iter().map(flink::parse).collect();
    let mut needed: BTreeSet<String> = only.iter().cloned().collect();
    loop {
        let before = needed.len();
        for statement in &parsed {
            let writes = statement.inserts().iter().any(|i| is_in(&i.target, &needed));
            if writes {
                let reads = statement.inserts().iter().flat_map(|insert| &insert.reads);
                needed.extend(reads.map(|name| name.table().to_owned()));
                let writes = statement.inserts().iter().map(|insert| &insert.target);
                needed.extend(writes.map(|name| name.table().to_owned()));
            }
            if let flink::Statement::CreateView { name, reads } = statement
                && is_in(name, &needed)
            {
                needed.extend(reads.iter().map(|name| name.table().to_owned()));
            }
        }
        if needed.len() == before {
            break;
        }
    }
    let mut kept = parsed.iter().map(|statement| {
        let inserts = statement.inserts();
        inserts.is_empty() || inserts.iter().any(|insert| is_in(&insert.target, &needed))
    });
    pipeline.statements.retain(|_| kept.next().unwrap_or(true));
    pipeline.sinks.retain(|sink, _| needed.contains(sink));
}

fn is_in(name: &Name, names: &BTreeSet<String>) -> bool {
    names.contains(name.table()) || names.contains(&name.to_string())
}
