//! The proof that nothing more can arrive.
