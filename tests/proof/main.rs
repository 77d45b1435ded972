//! The proof that a verdict can be believed: recorded runs of the real components are judged as
//! they were, every mutation of them is found and named, and whatever the components may legally
//! do raises no alarm. None of it needs a stack.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::many_single_char_names,
    reason = "a test that meets what it does not expect fails"
)]

mod bad_input;
mod codecs;
mod differential;
mod edit;
mod grades;
mod legal;
mod matrix;
mod mutations;
mod once;
mod recorded;
mod scene;
mod slow;
