//! A log of results, a queue on disk, and a sender between them and a receiver.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use streamgauge_ingest::clock::ManualClock;
use streamgauge_sink::results::{
    MemoryResults, Position, Record, ResultLog, ResultWriter, Topic, Transaction,
};
use streamgauge_sink::webhook::{
    Backoff, Counts, Endpoint, Http, Means, Note, Queue, Url, random, send,
};
use tempfile::TempDir;

/// Turns of the clock: so much of its time in so much of real time.
const TURN_MS: i64 = 100;
const TURN_EVERY: Duration = Duration::from_millis(2);

pub(crate) const NOW_MS: i64 = 1_703_123_460_000;

pub(crate) fn endpoint(url: &str) -> Endpoint {
    Endpoint {
        name: "hook".into(),
        url: Url::parse(url).unwrap(),
        secret: None,
        rules: Vec::new(),
        severities: Vec::new(),
        timeout: Duration::from_secs(10),
        give_up_after: Duration::from_secs(3_600),
        max_attempts: 100,
    }
}

/// Waits for something that must come.
pub(crate) fn within(is: impl Fn() -> bool) {
    let is_there = (0..30_000).any(|_| {
        let is_there = is();
        if !is_there {
            thread::sleep(Duration::from_millis(1));
        }
        is_there
    });
    assert!(is_there, "it did not come");
}

pub(crate) struct Bed {
    pub(crate) results: Arc<dyn ResultLog>,
    pub(crate) writer: Box<dyn ResultWriter>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) folder: TempDir,
    pub(crate) epoch: u64,
    pub(crate) counts: Arc<Counts>,
    /// Whether the clock turns by itself.
    pub(crate) turns: bool,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::new(NOW_MS));
        let results = Arc::new(MemoryResults::new(clock.clone()));
        Self::over(results, clock)
    }

    pub(crate) fn over(results: Arc<dyn ResultLog>, clock: Arc<ManualClock>) -> Self {
        let writer = results.writer().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let counts = Arc::new(Counts::new("hook"));
        Self { results, writer, clock, folder, epoch: 1, counts, turns: true }
    }

    /// Keeps records as one epoch.
    pub(crate) fn put(&mut self, records: Vec<Record>) {
        self.writer.commit(&Transaction { records, ..Transaction::default() }).unwrap();
        self.epoch += 1;
    }

    pub(crate) fn record(&mut self, id: &str, value: &str) {
        let (key, value) = (id.as_bytes().to_vec(), Some(value.as_bytes().to_vec()));
        self.put(vec![Record { topic: Topic::Alerts, epoch: self.epoch, key, value }]);
    }

    pub(crate) fn alert(&mut self, id: &str, state: &str) {
        let body = self.body(id, state, self.epoch);
        self.record(id, &body);
    }

    pub(crate) fn body(&self, id: &str, state: &str, epoch: u64) -> String {
        format!(
            r#"{{"alertId":"{id}","alertType":"HIGH_BOUNCE_RATE","severity":"MEDIUM","title":"High Bounce Rate Detected","description":"User ü{id} viewed only one page","userId":"ü{id}","windowStart":0,"windowEnd":300000,"state":"{state}","value":1,"threshold":1,"rule":"high_bounce_rate","ruleVersion":1,"epoch":{epoch}}}"#
        )
    }

    pub(crate) fn end(&self) -> Position {
        self.results.position_at(i64::MAX).unwrap()
    }

    /// Runs a sender while `during` is at work, from the queue as it is on disk; returns
    /// what it had to say.
    pub(crate) fn run(&mut self, endpoint: &Endpoint, during: impl FnOnce(&mut Self)) -> Vec<Note> {
        let means = Means {
            transport: Arc::new(Http::new(endpoint.timeout)),
            clock: self.clock.clone(),
            backoff: Backoff::default(),
            jitter: random(),
            counts: self.counts.clone(),
        };
        let mut queue = Queue::open(self.folder.path()).unwrap();
        let (results, clock, turns) = (self.results.clone(), self.clock.clone(), self.turns);
        let (begun, stop) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let mut notes = Vec::new();
                // A new webhook begins at the end of the log as of now.
                if queue.position(&endpoint.name).unwrap().is_none() {
                    let ended = AtomicBool::new(true);
                    let none = &mut |_| ();
                    send(&*results, &mut queue, endpoint, &means, &ended, none).unwrap();
                }
                begun.store(true, Ordering::SeqCst);
                let note = &mut |note| notes.push(note);
                send(&*results, &mut queue, endpoint, &means, &stop, note).unwrap();
                notes
            });
            scope.spawn(|| {
                while turns && !stop.load(Ordering::SeqCst) {
                    thread::sleep(TURN_EVERY);
                    clock.advance(TURN_MS);
                }
            });
            within(|| begun.load(Ordering::SeqCst));
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| during(self)));
            stop.store(true, Ordering::SeqCst);
            let notes = sender.join().unwrap();
            done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            notes
        })
    }
}
