//! What the machine lacks.
