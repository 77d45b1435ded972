//! History against model. Pure; one file a family.

pub mod verdict;
