//! Windows and panes of the families, and when nothing can change them any more.
//!
//! A record is accepted while the end of its slice plus the lateness lies above
//! its partition's watermark, which is never below the global one. So a result
//! of a window that ends at W can change until the global watermark reaches
//! W + lateness; what is dropped then is dropped silently.

use crate::day::Days;
use streamgauge_ingest::lateness::{
    ALERT_PANE_MS, BUSINESS_PANE_MS, REAL_TIME_PANE_MS, slice_end_ms,
};
use streamgauge_sink::metric::Metric;

/// Length of a business window, ms.
pub const BUSINESS_WINDOW_MS: i64 = 60_000;
/// Length of the window of [`crate::rows::TallyKind::ActiveUsers5m`], ms.
pub const ACTIVE_WINDOW_MS: i64 = 300_000;

/// Length of a window over the sessions that ended in an hour, ms.
pub const HOUR_WINDOW_MS: i64 = 3_600_000;
/// Length of its panes, and the step from one window to the next, ms.
pub const HOUR_PANE_MS: i64 = 300_000;

/// What decides where windows lie and how long they live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// How long after the end of its slice a record is still taken, ms.
    pub lateness_ms: i64,
    /// The silence that ends a session, ms.
    pub session_gap_ms: i64,
    /// How far a partition may be out of order, ms.
    pub allowed_disorder_ms: i64,
    /// The days of the site, where they are asked for.
    pub days: Option<Days>,
}

impl Windows {
    /// When a real-time, business or alert window is frozen.
    #[must_use]
    pub fn frozen_ms(&self, end_ms: i64) -> i64 {
        end_ms + self.lateness_ms
    }

    /// When the results over the sessions that ended in a window are frozen:
    /// an event up to the gap later can still join such a session.
    #[must_use]
    pub fn sessions_frozen_ms(&self, end_ms: i64) -> i64 {
        end_ms + self.session_gap_ms + self.lateness_ms
    }

    /// When a session is dropped, given its last event.
    #[must_use]
    pub fn session_expires_ms(&self, last_ms: i64) -> i64 {
        last_ms + 2 * self.session_gap_ms + self.lateness_ms
    }

    /// Events at or before this time can neither be joined nor followed by a
    /// record that is still accepted into the session family.
    #[must_use]
    pub fn settled_ms(&self, watermark_ms: i64) -> i64 {
        watermark_ms.saturating_sub(self.session_gap_ms + self.lateness_ms)
    }

    /// When a user's real-time pane is dropped: later panes within five minutes
    /// count the user by it.
    #[must_use]
    pub fn real_time_pane_expires_ms(&self, end_ms: i64) -> i64 {
        end_ms + ACTIVE_WINDOW_MS - REAL_TIME_PANE_MS + self.lateness_ms
    }

    /// When a pane of the hour's windows is dropped: the last window that contains it
    /// ends 55 min after it.
    #[must_use]
    pub fn hour_pane_expires_ms(&self, end_ms: i64) -> i64 {
        self.sessions_frozen_ms(end_ms + HOUR_WINDOW_MS - HOUR_PANE_MS)
    }

    /// The end of the window of a kind that holds a time; of several the first.
    #[must_use]
    pub fn current_end_ms(&self, kind: Sliding, at_ms: i64) -> i64 {
        match kind {
            Sliding::Business => slice_end_ms(at_ms, BUSINESS_PANE_MS),
            Sliding::Hour => slice_end_ms(at_ms, HOUR_PANE_MS),
            Sliding::Day => self.days.map_or(i64::MAX, |days| days.day(at_ms).end_ms),
        }
    }

    /// When an event that a sequence rule wants is dropped: a second step that comes
    /// late can follow up to `within_ms` after it.
    #[must_use]
    pub fn sequence_expires_ms(&self, at_ms: i64, within_ms: i64) -> i64 {
        at_ms + 2 * within_ms + self.lateness_ms
    }

    /// When a business pane is dropped: the last window that contains it ends
    /// 50 s after it.
    #[must_use]
    pub fn business_pane_expires_ms(&self, end_ms: i64) -> i64 {
        end_ms + BUSINESS_WINDOW_MS - BUSINESS_PANE_MS + self.lateness_ms
    }
}

/// End of the real-time pane (and window) of a time, ms.
#[must_use]
pub fn real_time_end_ms(at_ms: i64) -> i64 {
    slice_end_ms(at_ms, REAL_TIME_PANE_MS)
}

/// End of the business pane of a time, ms.
#[must_use]
pub fn business_pane_end_ms(at_ms: i64) -> i64 {
    slice_end_ms(at_ms, BUSINESS_PANE_MS)
}

/// End of the pane of the hour's windows that a time lies in, ms.
#[must_use]
pub fn hour_pane_end_ms(at_ms: i64) -> i64 {
    slice_end_ms(at_ms, HOUR_PANE_MS)
}

/// End of the alert window of a time, ms.
#[must_use]
pub fn alert_end_ms(at_ms: i64) -> i64 {
    slice_end_ms(at_ms, ALERT_PANE_MS)
}

/// Windows with lists: where they lie, and how long their panes live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sliding {
    /// Of page views: 60 s, every 10 s.
    Business,
    /// Of the sessions that ended in an hour, every 5 min.
    Hour,
    /// Days: each is one pane.
    Day,
}

