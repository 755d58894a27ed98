//! What every log of results must do, whatever keeps it.

use std::sync::Arc;
use std::time::Duration;
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::clock::ManualClock;
use streamgauge_ingest::sqlite::Sync;
use streamgauge_sink::results::{
    Around, EmbeddedResults, MemoryResults, Position, Progress, Record, ResultError, ResultLog,
    ResultReader, ResultWriter, Topic, Transaction,
};

pub(crate) const START_MS: i64 = 1_700_000_000_000;
const DAY_MS: i64 = 86_400_000;

pub(crate) struct Fixture {
    pub(crate) log: Box<dyn ResultLog>,
    pub(crate) clock: Arc<ManualClock>,
    /// What the clock showed at first, ms.
    pub(crate) start_ms: i64,
    /// Whether all of it has one order, whoever has written it.
    pub(crate) is_in_one_place: bool,
    pub(crate) _directory: Option<tempfile::TempDir>,
}

fn memory() -> Fixture {
    let clock = Arc::new(ManualClock::new(START_MS));
    Fixture {
        log: Box::new(MemoryResults::new(clock.clone())),
        clock,
        start_ms: START_MS,
        is_in_one_place: true,
        _directory: None,
    }
}

fn embedded() -> Fixture {
    let clock = Arc::new(ManualClock::new(START_MS));
    let directory = tempfile::tempdir().unwrap();
    let log = EmbeddedResults::open(directory.path(), Sync::Full, clock.clone()).unwrap();
    Fixture {
        log: Box::new(log),
        clock,
        start_ms: START_MS,
        is_in_one_place: true,
        _directory: Some(directory),
    }
}

pub(crate) fn record(topic: Topic, epoch: u64, key: &str, value: Option<&str>) -> Record {
    let value = value.map(|v| v.as_bytes().to_vec());
    Record { topic, epoch, key: key.as_bytes().to_vec(), value }
}

pub(crate) fn progress(epoch: u64) -> Progress {
    Progress { epoch, records: 1, hash: epoch * 3, chain: epoch * 7 }
}

pub(crate) fn transaction(epoch: u64, records: Vec<Record>) -> Transaction {
    let bindings = vec![Binding { epoch, watermark_ms: 5, ..Binding::default() }];
    Transaction { bindings, settings: None, records, progress: vec![progress(epoch)] }
}

