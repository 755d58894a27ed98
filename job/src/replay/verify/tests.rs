use super::*;
use crate::live::committed_records;
use std::sync::Arc;
use std::time::Duration;
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::clock::ManualClock;
use streamgauge_sink::change::{self, Change, State};
use streamgauge_sink::dead_letters::too_large;
use streamgauge_sink::metric::Metric;
use streamgauge_sink::results::{
    MemoryResults, Progress, Record, ResultWriter, Stored, Transaction,
};

/// Results in two partitions of each topic, by the last byte of a key.
struct Two {
    log: MemoryResults,
    cut: [bool; 2],
}

fn partition(key: &[u8]) -> u32 {
    key.last().map_or(0, |last| u32::from(*last) % 2)
}

struct Reader(Box<dyn ResultReader>);

impl ResultReader for Reader {
    fn poll(
        &mut self,
        most: usize,
        each: &mut dyn FnMut(Stored<'_>),
    ) -> Result<usize, ResultError> {
        self.0.poll(most, &mut |stored| {
            let partition = partition(stored.key);
            each(Stored { partition, ..stored });
        })
    }

    fn position(&self) -> Position {
        self.0.position()
    }

    fn wait(&mut self, at_most: Duration) {
        self.0.wait(at_most);
    }
}

impl ResultLog for Two {
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
        Ok(Box::new(Reader(self.log.reader(topics, from)?)))
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

    fn partition(&self, _: Topic, key: &[u8]) -> u32 {
        partition(key)
    }

