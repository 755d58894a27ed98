//! Sessions in an InfluxDB, for who asks for them: a point each, moved when its session's
//! end does.

use super::batch::Line;
use super::delete::{self, Deletion};
use super::feed::Feeder;
use crate::points::{
    Point, PointError, SESSION_MEASUREMENT, SESSION_TAG, SessionKey, session_point, write_line,
};
use crate::results::{Record, Stored};
use crate::store::FieldValue;

/// What becomes of a session.
pub(super) struct SessionChange {
    pub(super) key: SessionKey,
    pub(super) epoch: u64,
    /// Its point; none: there is no such session.
    pub(super) point: Option<Point>,
    /// Whether it may have had another one.
    pub(super) replaces: bool,
}

impl SessionChange {
    pub(super) fn read(stored: &Stored<'_>) -> Result<Self, PointError> {
        let (key, epoch) = (SessionKey::parse(stored.key)?, stored.epoch);
        let Some(value) = stored.value else {
            return Ok(Self { key, epoch, point: None, replaces: true });
        };
        let (point, replaces) = session_point(&key, value)?;
        Ok(Self { key, epoch, point: Some(point), replaces })
    }

    /// The line of its point.
    pub(super) fn line(&self) -> Option<Line> {
        let mut text = Vec::new();
        write_line(self.point.as_ref()?, &mut text);
        Some(Line { text, epoch: self.epoch })
    }

    /// What to delete of what is there of its id.
    fn gone(&self, there: &[(i64, FieldValue)]) -> Vec<Deletion> {
        let is_old = |(time_ms, value): &&(i64, FieldValue)| {
            let FieldValue::Float(seconds) = value else { return false };
            let stays = self.point.as_ref().is_some_and(|point| point.time_ms == *time_ms);
            self.key.owns(*time_ms, *seconds) && !stays
        };
        let tags = || [(SESSION_TAG, self.key.id.as_str())].into_iter();
        let of = |(time_ms, _): &(i64, FieldValue)| Deletion {
            time_ms: *time_ms,
            predicate: delete::predicate(SESSION_MEASUREMENT, tags()),
            epoch: self.epoch,
        };
        there.iter().filter(is_old).map(of).collect()
    }
}

impl Feeder<'_> {
    /// Deletes the points that sessions had before; gives the dead letters of what was
    /// refused.
    pub(super) fn delete_of_sessions(&mut self, changes: &[SessionChange]) -> Option<Vec<Record>> {
        let mut letters = Vec::new();
        for change in changes.iter().filter(|change| change.replaces) {
            let key = &change.key;
            let there = self.link.until(|link| link.history.sessions(&key.id, key.start_ms))?;
            for deletion in change.gone(&there) {
                letters.extend(self.delete(&deletion)?);
            }
        }
        Some(letters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Topic;

    fn change(value: Option<&str>) -> SessionChange {
        let (key, value) = (b"SESSION|1000||session=s,user=u".as_slice(), value.map(str::as_bytes));
        let stored = Stored {
            at_ms: 0,
            topic: Topic::Sessions,
            partition: 0,
            offset: 0,
            epoch: 4,
            key,
            value,
        };
        SessionChange::read(&stored).unwrap()
    }

    #[test]
    fn a_session_takes_its_old_point_along_and_no_others() {
        let there = [
            (1_500, FieldValue::Float(0.5)),
            (3_000, FieldValue::Float(2.0)),
            // Another session with this id.
            (9_000, FieldValue::Float(1.0)),
        ];
        let gone = |change: &SessionChange| {
            change.gone(&there).into_iter().map(|d| d.time_ms).collect::<Vec<_>>()
        };
        let corrected = r#"{"start":1000,"end":3000,"durationMs":2000,"state":"corrected"}"#;
        let corrected = change(Some(corrected));
        assert!(corrected.replaces);
        assert_eq!(gone(&corrected), [1_500]);
        let ended = change(None);
        assert!(ended.line().is_none());
        assert_eq!(gone(&ended), [1_500, 3_000]);
        let predicate = r#"_measurement="average_session_duration" AND "session_id"="s""#;
        assert_eq!(ended.gone(&there)[0].predicate, predicate);
    }
}
