//! Sessions as points: one each, of its duration, as the measurement
//! `average_session_duration` with the tag `session_id`.
//!
//! It is a series per session, so nobody is given them who has not asked. The point stands
//! at the session's end, which can change, and which the key does not tell: whoever
//! replaces one looks for the point whose time and duration give the session's start.

use super::{Point, PointError};
use crate::record::percent_decode;
use crate::store::FieldValue;
use serde::Deserialize;

/// The measurement of sessions; results over windows, which have the tag `metric`, stand in
/// it, too.
pub const SESSION_MEASUREMENT: &str = "average_session_duration";
/// The tag of a session.
pub const SESSION_TAG: &str = "session_id";

/// Which session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionKey {
    /// When it began, ms.
    pub start_ms: i64,
    /// Its id.
    pub id: String,
}

impl SessionKey {
    /// Takes a key apart: `SESSION|start||session=…,user=…`.
    ///
    /// # Errors
    /// If it is not the key of a session.
    pub fn parse(key: &[u8]) -> Result<Self, PointError> {
        let text = std::str::from_utf8(key).map_err(|_| PointError::Key("not UTF-8"))?;
        let not = PointError::Key("not of a session");
        let parts = text.strip_prefix("SESSION|").and_then(|rest| rest.split_once("||session="));
        let Some((start, rest)) = parts else { return Err(not) };
        let start_ms = start.parse().map_err(|_| PointError::Key("a time is no number"))?;
        let Some((id, _)) = rest.split_once(",user=") else { return Err(not) };
        let id = percent_decode(id).ok_or(PointError::Key("a wrong percent-encoding"))?;
        Ok(Self { start_ms, id })
    }

    /// Whether a point of its id is its own: one of this time, with this duration in s.
    #[must_use]
    pub fn owns(&self, time_ms: i64, seconds: f64) -> bool {
        // Written by the same division, and a store keeps the bits.
        time_ms.checked_sub(self.start_ms).is_some_and(|ms| in_seconds(ms) == seconds)
    }
}

/// A duration of ms in s.
fn in_seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

#[derive(Deserialize)]
struct Session {
    end: i64,
    #[serde(rename = "durationMs")]
    duration_ms: i64,
    state: String,
}

/// The point of a session, and whether there was another before it.
///
/// # Errors
/// If the value is not the JSON of a session.
pub fn session_point(key: &SessionKey, value: &[u8]) -> Result<(Point, bool), PointError> {
    let session: Session = serde_json::from_slice(value)?;
    let is_corrected = match session.state.as_str() {
        "final" => false,
        "corrected" => true,
        _ => return Err(PointError::State(session.state)),
    };
    if session.end.checked_sub(session.duration_ms) != Some(key.start_ms) {
        return Err(PointError::Mismatch("start"));
    }
    let seconds = in_seconds(session.duration_ms);
    let point = Point {
        measurement: SESSION_MEASUREMENT,
        tags: vec![(SESSION_TAG, key.id.clone())],
        time_ms: session.end,
        fields: vec![("value", FieldValue::Float(seconds))],
    };
    Ok((point, is_corrected))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::write_line;

    const KEY: &[u8] = b"SESSION|1000||session=a%2Cb,user=u";

    #[test]
    fn a_session_is_a_point_at_its_end_that_tells_its_start() {
        let key = SessionKey::parse(KEY).unwrap();
        let value = br#"{"start":1000,"end":3500,"durationMs":2500,"state":"corrected"}"#;
        let (point, is_corrected) = session_point(&key, value).unwrap();
        assert!(is_corrected);
        let mut line = Vec::new();
        write_line(&point, &mut line);
        let line = String::from_utf8(line).unwrap();
        assert!(line.starts_with(r"average_session_duration,session_id=a\,b value=2.5 3500"));
        assert!(key.owns(3_500, 2.5));
        assert!(!key.owns(3_501, 2.5));
        assert!(
            SessionKey { start_ms: 253_402_300_799_999 - 86_399_999, id: String::new() }
                .owns(253_402_300_799_999, 86_399.999)
        );
    }

    #[test]
    fn what_is_no_session_is_refused_with_a_reason() {
        let check = |key: &str, reason: &str| {
            let said = SessionKey::parse(key.as_bytes()).unwrap_err().to_string();
            assert!(said.ends_with(reason), "{said}");
        };
        check("DEVICES|0|1|", "not of a session");
        check("SESSION|x||session=a,user=b", "a time is no number");
        check("SESSION|1||session=a", "not of a session");
        check("SESSION|1||session=%4,user=b", "a wrong percent-encoding");
        let key = SessionKey::parse(KEY).unwrap();
        let said = |value: &str| session_point(&key, value.as_bytes()).unwrap_err().to_string();
        let odd = r#"{"end":3500,"durationMs":2501,"state":"final"}"#;
        assert_eq!(said(odd), "key and value differ in `start`");
        let odd = r#"{"end":3500,"durationMs":2500,"state":"provisional"}"#;
        assert_eq!(said(odd), "its state is `provisional`");
    }
}
