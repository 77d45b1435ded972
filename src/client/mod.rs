//! One thin typed client per remote API, and the only waiting loop.

pub mod cause;
pub mod clock;
pub mod connect;
pub mod endpoints;
pub mod exhaustion;
pub mod flink;
pub mod gateway;
pub mod http;
pub mod kafka;
pub mod postgres;
pub mod registry;
pub mod roles;
pub mod wait;

mod wall;
