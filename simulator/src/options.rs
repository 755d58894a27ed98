//! What can be asked of the simulator, and what is refused.
//!
//! Options are plain values with defaults that make a middling shop on a
//! December day. They are checked once, when the [`Generator`](crate::Generator)
//! is made; nothing later can fail because of them. Reading them from flags or
//! files is the caller's business.

use crate::SimulatorError;
use crate::random::whole as whole_number;

/// What to simulate. The same options give the same bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// How many records in all, duplicates and broken ones included; `None` is
    /// without end.
    pub events: Option<u64>,
    /// Events per second of event time, 0.001 to 1,000,000. The number of
    /// visitors on the site at once, and so memory (about 100 bytes each) and
    /// the time to start, grow with it: about 11 for each event per second.
    pub rate: f64,
    /// The pool of known visitors who keep coming back, 1 to 20,000,000. One
    /// who is on the site is not drawn again while others are free; a pool too
    /// small for the rate has people with several sessions at once.
    pub users: u32,
    /// Selects one of 2^64 histories.
    pub seed: u64,
    /// The event time of the beginning, ms since the Unix epoch, from 0 to the
    /// end of the year 9000. The shop has been open before: some visitors are
    /// already in the middle of their sessions.
    pub start_ms: i64,
    /// Each event arrives up to this many ms (at most a day) after its time,
    /// evenly spread.
    pub disorder_ms: u64,
    /// The share of events held back for 5 s to 20 min of event time.
    pub late_share: f64,
    /// The share of events that arrive a second time, up to 3 s after the first.
    pub duplicate_share: f64,
    /// The share of events that arrive broken: of varied kinds, none readable
    /// as an event.
    pub malformed_share: f64,
    /// The Zipf exponent of how popular products and how active users are, 0
    /// (all alike) to 5.
    pub skew: f64,
    /// The number of products, each with its page, 1 to 1,000,000; some thirty
    /// other pages are always there.
    pub pages: u32,
    /// The share of sessions by visitors who are not known: their events have no
    /// `userId`.
    pub guest_share: f64,
    /// The median pause between two pages, in ms, 1 to 600,000 (the mean is half
    /// as much again). A session has seven events and lasts seven of these on
    /// average. Short pauses keep few sessions open at a high rate; rate × pause
    /// is at most 1.1e10.
    pub pause_ms: u32,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            events: None,
            rate: 200.0,
            users: 10_000,
            seed: 1,
            // 2023-12-21T00:00:00Z
            start_ms: 1_703_116_800_000,
            disorder_ms: 2_000,
            late_share: 0.0,
            duplicate_share: 0.0,
            malformed_share: 0.0,
            skew: 1.0,
            pages: 300,
            guest_share: 0.1,
            pause_ms: 11_000,
        }
    }
}

const DAY_MS: u64 = 86_400_000;
/// Rate times pause with which eleven million sessions are open at once, and
/// take a gigabyte.
const MOST_OPEN: f64 = 1.1e10;

impl Options {
    /// The latest [`start_ms`](Options::start_ms), the last ms of the year 9000:
    /// a thousand years of events stay writable.
    pub const LATEST_START_MS: i64 = 221_876_927_999_999;

