//! A column of a source table.

use serde::{Deserialize, Serialize};

/// A column of a source table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type's OID.
    pub type_oid: u32,
    /// Its type as `format_type` writes it (`numeric(10,2)`).
    pub type_name: String,
    /// The type that its values are read as, if that is another: the one that a domain is of, `text`
    /// for an enum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// It refuses NULL.
    pub not_null: bool,
    /// Its default, as an expression.
    pub default: Option<String>,
    /// It is generated (and absent from pgoutput).
    pub generated: bool,
}

impl Column {
    /// The name of the type that its values are read as.
    pub fn read_as(&self) -> &str {
        self.base.as_deref().unwrap_or(&self.type_name)
    }
}
