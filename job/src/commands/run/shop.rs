//! The simulator's side of `run`: it appends to the log what the shop makes.
//!
//! The shop waits while too much of the log is unread; its events then have the times
//! at which they were to happen, and the job is behind.
//!
//! With no limit to the rate, the shop makes as many events as the job takes, and
//! the clock gives them their times.

use super::super::events::Appender;
use anyhow::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use streamgauge::config::{Config, Rate};
use streamgauge::settings::simulator_options;
use streamgauge_ingest::log::EventLog;
use streamgauge_simulator::{Generator, Options, Pace};

/// Records that may be unread.
const UNREAD_RECORDS: u64 = 100_000;
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
    appender: Appender,
    flow: &'a Flow,
    made: u64,
}

impl<'a> Shop<'a> {
    pub(super) fn new(
        generator: Generator,
        rate: Rate,
        started: Instant,
        log: Arc<dyn EventLog>,
        flow: &'a Flow,
    ) -> Self {
        let pace = if rate == Rate::Max { Pace::MAX } else { Pace::REAL_TIME };
        Self { generator, started, pace, appender: Appender::new(log), flow, made: 0 }
    }

    /// Appends events when they are due, until asked to stop.
    pub(super) fn run(mut self) -> Result<()> {
        let mut value = Vec::new();
        while !self.flow.is_stopped() {
            if self.pace == Pace::MAX && self.appender.held() == 0 {
                self.generator.set_clock(self.started.elapsed());
            }
            value.clear();
            let Some(emitted) = self.generator.next_event(&mut value) else {
                break;
            };
            let wait = self.pace.wait(&emitted, self.started.elapsed());
            if !wait.is_zero() {
                self.wait(wait)?;
            }
            self.wait_for_room();
            let key = String::from_utf8_lossy(emitted.key.as_bytes());
            self.appender.write(&key, &value)?;
            self.made += 1;
        }
        self.appender.append()
    }

    /// Waits while the job is too far behind. Once asked to stop, there is room
    /// for what is left.
    fn wait_for_room(&self) {
        let read = || self.flow.read.load(Ordering::SeqCst);
        while self.made.saturating_sub(read()) > UNREAD_RECORDS && !self.flow.is_stopped() {
            thread::sleep(UNREAD_NAP);
        }
    }

    /// Waits for the next event; what lingers meanwhile is appended when it is time.
    fn wait(&mut self, wait: Duration) -> Result<()> {
        let until = Instant::now() + wait;
        while !self.flow.is_stopped() {
            let left = until.saturating_duration_since(Instant::now());
            let due_in = self.appender.due_in();
            if due_in.is_some_and(|due_in| due_in.is_zero()) {
                self.appender.append()?;
            } else if left.is_zero() {
                break;
            } else {
                thread::sleep(left.min(NAP).min(due_in.unwrap_or(NAP)));
            }
        }
        Ok(())
    }
}
