//! The components as processes: bring up, probe, take down, sweep.
