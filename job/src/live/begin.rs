//! The beginning of a job, which waits for logs that are away.
//!
//! Invariant: a job that cannot begin takes no right from the one that is at work. So where
//! it begins is found first, by reading alone.

use super::run::{Job, LiveError};
use super::start::{Start, StartError};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use streamgauge_ingest::log::LogError;
use streamgauge_ingest::source::{Pacing, Source, SourceError};
use streamgauge_sink::results::{ResultError, ResultWriter};

/// How often a log that is away is tried.
const AGAIN: Duration = Duration::from_secs(1);

/// What a job begins with.
pub(super) struct Begun<'a> {
    pub(super) results: Box<dyn ResultWriter>,
    pub(super) start: Start,
    pub(super) source: Source<'a>,
}

/// Finds where the job begins, takes the right to write, and makes the source that begins
/// there. It waits for logs that are away; none if it is asked to end meanwhile.
pub(super) fn begin<'a>(job: &Job<'a>) -> Result<Option<Begun<'a>>, LiveError> {
    let Some(found) = patiently(job, || look(job))? else {
        return Ok(None);
    };
    // From here on an older job does not go on beside this one.
    let Some(results) = patiently(job, || Ok(job.results.writer()?))? else {
        return Ok(None);
    };
    let mut found = Some(found);
    let begun = patiently(job, || {
        let state = job.results.state()?;
        // What the older one has committed meanwhile counts.
        let found = found.take().filter(|(start, _)| start.state == state);
        found.map_or_else(|| find(job), Ok)
    })?;
    Ok(begun.map(|(start, source)| Begun { results, start, source }))
}

/// Finds where the job begins; a refusal is looked at once more, since what a job that has
/// just ended committed last can take a moment until it is read.
fn look<'a>(job: &Job<'a>) -> Result<(Start, Source<'a>), LiveError> {
    match find(job) {
        Err(error @ LiveError::Start(_)) if !is_away(&error) => {
            thread::sleep(AGAIN);
            find(job)
        }
        found => found,
    }
}

fn find<'a>(job: &Job<'a>) -> Result<(Start, Source<'a>), LiveError> {
    let pacing = Pacing { epoch_ms: job.tuning.epoch_ms, settings_hash: job.settings.0 };
    let start = Start::find(job.results, job.storage, job.log, job.workers, &job.settings)?;
    let after = start.after.as_ref();
    let source = Source::new(job.log, job.clock, job.input, pacing, after)?;
    Ok((start, source))
}

/// Tries something until what it needs is not away; none if the job is asked to end.
fn patiently<T>(
    job: &Job<'_>,
    mut attempt: impl FnMut() -> Result<T, LiveError>,
) -> Result<Option<T>, LiveError> {
    let mut is_told = false;
    while !job.stop.load(Ordering::SeqCst) {
        let away = match attempt() {
            Err(error) if is_away(&error) => error,
            done => return done.map(Some),
        };
        if !is_told {
            (job.tell)(&format!("{away}; it is waited for"));
            is_told = true;
        }
        thread::sleep(AGAIN);
    }
    Ok(None)
}

