//! The sections as plain structs that the program uses, made from checked settings.
//!
//! Invariant: nothing here can fail, because the table's bounds fit the types;
//! a test builds every struct from the smallest and the largest values.
//!
//! It deliberately checks nothing a second time.

use super::settings::Settings;
use std::path::PathBuf;

/// Which records count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    /// Whether repeated records are left out.
    pub dedup: Dedup,
    /// Whether bots take part in results.
    pub bots: Bots,
    /// The longest record, in bytes, that is no dead letter.
    pub max_bytes: usize,
}

/// The site that is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The name of its time zone.
    pub time_zone: String,
    /// Whether there are results over its days, where it runs.
    pub has_days: bool,
}

pub(super) fn site(settings: &Settings) -> Site {
    Site {
        time_zone: settings.word("site.time_zone").unwrap_or_default().to_owned(),
        has_days: settings.word("site.days") == Some("on"),
    }
}

/// Whether repeated records are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dedup {
    /// They count.
    Off,
    /// They are left out.
    On,
}

impl Dedup {
    /// The word in the file and in summaries.
    pub fn word(self) -> &'static str {
        match self {
            Dedup::Off => "off",
            Dedup::On => "on",
        }
    }
}

/// Whether bots take part in results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bots {
    /// They do.
    Include,
    /// They do not.
    Exclude,
}

impl Bots {
    /// The word in the file and in summaries.
    pub fn word(self) -> &'static str {
        match self {
            Bots::Include => "include",
            Bots::Exclude => "exclude",
        }
    }
}

/// Event time and the pace of publishing; all in ms but the count of epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// How far a watermark stays behind the largest timestamp; >= 0.
    pub allowed_disorder_ms: i64,
    /// How long after its slice an event is accepted; >= 0.
    pub lateness_ms: i64,
    /// The longest silence within a session; > 0.
    pub session_gap_ms: i64,
    /// The length of a live epoch; 20 to 1000.
    pub epoch_ms: i64,
    /// Epochs between provisional results outside the real-time family; > 0.
    pub provisional_epochs: u64,
    /// The least time between two corrections of a result; >= 0.
    pub corrections_ms: i64,
}

/// How fast events are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// So many a second; > 0.
    PerSecond(u32),
    /// As fast as they can be made.
    Max,
}

/// The events that are made up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Simulator {
    /// How fast.
    pub rate: Rate,
    /// How many different users; > 0.
    pub users: u32,
    /// The seed of all randomness.
    pub seed: u64,
    /// How far out of order events come, in ms; >= 0.
    pub disorder_ms: i64,
    /// The share of events that come too late; 0 to 1.
    pub late_share: f64,
    /// The share of events that come twice; 0 to 1.
    pub duplicate_share: f64,
    /// The share of records that are no valid event; 0 to 1.
    pub malformed_share: f64,
    /// Zipf's exponent over users and pages; 0 to 5.
    pub skew: f64,
}

/// How the dataflow runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    /// Worker threads as configured; 0 is one for each core.
    pub workers: usize,
    /// How long another process may give no sign of life, ms.
    pub silence_ms: i64,
}

impl Job {
    /// The worker threads on a machine with so many cores; at least 1.
    pub fn worker_threads(self, cores: usize) -> usize {
        match self.workers {
            0 => cores.max(1),
            workers => workers,
        }
    }
}

/// The log of events, as far as it is embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// Events appended longer ago are cut, ms.
    pub retention_ms: i64,
    /// The oldest events are cut down to so many bytes.
    pub max_bytes: u64,
    /// Whether what is acknowledged survives a power loss.
    pub is_power_safe: bool,
}

/// Checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Time between them, ms.
    pub every_ms: i64,
    /// How many of the newest are kept.
    pub keep: usize,
    /// One an hour of the last so many hours is kept.
    pub keep_hours: i64,
    /// How long bindings are kept that no checkpoint needs, ms.
    pub keep_bindings_ms: i64,
}

/// Where data are kept; none is as the command has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// The directory.
    pub directory: Option<PathBuf>,
}

/// The history of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Store {
    /// Results of windows that ended longer ago are dropped, ms.
    pub retention_ms: i64,
}

pub(super) fn store(settings: &Settings) -> Store {
    Store { retention_ms: settings.integer("store.retention") }
}

/// The gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Where it listens, as text.
    pub listen: String,
}

pub(super) fn log(settings: &Settings) -> Log {
    Log {
        retention_ms: settings.integer("log.retention"),
        max_bytes: whole(settings, "log.max_bytes"),
        is_power_safe: settings.word("log.sync") == Some("full"),
    }
}

pub(super) fn checkpoint(settings: &Settings) -> Checkpoint {
    Checkpoint {
        every_ms: settings.integer("checkpoint.every"),
        keep: whole(settings, "checkpoint.keep"),
        keep_hours: settings.integer("checkpoint.keep_hours"),
        keep_bindings_ms: settings.integer("checkpoint.keep_bindings"),
    }
}

pub(super) fn data(settings: &Settings) -> Data {
    let directory = settings.word("data.directory").filter(|word| *word != "auto");
    Data { directory: directory.map(PathBuf::from) }
}

pub(super) fn gateway(settings: &Settings) -> Gateway {
    Gateway { listen: settings.word("gateway.listen").unwrap_or_default().to_owned() }
}

pub(super) fn input(settings: &Settings) -> Input {
    Input {
        dedup: match settings.word("input.dedup") {
            Some("on") => Dedup::On,
            _ => Dedup::Off,
        },
        bots: match settings.word("input.bots") {
            Some("exclude") => Bots::Exclude,
            _ => Bots::Include,
        },
        max_bytes: whole(settings, "input.max_bytes"),
    }
}

pub(super) fn time(settings: &Settings) -> Time {
    Time {
        allowed_disorder_ms: settings.integer("time.allowed_disorder"),
        lateness_ms: settings.integer("time.lateness"),
        session_gap_ms: settings.integer("time.session_gap"),
        epoch_ms: settings.integer("time.epoch"),
        provisional_epochs: whole(settings, "time.provisional_epochs"),
        corrections_ms: settings.integer("time.corrections"),
    }
}

pub(super) fn simulator(settings: &Settings) -> Simulator {
    Simulator {
        rate: match settings.word("simulator.rate") {
            Some(_) => Rate::Max,
            None => Rate::PerSecond(whole(settings, "simulator.rate")),
        },
        users: whole(settings, "simulator.users"),
        seed: whole(settings, "simulator.seed"),
        disorder_ms: settings.integer("simulator.disorder"),
        late_share: settings.decimal("simulator.late_share"),
        duplicate_share: settings.decimal("simulator.duplicate_share"),
        malformed_share: settings.decimal("simulator.malformed_share"),
        skew: settings.decimal("simulator.skew"),
    }
}

pub(super) fn job(settings: &Settings) -> Job {
    Job { workers: whole(settings, "job.workers"), silence_ms: settings.integer("job.silence") }
}

/// A whole number whose bounds in the table fit `T`.
fn whole<T: TryFrom<i64>>(settings: &Settings, path: &str) -> T {
    T::try_from(settings.integer(path)).ok().expect("the table's bounds fit the type")
}