    /// Refuses the first option that cannot be honoured.
    ///
    /// # Errors
    /// [`SimulatorError::Option`], with the nearest value that would do.
    pub fn validate(&self) -> Result<(), SimulatorError> {
        let share = "a share is a number from 0 to 1";
        decimal("rate", self.rate, 0.001, 1e6, "events per second, from 0.001 to 1000000")?;
        whole("users", self.users, 1, 20_000_000, "the pool has 1 to 20000000 users")?;
        let start_reason = "ms since 1970, up to the end of the year 9000";
        whole("start", self.start_ms, 0, Self::LATEST_START_MS, start_reason)?;
        whole("disorder", self.disorder_ms, 0, DAY_MS, "disorder is at most a day, in ms")?;
        decimal("late-share", self.late_share, 0.0, 1.0, share)?;
        decimal("duplicate-share", self.duplicate_share, 0.0, 1.0, share)?;
        decimal("malformed-share", self.malformed_share, 0.0, 1.0, share)?;
        decimal("skew", self.skew, 0.0, 5.0, "a Zipf exponent from 0 (all alike) to 5")?;
        whole("pages", self.pages, 1, 1_000_000, "the shop has 1 to 1000000 products")?;
        decimal("guest-share", self.guest_share, 0.0, 1.0, share)?;
        let open_reason = "rate × pause may not exceed 1.1e10, or millions are there at once";
        let longest_ms = whole_number(MOST_OPEN / self.rate).clamp(1, 600_000);
        whole(
            "pause",
            u64::from(self.pause_ms),
            1,
            600_000,
            "a pause lasts 1 ms to 10 min, in ms",
        )?;
        whole("pause", u64::from(self.pause_ms), 1, longest_ms, open_reason)
    }
}

fn decimal(
    option: &'static str,
    value: f64,
    low: f64,
    high: f64,
    reason: &'static str,
) -> Result<(), SimulatorError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    // Not a number is as far from one end as from the other.
    let nearest = if value > high { high } else { low };
    Err(refusal(option, value.to_string(), reason, nearest.to_string()))
}

fn whole<T: Copy + Ord + ToString>(
    option: &'static str,
    value: T,
    low: T,
    high: T,
    reason: &'static str,
) -> Result<(), SimulatorError> {
    let nearest = value.clamp(low, high);
    if nearest == value {
        return Ok(());
    }
    Err(refusal(option, value.to_string(), reason, nearest.to_string()))
}

fn refusal(
    option: &'static str,
    value: String,
    reason: &'static str,
    nearest: String,
) -> SimulatorError {
    SimulatorError::Option { option, value, reason, nearest }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut Options), expected: Option<&str>) {
        let mut options = Options::default();
        change(&mut options);
        let found = options.validate().err().map(|error| error.to_string());
        match (found, expected) {
            (None, None) => {}
            (Some(found), Some(part)) => assert!(found.contains(part), "{found}"),
            (found, expected) => panic!("{found:?}, not {expected:?}"),
        }
    }

    #[test]
    fn options_are_refused_with_the_nearest_valid_value() {
        check(|_| {}, None);
        check(|o| o.rate = 0.0, Some("rate = 0: events per second"));
        check(|o| o.rate = f64::NAN, Some("nearest valid value is 0.001"));
        check(|o| o.rate = f64::INFINITY, Some("nearest valid value is 1000000"));
        check(|o| o.users = 0, Some("users = 0: the pool has 1 to 20000000 users"));
        check(|o| o.start_ms = -1, Some("nearest valid value is 0"));
        check(|o| o.start_ms = i64::MAX, Some("nearest valid value is 221876927999999"));
        check(|o| o.disorder_ms = DAY_MS + 1, Some("nearest valid value is 86400000"));
        check(|o| o.late_share = 1.5, Some("late-share = 1.5"));
        check(|o| o.duplicate_share = -0.1, Some("nearest valid value is 0"));
        check(|o| o.malformed_share = f64::NAN, Some("malformed-share = NaN"));
        check(|o| o.skew = 9.0, Some("nearest valid value is 5"));
        check(|o| o.pages = 0, Some("pages = 0"));
        check(|o| o.guest_share = 2.0, Some("guest-share = 2"));
        check(|o| o.pause_ms = 0, Some("nearest valid value is 1"));
        check(|o| (o.rate, o.pause_ms) = (1e6, 11_000), None);
        check(|o| (o.rate, o.pause_ms) = (1e6, 600_000), Some("valid value is 11000"));
        check(|o| (o.late_share, o.malformed_share) = (1.0, 1.0), None);
    }
}
