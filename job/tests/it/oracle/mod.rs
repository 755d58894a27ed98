//! The batch oracle: every result of a log, computed from its records by the definitions.
//!
//! It exists so that the engine can be checked against something that cannot share its faults. It
//! decodes by itself, keeps every record for ever and computes each window anew from them, so each
//! function can be read beside the definition that it follows.
//!
//! Invariant: nothing here depends on anything but the arguments. No clock, no randomness, no hash
//! order, no floats.
//!
//! It does not drop state, does not work incrementally, reads no files and knows neither live
//! bindings nor the clock: only logs read as files, for which idle partitions follow from the order
//! of the records.
//!
//! ```text
//! values -> judge -> [Judged] -> finals            what stands at the end of time
//!                             -> seen_at, seen_all  what stands after each epoch
//! ```

mod alerts;
mod business;
mod calendar;
mod campaign;
mod days;
mod dead_letters;
mod decode;
mod epochs;
mod event;
mod finals;
mod funnels;
mod hour;
mod json;
mod judge;
mod leaves;
mod lists;
mod log;
mod number;
mod partitions;
mod place;
mod real_time;
mod record;
mod rules;
mod seen;
mod session_record;
mod sessions;
mod summary;
mod view;

#[cfg(test)]
mod example;

pub use calendar::Days;
pub use campaign::Campaign;
pub use event::{Event, EventKind, Family, Reason};
pub use finals::{Finals, finals};
pub use funnels::Funnel;
pub use judge::{Fate, Judged, judge, records_of};
pub use rules::{Rule, When};
pub use seen::{Pace, Seen, seen_all, seen_at};
pub use summary::{Jump, Summary};

/// The settings that results depend on. The default is that of the product.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many partitions the log has; at least 1.
    pub partitions: u32,
    /// How far a partition may be out of order, in ms.
    pub allowed_disorder_ms: i64,
    /// How long a slice takes records after the watermark has passed it, in ms.
    pub lateness_ms: i64,
    /// The longest silence within a session, in ms.
    pub session_gap_ms: i64,
    /// Whether records that repeat an event are left out.
    pub dedup: bool,
    /// With a function, user agents for which it holds are counted as bots and are in no result.
    pub exclude_bots: Option<fn(&str) -> bool>,
    /// The longest value that is read, in bytes.
    pub max_bytes: usize,
    /// The funnels, in any order, each with a name of its own.
    pub funnels: Vec<Funnel>,
    /// The configured alert rules, in any order.
    pub rules: Vec<Rule>,
    /// A partition is idle when none of the last so many records of the log was its own.
    pub idle_after_records: u64,
    /// The days of the site, if there are results by day.
    pub days: Option<Days>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            partitions: 12,
            allowed_disorder_ms: 5_000,
            lateness_ms: 600_000,
            session_gap_ms: 1_800_000,
            dedup: false,
            exclude_bots: None,
            max_bytes: 1_048_576,
            funnels: vec![Funnel::checkout()],
            rules: Vec::new(),
            idle_after_records: 100_000,
            days: None,
        }
    }
}
