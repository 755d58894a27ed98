//! The driver at work: it gives every epoch to all who need it, in the order that the
//! writer relies on, and tells once a second how the job does.

use super::checkpoints::{CheckpointState, ToCheckpoints};
use super::driver::{Driver, Given, Step};
use super::run::{Job, LiveError};
use super::skew::Skew;
use super::status::{Phase, Status};
use super::writer::ToWriter;
use crate::run::Feeder;
use crossbeam_channel::{SendTimeoutError, Sender};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::log::LogError;
use streamgauge_ingest::source::{BoundEpoch, SourceError};
use streamgauge_ingest::summary::SourceCounts;

const STATUS_EVERY_MS: i64 = 1_000;
/// A writer that takes nothing for so long is told of.
const STUCK: Duration = Duration::from_secs(10);
/// More unread records than this, and more than two seconds' worth, is behind.
const FEW_UNREAD: u64 = 5_000;

/// The driver and all that it gives to.
pub(super) struct Driving<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) driver: Driver<'a>,
    pub(super) to_writer: Sender<ToWriter>,
    pub(super) to_checkpoints: Sender<ToCheckpoints>,
    pub(super) feeder: Feeder,
    pub(super) state: Arc<CheckpointState>,
    pub(super) number: u64,
    /// Over how many partitions an epoch was bound, if there was one.
    pub(super) partitions: Option<usize>,
    /// Results that were larger than their topic takes.
    pub(super) too_large: &'a AtomicU64,
}

impl Driving<'_> {
    /// Drives until the job is asked to end, or somebody has ended.
    pub(super) fn drive(mut self) -> Result<SourceCounts, LiveError> {
        let mut told = Told::default();
        let mut binding = None;
        loop {
            let is_redoing = self.driver.epochs_to_redo() > 0;
            if self.job.stop.load(Ordering::SeqCst) {
                self.tell_status(Phase::Stopping, binding.as_ref(), &mut told);
                if !is_redoing {
                    let last = self.driver.last_epoch()?;
                    self.give(last);
                }
                return Ok(self.driver.source().counts().clone());
            }
            let given = match self.step(&mut told)? {
                Step::Again(given) => Some(given),
                Step::New(given) => {
                    told.skew.note(self.job.clock.now_ms(), &given.bound);
                    Some(given)
                }
                Step::Nothing => None,
            };
            let is_full = given.as_ref().is_some_and(|given| given.bound.is_full);
            if let Some(given) = given {
                self.tell_partitions(&given.bound.binding);
                binding = Some(given.bound.binding.clone());
                self.job.read.store(self.driver.source().counts().read, Ordering::SeqCst);
                if !self.give(given) {
                    // Somebody has ended, and says why.
                    return Ok(self.driver.source().counts().clone());
                }
            }
            let phase = if is_redoing { Phase::Restoring } else { Phase::Live };
            if !self.tell_status(phase, binding.as_ref(), &mut told) {
                return Ok(self.driver.source().counts().clone());
            }
            if !is_full {
                let wait_ms = u64::try_from(self.driver.source().wait_ms()).unwrap_or(1);
                thread::sleep(Duration::from_millis(wait_ms));
            }
        }
    }

    /// The next epoch; nothing while the log is away, which is told once.
    fn step(&mut self, told: &mut Told) -> Result<Step, SourceError> {
        let step = match self.driver.step() {
            Err(SourceError::Log(away @ LogError::Away { .. })) => Err(away),
            step => Ok(step?),
        };
        match (&step, told.is_away) {
            (Err(away), false) => {
                (self.job.tell)(&format!("{away}; nothing is lost, and it is tried again"));
            }
            (Ok(_), true) => (self.job.tell)("events can be read again"),
            _ => {}
        }
        told.is_away = step.is_err();
        Ok(step.unwrap_or(Step::Nothing))
    }

    /// Gives an epoch to everybody; false if somebody has ended.
    fn give(&mut self, given: Given) -> bool {
        let Given { bound, checkpoint, tick } = given;
        let BoundEpoch { binding, batch, dead_letters, .. } = bound;
        let epoch = binding.epoch;
        if !self.write(ToWriter::Bound(binding, dead_letters)) {
            return false;
        }
        for message in checkpoint {
            if self.to_checkpoints.send(message).is_err() {
                return false;
            }
        }
        batch.is_none_or(|batch| self.feeder.rows(epoch, batch)) && self.feeder.close(epoch, tick)
    }

    /// Tells that an epoch is the first with partitions that were added to the log.
    fn tell_partitions(&mut self, binding: &Binding) {
        let now = binding.partitions.len();
        let known = self.partitions.replace(self.partitions.unwrap_or(0).max(now));
        if let Some(before) = known.filter(|before| *before < now) {
            (self.job.tell)(&format!(
                "the log has {now} partitions, {before} before: those that were added are read from their beginning"
            ));
        }
    }

    /// Tells how the job does, once a second; false if nobody listens any more.
    fn tell_status(&self, phase: Phase, binding: Option<&Binding>, told: &mut Told) -> bool {
        let now_ms = self.job.clock.now_ms();
        let passed_ms = now_ms - told.at_ms;
        let is_new = told.phase != Some(phase);
        if !is_new && (0..STATUS_EVERY_MS).contains(&passed_ms) {
            return true;
        }
        let asked = phase;
        let counts = self.driver.source().counts();
        let lag_records = self.unread(binding).unwrap_or(told.lag_records);
        let rate = (counts.read - told.read) as f64 * 1_000.0 / passed_ms.max(1) as f64;
        let is_behind = lag_records > FEW_UNREAD && lag_records as f64 > rate * 2.0;
        let phase = if phase == Phase::Live && is_behind { Phase::Behind } else { phase };
        let ahead = told.skew.look(now_ms);
        if let Some(text) = told.skew.told(ahead) {
            (self.job.tell)(&text);
        }
        let status = Status {
            phase,
            at_ms: now_ms,
            writer: self.number,
            binding,
            lag_records,
            lag_ms: match self.driver.source().last_appended_ms() {
                Some(appended_ms) if lag_records > 0 => (now_ms - appended_ms).max(0),
                _ => 0,
            },
            workers: self.job.workers,
            events_per_second: if told.at_ms == 0 { 0.0 } else { rate },
            counts,
            ahead,
            too_large: self.too_large.load(Ordering::SeqCst),
            checkpoint: self.state.last(),
        };
        (told.at_ms, told.read, told.phase) = (now_ms, counts.read, Some(asked));
        told.lag_records = lag_records;
        let epoch = binding.map_or(0, |b| b.epoch);
        self.write(ToWriter::Status(epoch, status.to_json()))
    }

    /// Gives something to the writer; false if it has ended.
    fn write(&self, message: ToWriter) -> bool {
        sent(&self.to_writer, message, STUCK, self.job.tell)
    }

    /// Records that wait in the log; none if it is away.
    fn unread(&self, binding: Option<&Binding>) -> Option<u64> {
        let next = |partition| {
            let part = binding.and_then(|b| b.partitions.iter().find(|p| p.partition == partition));
            part.map_or(0, |p| p.hi)
        };
        // What cannot be read is said by the driver, which reads next.
        let all = self.driver.source().log().all_bounds().ok()?;
        let unread = |(partition, bounds): (u32, std::ops::Range<u64>)| {
            bounds.end.saturating_sub(next(partition).max(bounds.start))
        };
        Some((0..).zip(all).map(unread).sum())
    }
}

