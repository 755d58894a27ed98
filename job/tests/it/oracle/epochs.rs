//! Epochs: how a log was cut, and the watermark that each cut brings.
//!
//! Invariant: they have no gaps in their numbers, and the watermark never goes back from one to the
//! next.

use super::judge::Judged;

/// An epoch: how far the log is bound, and the global watermark before and after.
#[derive(Clone, Copy)]
pub(super) struct Epoch {
    pub(super) number: u64,
    pub(super) bound: usize,
    pub(super) watermark_before_ms: Option<i64>,
    pub(super) watermark_ms: Option<i64>,
    pub(super) is_last: bool,
}

impl Epoch {
    /// Whether a new period of `n` epochs begins.
    pub(super) fn is_tick_of(&self, n: u64) -> bool {
        self.number.checked_sub(1).is_none_or(|before| self.number / n != before / n)
    }

    /// Whether the watermark has passed the end of a window.
    pub(super) fn has_passed(&self, end_ms: i64) -> bool {
        self.watermark_ms.is_some_and(|watermark_ms| watermark_ms >= end_ms)
    }

    /// Whether it had done so before this epoch.
    pub(super) fn had_passed(&self, end_ms: i64) -> bool {
        self.watermark_before_ms.is_some_and(|watermark_ms| watermark_ms >= end_ms)
    }
}

/// The epochs of these cuts, and one more at the end of time.
pub(super) fn epochs<'j>(
    j: &'j [Judged],
    cuts: &'j [usize],
) -> impl Iterator<Item = Epoch> + use<'j> {
    let watermark_at =
        |bound: usize| bound.checked_sub(1).and_then(|last| j[last].global_watermark_ms);
    let mut watermark_before_ms = None;
    let last = cuts.last().copied().unwrap_or(0);
    let bounds = cuts.iter().map(|cut| (*cut, false)).chain([(last, true)]);
    (0..).zip(bounds).map(move |(number, (bound, is_last))| {
        let watermark_ms = if is_last { Some(i64::MAX) } else { watermark_at(bound) };
        let epoch = Epoch { number, bound, watermark_before_ms, watermark_ms, is_last };
        watermark_before_ms = watermark_ms;
        epoch
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::{page_view, settings};
    use super::super::judge;
    use super::*;

    #[test]
    fn ticks_begin_periods() {
        let check = |n: u64, expected: &[u64]| {
            let epoch = |number| Epoch {
                number,
                bound: 0,
                watermark_before_ms: None,
                watermark_ms: None,
                is_last: false,
            };
            let ticks: Vec<u64> = (0..12).filter(|number| epoch(*number).is_tick_of(n)).collect();
            assert_eq!(ticks, expected, "{n}");
        };
        check(1, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        check(5, &[0, 5, 10]);
        check(20, &[0]);
    }

    #[test]
    fn epochs_have_the_watermark_of_their_last_record() {
        let s = settings();
        let judged = judge(
            &[page_view("a", 6_000, "/"), page_view("a", 7_000, "/"), page_view("a", 2_000, "/")],
            &s,
        );
        let found: Vec<_> = epochs(&judged, &[0, 1, 1, 3])
            .map(|epoch| (epoch.bound, epoch.watermark_before_ms, epoch.watermark_ms))
            .collect();
        let end = Some(i64::MAX);
        assert_eq!(
            found,
            [
                (0, None, None),
                (1, None, Some(1_000)),
                (1, Some(1_000), Some(1_000)),
                (3, Some(1_000), Some(2_000)),
                (3, Some(2_000), end)
            ]
        );
    }
}
