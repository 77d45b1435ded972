//! The taps: the journal, the topics, the sinks, and the shadow database.
