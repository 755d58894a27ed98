//! What can go wrong: options that make no sense, and files that do not obey.
//!
//! Every message names what was wrong and what to do next; the system's reason
//! is its source, not part of the message. Nothing here is about the events
//! themselves: a broken event is wanted, never an error.

use std::path::PathBuf;

/// Everything the simulator can fail with.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// An option lies outside what the simulation can honour.
    #[error("{option} = {value}: {reason}; the nearest valid value is {nearest}")]
    Option {
        /// The field of [`Options`](crate::Options), which is the flag's name too.
        option: &'static str,
        /// The value as given.
        value: String,
        /// Why it cannot be used.
        reason: &'static str,
        /// The valid value that is closest to the one given.
        nearest: String,
    },
    /// The output could not be created, written or finished.
    #[error("{action} {}", path.display())]
    Output {
        /// What was attempted, as in "cannot create".
        action: &'static str,
        /// The file; `-` is the standard output.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
}
