//! One thin typed client per remote API, and the only waiting loop.

pub mod cause;
pub mod clock;
pub mod cloud;
pub mod connect;
pub mod denied;
pub mod exhaustion;
pub mod flink;
pub mod gateway;
pub mod http;
pub mod jobs;
pub mod kafka;
pub mod metric;
pub mod postgres;
pub mod reach;
pub mod registry;
pub mod roles;
pub mod state;
pub mod storage;
pub mod tls;
pub mod wait;

mod wall;

/// Why a text cannot serve as a list of authorities, if it cannot.
pub fn unusable_authorities(pem: &reach::Pem) -> Option<String> {
    tls::check_authorities(pem).err().map(|why| why.to_string())
}