    fn is_cut(&self, _: Topic) -> Result<Vec<bool>, ResultError> {
        Ok(self.cut.to_vec())
    }
}

/// An epoch with a final result under each key.
fn epoch(epoch: u64, keys: &[&str]) -> EpochChanges {
    let change = |key: &&str| Change {
        topic: change::Topic::Result(Metric::ActiveUsers),
        key: key.as_bytes().to_vec(),
        state: State::Final,
        body: format!("{{\"value\":{epoch}}}").into_bytes(),
        was: None,
        now: None,
        replaces: false,
    };
    EpochChanges { epoch, watermark_ms: 0, changes: keys.iter().map(change).collect() }
}

/// Verifies epochs against what is left of them.
fn verify(
    computed: &[EpochChanges],
    left: &[EpochChanges],
    cut: [bool; 2],
) -> Result<Verified, VerifyError> {
    verify_from(0, computed, left, cut)
}

fn verify_from(
    from: u64,
    computed: &[EpochChanges],
    left: &[EpochChanges],
    cut: [bool; 2],
) -> Result<Verified, VerifyError> {
    verify_records(from, computed, left.iter().flat_map(committed_records).collect(), cut)
}

/// A log with these records, committed up to an epoch.
fn committed(records: Vec<Record>, epoch: u64) -> MemoryResults {
    let log = MemoryResults::new(Arc::new(ManualClock::new(0)));
    let progress = vec![Progress { epoch, records: 0, hash: 0, chain: 0 }];
    let transaction = Transaction { records, progress, ..Transaction::default() };
    log.writer().unwrap().commit(&transaction).unwrap();
    log
}

/// Verifies epochs from one on against these records.
fn verify_records(
    from: u64,
    computed: &[EpochChanges],
    records: Vec<Record>,
    cut: [bool; 2],
) -> Result<Verified, VerifyError> {
    let results = Two { log: committed(records, computed.last().unwrap().epoch), cut };
    let mut verifier = Verifier::open(&results, from)?;
    computed.iter().try_for_each(|changes| verifier.epoch(changes))?;
    verifier.finish()
}

fn missing(key_expected: &str, verified: Result<Verified, VerifyError>) {
    let error = verified.expect_err("something is missing");
    assert!(
        matches!(&error, VerifyError::Missing { key, .. } if key == key_expected),
        "{key_expected}: {error}"
    );
}

#[test]
fn what_came_before_is_not_compared() {
    // Cut otherwise, earlier epochs have other numbers, and give other records.
    let computed = [epoch(1, &["x"]), epoch(7, &["y"]), epoch(9, &["a"]), epoch(10, &["b"])];
    let committed = [epoch(7, &["z"]), epoch(8, &["a"]), epoch(9, &["a"]), epoch(10, &["b"])];
    let verified = verify_from(9, &computed, &committed, [false; 2]).unwrap();
    assert_eq!(verified, Verified { equal: 2, no_longer_kept: 0, from: 9, epoch: 10 });
    missing("c", verify_from(9, &[epoch(8, &["d"]), epoch(9, &["c"])], &[], [false; 2]));
    assert!(verify_from(9, &computed[..3], &committed[..2], [false; 2]).is_err());
}

#[test]
fn what_is_there_is_equal() {
    let all = [epoch(1, &["a", "b"]), epoch(2, &["b"])];
    let verified = verify(&all, &all, [false; 2]).unwrap();
    assert_eq!(verified, Verified { equal: 3, no_longer_kept: 0, from: 0, epoch: 2 });
}

#[test]
fn what_a_job_writes_again_meanwhile_is_not_missing() {
    let all = [epoch(1, &["a"]), epoch(2, &["b"])];
    let log = committed(committed_records(&all[1]), 2);
    let results = Two { log, cut: [false; 2] };
    let mut verifier = Verifier::open(&results, 0).unwrap();
    all.iter().try_for_each(|changes| verifier.epoch(changes)).unwrap();
    let records = committed_records(&epoch(3, &["a"]));
    let progress = vec![Progress { epoch: 3, records: 1, hash: 0, chain: 0 }];
    let transaction = Transaction { records, progress, ..Transaction::default() };
    results.log.writer().unwrap().commit(&transaction).unwrap();
    let verified = verifier.finish().unwrap();
    assert_eq!(verified, Verified { equal: 1, no_longer_kept: 0, from: 0, epoch: 2 });
}

#[test]
fn what_is_interrupted_has_nothing_missing_and_its_end_is_not_compared() {
    let all = [epoch(1, &["a"]), epoch(2, &["b"]), epoch(3, &["a"])];
    // That of epoch 1 was written again in epoch 3, to which it does not come.
    let left = [epoch(2, &["b"]), epoch(3, &["a"])];
    let end = EpochChanges { watermark_ms: END_OF_TIME_MS, ..epoch(3, &["c"]) };
    let log = committed(left.iter().flat_map(committed_records).collect(), 3);
    let results = Two { log, cut: [false; 2] };
    let mut verifier = Verifier::open(&results, 0).unwrap();
    for changes in [&all[0], &all[1], &end] {
        verifier.epoch(changes).unwrap();
    }
    let verified = verifier.so_far();
    assert_eq!(verified, Verified { equal: 1, no_longer_kept: 0, from: 0, epoch: 2 });
    assert_eq!(verify(&all, &left, [false; 2]).unwrap().equal, 2);
}

#[test]
fn a_topic_without_a_record_is_forgiven_where_retention_has_cut_it() {
    let all = [epoch(1, &["a"]), epoch(2, &["c"])];
    let verified = verify(&all, &[], [false, true]).unwrap();
    assert_eq!(verified, Verified { equal: 0, no_longer_kept: 2, from: 0, epoch: 2 });
    missing("a", verify(&all, &[], [false; 2]));
    missing("a", verify(&all, &[], [true, false]));
}

#[test]
fn what_a_partition_has_lost_is_told_by_its_own_beginning() {
    let all = [epoch(1, &["a", "b"]), epoch(2, &["c", "d"]), epoch(3, &["e", "f"])];
    // Both have lost their first; that of one is not its beginning.
    let left = [epoch(2, &["c"]), epoch(3, &["e", "f"])];
    let verified = verify(&all, &left, [true; 2]).unwrap();
    assert_eq!(verified, Verified { equal: 3, no_longer_kept: 3, from: 0, epoch: 3 });
    missing("b", verify(&all, &left, [false, true]));
    missing("c", verify(&all, &[epoch(1, &["a"]), all[2].clone()], [true; 2]));
}

#[test]
fn what_was_written_again_may_be_gone() {
    let all = [epoch(1, &["a", "b"]), epoch(2, &["a"])];
    let left = [epoch(1, &["b"]), epoch(2, &["a"])];
    let verified = verify(&all, &left, [false; 2]).unwrap();
    assert_eq!(verified, Verified { equal: 2, no_longer_kept: 0, from: 0, epoch: 2 });
}

#[test]
fn what_was_too_large_for_its_topic_is_known_by_its_dead_letter() {
    let all = [epoch(1, &["a", "b"]), epoch(2, &["c"])];
    let computed: Vec<Record> = all.iter().flat_map(committed_records).collect();
    let [a, b, c] = &computed[..] else { panic!("three records") };
    let end = Record { value: None, ..a.clone() };
    // One has ended where it was to stand, of the other not even the key could be kept.
    let kept = vec![end.clone(), too_large(a), too_large(b), c.clone()];
    let verified = verify_records(0, &all, kept, [false; 2]).unwrap();
    assert_eq!(verified, Verified { equal: 1, no_longer_kept: 2, from: 0, epoch: 2 });
    missing("b", verify_records(0, &all, vec![end.clone(), too_large(a), c.clone()], [false; 2]));
    let differs = verify_records(0, &all, vec![end, too_large(b), c.clone()], [false; 2]);
    assert!(matches!(&differs, Err(VerifyError::Differs { key, .. }) if key == "a"), "{differs:?}");
}
