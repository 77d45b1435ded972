//! The nouns every other module speaks in: places in files, positions in logs, values, rows and
//! findings. No I/O.

pub mod anomaly;
pub mod diagnostic;
pub mod difference;
pub mod draft;
pub mod exit;
pub mod grade;
pub mod limits;
pub mod position;
pub mod secret;
pub mod text;
pub mod value;
