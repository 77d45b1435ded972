//! `outbox`: the tables whose rows are routed to topics of their own, and the values that are routed.

use std::collections::BTreeMap;

use super::Reader;
use super::catalogue::Catalogue;
use super::shape::Fields;
use crate::scenario::code::Code;
use crate::scenario::pipeline::{ConnectorFile, ROUTER};

impl Reader<'_> {
    /// The routed tables. A router without them, and they without a router, are errors: nobody
    /// would make the topics, or nobody would write to them.
    pub(super) fn outbox(
        &mut self,
        fields: &Fields<'_>,
        connectors: &[ConnectorFile],
        catalogue: &Catalogue,
    ) -> BTreeMap<String, Vec<String>> {
        let mut values = connectors.iter().flat_map(|file| file.options.values());
        let has_router = values.any(|value| value == ROUTER);
        let mut outbox = BTreeMap::new();
        let Some((key, node)) = fields.entry("outbox") else {
            if let Some((key, _)) = fields.entry("connector").filter(|_| has_router) {
                let message = "the connector routes an outbox, and `outbox` names no table of it";
                self.error(Code::MissingKey, &key.at, message).help(
                    "write `outbox: {TABLE: [VALUE, …]}` with the values of its routing column",
                );
            }
            return outbox;
        };
        if !has_router && !connectors.is_empty() {
            let message = format!("no transform of the connector is {ROUTER}");
            self.error(Code::NotConnector, &key.at, message).help("`outbox` is for its tables");
        }
        for (table, node) in self.entries(node, "`outbox`").unwrap_or_default() {
            self.known_source(&table.name, &table.at, catalogue);
            let values = self.list(node, "the values that are routed").unwrap_or_default();
            let values = values.iter().filter_map(|value| self.text(value, "a value to route by"));
            outbox.insert(table.name.clone(), values.collect());
        }
        outbox
    }
}
