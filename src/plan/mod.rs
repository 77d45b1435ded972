//! Scenarios and their cells to trials. Pure.
