//! Event-time slices and the rule that decides, per record and family, whether
//! it is late.
//!
//! A record belongs to one *slice* of event time per family. It is late for the
//! family when the end of that slice plus the allowed lateness is at or below
//! the watermark that its own partition has after it. Nothing here looks at any
//! other partition, so the decision is the same in every run over the same log.

use serde::{Deserialize, Serialize};

/// Length of a real-time pane, in ms.
pub const REAL_TIME_PANE_MS: i64 = 5_000;
/// Length of a business pane, in ms.
pub const BUSINESS_PANE_MS: i64 = 10_000;
/// Length of an alert pane, in ms.
pub const ALERT_PANE_MS: i64 = 300_000;

/// The end of the aligned slice of `width_ms` that holds `at_ms`.
///
/// Slices are `[start, end)` and aligned to the Unix epoch.
#[must_use]
pub fn slice_end_ms(at_ms: i64, width_ms: i64) -> i64 {
    (at_ms.div_euclid(width_ms) + 1) * width_ms
}

/// The families of results that judge lateness separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// 5 s panes, the five-minute count of active users included.
    RealTime,
    /// 10 s panes of the sliding minute.
    Business,
    /// 5 min panes of the alerts.
    Alerts,
    /// Sessions and all that follows from them.
    Session,
}

impl Family {
    /// All families, in the order of the contract.
    pub const ALL: [Self; 4] = [Self::RealTime, Self::Business, Self::Alerts, Self::Session];

    /// The name in dead letters and summaries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RealTime => "real_time",
            Self::Business => "business",
            Self::Alerts => "alerts",
            Self::Session => "session",
        }
    }
}

/// A set of families.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Families(u8);

impl Families {
    /// No family.
    pub const NONE: Self = Self(0);
    /// Every family.
    pub const ALL: Self = Self(0b1111);

    /// Adds a family.
    pub fn insert(&mut self, family: Family) {
        self.0 |= 1 << family as u8;
    }

    /// Whether the family is in the set.
    #[must_use]
    pub const fn contains(self, family: Family) -> bool {
        self.0 & (1 << family as u8) != 0
    }

    /// Whether no family is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The families in the set, in the order of the contract.
    pub fn iter(self) -> impl Iterator<Item = Family> {
        Family::ALL.into_iter().filter(move |f| self.contains(*f))
    }
}

/// What decides lateness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatenessRule {
    /// How long after the end of its slice a record is still taken, in ms.
    pub lateness_ms: i64,
    /// The silence that ends a session, in ms.
    pub session_gap_ms: i64,
}

impl LatenessRule {
    /// The families that do not take a record at `at_ms` any more, given the
    /// watermark that its partition has after it.
    #[must_use]
    pub fn late_for(&self, at_ms: i64, partition_watermark_ms: i64) -> Families {
        // Almost every record is ahead of this bound, the earliest of the four.
        let mut late = Families::NONE;
        if at_ms + self.lateness_ms > partition_watermark_ms {
            return late;
        }
        let ends = [
            slice_end_ms(at_ms, REAL_TIME_PANE_MS),
            slice_end_ms(at_ms, BUSINESS_PANE_MS),
            slice_end_ms(at_ms, ALERT_PANE_MS),
            at_ms + self.session_gap_ms,
        ];
        for (family, end_ms) in Family::ALL.into_iter().zip(ends) {
            if end_ms + self.lateness_ms <= partition_watermark_ms {
                late.insert(family);
            }
        }
        late
    }
}

impl LatenessRule {
    /// For how many of these times, in ascending order and in ms, a record is late whose
    /// slice ends so long after it.
    #[must_use]
    pub fn late_spans(&self, at_ms: i64, partition_watermark_ms: i64, spans_ms: &[i64]) -> u8 {
        let is_late = |ms: &&i64| at_ms + **ms + self.lateness_ms <= partition_watermark_ms;
        u8::try_from(spans_ms.iter().take_while(is_late).count()).unwrap_or(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(at_ms: i64, watermark_ms: i64, expected: &[&str]) {
        let rule = LatenessRule { lateness_ms: 600_000, session_gap_ms: 1_800_000 };
        let late: Vec<_> = rule.late_for(at_ms, watermark_ms).iter().map(Family::name).collect();
        assert_eq!(late, expected, "at {at_ms}, watermark {watermark_ms}");
    }

    #[test]
    fn each_family_is_late_exactly_at_the_end_of_its_slice_plus_lateness() {
        check(0, 604_999, &[]);
        check(0, 605_000, &["real_time"]);
        check(0, 609_999, &["real_time"]);
        check(0, 610_000, &["real_time", "business"]);
        check(0, 899_999, &["real_time", "business"]);
        check(0, 900_000, &["real_time", "business", "alerts"]);
        check(0, 2_399_999, &["real_time", "business", "alerts"]);
        check(0, 2_400_000, &["real_time", "business", "alerts", "session"]);
        check(4_999, 605_000, &["real_time"]);
        check(5_000, 605_000, &[]);
        check(299_999, 900_000, &["real_time", "business", "alerts"]);
        check(300_000, 909_999, &["real_time"]);
    }

    #[test]
    fn spans_are_slices_of_their_own() {
        let rule = LatenessRule { lateness_ms: 10, session_gap_ms: 1_000 };
        let late = |watermark_ms| rule.late_spans(100, watermark_ms, &[5, 20, 300]);
        let watermarks = [crate::BEFORE_TIME_MS, 114, 115, 129, 130, 409, 410, i64::MAX];
        assert_eq!(watermarks.map(late), [0, 0, 1, 1, 2, 2, 3, 3]);
    }

    #[test]
    fn nothing_is_late_before_the_partition_has_a_watermark() {
        check(0, crate::BEFORE_TIME_MS, &[]);
    }

    #[test]
    fn slices_are_half_open_and_aligned() {
        assert_eq!(slice_end_ms(0, 5_000), 5_000);
        assert_eq!(slice_end_ms(4_999, 5_000), 5_000);
        assert_eq!(slice_end_ms(5_000, 5_000), 10_000);
    }
}
