//! What only a log in a file must do: several processes, restarts, damage, versions.

use std::path::Path;
use std::sync::Arc;
use streamgauge_ingest::clock::ManualClock;
use streamgauge_ingest::log::{
    EmbeddedLog, EventLog, LogError, NewRecord, Position, Record, Retention,
};
use streamgauge_ingest::sqlite::{OpenError, Sync};

const PARTITIONS: u32 = 3;

fn open(directory: &Path) -> EmbeddedLog {
    let clock = Arc::new(ManualClock::new(1_700_000_000_000));
    EmbeddedLog::open(directory, PARTITIONS, Retention::default(), Sync::Full, clock).unwrap()
}

fn append(log: &EmbeddedLog, partition: u32, values: &[String]) -> Vec<u64> {
    let record =
        |v: &'_ String| NewRecord { partition, key: b"", value: v.clone().leak().as_bytes() };
    log.append(&values.iter().map(record).collect::<Vec<_>>()).unwrap()
}

fn texts(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{prefix}{i}")).collect()
}

fn from_start() -> Vec<Position> {
    (0..PARTITIONS).map(|partition| Position { partition, offset: 0 }).collect()
}

#[test]
fn several_writers_lose_nothing_and_each_append_stays_together() {
    let directory = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4u32 {
            let path = directory.path();
            scope.spawn(move || {
                let log = open(path);
                for round in 0..20 {
                    let offsets =
                        append(&log, writer % 2, &texts(&format!("{writer} {round} "), 7));
                    assert!(offsets.windows(2).all(|w| w[1] == w[0] + 1));
                }
            });
        }
    });
    let log = open(directory.path());
    let mut read: Vec<(u32, u64, String)> = Vec::new();
    let mut reader = log.reader(&from_start()).unwrap();
    let mut note = |r: Record<'_>| {
        read.push((r.partition, r.offset, String::from_utf8_lossy(r.value).into_owned()));
    };
    while reader.poll(33, &mut note).unwrap() > 0 {}
    assert_eq!(read.len(), 4 * 20 * 7);
    for partition in 0..2 {
        let mine: Vec<_> = read.iter().filter(|r| r.0 == partition).collect();
        assert!(mine.iter().map(|r| r.1).eq(0..280));
        for together in mine.chunks(7) {
            let of = |r: &(u32, u64, String)| r.2.rsplit_once(' ').unwrap().0.to_owned();
            assert!(together.iter().all(|r| of(r) == of(together[0])), "{together:?}");
        }
    }
}

#[test]
fn several_may_make_it_at_once() {
    for _ in 0..40 {
        let directory = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| append(&open(directory.path()), 0, &texts("", 3)));
            }
        });
        assert_eq!(open(directory.path()).bounds(0).unwrap(), 0..24);
    }
}

#[test]
fn it_goes_on_after_it_was_closed_and_reads_from_anywhere() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..10u32 {
        let log = open(directory.path());
        append(&log, round % PARTITIONS, &texts(&format!("{round}-"), 5));
    }
    let log = open(directory.path());
    assert_eq!([0, 1, 2].map(|p| log.bounds(p).unwrap()), [0..20, 0..15, 0..15]);
    for offsets in [[0, 0, 0], [20, 15, 15], [3, 11, 15], [19, 0, 7], [5, 5, 5]] {
        let at: Vec<_> =
            (0..).zip(offsets).map(|(partition, offset)| Position { partition, offset }).collect();
        let mut reader = log.reader(&at).unwrap();
        let mut read = [0, 0, 0];
        while reader.poll(4, &mut |r| read[r.partition as usize] += 1).unwrap() > 0 {}
        assert_eq!(read, [20 - offsets[0], 15 - offsets[1], 15 - offsets[2]]);
        // Ends that lie far apart, each read exactly.
        let ends = [17, 12, 9];
        let mut reader = log.reader(&at).unwrap();
        let mut read = [0, 0, 0];
        let until: Vec<_> =
            (0..).zip(ends).map(|(partition, offset)| Position { partition, offset }).collect();
        reader.read_until(&until, &mut |r| read[r.partition as usize] += 1).unwrap();
        let expected: Vec<u64> =
            ends.iter().zip(offsets).map(|(e, o)| u64::saturating_sub(*e, o)).collect();
        assert_eq!(read.as_slice(), expected);
        while reader.poll(4, &mut |r| read[r.partition as usize] += 1).unwrap() > 0 {}
        assert_eq!(read, [20 - offsets[0], 15 - offsets[1], 15 - offsets[2]], "and the rest");
    }
}

#[test]
fn a_newer_format_is_refused_and_damage_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("events.db");
    let log = open(directory.path());
    append(&log, 0, &texts("a", 5));
    append(&log, 1, &texts("b", 5));
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute("UPDATE batches SET bytes = zeroblob(length(bytes)) WHERE id = 2", ()).unwrap();
    let mut reader = log.reader(&from_start()).unwrap();
    let mut read = 0;
    let result = reader.poll(100, &mut |_| read += 1);
    assert_eq!(read, 5, "what comes before it is read");
    let named = matches!(&result, Err(LogError::Damaged { partition: 1, offsets, .. }) if *offsets == (0..5));
    assert!(named, "{result:?}");
    drop(log);
    raw.pragma_update(None, "user_version", 99).unwrap();
    let clock = Arc::new(ManualClock::new(0));
    let opened = EmbeddedLog::open(directory.path(), 1, Retention::default(), Sync::Normal, clock);
    assert!(matches!(opened.err(), Some(OpenError::Newer { found: 99, .. })));
}

#[test]
fn a_file_that_is_no_log_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("events.db"), "no database at all, but a text").unwrap();
    let clock = Arc::new(ManualClock::new(0));
    let opened = EmbeddedLog::open(directory.path(), 1, Retention::default(), Sync::Full, clock);
    assert!(matches!(opened.err(), Some(OpenError::Sqlite { .. })));
}

#[test]
fn age_cuts_too() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(0));
    let retention = Retention { age_ms: 1_000, ..Retention::default() };
    let log = EmbeddedLog::open(directory.path(), PARTITIONS, retention, Sync::Full, clock.clone())
        .unwrap();
    for _ in 0..5 {
        append(&log, 0, &texts("x", 2));
        clock.advance(400);
    }
    assert_eq!(log.bounds(0).unwrap(), 4..10, "what is older than a second is gone");
    assert_eq!(log.bounds(1).unwrap(), 0..0);
}

#[test]
fn a_file_of_something_else_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("events.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE theirs (a)").unwrap();
    let clock = Arc::new(ManualClock::new(0));
    let opened = EmbeddedLog::open(directory.path(), 1, Retention::default(), Sync::Full, clock);
    assert!(matches!(opened.err(), Some(OpenError::Foreign { .. })));
    let tables = "SELECT count(*) FROM sqlite_schema";
    assert_eq!(other.query_row(tables, (), |row| row.get::<_, i64>(0)).unwrap(), 1);
    let mode = other.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0));
    assert_eq!(mode.unwrap(), "delete");
}
