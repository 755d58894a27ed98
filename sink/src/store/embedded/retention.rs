//! How long points are kept, and how they go: by days.

use super::Fault;
use super::schema::State;
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;
use streamgauge_ingest::clock::Clock;

/// Length of a day, ms.
pub(super) const DAY_MS: i64 = 86_400_000;

/// How long points are kept, by their own time.
#[derive(Clone)]
pub struct Retention {
    keep_ms: i64,
    clock: Arc<dyn Clock>,
}

impl Retention {
    /// Keeps points for so long before the newest one or the clock, whichever is
    /// earlier: a history that is loaded has its own time, and neither a clock nor an
    /// event that is ahead clears the store.
    #[must_use]
    pub fn new(keep: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { keep_ms: i64::try_from(keep.as_millis()).unwrap_or(i64::MAX), clock }
    }

    /// Points before are not taken any more.
    pub(super) fn horizon_ms(&self, newest_ms: i64) -> i64 {
        newest_ms.min(self.clock.now_ms()).saturating_sub(self.keep_ms)
    }

    /// The first day of which points are kept.
    pub(super) fn first_day(&self, newest_ms: i64) -> i64 {
        self.horizon_ms(newest_ms).div_euclid(DAY_MS)
    }
}

/// Drops all days before `first_day`, and the names that only they had. Nothing may
/// wait to be folded: it could have names that are dropped here.
pub(super) fn drop_before(db: &Connection, state: &mut State, first_day: i64) -> Result<(), Fault> {
    let days: Vec<i64> = db
        .prepare("SELECT day FROM days WHERE day < ?1")?
        .query_map([first_day], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for day in days {
        db.execute_batch(&format!("DROP TABLE \"day_{day}\""))?;
    }
    db.execute("DELETE FROM days WHERE day < ?1", [first_day])?;
    db.execute("DELETE FROM columns WHERE last_ms < ?1", [first_day.saturating_mul(DAY_MS)])?;
    state.oldest_day = super::schema::oldest_day(db)?;
    Ok(())
}