/// Commits, and waits until readers see it: a log on several machines shows it to them a
/// moment later.
pub(crate) fn commit(f: &Fixture, writer: &mut dyn ResultWriter, t: &Transaction) {
    writer.commit(t).unwrap();
    let is_there = || {
        let state = f.log.state().unwrap();
        state.committed.map(|p| p.epoch) >= t.progress.last().map(|p| p.epoch)
            && state.bound >= t.bindings.last().map(|b| b.epoch)
    };
    for _ in 0..500 {
        if is_there() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{:?} after {t:?}", f.log.state());
}

pub(crate) fn read(reader: &mut dyn ResultReader, most: usize) -> Vec<String> {
    let mut all = Vec::new();
    reader
        .poll(most, &mut |s| {
            let value = s.value.map(|v| String::from_utf8_lossy(v).into_owned());
            let (name, key) = (s.topic.name(), String::from_utf8_lossy(s.key));
            all.push(format!("{name} {} {key} {value:?}", s.epoch));
        })
        .unwrap();
    all
}

pub(crate) const METRICS: Topic = Topic::ProcessedMetrics;

fn one_order_for_all(f: &Fixture) {
    let mut writer = f.log.writer().unwrap();
    for epoch in 0..5 {
        let records = vec![
            record(METRICS, epoch, "a", Some("1")),
            record(METRICS, epoch, "b", None),
            record(Topic::Alerts, epoch, "x", Some("2")),
        ];
        commit(f, &mut *writer, &transaction(epoch, records));
    }
    let topics = [METRICS, Topic::Alerts];
    let whole = read(&mut *f.log.reader(&topics, Position::default()).unwrap(), 100);
    assert_eq!(whole.len(), 15);
    assert_eq!(whole[..2], ["processed-metrics 0 a Some(\"1\")", "processed-metrics 0 b None"]);
    let alerts = read(&mut *f.log.reader(&[Topic::Alerts], Position::default()).unwrap(), 100);
    assert_eq!(alerts.len(), 5);
    // What other topics have is passed over once: the reader is behind it.
    let mut none = f.log.reader(&[Topic::Sessions], Position::default()).unwrap();
    assert_eq!(read(&mut *none, 100), [""; 0]);
    let mut behind = f.log.reader(&Topic::ALL, none.position()).unwrap();
    assert_eq!(read(&mut *behind, 100), [""; 0]);
    for most in [1, 2, 3, 7] {
        let mut position = Position::default();
        let mut pieces = Vec::new();
        loop {
            // A reader of its own for each piece: the position says it all.
            let mut reader = f.log.reader(&topics, position).unwrap();
            let piece = read(&mut *reader, most);
            position = reader.position();
            if piece.is_empty() {
                break;
            }
            pieces.extend(piece);
        }
        assert_eq!(pieces, whole, "in pieces of {most}");
    }
}

fn keeps_bindings_progress_and_settings(f: &Fixture) {
    assert_eq!(f.log.state().unwrap(), streamgauge_sink::results::LogState::default());
    let mut writer = f.log.writer().unwrap();
    for epoch in [3, 4, 9] {
        commit(f, &mut *writer, &transaction(epoch, vec![]));
    }
    let settings = Some((u64::MAX - 5, "{}".to_owned()));
    let ahead = Binding { epoch: 12, ..Binding::default() };
    commit(
        f,
        &mut *writer,
        &Transaction { settings, bindings: vec![ahead], ..Transaction::default() },
    );
    let state = f.log.state().unwrap();
    assert_eq!((state.committed, state.bound), (Some(progress(9)), Some(12)));
    let epochs =
        |from| f.log.bindings(from, 100).unwrap().iter().map(|b| b.epoch).collect::<Vec<_>>();
    assert_eq!((epochs(0), epochs(4)), (vec![3, 4, 9, 12], vec![4, 9, 12]));
    assert_eq!(writer.progress(4).unwrap(), Some(progress(4)));
    assert_eq!(writer.progress(5).unwrap(), None);
    assert_eq!(f.log.settings(u64::MAX - 5).unwrap().as_deref(), Some("{}"));
    assert_eq!(f.log.settings(1).unwrap(), None);
    assert_eq!(f.log.bindings(0, 2).unwrap().len(), 2);
    let around = |epoch| {
        let Around { before, first } = f.log.around(&|b| b.epoch >= epoch).unwrap();
        [before, first].map(|b| b.map(|b| b.epoch))
    };
    assert_eq!(around(0), [None, Some(3)]);
    assert_eq!(around(5), [Some(4), Some(9)]);
    assert_eq!(around(13), [Some(12), None]);
    assert_eq!(state.first_bound, Some(3));
    writer.retain(4, 0).unwrap();
    assert_eq!(epochs(0), vec![3, 4, 9, 12], "they are young");
    // It may be that it is not looked every time.
    f.clock.advance(DAY_MS);
    writer.retain(4, 1).unwrap();
    assert_eq!((epochs(0), writer.progress(3).unwrap()), (vec![4, 9, 12], None));
    assert_eq!((around(4), around(9)), ([None, Some(4)], [Some(4), Some(9)]));
}

fn a_newer_writer_ends_an_older_one(f: &Fixture) {
    let mut old = f.log.writer().unwrap();
    commit(f, &mut *old, &transaction(1, vec![record(METRICS, 1, "a", Some("1"))]));
    let mut new = f.log.writer().unwrap();
    assert!(new.number() > old.number());
    let fenced = old.commit(&transaction(2, vec![record(METRICS, 2, "a", Some("2"))]));
    assert!(matches!(fenced, Err(ResultError::Fenced { .. })), "{fenced:?}");
    f.clock.advance(DAY_MS);
    assert!(old.retain(9, 0).is_err());
    commit(f, &mut *new, &transaction(2, vec![record(METRICS, 2, "a", Some("3"))]));
    let all = read(&mut *f.log.reader(&[METRICS], Position::default()).unwrap(), 9);
    assert_eq!(all, ["processed-metrics 1 a Some(\"1\")", "processed-metrics 2 a Some(\"3\")"]);
}

fn finds_by_time(f: &Fixture) {
    let mut writer = f.log.writer().unwrap();
    for epoch in 0..3 {
        commit(f, &mut *writer, &transaction(epoch, vec![record(METRICS, epoch, "a", Some("1"))]));
        f.clock.advance(60_000);
    }
    for (ms, expected) in [(-5, 3), (0, 3), (1, 2), (120_000, 1), (120_001, 0)] {
        let from = f.log.position_at(f.start_ms + ms).unwrap();
        let count = read(&mut *f.log.reader(&[METRICS], from).unwrap(), 9).len();
        assert_eq!(count, expected, "from {ms}");
    }
    let end = f.log.position_at(f.start_ms + 300_000).unwrap();
    let mut reader = f.log.reader(&[METRICS], end).unwrap();
    commit(f, &mut *writer, &transaction(7, vec![record(METRICS, 7, "z", Some("1"))]));
    assert_eq!(read(&mut *reader, 9).len(), 1, "what comes later is read from there");
}

fn takes_what_others_append(f: &Fixture) {
    f.log.append(&[record(Topic::DeadLetters, 0, "early", Some("1"))]).unwrap();
    let mut writer = f.log.writer().unwrap();
    commit(f, &mut *writer, &transaction(1, vec![record(METRICS, 1, "a", Some("1"))]));
    let both =
        [record(Topic::DeadLetters, 1, "x", Some("2")), record(Topic::DeadLetters, 1, "y", None)];
    f.log.append(&both).unwrap();
    f.log.append(&[]).unwrap();
    // The writer keeps its right, and its rows come behind.
    commit(f, &mut *writer, &transaction(2, vec![record(METRICS, 2, "b", Some("1"))]));
    let topics = [METRICS, Topic::DeadLetters];
    let all = read(&mut *f.log.reader(&topics, Position::default()).unwrap(), 9);
    let letters = [
        "dead-letters 0 early Some(\"1\")",
        "dead-letters 1 x Some(\"2\")",
        "dead-letters 1 y None",
    ];
    let results = ["processed-metrics 1 a Some(\"1\")", "processed-metrics 2 b Some(\"1\")"];
    if f.is_in_one_place {
        assert_eq!(all, [letters[0], results[0], letters[1], letters[2], results[1]]);
    } else {
        // What comes from elsewhere has no place among transactions, but its own order.
        let (of_others, of_job): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|line| line.starts_with("dead-letters"));
        assert_eq!(
            (&of_others[..], &of_job[..]),
            (&letters.map(String::from)[..], &results.map(String::from)[..])
        );
    }
    let state = f.log.state().unwrap();
    assert_eq!((state.committed, state.bound), (Some(progress(2)), Some(2)));
}

