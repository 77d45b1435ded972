//! The scenario language: pipeline and scenario files, parsed with all their errors at once, and
//! the trials they become.

pub mod expect;
pub mod pipeline;
pub mod settings;
pub mod timeline;
pub mod trial;
