//! The ids and keys of one start of the gateway, shaped as Confluent Cloud shapes its own.

use std::fmt;

use rand::TryRng as _;
use rand::rngs::SysRng;

use crate::client::reach::{Login, Password};

/// What identifies the parts of the one organization that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    /// The organization, a UUID.
    pub organization: String,
    /// The environment, `env-…`; as a catalog it is also called [`Ids::ENVIRONMENT`].
    pub environment: String,
    /// The Kafka cluster, `lkc-…`; as a database it is also called [`Ids::CLUSTER`].
    pub cluster: String,
    /// The compute pool, `lfcp-…`.
    pub pool: String,
    /// The schema registry, `lsrc-…`.
    pub registry: String,
    /// The service account that owns everything, `sa-…`.
    pub account: String,
}

impl Ids {
    /// The environment's display name.
    pub const ENVIRONMENT: &'static str = "local";
    /// The cluster's display name.
    pub const CLUSTER: &'static str = "changeproof";
    /// The cloud that is named where one must be.
    pub const CLOUD: &'static str = "AWS";
    /// Its region.
    pub const REGION: &'static str = "us-east-1";

    /// New ids.
    pub fn new() -> Result<Self, NoRandom> {
        Ok(Self {
            organization: uuid()?,
            environment: format!("env-{}", letters(6)?),
            cluster: format!("lkc-{}", letters(6)?),
            pool: format!("lfcp-{}", letters(6)?),
            registry: format!("lsrc-{}", letters(6)?),
            account: format!("sa-{}", letters(6)?),
        })
    }
}

/// The system gives no random numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random numbers for keys: {0}")]
pub struct NoRandom(String);

/// An API that has keys of its own, as in the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Api {
    /// Statements.
    Flink,
    /// The control plane, Connect included.
    Cloud,
    /// Topics, over REST.
    Kafka,
    /// The schema registry.
    Registry,
}

/// A login for each API.
#[derive(Clone)]
pub struct Keys {
    /// Of statements.
    pub flink: Login,
    /// Of the control plane and Connect.
    pub cloud: Login,
    /// Of Kafka: its brokers and its REST API.
    pub kafka: Login,
    /// Of the schema registry.
    pub registry: Login,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// New keys; that of Kafka is the brokers'.
    pub fn new(kafka: Login) -> Result<Self, NoRandom> {
        let login =
            || Ok(Login { user: letters(16)?.to_uppercase(), password: Password(letters(48)?) });
        Ok(Self { flink: login()?, cloud: login()?, kafka, registry: login()? })
    }

    /// The login of an API.
    pub fn of(&self, api: Api) -> &Login {
        match api {
            Api::Flink => &self.flink,
            Api::Cloud => &self.cloud,
            Api::Kafka => &self.kafka,
            Api::Registry => &self.registry,
        }
    }
}

/// Random lower-case hexadecimal digits.
pub(super) fn letters(count: usize) -> Result<String, NoRandom> {
    let mut bytes = vec![0_u8; count.div_ceil(2)];
    SysRng.try_fill_bytes(&mut bytes).map_err(|error| NoRandom(error.to_string()))?;
    let mut text = hex::encode(bytes);
    text.truncate(count);
    Ok(text)
}

/// A random UUID.
pub(super) fn uuid() -> Result<String, NoRandom> {
    let hex = letters(32)?;
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    // Version 4, variant 1.
    Ok(format!(
        "{}-{}-4{}-a{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    ))
}
