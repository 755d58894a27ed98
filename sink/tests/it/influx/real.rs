//! A real InfluxDB, where there is one: STREAMGAUGE_INFLUXDB is its address, and
//! STREAMGAUGE_INFLUXDB_TOKEN a token that may do everything in the organisation
//! `analytics`. Each test has buckets of its own.

use super::bed::{Bed, put, settings, users};
use crate::history::records::{Record, pages, record};
use crate::history::{Embedded, Fixture, SUITE, same_answers};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use streamgauge_ingest::secret::Secret;
use streamgauge_sink::results::{MemoryResults, ResultLog};
use streamgauge_sink::store::{
    FieldValue, HistoryQuery, HistoryStore, InfluxHistory, InfluxSettings,
};

const HOUR_MS: i64 = 3_600_000;

#[allow(clippy::disallowed_methods, reason = "a server has the clock of the machine")]
pub(super) fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: see CONTRIBUTING.md"))
}

/// The server, and a bucket that nobody has used.
pub(super) fn fresh() -> InfluxSettings {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::SeqCst);
    InfluxSettings {
        token: Secret::new(variable("STREAMGAUGE_INFLUXDB_TOKEN")),
        bucket: format!("test-{}-{}-{count}", std::process::id(), now_ms()),
        timeout: Duration::from_secs(30),
        has_sessions: false,
        ..settings(&variable("STREAMGAUGE_INFLUXDB"))
    }
}

struct Influx {
    settings: InfluxSettings,
    history: InfluxHistory,
    bed: Bed,
    hour_ms: i64,
}

impl Influx {
    fn new(hour_ms: i64) -> Self {
        let settings = fresh();
        let history = InfluxHistory::new(&settings).unwrap();
        let bed = Bed::new();
        // Its clock tells what the bucket keeps.
        bed.clock.advance(now_ms() - super::bed::NOW_MS);
        Self { settings, history, bed, hour_ms }
    }
}

impl Fixture for Influx {
    fn feed(&mut self, records: Vec<Record>) {
        // A log of its own for each batch: the feed begins at its first record.
        let results = MemoryResults::new(self.bed.clock.clone());
        put(&results, records);
        let folder = tempfile::tempdir().unwrap();
        let (bed, settings) = (&self.bed, &self.settings);
        let report = bed.feed_from(&results, folder.path(), settings, |report| {
            report.has_written
                && report.written + report.deleted > 0
                && report.waiting_since_ms.is_none()
        });
        assert_eq!((report.refused, report.unreadable), (0, 0), "{}", self.bed.told());
        assert_eq!(results.state().unwrap().bound, None);
    }

    fn history(&self) -> &dyn HistoryStore {
        &self.history
    }

    fn hour_ms(&self) -> i64 {
        self.hour_ms
    }
}

pub(super) fn hour_ms() -> i64 {
    now_ms().div_euclid(HOUR_MS) * HOUR_MS
}

#[test]
#[ignore = "needs an InfluxDB"]
fn it_conforms() {
    for (name, test) in SUITE {
        println!("{name}");
        test(&mut Influx::new(hour_ms()));
    }
}

#[test]
#[ignore = "needs an InfluxDB"]
fn it_answers_as_the_embedded_store_does() {
    let hour_ms = hour_ms();
    same_answers(&mut Embedded::new(hour_ms), &mut Influx::new(hour_ms));
}

#[test]
#[ignore = "needs an InfluxDB"]
fn what_it_refuses_becomes_dead_letters_and_takes_nothing_with_it() {
    let mut influx = Influx::new(hour_ms());
    let at = influx.hour_ms - 60_000;
    influx.feed(vec![pages(at, &["/a"], "final")]);
    // A text that is long and none the worse for it, a time that it cannot have, and one
    // that is too old for the bucket while the feed's clock is wrong.
    let long = "x".repeat(70_000);
    let far = 9_300_000_000_000;
    let old = at - 40 * 24 * HOUR_MS;
    let users = |end_ms: i64| {
        let fields = serde_json::json!({"value": 1});
        record("ACTIVE_USERS_5M", end_ms, None, fields, "final")
    };
    let bed = Bed::new();
    bed.clock.advance(old - super::bed::NOW_MS);
    let odd = vec![users(at), users(far), pages(at + 5_000, &[&long, "/b"], "final"), users(old)];
    bed.put(odd.into_iter().chain((1..500).map(|i| users(at - i * 5_000))).collect());
    let report = bed.feed(&influx.settings, |report| report.written == 503);
    let letters = bed.letters();
    println!("{report:?} {letters:?} {}", bed.told());
    assert_eq!((report.written, report.refused, report.expired), (503, 1, 1));
    assert!(
        letters.iter().any(|(_, detail, _)| detail.contains("time outside range")),
        "{letters:?}"
    );
    let count = influx.history.history(&HistoryQuery {
        measurement: "active_users_5m".into(),
        tags: vec![],
        field: "value".into(),
        from_ms: at - 500 * 5_000,
        to_ms: at + 1,
        step_ms: None,
        most: 1_000,
    });
    assert_eq!(count.unwrap().points.len(), 500);
}

#[test]
#[ignore = "needs an InfluxDB"]
fn a_field_of_another_type_is_refused_alone() {
    let influx = Influx::new(hour_ms());
    let bed = Bed::new();
    bed.clock.advance(now_ms() - super::bed::NOW_MS);
    bed.put(vec![users(0)]);
    bed.feed(&influx.settings, |report| report.expired == 1);
    let at = influx.hour_ms - 60_000;
    // Another writer has made `value` an integer.
    let line = format!("active_users_5m,metric=real_time value=1i {at}");
    let url = format!(
        "{}/api/v2/write?org=analytics&precision=ms&bucket={}",
        influx.settings.url.as_str(),
        influx.settings.bucket
    );
    let token = format!("Token {}", influx.settings.token.expose());
    let written = ureq::post(&url).header("Authorization", token).send(line).unwrap();
    assert_eq!(written.status(), 204);
    let fields = serde_json::json!({"value": 1});
    bed.put(vec![
        record("ACTIVE_USERS_5M", at + 5_000, None, fields, "final"),
        pages(at, &["/a"], "final"),
    ]);
    let report = bed.feed(&influx.settings, |report| report.written == 2);
    assert_eq!((report.refused, report.retried), (1, 0), "{}", bed.told());
    assert!(bed.letters()[0].1.contains("field type conflict"), "{:?}", bed.letters());
    let found = influx.history.moment(&["active_users_5m"], at).unwrap();
    assert_eq!(found[0].field("value"), Some(&FieldValue::Integer(1)), "it is theirs");
}

#[test]
#[ignore = "needs an InfluxDB"]
fn a_wrong_token_is_told_and_not_shown() {
    let settings = InfluxSettings { token: Secret::new("open-sesame"), ..fresh() };
    let bed = Bed::new();
    bed.clock.advance(now_ms() - super::bed::NOW_MS);
    bed.put(vec![users(0)]);
    let report = bed.feed(&settings, |report| report.retried >= 2);
    let failure = report.failure.unwrap();
    assert!(failure.contains("influxdb.token") && !failure.contains("sesame"), "{failure}");
    let history = InfluxHistory::new(&settings).unwrap();
    let error = history.moment(&["devices"], now_ms()).unwrap_err().to_string();
    assert!(error.contains("influxdb.token") && !error.contains("sesame"), "{error}");
}
