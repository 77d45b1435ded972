//! What was seen: one file a run, in the order it was seen. Raw bytes only: nothing in it is
//! interpreted by the part that recorded it, so a better checker can judge an old run.

pub mod event;
