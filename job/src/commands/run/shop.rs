//! The simulator's side of `run`: it appends to the log what the shop makes.
//!
//! The shop waits while too much of the log is unread; its events then have the times
//! at which they were to happen, and the job is behind.
//!
//! With no limit to the rate, the shop makes as many events as the job takes, and
//! the clock gives them their times.

use super::super::site::PARTITIONS;
use anyhow::{Context, Result};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use streamgauge::config::{Config, Rate};
use streamgauge::settings::simulator_options;
use streamgauge_ingest::decode::partition_of;
use streamgauge_ingest::log::{EventLog, NewRecord};
use streamgauge_simulator::{Generator, Options, Pace};

/// Records appended at once at most.
const APPEND_RECORDS: usize = 512;
/// Records that may be unread.
const UNREAD_RECORDS: u64 = 100_000;
/// How long an event may wait for others, to be appended together.
const LINGER: Duration = Duration::from_millis(10);
/// How long the shop sleeps at most: it must notice that it is to stop.
const NAP: Duration = Duration::from_millis(20);
/// How long it waits for the job to read on.
const UNREAD_NAP: Duration = Duration::from_millis(2);
/// The shop's own rate where there is no limit: large enough that its visitors
/// are in no great hurry when the job takes several times as many.
const UNLIMITED_RATE: f64 = 10_000.0;

/// What the shop and the job know of each other.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// Asked to end.
    pub(super) stop: AtomicBool,
    /// Records of the shop that the job has read.
    pub(super) read: AtomicU64,
}

impl Flow {
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

impl Flow {
    pub(super) fn wait_until_stopped(&self) {
        while !self.is_stopped() {
            thread::sleep(NAP);
        }
    }
}

/// What the simulator is asked for.
pub(super) fn options(config: &Config, start_ms: i64) -> Options {
    let options = simulator_options(config, start_ms);
    match config.simulator.rate {
        Rate::PerSecond(_) => options,
        Rate::Max => Options { rate: UNLIMITED_RATE, ..options },
    }
}

/// The shop, on its way into a log.
pub(super) struct Shop<'a> {
    generator: Generator,
    /// When the time of its first events was.
    started: Instant,
    pace: Pace,
    log: &'a dyn EventLog,
    flow: &'a Flow,
    appended: u64,
    /// The event that is next.
    event: Vec<u8>,
    /// Since when the first of those not appended is.
    lingers_since: Instant,
    /// What is not appended yet.
    bytes: Vec<u8>,
    records: Vec<(u32, Range<usize>)>,
}

impl<'a> Shop<'a> {
    pub(super) fn new(
        generator: Generator,
        rate: Rate,
        started: Instant,
        log: &'a dyn EventLog,
        flow: &'a Flow,
    ) -> Self {
        let pace = if rate == Rate::Max { Pace::MAX } else { Pace::REAL_TIME };
        let (event, bytes, records) = (Vec::new(), Vec::new(), Vec::new());
        let lingers_since = started;
        let appended = 0;
        Self { generator, started, pace, log, flow, appended, event, lingers_since, bytes, records }
    }

    /// Appends events when they are due, until asked to stop.
    pub(super) fn run(mut self) -> Result<()> {
        self.append_all()
    }

    fn append_all(&mut self) -> Result<()> {
        while !self.flow.is_stopped() {
            if self.pace == Pace::MAX && self.records.is_empty() {
                self.generator.set_clock(self.started.elapsed());
            }
            self.event.clear();
            let Some(emitted) = self.generator.next_event(&mut self.event) else {
                break;
            };
            let wait = self.pace.wait(&emitted, self.started.elapsed());
            if !wait.is_zero() {
                self.wait(wait)?;
            }
            if self.records.is_empty() {
                self.lingers_since = Instant::now();
            }
            let start = self.bytes.len();
            self.bytes.extend_from_slice(&self.event);
            let key = String::from_utf8_lossy(emitted.key.as_bytes());
            self.records.push((partition_of(&key, PARTITIONS), start..self.bytes.len()));
            if self.records.len() >= APPEND_RECORDS {
                self.append()?;
            }
        }
        self.append()
    }

    fn append(&mut self) -> Result<()> {
        self.wait_for_room();
        let new = |(partition, range): &(u32, Range<usize>)| NewRecord {
            partition: *partition,
            key: &[],
            value: &self.bytes[range.clone()],
        };
        let new: Vec<_> = self.records.iter().map(new).collect();
        self.log.append(&new).context("cannot append to the log")?;
        self.appended += self.records.len() as u64;
        self.bytes.clear();
        self.records.clear();
        Ok(())
    }

    /// Waits while the job is too far behind. Once asked to stop, there is room
    /// for what is left.
    fn wait_for_room(&self) {
        let read = || self.flow.read.load(Ordering::SeqCst);
        let is_full = || self.appended.saturating_sub(read()) > UNREAD_RECORDS;
        while is_full() && !self.flow.is_stopped() {
            thread::sleep(UNREAD_NAP);
        }
    }

    /// Waits for the next event; what lingers meanwhile is appended when it is time.
    fn wait(&mut self, wait: Duration) -> Result<()> {
        let until = Instant::now() + wait;
        while !self.flow.is_stopped() {
            let now = Instant::now();
            let mut left = until.saturating_duration_since(now).min(NAP);
            if !self.records.is_empty() {
                let lingers = LINGER.saturating_sub(now - self.lingers_since);
                if lingers.is_zero() {
                    self.append()?;
                    continue;
                }
                left = left.min(lingers);
            }
            if until <= now {
                break;
            }
            thread::sleep(left);
        }
        Ok(())
    }
}
