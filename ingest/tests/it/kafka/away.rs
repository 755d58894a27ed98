//! Brokers that are away for a while: a Kafka of the test's own, started and stopped.

use super::{Topic, append, at, note, open};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use streamgauge_ingest::log::{EventLog, KafkaLog, KafkaSettings, LogError};

/// A Kafka, stopped when it is dropped.
struct Kafka {
    data: PathBuf,
    port: &'static str,
}

impl Kafka {
    fn run(&self, arguments: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/dev/kafka.sh");
        let mut command = Command::new(script);
        command.args(arguments).arg("--data").arg(&self.data).output().unwrap()
    }

    /// Starts it, and returns its address.
    fn start(&self) -> String {
        let output = self.run(&["start", "--port", self.port]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{error}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn stop(&self) {
        assert!(self.run(&["stop"]).status.success());
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.run(&["stop"]);
    }
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn a_broker_that_was_away_has_lost_nothing_and_nothing_was_skipped() {
    let directory = tempfile::tempdir().unwrap();
    let kafka = Kafka { data: directory.path().join("kafka"), port: "19192" };
    let topic = Topic::of(&kafka.start(), 2, &[]);
    let log = open(&topic);
    let values: Vec<String> = (0..50).map(|i| format!("before {i}")).collect();
    append(&log, 0, &values.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    let mut reader = log.reader(&[at(0, 0), at(1, 0)]).unwrap();
    let mut read = Vec::new();
    assert_eq!(reader.poll(10, &mut note(&mut read)), Ok(10));
    let mut unread = log.reader(&[at(0, 0), at(1, 0)]).unwrap();
    kafka.stop();

    let is_away = |error: &LogError| matches!(error, LogError::Away { .. });
    assert!(log.all_bounds().is_err_and(|e| is_away(&e)));
    assert!(log.reader(&[at(0, 0)]).is_err_and(|e| is_away(&e)));
    let said = log.bounds(0).unwrap_err().to_string();
    assert!(said.contains("refused"), "{said}");
    // What was fetched ahead is given, then it is told.
    while let Ok(count) = reader.poll(100, &mut note(&mut read)) {
        assert!(count > 0, "a log that is away has no end");
    }
    // Further than it was known to reach: whether it does nobody can tell now.
    let mut some = Vec::new();
    let ended = unread.read_until(&[at(0, 51)], &mut note(&mut some));
    assert!(ended.is_err_and(|e| is_away(&e)));
    assert_eq!(unread.positions(), [at(0, 0), at(1, 0)]);
    let settings = KafkaSettings { topic: "other".to_owned(), ..topic.settings() };
    let clock = std::sync::Arc::new(super::SystemClock);
    assert!(KafkaLog::connect(settings, clock).is_err_and(|e| is_away(&e)));

    // An append that began meanwhile is durable when the broker is back.
    let appended = std::thread::scope(|scope| {
        let appending = scope.spawn(|| append(&log, 1, &["meanwhile"]));
        kafka.start();
        appending.join().unwrap()
    });
    assert_eq!(appended, Ok(vec![0]));
    append(&log, 0, &["after"]).unwrap();
    let mut fresh = Vec::new();
    until_back(|| unread.read_until(&[at(0, 51), at(1, 1)], &mut note(&mut fresh)));
    until_back(|| reader.read_until(&[at(0, 51)], &mut note(&mut read)));
    assert!(read.iter().map(|r| r.0).eq(0..51), "{read:?}");
    assert_eq!(fresh.len(), 52, "{fresh:?}");
}

/// Tries until the log is no longer away.
fn until_back(mut read: impl FnMut() -> Result<(), LogError>) {
    for _ in 0..20 {
        match read() {
            Err(LogError::Away { .. }) => {}
            other => return other.unwrap(),
        }
    }
    read().unwrap();
}
