//! Confluent Cloud by its public REST APIs, one small client a service. Fields and paths are those of
//! Confluent's OpenAPI documents; `tests/cloud` holds every request and answer against them.
//!
//! What all of them share stands in [`api`]: who is logged in, what is tried again and for how long, the
//! four shapes of a refusal, and lists that come page by page.

pub mod api;
pub mod connectors;
pub mod identity;
pub mod places;
pub mod refusal;
pub mod results;
pub mod statements;
pub mod tableflow;
pub mod topics;

mod paging;

pub use api::{Api, CloudError, Patience};
pub use refusal::Refusal;
