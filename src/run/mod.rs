//! The stages of a run in order, and the run directory.
