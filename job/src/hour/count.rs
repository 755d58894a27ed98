//! What is counted of the sessions of an hour, and the number by which each count is
//! known.

use crate::session::StepTaken;

/// The least page views of each class.
pub const PAGE_VIEWS_FROM: [i64; 7] = [0, 1, 2, 3, 6, 11, 21];
/// The least duration of each class, ms.
pub const DURATION_FROM_MS: [i64; 8] = [0, 1, 10_001, 30_001, 60_001, 180_001, 600_001, 1_800_001];

/// A count of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HourCount {
    /// Of a class in each of three ways.
    Class {
        /// By page views: the place in [`PAGE_VIEWS_FROM`].
        page_views: u8,
        /// By duration: the place in [`DURATION_FROM_MS`].
        duration: u8,
        /// Whether the user had another session in the 24 hours before.
        is_returning: bool,
    },
    /// That took so long to a step of a funnel.
    Step(StepTaken),
}

/// Bits of a time: enough for all time from 1970 to 9999 in ms.
const TIME_BITS: u32 = 48;
const STEP_BITS: u32 = 4;
const FUNNEL_BITS: u32 = 8;
/// Set in the number of a step.
const STEP: u64 = 1 << (TIME_BITS + STEP_BITS + FUNNEL_BITS);

impl HourCount {
    /// The class of a session.
    #[must_use]
    pub(super) fn class(page_views: u64, duration_ms: i64, is_returning: bool) -> Self {
        let page_views = i64::try_from(page_views).unwrap_or(i64::MAX);
        let (page_views, duration) =
            (class(&PAGE_VIEWS_FROM, page_views), class(&DURATION_FROM_MS, duration_ms));
        Self::Class { page_views, duration, is_returning }
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u64 {
        match self {
            Self::Class { page_views, duration, is_returning } => {
                u64::from(page_views) | u64::from(duration) << 8 | u64::from(is_returning) << 16
            }
            Self::Step(StepTaken { funnel, step, took_ms }) => {
                let place = u64::from(funnel) << STEP_BITS | u64::from(step);
                STEP | place << TIME_BITS | took_ms.unsigned_abs()
            }
        }
    }

    /// The count with a number.
    #[must_use]
    pub fn of_number(number: u64) -> Self {
        let [low, second, third, ..] = number.to_le_bytes();
        if number & STEP == 0 {
            return Self::Class { page_views: low, duration: second, is_returning: third == 1 };
        }
        // Above the time: four bits of the step, eight of the funnel, the mark.
        let [.., place, funnel] = number.to_le_bytes();
        Self::Step(StepTaken {
            funnel: funnel << STEP_BITS | place >> STEP_BITS,
            step: place & 0xf,
            took_ms: (number & ((1 << TIME_BITS) - 1)).cast_signed(),
        })
    }
}

fn class(from: &[i64], value: i64) -> u8 {
    let place = from.partition_point(|from| *from <= value).saturating_sub(1);
    u8::try_from(place).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_tells_its_count() {
        let longest_ms = 253_402_300_799_999;
        let step = |funnel, step, took_ms| HourCount::Step(StepTaken { funnel, step, took_ms });
        for count in [
            HourCount::Class { page_views: 6, duration: 7, is_returning: true },
            HourCount::Class { page_views: 0, duration: 0, is_returning: false },
            step(0, 1, 0),
            step(255, 8, longest_ms),
            step(3, 2, 1),
            step(16, 1, 5),
        ] {
            assert_eq!(HourCount::of_number(count.number()), count);
        }
    }

    #[test]
    fn classes_hold_their_bounds() {
        let classes = |views, ms| match HourCount::class(views, ms, false) {
            HourCount::Class { page_views, duration, .. } => {
                (PAGE_VIEWS_FROM[usize::from(page_views)], DURATION_FROM_MS[usize::from(duration)])
            }
            HourCount::Step(_) => unreachable!("it is a class"),
        };
        let views = |n| classes(n, 0).0;
        assert_eq!([0, 1, 2, 5, 6, 20, 21, u64::MAX].map(views), [0, 1, 2, 3, 6, 11, 21, 21]);
        let duration = |ms| classes(0, ms).1;
        assert_eq!([0, 1, 10_000, 10_001, 1_800_000].map(duration), [0, 1, 1, 10_001, 600_001]);
    }
}
