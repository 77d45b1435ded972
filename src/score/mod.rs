//! The scoring service: says of a card transaction how likely it is fraud, by fixed rules, over
//! HTTP. Pipelines call it as they would call a model.
//!
//! [`rules`] is the judgement, [`service`] the HTTP around it, [`chat`] the same behind the API that
//! Flink's model provider speaks, [`openapi`] the description, `figures` what it tells of itself, and
//! [`manners`] how badly the service behaves when a scenario wants it to.

pub mod chat;
mod figures;
pub mod manners;
pub mod openapi;
pub mod rules;
mod server;
pub mod service;
