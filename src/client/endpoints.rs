//! Where the components of a stack listen. Written by the stack, read by everything live.

use serde::{Deserialize, Serialize};

/// The addresses of one running stack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// Host of Postgres.
    pub postgres_host: String,
    /// Port of Postgres.
    pub postgres_port: u16,
    /// The superuser (trust authentication on loopback).
    pub postgres_user: String,
    /// `host:port` of the broker.
    pub kafka: String,
    /// `http://host:port` of Connect's REST API, without a final slash.
    pub connect: String,
    /// `http://host:port` of the JobManager's REST API.
    pub flink: String,
    /// `http://host:port` of the SQL Gateway's REST API.
    pub gateway: String,
    /// `http://host:port` of the schema registry, once it was asked for.
    #[serde(default)]
    pub registry: String,
}
