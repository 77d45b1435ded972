//! Source tables for tests.

use super::event::{Column, Table};
use crate::scenario::settings::ReplicaIdentity;

/// The captured table `public.<name>` of columns of text, of which the first is its key; the WAL
/// carries its whole rows, by the OID 1.
pub fn text_table(name: &str, columns: &[&str]) -> Table {
    let column = |name: &&str| Column {
        name: (*name).to_owned(),
        type_oid: 25,
        type_name: "text".to_owned(),
        base: None,
        not_null: false,
        default: None,
        generated: false,
    };
    Table {
        oid: 1,
        schema: "public".to_owned(),
        name: name.to_owned(),
        columns: columns.iter().map(column).collect(),
        key: columns.iter().take(1).map(|&name| name.to_owned()).collect(),
        identity: ReplicaIdentity::Full,
        captured: true,
        partitioned: false,
        within: Vec::new(),
        connector: None,
    }
}
