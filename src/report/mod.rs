//! Verdicts as text, JSON and JUnit. Pure.
