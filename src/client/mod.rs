//! One thin typed client per remote API, and the only waiting loop.

pub mod clock;
pub mod endpoints;
pub mod http;
pub mod kafka;
pub mod postgres;
pub mod wait;
