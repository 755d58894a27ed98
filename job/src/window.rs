//! Windows and panes of the families, and when nothing can change them any more.
//!
//! A record is accepted while the end of its slice plus the lateness lies above
//! its partition's watermark, which is never below the global one. So a result
//! of a window that ends at W can change until the global watermark reaches
//! W + lateness; what is dropped then is dropped silently.

use streamgauge_ingest::lateness::{
    ALERT_PANE_MS, BUSINESS_PANE_MS, REAL_TIME_PANE_MS, slice_end_ms,
};

/// Length of a business window, ms.
pub const BUSINESS_WINDOW_MS: i64 = 60_000;
/// Length of the window of [`crate::rows::TallyKind::ActiveUsers5m`], ms.
pub const ACTIVE_WINDOW_MS: i64 = 300_000;
/// Panes in that window.
pub const ACTIVE_PANES: i64 = ACTIVE_WINDOW_MS / REAL_TIME_PANE_MS;

/// What decides where windows lie and how long they live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// How long after the end of its slice a record is still taken, ms.
    pub lateness_ms: i64,
    /// The silence that ends a session, ms.
    pub session_gap_ms: i64,
    /// How far a partition may be out of order, ms.
    pub allowed_disorder_ms: i64,
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

/// End of the alert window of a time, ms.
#[must_use]
pub fn alert_end_ms(at_ms: i64) -> i64 {
    slice_end_ms(at_ms, ALERT_PANE_MS)
}
