//! When a record is to leave, if event time is to pass like real time.
//!
//! A calculation without a clock: the caller says how much time has passed since
//! it began, by whatever clock it has, and learns how long to wait. So it works
//! on a thread, in a task and in a test alike.
//!
//! Invariant: moments are those intended, never shifted by earlier delays. Who
//! falls behind catches up without pauses; nothing is left out, and a latency
//! measured from the intended moment includes the delay.

use std::time::Duration;

use crate::Emitted;
use crate::SimulatorError;

/// How event time relates to real time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Real microseconds for one of event time; `None` does not wait at all.
    stretch: Option<f64>,
}

impl Pace {
    /// As fast as it goes.
    pub const MAX: Pace = Pace { stretch: None };
    /// A second takes a second.
    pub const REAL_TIME: Pace = Pace { stretch: Some(1.0) };

    /// A second takes 1/`speed` seconds: 60 shows an hour in a minute. From
    /// 0.001 to 1,000,000.
    ///
    /// # Errors
    /// [`SimulatorError::Option`] for any other number.
    pub fn speed(speed: f64) -> Result<Pace, SimulatorError> {
        if !(0.001..=1e6).contains(&speed) {
            return Err(SimulatorError::Option {
                option: "speed",
                value: speed.to_string(),
                reason: "times as fast as real time, from 0.001 to 1000000",
                nearest: if speed > 1e6 { "1000000" } else { "0.001" }.to_string(),
            });
        }
        Ok(Pace { stretch: Some(1.0 / speed) })
    }

    /// When the record is meant to leave, since the beginning; `None` is as soon
    /// as it can.
    pub fn intended(&self, emitted: &Emitted) -> Option<Duration> {
        let micros = emitted.due_us as f64 * self.stretch?;
        Some(Duration::from_micros(crate::random::whole(micros)))
    }

    /// How long to wait before sending the record, `elapsed` after the beginning;
    /// zero for one that is due or overdue.
    pub fn wait(&self, emitted: &Emitted, elapsed: Duration) -> Duration {
        self.intended(emitted).map_or(Duration::ZERO, |at| at.saturating_sub(elapsed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Generator, Options};

    fn check(pace: Pace, due_us: u64, elapsed_us: u64, wait_us: u64) {
        let mut generator = Generator::new(Options::default()).expect("valid options");
        let mut emitted = generator.next_event(&mut Vec::new()).expect("no end");
        emitted.due_us = due_us;
        let found = pace.wait(&emitted, Duration::from_micros(elapsed_us));
        assert_eq!(found, Duration::from_micros(wait_us));
    }

    #[test]
    fn waits_until_the_intended_moment() {
        check(Pace::MAX, 5_000_000, 0, 0);
        check(Pace::REAL_TIME, 5_000_000, 0, 5_000_000);
        check(Pace::REAL_TIME, 5_000_000, 4_999_000, 1_000);
        check(Pace::REAL_TIME, 5_000_000, 9_000_000, 0);
        check(Pace::speed(60.0).expect("valid"), 60_000_000, 400_000, 600_000);
        check(Pace::speed(0.5).expect("valid"), 1_000_000, 0, 2_000_000);
    }

    #[test]
    fn impossible_speeds_are_refused() {
        for speed in [0.0, -1.0, f64::NAN, 1e9] {
            assert!(Pace::speed(speed).is_err(), "{speed}");
        }
    }
}
