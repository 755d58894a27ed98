//! A log of results, an InfluxDB, and a feed between them.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use streamgauge_ingest::clock::ManualClock;
use streamgauge_ingest::secret::Secret;
use streamgauge_sink::results::{MemoryResults, Record, ResultLog, Topic, Transaction};
use streamgauge_sink::store::{FeedReport, FeedStatus, InfluxFeed, InfluxMeans, InfluxSettings};
use streamgauge_sink::webhook::{Backoff, Url};
use tempfile::TempDir;

pub(crate) const NOW_MS: i64 = 1_703_123_460_000;
pub(crate) const TOKEN: &str = "open-sesame";

pub(crate) fn settings(url: &str) -> InfluxSettings {
    InfluxSettings {
        url: Url::parse(url).unwrap(),
        token: Secret::new(TOKEN),
        org: "analytics".into(),
        bucket: "metrics".into(),
        retention: Duration::from_secs(30 * 86_400),
        timeout: Duration::from_millis(500),
        has_sessions: false,
    }
}

/// A record of users in the five minutes before this, `NOW_MS` and so many windows.
pub(crate) fn users(window: i64) -> Record {
    let end_ms = NOW_MS + window * 5_000;
    let value = format!(
        r#"{{"metricType":"ACTIVE_USERS_5M","category":"real_time","windowStart":{},"windowEnd":{end_ms},"dimensions":{{}},"value":{window},"state":"final"}}"#,
        end_ms - 5_000
    );
    let key = format!("ACTIVE_USERS_5M|{}|{end_ms}|", end_ms - 5_000).into_bytes();
    Record { topic: Topic::ProcessedMetrics, epoch: 3, key, value: Some(value.into_bytes()) }
}

/// A record of devices, each with a view.
pub(crate) fn devices(names: &[&str], state: &str) -> Record {
    let item = |name: &&str| format!(r#"{{"name":"{name}","views":1,"users":1}}"#);
    let items: Vec<_> = names.iter().map(item).collect();
    let value = format!(
        r#"{{"metricType":"DEVICES","category":"business","windowStart":{},"windowEnd":{NOW_MS},"dimensions":{{}},"items":[{}],"other":0,"count":9,"state":"{state}"}}"#,
        NOW_MS - 60_000,
        items.join(",")
    );
    let key = format!("DEVICES|{}|{NOW_MS}|", NOW_MS - 60_000).into_bytes();
    Record { topic: Topic::ProcessedMetrics, epoch: 4, key, value: Some(value.into_bytes()) }
}

/// A record that ends what another says.
pub(crate) fn ended(record: &Record) -> Record {
    Record { value: None, ..record.clone() }
}

pub(crate) fn put(results: &dyn ResultLog, records: Vec<Record>) {
    let transaction = Transaction { records, ..Transaction::default() };
    results.writer().unwrap().commit(&transaction).unwrap();
}

pub(crate) struct Bed {
    pub(crate) results: MemoryResults,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) folder: TempDir,
    pub(crate) told: Mutex<Vec<String>>,
    /// How long was slept, one pause after the other.
    pub(crate) slept: Arc<Mutex<Duration>>,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::new(NOW_MS));
        Self {
            results: MemoryResults::new(clock.clone()),
            clock,
            folder: tempfile::tempdir().unwrap(),
            told: Mutex::default(),
            slept: Arc::default(),
        }
    }

    pub(crate) fn put(&self, records: Vec<Record>) {
        put(&self.results, records);
    }

    /// Feeds until it is so; gives how the feed does then.
    pub(crate) fn feed(
        &self,
        settings: &InfluxSettings,
        until: impl Fn(&FeedReport) -> bool + Sync,
    ) -> FeedReport {
        self.feed_from(&self.results, self.folder.path(), settings, until)
    }

    pub(crate) fn feed_from(
        &self,
        results: &dyn ResultLog,
        folder: &Path,
        settings: &InfluxSettings,
        until: impl Fn(&FeedReport) -> bool + Sync,
    ) -> FeedReport {
        let status = InfluxFeed::new_status();
        let mut feed = InfluxFeed::open(folder, settings, Arc::clone(&status)).unwrap();
        let stop = AtomicBool::new(false);
        let tell = |text: &str| self.told.lock().unwrap().push(text.to_owned());
        let means = InfluxMeans {
            backoff: Backoff { first_ms: 100, most_ms: 1_000 },
            jitter: Arc::new(|most| most),
            sleep: self.sleep(),
            ..InfluxMeans::new(self.clock.clone(), &tell)
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                let is_so = watch(&status, &until);
                stop.store(true, Ordering::Relaxed);
                assert!(is_so, "it did not come: {:?}", status.report());
            });
            feed.run(results, &means, &stop).unwrap();
        });
        status.report()
    }

    /// Sleeps shorter than it says.
    fn sleep(&self) -> Arc<dyn Fn(Duration) + Send + Sync> {
        let slept = Arc::clone(&self.slept);
        Arc::new(move |pause| {
            *slept.lock().unwrap() += pause;
            thread::sleep(pause / 50);
        })
    }

    pub(crate) fn slept(&self) -> Duration {
        *self.slept.lock().unwrap()
    }

    pub(crate) fn told(&self) -> String {
        self.told.lock().unwrap().join("\n")
    }

    /// The dead letters: reason, detail and head of each.
    pub(crate) fn letters(&self) -> Vec<(String, String, String)> {
        let all = self.results.records();
        let letters = all.iter().filter(|record| record.topic == Topic::DeadLetters);
        letters
            .map(|record| {
                let value = record.value.as_deref().unwrap();
                let letter: serde_json::Value = serde_json::from_slice(value).unwrap();
                let text = |name: &str| letter[name].as_str().unwrap().to_owned();
                (text("reason"), text("detail"), text("head"))
            })
            .collect()
    }
}

fn watch(status: &FeedStatus, until: &impl Fn(&FeedReport) -> bool) -> bool {
    (0..10_000).any(|_| {
        thread::sleep(Duration::from_millis(2));
        until(&status.report())
    })
}