pub(crate) type Test = fn(&Fixture);

pub(crate) const SUITE: [(&str, Test); 5] = [
    ("one order for all", one_order_for_all),
    ("keeps bindings, progress and settings", keeps_bindings_progress_and_settings),
    ("a newer writer ends an older one", a_newer_writer_ends_an_older_one),
    ("finds by time", finds_by_time),
    ("takes what others append", takes_what_others_append),
];

#[test]
fn results_in_memory_conform() {
    for (name, test) in SUITE {
        println!("{name}");
        test(&memory());
    }
}

#[test]
fn embedded_results_conform() {
    for (name, test) in SUITE {
        println!("{name}");
        test(&embedded());
    }
}

#[test]
fn whoever_waits_is_woken() {
    for f in [memory(), embedded()] {
        wakes_whoever_waits(&f);
    }
}

pub(crate) fn wakes_whoever_waits(f: &Fixture) {
    {
        let mut writer = f.log.writer().unwrap();
        let mut reader = f.log.reader(&[METRICS], Position::default()).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(move || {
                let mut all = Vec::new();
                while all.is_empty() {
                    reader.wait(Duration::from_secs(60));
                    all = read(&mut *reader, 9);
                }
                all
            });
            commit(f, &mut *writer, &transaction(1, vec![record(METRICS, 1, "a", Some("1"))]));
            assert_eq!(waiting.join().unwrap().len(), 1);
        });
        let mut reader = f.log.reader(&[Topic::DeadLetters], Position::default()).unwrap();
        assert_eq!(read(&mut *reader, 9).len(), 0);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(move || {
                while read(&mut *reader, 9).is_empty() {
                    reader.wait(Duration::from_secs(60));
                }
            });
            f.log.append(&[record(Topic::DeadLetters, 1, "a", Some("1"))]).unwrap();
            waiting.join().unwrap();
        });
    }
}

#[test]
fn retention_cuts_by_topic_and_tells() {
    let f = embedded();
    let mut writer = f.log.writer().unwrap();
    let mut slow = f.log.reader(&[METRICS], Position::default()).unwrap();
    let both = |epoch| {
        vec![record(METRICS, epoch, "a", Some("1")), record(Topic::Sessions, epoch, "s", Some("2"))]
    };
    commit(&f, &mut *writer, &transaction(0, both(0)));
    assert_eq!(read(&mut *slow, 1).len(), 1);
    let is_cut = |topic| f.log.is_cut(topic).unwrap();
    assert_eq!((is_cut(METRICS), is_cut(Topic::Sessions)), (vec![false], vec![false]));
    let behind = slow.position();
    commit(&f, &mut *writer, &transaction(1, both(1)));
    f.clock.advance(2 * DAY_MS);
    commit(&f, &mut *writer, &transaction(2, both(2)));
    writer.retain(0, 0).unwrap();
    let lost = slow.poll(9, &mut |_| {});
    assert!(matches!(&lost, Err(ResultError::Lost { .. })), "{lost:?}");
    assert!(f.log.reader(&[METRICS], behind).is_err());
    let new = |topic| read(&mut *f.log.reader(&[topic], Position::default()).unwrap(), 9).len();
    assert_eq!((new(METRICS), new(Topic::Sessions)), (1, 3));
    assert_eq!((is_cut(METRICS), is_cut(Topic::Sessions)), (vec![true], vec![false]));
}
