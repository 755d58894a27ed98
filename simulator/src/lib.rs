//! Believable visitors of a web shop, as events of `streamgauge`.
//!
//! The simulator stands in for a site: it lets visitors arrive, walk through
//! pages, think, buy and leave, and writes what a tracker on such a site would
//! send. It exists so that everything behind it can be shown, tested and
//! measured without a site.
//!
//! The same [`Options`] give the same bytes on every machine: all randomness
//! comes from the seed, and no clock is read. Pacing against real time is a
//! calculation ([`Pace`]) that the caller feeds with its own clock.
//!
//! It does not decide what a result should be: it knows nothing of windows,
//! sessions as the dataflow cuts them, or lateness as the dataflow judges it.
//!
//! ```
//! use streamgauge_simulator::{Generator, Options};
//!
//! let mut generator = Generator::new(Options { events: Some(3), ..Options::default() })?;
//! let mut value = Vec::new();
//! while let Some(emitted) = generator.next_event(&mut value) {
//!     assert!(value.starts_with(b"{") && !emitted.key.as_bytes().is_empty());
//!     value.clear();
//! }
//! # Ok::<(), streamgauge_simulator::SimulatorError>(())
//! ```

mod breakage;
mod damage;
mod error;
mod event;
mod generator;
mod journey;
mod json;
mod moments;
mod opening;
mod options;
mod output;
mod pace;
mod random;
mod scenario;
mod visitor;
mod weighted;

pub use breakage::Breakage;
pub use damage::Condition;
pub use error::SimulatorError;
pub use event::{EventType, Key};
pub use generator::{Emitted, Generator};
pub use options::Options;
pub use output::Output;
pub use pace::Pace;
