//! Whether a clock is wrong: records that are further ahead of when they were appended than
//! is taken (`future`). One is a producer's mistake; many at once are a clock.
//!
//! Results do not depend on it: it looks at what was judged, and a minute is one of the
//! injected clock.

use std::collections::VecDeque;
use streamgauge_ingest::decode::Reason;
use streamgauge_ingest::source::BoundEpoch;

const MINUTE_MS: i64 = 60_000;
/// A minute is kept in slices of so many ms.
const SLICE_MS: i64 = 2_000;
/// More than this share of records, of 100, is a clock.
const PERCENT: u64 = 1;
/// Of so many records of a slice it is kept how far they are ahead: enough for their middle.
const MOST_KEPT: usize = 500;

/// Records of the last minute that are too far ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// How many.
    pub records: u64,
    /// Of how many that were read.
    pub of: u64,
    /// How far the one in the middle is ahead, ms.
    pub by_ms: i64,
}

struct Slice {
    since_ms: i64,
    read: u64,
    ahead: u64,
    by_ms: Vec<i64>,
}

/// Watches the last minute.
#[derive(Default)]
pub(super) struct Skew {
    slices: VecDeque<Slice>,
    is_told: bool,
}

impl Skew {
    /// Notes an epoch that was read now.
    pub(super) fn note(&mut self, now_ms: i64, bound: &BoundEpoch) {
        let read = bound.binding.partitions.iter().map(|p| p.count).sum();
        let letters = bound.dead_letters.iter().filter(|l| l.reason == Reason::Future);
        self.count(now_ms, read, letters.map(|letter| letter.ahead_ms));
    }

    /// Notes how many records were read, and how far those of them are ahead that are too
    /// far, ms.
    fn count(&mut self, now_ms: i64, read: u64, ahead_ms: impl Iterator<Item = i64>) {
        self.forget(now_ms);
        let is_open = |last: &&mut Slice| now_ms - last.since_ms < SLICE_MS;
        let slice = match self.slices.back_mut().filter(is_open) {
            Some(slice) => slice,
            None => {
                let new = Slice { since_ms: now_ms, read: 0, ahead: 0, by_ms: Vec::new() };
                self.slices.push_back(new);
                self.slices.back_mut().expect("it was just put there")
            }
        };
        slice.read += read;
        for by_ms in ahead_ms {
            slice.ahead += 1;
            if slice.by_ms.len() < MOST_KEPT {
                slice.by_ms.push(by_ms);
            }
        }
    }

    /// What is more than a minute old, or later than a clock that was set back.
    fn forget(&mut self, now_ms: i64) {
        self.slices.retain(|slice| (0..MINUTE_MS).contains(&(now_ms - slice.since_ms)));
    }

    /// What the last minute has, if it is more than there should be.
    pub(super) fn look(&mut self, now_ms: i64) -> Option<Ahead> {
        self.forget(now_ms);
        let (records, of) =
            self.slices.iter().fold((0, 0), |(ahead, read), s| (ahead + s.ahead, read + s.read));
        if records * 100 <= of * PERCENT {
            return None;
        }
        let mut by_ms: Vec<i64> = self.slices.iter().flat_map(|s| &s.by_ms).copied().collect();
        let middle = by_ms.len() / 2;
        let (_, by_ms, _) = by_ms.select_nth_unstable(middle);
        Some(Ahead { records, of, by_ms: *by_ms })
    }

    /// What is to be told of that, once when it begins and once when it ends.
    pub(super) fn told(&mut self, ahead: Option<Ahead>) -> Option<String> {
        if self.is_told == ahead.is_some() {
            return None;
        }
        self.is_told = ahead.is_some();
        Some(match ahead {
            Some(Ahead { records, of, by_ms }) => format!(
                "{records} of {of} records in the last minute are more than 5 min ahead of the \
                 times at which they were appended (about {}): the clock of those who send them \
                 is ahead, or that of the log is behind. They become dead letters (`future`); \
                 nothing stops",
                length(by_ms)
            ),
            None => "records are no longer ahead of the times at which they were appended: \
                     at most 1 % in the last minute"
                .to_owned(),
        })
    }
}

/// A length of time in hours and tenths of one, or in minutes.
fn length(ms: i64) -> String {
    const TENTH_MS: i64 = 360_000;
    match (ms + TENTH_MS / 2) / TENTH_MS {
        0..=9 => format!("{} min", ms / MINUTE_MS),
        tenths if tenths % 10 == 0 => format!("{} h", tenths / 10),
        tenths => format!("{}.{} h", tenths / 10, tenths % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn note(skew: &mut Skew, now_ms: i64, read: u64, ahead: usize, by_ms: i64) {
        skew.count(now_ms, read, std::iter::repeat_n(by_ms, ahead));
    }

    #[test]
    fn a_minute_with_more_than_one_of_a_hundred_is_told_once_and_so_is_its_end() {
        let mut skew = Skew::default();
        let told = |skew: &mut Skew, now_ms| {
            let ahead = skew.look(now_ms);
            skew.told(ahead)
        };
        assert_eq!(told(&mut skew, 0), None, "no record is no clock");
        note(&mut skew, 0, 100, 1, HOUR_MS);
        assert_eq!(told(&mut skew, 0), None, "one of a hundred");
        note(&mut skew, 30_000, 100, 3, HOUR_MS + 50);
        let ahead = skew.look(30_000);
        assert_eq!(ahead, Some(Ahead { records: 4, of: 200, by_ms: HOUR_MS + 50 }));
        let text = told(&mut skew, 30_000).expect("it begins");
        assert!(text.starts_with("4 of 200 records in the last minute"), "{text}");
        assert!(text.contains("(about 1 h)"), "{text}");
        assert_eq!(told(&mut skew, 31_000), None, "once");
        note(&mut skew, 60_000, 200, 0, 0);
        assert_eq!(skew.look(60_000), None, "the first hundred are a minute ago");
        assert!(told(&mut skew, 60_000).expect("it ends").contains("no longer ahead"));
        assert_eq!(told(&mut skew, 60_000), None);
    }

    #[test]
    fn a_quiet_site_ends_it_and_so_does_a_clock_that_is_set_back() {
        let mut skew = Skew::default();
        note(&mut skew, 100_000, 1, 1, HOUR_MS);
        assert!(skew.look(159_999).is_some());
        assert_eq!(skew.look(160_000), None);
        note(&mut skew, 200_000, 1, 1, HOUR_MS);
        assert_eq!(skew.look(199_999), None);
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_counted_is_not() {
        let mut skew = Skew::default();
        note(&mut skew, 0, 100_000, 100_000, HOUR_MS);
        assert_eq!(skew.slices[0].by_ms.len(), MOST_KEPT);
        assert_eq!(skew.look(0).map(|a| (a.records, a.of)), Some((100_000, 100_000)));
    }

    #[test]
    fn lengths() {
        let check = |min: i64, expected| assert_eq!(length(min * MINUTE_MS), expected);
        check(6, "6 min");
        check(56, "56 min");
        check(60, "1 h");
        check(95, "1.6 h");
        check(24 * 60, "24 h");
    }
}
