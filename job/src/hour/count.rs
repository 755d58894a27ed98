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
    /// Of a class of page views, by its place in [`PAGE_VIEWS_FROM`].
    PageViews(u8),
    /// Of a class of durations, by its place in [`DURATION_FROM_MS`].
    Duration(u8),
    /// Of users who had another one in the 24 hours before.
    Returning,
    /// That took so long to a step of a funnel.
    Step(StepTaken),
}

/// Bits of a time: enough for all time from 1970 to 9999 in ms.
const TIME_BITS: u32 = 48;
const STEP_BITS: u32 = 4;
const FUNNEL_BITS: u32 = 8;
const KIND_SHIFT: u32 = TIME_BITS + STEP_BITS + FUNNEL_BITS;

impl HourCount {
    /// Its number.
    #[must_use]
    pub fn number(self) -> u64 {
        match self {
            Self::PageViews(class) => u64::from(class),
            Self::Duration(class) => 1 << KIND_SHIFT | u64::from(class),
            Self::Returning => 2 << KIND_SHIFT,
            Self::Step(StepTaken { funnel, step, took_ms }) => {
                let place = u64::from(funnel) << STEP_BITS | u64::from(step);
                3 << KIND_SHIFT | place << TIME_BITS | took_ms.unsigned_abs()
            }
        }
    }

    /// The count with a number; none if there is no such.
    #[must_use]
    pub fn of_number(number: u64) -> Option<Self> {
        let low = u8::try_from(number & 0xff).ok()?;
        Some(match number >> KIND_SHIFT {
            0 => Self::PageViews(low),
            1 => Self::Duration(low),
            2 => Self::Returning,
            3 => {
                let place = number >> TIME_BITS;
                Self::Step(StepTaken {
                    funnel: u8::try_from(place >> STEP_BITS & 0xff).ok()?,
                    step: u8::try_from(place & 0xf).ok()?,
                    took_ms: (number & ((1 << TIME_BITS) - 1)).cast_signed(),
                })
            }
            _ => return None,
        })
    }
}

/// The class of so many page views.
pub(super) fn page_view_class(views: u64) -> u8 {
    class(&PAGE_VIEWS_FROM, i64::try_from(views).unwrap_or(i64::MAX))
}

/// The class of a duration.
pub(super) fn duration_class(ms: i64) -> u8 {
    class(&DURATION_FROM_MS, ms)
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
            HourCount::PageViews(6),
            HourCount::Duration(7),
            HourCount::Returning,
            step(0, 1, 0),
            step(255, 8, longest_ms),
            step(3, 2, 1),
        ] {
            assert_eq!(HourCount::of_number(count.number()), Some(count));
        }
        assert_eq!(HourCount::of_number(u64::MAX), None);
    }

    #[test]
    fn classes_hold_their_bounds() {
        let views = |n| PAGE_VIEWS_FROM[usize::from(page_view_class(n))];
        assert_eq!([0, 1, 2, 5, 6, 20, 21, u64::MAX].map(views), [0, 1, 2, 3, 6, 11, 21, 21]);
        let duration = |ms| DURATION_FROM_MS[usize::from(duration_class(ms))];
        assert_eq!([0, 1, 10_000, 10_001, 1_800_000].map(duration), [0, 1, 1, 10_001, 600_001]);
    }
}
