//! From what is counted to what is published: which window is due in an epoch,
//! in which state, and whether anything changed since it was last published.
//!
//! What a publisher remembers could be read back from what it published.

mod days;
mod hours;
mod ledger;
mod render;
mod windows;

pub use ledger::{Item, publish_items};
pub use windows::{publish_windows, tally_route};

/// What a publisher is asked for besides the changes themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// Whether provisional results are published.
    pub provisional: bool,
    /// Whether changes carry the digests of their final lines.
    pub digests: bool,
}
