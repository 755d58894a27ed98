use super::*;
use crate::results::{LogState, MemoryResults, ResultWriter, Transaction};
use crate::store::{HistoryQuery, HistoryStore, Retention};
use std::path::Path;
use std::sync::Arc;
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::clock::ManualClock;

const NOW_MS: i64 = 1_703_123_460_000;

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(NOW_MS))
}

fn store(folder: &Path) -> EmbeddedStore {
    let retention = Retention::new(Duration::from_secs(86_400), clock());
    EmbeddedStore::open(&folder.join("store.db"), retention).unwrap()
}

fn users(end_ms: i64) -> Record {
    let value = format!(
        r#"{{"metricType":"ACTIVE_USERS_5M","category":"real_time","windowStart":0,"windowEnd":{end_ms},"dimensions":{{}},"value":1,"state":"final"}}"#
    );
    let key = format!("ACTIVE_USERS_5M|0|{end_ms}|").into_bytes();
    Record { topic: Topic::ProcessedMetrics, epoch: 1, key, value: Some(value.into_bytes()) }
}

fn write(log: &MemoryResults, records: Vec<Record>) {
    let transaction = Transaction { records, ..Transaction::default() };
    log.writer().unwrap().commit(&transaction).unwrap();
}

fn query() -> HistoryQuery {
    HistoryQuery {
        measurement: "active_users_5m".to_owned(),
        tags: vec![],
        field: "value".to_owned(),
        from_ms: i64::MIN,
        to_ms: i64::MAX,
        step_ms: None,
        most: usize::MAX,
    }
}

fn times(store: &EmbeddedStore) -> Vec<i64> {
    let history = store.history().unwrap().history(&query()).unwrap();
    history.points.into_iter().map(|(time_ms, _)| time_ms).collect()
}

/// Feeds until so many points are there; gives what was said.
fn feed_until(log: &dyn ResultLog, store: &mut EmbeddedStore, points: usize) -> Vec<FeedNote> {
    let stop = AtomicBool::new(false);
    let reader = store.history().unwrap();
    let mut notes = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            while reader.history(&query()).unwrap().points.len() < points {
                thread::yield_now();
            }
            stop.store(true, Ordering::Relaxed);
        });
        feed(log, store, &stop, &mut |note| notes.push(note)).unwrap();
    });
    notes
}

#[test]
fn a_feed_goes_on_where_the_store_is_and_says_what_it_could_not_keep() {
    let folder = tempfile::tempdir().unwrap();
    let log = MemoryResults::new(clock());
    let old = users(NOW_MS - 2 * 86_400_000);
    let odd = Record { key: b"odd".to_vec(), ..users(0) };
    let live = Record { topic: Topic::LiveMetrics, ..users(NOW_MS - 1) };
    let many = (0..2500).map(|i| users(NOW_MS + i * 5000));
    write(&log, many.chain([odd.clone(), live, old.clone(), odd, old]).collect());
    let mut first = store(folder.path());
    let notes = feed_until(&log, &mut first, 2500);
    let told = "odd: not the key of a result: fewer than four parts";
    drop(first);

    let other = Record { topic: Topic::JobStatus, ..users(0) };
    write(&log, vec![users(NOW_MS - 5000), other]);
    let mut second = store(folder.path());
    let more = feed_until(&log, &mut second, 2501);
    let all: Vec<_> = notes.into_iter().chain(more).collect();
    assert_eq!(all, [FeedNote::Unreadable(told.to_owned()), FeedNote::Expired]);
    assert_eq!(times(&second)[..2], [NOW_MS - 5000, NOW_MS]);
    let totals = second.totals();
    assert_eq!((totals.expired, totals.unreadable, totals.gaps), (2, 2, 0));
    assert_eq!(second.position(), Some(&Position(vec![2507])));
}

/// A log whose first records are cut while they are read.
struct Cut {
    log: MemoryResults,
    kept_from: u64,
    cut_at: u64,
}

struct CutReader {
    inner: Box<dyn ResultReader>,
    kept_from: u64,
    cut_at: u64,
}

impl CutReader {
    fn check(&self) -> Result<(), ResultError> {
        let next = self.inner.position().0[0];
        if (self.cut_at..self.kept_from).contains(&next) {
            return Err(ResultError::Lost { kept_from: Position(vec![self.kept_from]) });
        }
        Ok(())
    }
}

impl ResultReader for CutReader {
    fn poll(
        &mut self,
        most: usize,
        each: &mut dyn FnMut(crate::results::Stored<'_>),
    ) -> Result<usize, ResultError> {
        for count in 0..most {
            self.check()?;
            if self.inner.poll(1, each)? == 0 {
                return Ok(count);
            }
        }
        Ok(most)
    }

    fn position(&self) -> Position {
        self.inner.position()
    }

    fn wait(&mut self, at_most: Duration) {
        self.inner.wait(at_most);
    }
}

impl ResultLog for Cut {
    fn writer(&self) -> Result<Box<dyn ResultWriter>, ResultError> {
        self.log.writer()
    }

    fn append(&self, records: &[Record]) -> Result<(), ResultError> {
        self.log.append(records)
    }

    fn reader(
        &self,
        topics: &[Topic],
        from: Position,
    ) -> Result<Box<dyn ResultReader>, ResultError> {
        let inner = self.log.reader(topics, from)?;
        let (kept_from, cut_at) = (self.kept_from, self.cut_at);
        Ok(Box::new(CutReader { inner, kept_from, cut_at }))
    }

    fn position_at(&self, at_ms: i64) -> Result<Position, ResultError> {
        self.log.position_at(at_ms)
    }

    fn bindings(&self, epoch: u64, most: usize) -> Result<Vec<Binding>, ResultError> {
        self.log.bindings(epoch, most)
    }

    fn state(&self) -> Result<LogState, ResultError> {
        self.log.state()
    }

    fn settings(&self, hash: u64) -> Result<Option<String>, ResultError> {
        self.log.settings(hash)
    }
}

#[test]
fn what_retention_has_cut_is_counted_told_and_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let log = MemoryResults::new(clock());
    write(&log, (0..10).map(|i| users(NOW_MS + i * 5000)).collect());
    let cut = Cut { log, kept_from: 7, cut_at: 3 };
    let mut store = store(folder.path());
    let notes = feed_until(&cut, &mut store, 6);
    assert_eq!(notes, [FeedNote::Gap { kept_from: Position(vec![7]) }]);
    let expected: Vec<_> = [0, 1, 2, 7, 8, 9].map(|i| NOW_MS + i * 5000).into();
    assert_eq!(times(&store), expected);
    assert_eq!(store.totals().gaps, 1);
}
