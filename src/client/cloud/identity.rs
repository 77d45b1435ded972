//! Who may do what: service accounts and keys, as far as a look at a stack tells of them. No secret is ever
//! read.

use serde::Deserialize;

use super::api::{Api, CloudError};
use super::places::Named;
use crate::client::http::encode;

/// A key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ApiKey {
    /// The key itself, which is no secret.
    pub id: String,
    /// Whose it is, and for what.
    pub spec: KeySpec,
}

/// Whose a key is, and for what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct KeySpec {
    /// `u-…` or `sa-…`.
    #[serde(default)]
    pub owner: Option<Of>,
    /// `lkc-…`, `lsrc-…`, a region of Flink, or the cloud.
    #[serde(default)]
    pub resource: Option<Of>,
}

/// Something by its id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Of {
    /// The id.
    #[serde(default)]
    pub id: String,
    /// What it is, such as `Cluster` or `Region`.
    #[serde(default)]
    pub kind: Option<String>,
}

impl Api {
    /// All service accounts that the key sees.
    pub async fn service_accounts(&self) -> Result<Vec<Named>, CloudError> {
        self.all("/iam/v2/service-accounts").await
    }

    /// A key, if the caller may see it.
    pub async fn api_key(&self, key: &str) -> Result<ApiKey, CloudError> {
        self.get(&format!("/iam/v2/api-keys/{}", encode(key))).await
    }
}
