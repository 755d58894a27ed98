//! The job as it runs for weeks: from an event log to a log of results, durable.
//!
//! Order of everything that leaves, see [`Writer`]: an epoch is read and bound; its
//! effects leave together with its progress, in a transaction that has its binding or
//! comes after it. So whatever moment the process ends at, a new one finds what was
//! bound, computes it once more from the last checkpoint, leaves away what is
//! committed, and goes on.
//!
//! The parts ([`Start`], [`Driver`], [`Writer`], [`Checkpoints`]) take one step at a
//! time and know no threads; [`run`] gives each its own, and bounded queues between.

mod begin;
mod checkpoints;
mod driver;
mod driving;
mod effects;
mod loops;
mod run;
mod shares;
mod skew;
mod start;
mod status;
mod usable;
mod writer;

pub use checkpoints::{CheckpointState, Checkpoints, ToCheckpoints};
pub use driver::{Driver, Given, Step};
pub(crate) use effects::{Effects, alert_key, committed_records, effects, progress};
pub use run::{Job, LiveError, Tuning, named, run};
pub(crate) use shares::Shares;
pub use skew::Ahead;
pub(crate) use start::changes;
pub use start::{Start, StartError};
pub use status::{Phase, Status};
pub use usable::Unusable;
pub(crate) use usable::oldest;
pub use writer::{Committed, ToWriter, Writer, WriterError};
