//! `/readyz` in each state.

use crate::site::{NOW_MS, Site};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use streamgauge_ingest::binding::Binding;
use streamgauge_sink::results::{
    LogState, Position, Record, ResultError, ResultLog, ResultReader, ResultWriter, Topic,
};
use streamgauge_sink::store::FeedStatus;

#[tokio::test]
async fn it_is_ready_only_when_the_job_is_live() {
    let mut site = Site::start().await;
    let answer = site.get("/readyz").await;
    assert_eq!((answer.status, answer.json()["state"].as_str()), (503, Some("unknown")));
    assert!(answer.body.contains("no job has written to this log yet: start one"));
    for (state, status, why) in [
        ("starting", 503, "starting: the job builds its dataflow"),
        ("restoring", 503, "restoring: the job reads its last checkpoint"),
        ("behind", 503, "behind: the job works off events that have piled up"),
        ("stopping", 503, "stopping: the job was told to end"),
        ("dancing", 503, "not known here"),
        ("live", 200, "live: the job keeps up"),
    ] {
        site.status(1, state, "");
        site.commit();
        let answer = site.until(|body| body.contains(why)).await;
        assert_eq!((answer.status, &answer.json()["ready"]), (status, &(status == 200).into()));
    }
    let answer = site.get("/readyz").await.json();
    assert_eq!(answer["checks"]["events"]["why"], "no events yet");
    assert_eq!(answer["checks"]["events"]["ok"], true);
    site.status(1, "live", r#","read":12"#);
    site.commit();
    site.until(|body| body.contains("12 events read")).await;
    site.clock.advance(5_000);
    assert_eq!(site.get("/readyz").await.status, 200);
    site.clock.advance(1);
    let answer = site.get("/readyz").await;
    assert_eq!((answer.status, answer.json()["state"].as_str()), (503, Some("silent")));
    assert!(answer.body.contains("job silent since 2023-12-21T01:51:00.000Z"), "{}", answer.body);
    assert_eq!(site.get("/healthz").await.status, 200, "the process lives nevertheless");
}

/// What it rejects is no reason not to be ready.
#[tokio::test]
async fn a_clock_that_is_wrong_is_told() {
    let mut site = Site::start().await;
    for (ahead, ok, why) in [
        (
            r#","ahead":{"records":60,"of":100,"byMs":3600000}"#,
            false,
            "60 of 100 events in the last minute were ahead of their appending, about 60 min",
        ),
        ("", true, "no events that are too far ahead"),
    ] {
        site.status(1, "live", ahead);
        site.commit();
        let answer = site.until(|body| body.contains(why)).await;
        assert_eq!((answer.status, &answer.json()["checks"]["clocks"]["ok"]), (200, &ok.into()));
    }
}

/// Numbers are right without checkpoints: it stays ready, and says what is wrong.
#[tokio::test]
async fn checkpoints_that_fail_are_told() {
    let mut site = Site::start().await;
    for (checkpoint, ok, why) in [
        ("", true, "no checkpoint yet"),
        (
            r#""epoch":4,"atMs":1703123450000,"bytes":9,"failed":null"#,
            true,
            "is of 2023-12-21T01:50:50",
        ),
        (
            r#""epoch":4,"atMs":1703123450000,"bytes":9,"failed":"no space left""#,
            false,
            "the last checkpoint failed: no space left; after a restart the job would go on from that of 2023-12-21T01:50:50",
        ),
        (r#""epoch":0,"atMs":0,"bytes":0,"failed":"no space left""#, false, "none to go on from"),
    ] {
        let more = match checkpoint {
            "" => String::new(),
            some => format!(r#","checkpoint":{{{some}}}"#),
        };
        site.status(1, "live", &more);
        site.commit();
        let answer = site.until(|body| body.contains(why) && body.contains("keeps up")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.json()["checks"]["checkpoints"]["ok"], ok, "{}", answer.body);
    }
    let metrics = site.get("/metrics").await.body;
    assert!(metrics.contains("streamgauge_checkpoint_failed 1"), "{metrics}");
    assert!(!metrics.contains("streamgauge_checkpoint_age_seconds"), "{metrics}");
}

/// A log that cannot be read while it is broken.
struct Broken {
    log: Arc<dyn ResultLog>,
    broken: Arc<AtomicBool>,
}

impl Broken {
    fn check(&self) -> Result<(), ResultError> {
        match self.broken.load(Ordering::SeqCst) {
            true => Err(ResultError::Storage {
                what: "reading segment 7".into(),
                reason: "the disk is on fire".into(),
            }),
            false => Ok(()),
        }
    }
}

impl ResultLog for Broken {
    fn writer(&self) -> Result<Box<dyn ResultWriter>, ResultError> {
        self.log.writer()
    }
    fn append(&self, records: &[Record]) -> Result<(), ResultError> {
        self.log.append(records)
    }
    fn reader(&self, t: &[Topic], p: Position) -> Result<Box<dyn ResultReader>, ResultError> {
        self.check()?;
        self.log.reader(t, p)
    }
    fn position_at(&self, at_ms: i64) -> Result<Position, ResultError> {
        self.check()?;
        self.log.position_at(at_ms)
    }
    fn bindings(&self, epoch: u64, most: usize) -> Result<Vec<Binding>, ResultError> {
        self.log.bindings(epoch, most)
    }
    fn state(&self) -> Result<LogState, ResultError> {
        self.check()?;
        self.log.state()
    }
    fn settings(&self, hash: u64) -> Result<Option<String>, ResultError> {
        self.log.settings(hash)
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_read_is_told_and_tried_again() {
    let broken = Arc::new(AtomicBool::new(false));
    let switch = broken.clone();
    let mut site = Site::new();
    site.status(1, "live", "");
    site.alert("a", "firing");
    site.commit();
    let mut site = site
        .serve(move |parts| {
            parts.results = Arc::new(Broken { log: parts.results.clone(), broken: switch });
        })
        .await;
    assert_eq!(site.get("/readyz").await.status, 200);
    broken.store(true, Ordering::SeqCst);
    site.status(1, "live", r#","epoch":999,"watermark":1"#);
    site.commit();
    let answer = site.until(|body| body.contains("the disk is on fire")).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["checks"]["log"]["ok"], false);
    site.alert("b", "firing");
    site.commit();
    broken.store(false, Ordering::SeqCst);
    site.until(|body| body.contains(r#""ready":true"#)).await;
    let now = site.get("/api/v1/snapshot").await.json();
    assert_eq!(now["alerts"]["groups"][0]["firing"], 2, "nothing twice, nothing lost");
}

/// A store that is away or behind has a backlog: it stays ready, and says so.
#[tokio::test]
async fn a_store_that_is_away_or_behind_is_told() {
    let store = Arc::new(FeedStatus::new("InfluxDB"));
    let told = Arc::clone(&store);
    let mut site = Site::new();
    site.status(1, "live", "");
    site.commit();
    let site = site.serve(move |parts| parts.store = Some(told)).await;
    let check = async |ok: bool, why: &str, metrics: [&str; 2]| {
        let answer = site.until(|body| body.contains("keeps up")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let history = &answer.json()["checks"]["history"];
        assert_eq!((&history["ok"], history["why"].as_str()), (&ok.into(), Some(why)));
        let text = site.get("/metrics").await.body;
        assert!(metrics.iter().all(|line| text.contains(line)), "{text}");
    };
    let (up, down) = ("streamgauge_store_up 1\n", "streamgauge_store_up 0\n");
    let lag = "streamgauge_store_lag_seconds";
    store.note(|report| report.written_by = Some("123".into()));
    let why = "process 123 writes InfluxDB; this one begins when that has ended";
    check(true, why, ["", ""]).await;
    let text = site.get("/metrics").await.body;
    assert!(!text.contains("streamgauge_store_"), "only who writes it knows how it does: {text}");
    store.note(|report| report.written_by = None);
    check(true, "InfluxDB was not asked yet", [up, &format!("{lag} 0.000\n")]).await;
    store.note(|report| report.failure = Some("it answered 503".into()));
    check(false, "InfluxDB is not written: it answered 503", [down, lag]).await;
    store.note(|report| report.waiting_since_ms = Some(NOW_MS - 90_500));
    let why = "InfluxDB is not written: it answered 503; it is 90 s behind";
    check(false, why, [down, &format!("{lag} 90.500\n")]).await;
    store.note(|report| report.failure = None);
    check(false, "InfluxDB catches up; it is 90 s behind", [up, lag]).await;
    store.note(|report| {
        report.has_written = true;
        report.written = 5;
        report.waiting_since_ms = Some(NOW_MS - 1_000);
    });
    let written = "streamgauge_store_points_written_total 5\n";
    check(true, "InfluxDB has all results", [up, written]).await;
}