impl Sliding {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Business, Self::Hour, Self::Day];

    /// The steps from a pane's end to the ends of the windows that contain it, ms: from
    /// one to the next, and to that after the last.
    fn steps_ms(self) -> (i64, i64) {
        match self {
            Self::Business => (BUSINESS_PANE_MS, BUSINESS_WINDOW_MS),
            Self::Hour => (HOUR_PANE_MS, HOUR_WINDOW_MS),
            Self::Day => (1, 1),
        }
    }

    /// When a pane is dropped.
    #[must_use]
    pub fn pane_expires_ms(self, windows: &Windows, end_ms: i64) -> i64 {
        match self {
            Self::Business => windows.business_pane_expires_ms(end_ms),
            Self::Hour => windows.hour_pane_expires_ms(end_ms),
            Self::Day => windows.sessions_frozen_ms(end_ms),
        }
    }

    /// When a window is frozen.
    #[must_use]
    pub fn frozen_ms(self, windows: &Windows, end_ms: i64) -> i64 {
        match self {
            Self::Business => windows.frozen_ms(end_ms),
            Self::Hour | Self::Day => windows.sessions_frozen_ms(end_ms),
        }
    }

    /// The ends of the windows that contain the pane that ends at `end_ms`, and how many
    /// panes before the last of each it lies.
    pub fn windows_of(self, pane_end_ms: i64) -> impl Iterator<Item = (usize, i64)> {
        let (step_ms, length_ms) = self.steps_ms();
        let ends = pane_end_ms..pane_end_ms + length_ms;
        (0..).zip(ends.step_by(usize::try_from(step_ms).unwrap_or(1)))
    }
}

/// Where the windows of a type of result lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// From `windowStart` to `windowEnd`, ms.
    pub length_ms: i64,
    /// From the end of one window to that of the next, ms.
    pub step_ms: i64,
    /// Whether they are made of sessions.
    of_sessions: bool,
}

impl Grid {
    /// The windows of a type of result; of SESSION, which has none, those of its family.
    #[must_use]
    pub fn of(metric: Metric) -> Self {
        let (length_ms, step_ms, of_sessions) = match metric {
            Metric::PageViewsPerSecond | Metric::ActiveUsers | Metric::ActiveUsers5m => {
                (REAL_TIME_PANE_MS, REAL_TIME_PANE_MS, false)
            }
            Metric::BounceRate | Metric::AverageSessionDuration => {
                (REAL_TIME_PANE_MS, REAL_TIME_PANE_MS, true)
            }
            // Days differ in length; no rule looks at them.
            metric if metric.is_of_days() => (1, 1, true),
            Metric::Session
            | Metric::Journeys
            | Metric::Funnel
            | Metric::Behaviour
            | Metric::AbandonmentRate => (HOUR_WINDOW_MS, HOUR_PANE_MS, true),
            _ => (BUSINESS_WINDOW_MS, BUSINESS_PANE_MS, false),
        };
        Self { length_ms, step_ms, of_sessions }
    }

    /// When a window is frozen.
    #[must_use]
    pub fn frozen_ms(self, windows: &Windows, end_ms: i64) -> i64 {
        match self.of_sessions {
            true => windows.sessions_frozen_ms(end_ms),
            false => windows.frozen_ms(end_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOWS: Windows = Windows {
        lateness_ms: 600_000,
        session_gap_ms: 1_800_000,
        allowed_disorder_ms: 5_000,
        days: None,
    };

    #[test]
    fn state_lives_until_no_record_can_change_what_is_made_from_it() {
        let end_ms = 1_000_000;
        assert_eq!(WINDOWS.frozen_ms(end_ms), 1_600_000);
        assert_eq!(WINDOWS.real_time_pane_expires_ms(end_ms), 1_000_000 + 295_000 + 600_000);
        assert_eq!(WINDOWS.business_pane_expires_ms(end_ms), 1_000_000 + 50_000 + 600_000);
        assert_eq!(WINDOWS.sessions_frozen_ms(end_ms), 1_000_000 + 1_800_000 + 600_000);
        assert_eq!(WINDOWS.session_expires_ms(end_ms), 1_000_000 + 3_600_000 + 600_000);
    }

    #[test]
    fn what_is_settled_lies_a_gap_and_the_lateness_behind_the_watermark() {
        assert_eq!(WINDOWS.settled_ms(10_000_000), 7_600_000);
        assert_eq!(WINDOWS.settled_ms(streamgauge_ingest::BEFORE_TIME_MS), i64::MIN);
    }

    #[test]
    fn panes_hold_their_start_and_not_their_end() {
        let ends = |at_ms| [real_time_end_ms, business_pane_end_ms, alert_end_ms].map(|f| f(at_ms));
        assert_eq!(ends(0), [5_000, 10_000, 300_000]);
        assert_eq!(ends(4_999), [5_000, 10_000, 300_000]);
        assert_eq!(ends(5_000), [10_000, 10_000, 300_000]);
        assert_eq!(ends(299_999), [300_000, 300_000, 300_000]);
        assert_eq!(ends(300_000), [305_000, 310_000, 600_000]);
    }
}