fn is_away(error: &LiveError) -> bool {
    matches!(
        error,
        LiveError::Start(
            StartError::Log(LogError::Away { .. }) | StartError::Results(ResultError::Away { .. })
        ) | LiveError::Source(SourceError::Log(LogError::Away { .. }))
            | LiveError::Results(ResultError::Away { .. })
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{Keep, MemoryStorage};
    use crate::config::Config;
    use crate::dataflow::Settings;
    use crate::live::Tuning;
    use crate::publish::Output;
    use crate::settings::{input_settings, live_pace, windows};
    use std::sync::atomic::{AtomicBool, AtomicU64};
    use std::sync::{Arc, Mutex};
    use streamgauge_ingest::binding::{Binding, PartitionBinding};
    use streamgauge_ingest::clock::ManualClock;
    use streamgauge_ingest::log::MemoryLog;
    use streamgauge_sink::results::{
        LogState, MemoryResults, Position, Record, ResultLog, ResultReader, Topic, Transaction,
    };

    const SETTINGS_HASH: u64 = 7;

    /// The transaction that binds an epoch without records.
    fn binds(epoch: u64, settings_hash: u64) -> Transaction {
        let part =
            PartitionBinding { partition: 0, lo: 0, hi: 0, count: 0, digest: 0, watermark_ms: 0 };
        let binding =
            Binding { epoch, partitions: vec![part], settings_hash, ..Binding::default() };
        Transaction { bindings: vec![binding], ..Transaction::default() }
    }

    /// Begins a job over results, with an empty log; gives the epochs that it computes again.
    fn begun(results: &dyn ResultLog) -> Result<Vec<u64>, LiveError> {
        let (config, clock) = (Config::defaults(), Arc::new(ManualClock::new(0)));
        let dataflow = Settings {
            windows: windows(&config, false),
            funnels: Vec::new(),
            alerts: Vec::new(),
            output: Output { provisional: true, digests: false },
        };
        let job = Job {
            log: &MemoryLog::new(1, 1 << 20, clock.clone()),
            results,
            storage: &MemoryStorage::default(),
            clock: &*clock,
            input: &input_settings(&config, 1),
            dataflow: &dataflow,
            pace: live_pace(&config),
            workers: 1,
            place: None,
            tuning: Tuning {
                epoch_ms: 50,
                checkpoint_every_ms: 1_000,
                keep: Keep { newest: 1, hours: 0 },
                keep_bindings_ms: 0,
            },
            settings: (SETTINGS_HASH, "{}".to_owned()),
            stop: &Arc::new(AtomicBool::new(false)),
            read: &AtomicU64::new(0),
            tell: &|_| {},
        };
        let begun = begin(&job)?.expect("it is not asked to end");
        Ok(begun.start.again.iter().map(|binding| binding.epoch).collect())
    }

    #[test]
    fn a_job_that_cannot_begin_leaves_the_older_one_its_right() {
        let check = |transaction: Transaction, is_refused: fn(&LiveError) -> bool| {
            let results = MemoryResults::new(Arc::new(ManualClock::new(0)));
            let mut older = results.writer().expect("a writer");
            older.commit(&transaction).expect("kept");
            let refused = begun(&results).expect_err("it cannot begin");
            assert!(is_refused(&refused), "{refused}");
            older.commit(&binds(9, SETTINGS_HASH)).expect("nobody has taken over");
        };
        // The first bindings are cut, and here is no checkpoint.
        check(binds(5, SETTINGS_HASH), |error| {
            matches!(error, LiveError::Start(StartError::NoCheckpoint { first: 5, .. }))
        });
        check(binds(0, 8), |error| {
            matches!(error, LiveError::Start(StartError::SettingsChanged { epochs: 1, .. }))
        });
    }

    /// Results whose older writer commits once more, just before another takes over.
    struct Busy {
        inner: MemoryResults,
        older: Mutex<Box<dyn ResultWriter>>,
        next: Transaction,
    }

    impl Busy {
        fn commit(&self) -> Result<(), ResultError> {
            self.older.lock().expect("nobody has panicked").commit(&self.next)
        }
    }

    impl ResultLog for Busy {
        fn writer(&self) -> Result<Box<dyn ResultWriter>, ResultError> {
            self.commit()?;
            self.inner.writer()
        }

        fn append(&self, records: &[Record]) -> Result<(), ResultError> {
            self.inner.append(records)
        }

        fn reader(
            &self,
            topics: &[Topic],
            from: Position,
        ) -> Result<Box<dyn ResultReader>, ResultError> {
            self.inner.reader(topics, from)
        }

        fn position_at(&self, at_ms: i64) -> Result<Position, ResultError> {
            self.inner.position_at(at_ms)
        }

        fn bindings(&self, epoch: u64, most: usize) -> Result<Vec<Binding>, ResultError> {
            self.inner.bindings(epoch, most)
        }

        fn state(&self) -> Result<LogState, ResultError> {
            self.inner.state()
        }

        fn settings(&self, hash: u64) -> Result<Option<String>, ResultError> {
            self.inner.settings(hash)
        }
    }

    #[test]
    fn what_the_older_one_commits_before_it_loses_its_right_counts() {
        let inner = MemoryResults::new(Arc::new(ManualClock::new(0)));
        let mut older = inner.writer().expect("a writer");
        older.commit(&binds(0, SETTINGS_HASH)).expect("kept");
        let (older, next) = (Mutex::new(older), binds(1, SETTINGS_HASH));
        let busy = Busy { inner, older, next };
        assert_eq!(begun(&busy).expect("it begins"), [0, 1]);
        let fenced = busy.commit();
        assert!(matches!(fenced, Err(ResultError::Fenced { .. })), "{fenced:?}");
    }
}
