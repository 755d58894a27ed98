//! Sessions in a real InfluxDB, for who asks for them.

use super::bed::Bed;
use super::real::{fresh, hour_ms, now_ms};
use streamgauge_sink::results::{Record, Topic};
use streamgauge_sink::store::{FieldValue, Found, HistoryStore, InfluxHistory, InfluxSettings};

fn key(start_ms: i64, id: &str) -> Vec<u8> {
    format!("SESSION|{start_ms}||session={id},user=u").into_bytes()
}

fn session(start_ms: i64, id: &str, duration_ms: i64, state: &str) -> Record {
    let end_ms = start_ms + duration_ms;
    let value = format!(
        r#"{{"metricType":"SESSION","start":{start_ms},"end":{end_ms},"durationMs":{duration_ms},"sessionId":"{id}","state":"{state}"}}"#
    );
    let (topic, key) = (Topic::Sessions, key(start_ms, id));
    Record { topic, epoch: 1, key, value: Some(value.into_bytes()) }
}

fn retracted(start_ms: i64, id: &str) -> Record {
    Record { topic: Topic::Sessions, epoch: 1, key: key(start_ms, id), value: None }
}

#[test]
#[ignore = "needs an InfluxDB"]
fn sessions_are_points_that_move_with_their_ends() {
    let settings = InfluxSettings { has_sessions: true, ..fresh() };
    let history = InfluxHistory::new(&settings).unwrap();
    let bed = Bed::new();
    bed.clock.advance(now_ms() - super::bed::NOW_MS);
    let at = hour_ms() - 600_000;
    let there = |time_ms: i64| history.moment(&["average_session_duration"], time_ms).unwrap();
    let seconds = |found: &[Found]| {
        let of = |found: &Found| match found.field("value") {
            Some(FieldValue::Float(seconds)) => *seconds,
            other => panic!("{other:?}"),
        };
        found.iter().map(of).collect::<Vec<f64>>()
    };

    bed.put(vec![
        session(at, "a", 1_500, "final"),
        // Another session with this id, and one that ends when the first does.
        session(at + 60_000, "a", 2_000, "final"),
        session(at + 500, "b", 1_000, "final"),
    ]);
    bed.feed(&settings, |report| report.written == 3);
    let first = there(at + 1_500);
    assert_eq!(seconds(&first), [1.5, 1.0]);
    assert_eq!(first[0].tags, [("session_id".to_owned(), "a".to_owned())]);
    assert_eq!(first[0].fields.len(), 1, "{first:?}");

    bed.put(vec![session(at, "a", 30_000, "corrected"), retracted(at + 500, "b")]);
    let report = bed.feed(&settings, |report| report.deleted == 2 && report.written == 1);
    assert_eq!((report.refused, report.unreadable), (0, 0), "{}", bed.told());
    assert_eq!(there(at + 1_500), []);
    assert_eq!(seconds(&there(at + 30_000)), [30.0]);
    assert_eq!(seconds(&there(at + 62_000)), [2.0], "the other session is left alone");
}

#[test]
#[ignore = "needs an InfluxDB"]
fn nobody_who_has_not_asked_is_given_them() {
    let settings = fresh();
    let history = InfluxHistory::new(&settings).unwrap();
    let bed = Bed::new();
    bed.clock.advance(now_ms() - super::bed::NOW_MS);
    let at = hour_ms() - 600_000;
    let views = crate::history::records::page_views(at, 1.0, 5);
    bed.put(vec![session(at - 1_000, "a", 1_000, "final"), views]);
    bed.feed(&settings, |report| report.written == 1);
    assert_eq!(history.moment(&["average_session_duration"], at).unwrap(), []);
}
