//! Sessions: what is kept of their events, and how records come from it.

mod ended;
mod entry;
mod saved;
mod slices;
mod summary;
mod tally;

pub use ended::{Ended, StepTaken};
pub use entry::Entry;
pub use slices::Session;
pub use summary::{Rules, Running, SliceSummary};
pub use tally::{session_records, session_tallies};