/// Sends something as soon as there is room, and tells if that takes long; false if nobody
/// listens any more.
fn sent<T>(to: &Sender<T>, message: T, long: Duration, tell: &dyn Fn(&str)) -> bool {
    let message = match to.send_timeout(message, long) {
        Err(SendTimeoutError::Timeout(message)) => message,
        sent => return sent.is_ok(),
    };
    tell(
        "results cannot be committed at the moment; nothing is lost, and it is tried again. \
         `streamgauge doctor` looks for the reason",
    );
    let is_sent = to.send(message).is_ok();
    if is_sent {
        tell("results are committed again");
    }
    is_sent
}

/// What was told last.
#[derive(Default)]
struct Told {
    at_ms: i64,
    read: u64,
    lag_records: u64,
    phase: Option<Phase>,
    /// Whether the log was away at the last step.
    is_away: bool,
    skew: Skew,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::bounded;
    use std::sync::Mutex;

    #[test]
    fn a_writer_that_takes_nothing_for_long_is_told_of_once() {
        let told = Mutex::new(Vec::new());
        let tell = |text: &str| told.lock().expect("nobody has panicked").push(text.to_owned());
        let (to, of) = bounded(1);
        assert!(sent(&to, 1, Duration::ZERO, &tell), "there is room");
        assert!(told.lock().expect("nobody has panicked").is_empty());
        thread::scope(|scope| {
            let sending = scope.spawn(|| sent(&to, 2, Duration::ZERO, &tell));
            // Whoever tells nothing is freed at last, too, and fails below.
            for _ in 0..500 {
                if told.lock().expect("nobody has panicked").is_empty() {
                    thread::sleep(Duration::from_millis(10));
                }
            }
            assert_eq!([of.recv(), of.recv()], [Ok(1), Ok(2)], "nothing is lost");
            assert!(sending.join().expect("it has not panicked"));
        });
        let told = told.into_inner().expect("nobody has panicked");
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("cannot be committed") && told[1].contains("again"), "{told:?}");
        drop(of);
        assert!(!sent(&to, 3, Duration::ZERO, &|text| panic!("{text}")), "nobody listens");
    }
}
