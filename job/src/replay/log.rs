//! A log as the input of a replay: epochs as they were bound, or as if it were a file.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use streamgauge_ingest::END_OF_TIME_MS;
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::clock::Clock;
use streamgauge_ingest::files::Progress;
use streamgauge_ingest::judge::{Chunk, ChunkDecoder, Close, FileJudge, Line, Place, Released};
use streamgauge_ingest::log::{EventLog, LogError, LogReader, Position, Record};
use streamgauge_ingest::settings::InputSettings;
use streamgauge_ingest::source::{BoundEpoch, Pacing, Source, SourceError};
use streamgauge_ingest::summary::SourceCounts;
use streamgauge_sink::results::{ResultError, ResultLog};

/// Bindings read at once.
const BINDINGS: usize = 1_000;
/// How often a log that is away is tried.
const AGAIN: Duration = Duration::from_secs(1);
/// Records read at once.
const RECORDS: usize = 10_000;

/// A log to be replayed.
pub struct LogInput<'a> {
    /// The events.
    pub log: &'a dyn EventLog,
    /// The clock, for what is no result.
    pub clock: &'a dyn Clock,
    /// How its epochs are cut.
    pub cut: Cut<'a>,
}

/// How the epochs of a log are cut.
pub enum Cut<'a> {
    /// As they were bound.
    Bound {
        /// Where the bindings are.
        results: &'a dyn ResultLog,
        /// The hash of the settings given.
        settings_hash: u64,
        /// Epochs bound at this time, ms, and later.
        from_ms: i64,
        /// Epochs bound before this time, ms.
        until_ms: i64,
    },
    /// Anew, the records in the order of their times of appending, partitions and
    /// offsets.
    Anew {
        /// Where each partition begins, and where it ends.
        from: Vec<Position>,
        /// Where each ends.
        until: Vec<Position>,
        /// Records per epoch.
        epoch_records: u64,
    },
}

/// Why a log could not be replayed.
#[derive(Debug, thiserror::Error)]
pub enum LogInputError {
    /// Events cannot be read, or are not what was bound.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Bindings cannot be read.
    #[error(transparent)]
    Results(#[from] ResultError),
    /// The settings have changed.
    #[error("epoch {epoch} was bound with other settings than those given{}; `--rebind` computes it anew", .with.as_ref().map(|s| format!(": {s}")).unwrap_or_default())]
    OtherSettings {
        /// The first epoch with them.
        epoch: u64,
        /// The settings it was bound with.
        with: Option<String>,
    },
}

impl LogInput<'_> {
    /// Releases all epochs, and a last one at the end of time.
    pub(super) fn run(
        &self,
        settings: &InputSettings,
        progress: &Progress,
        release: &mut impl FnMut(Released),
    ) -> Result<SourceCounts, LogInputError> {
        match &self.cut {
            Cut::Bound { results, settings_hash, from_ms, until_ms } => {
                let bound = Bound { input: self, settings, results: *results, progress };
                bound.run(*settings_hash, *from_ms..*until_ms, release)
            }
            Cut::Anew { from, until, epoch_records } => {
                let mut judge = FileJudge::new(settings, *epoch_records);
                let reader = self.log.reader(from).map_err(SourceError::from)?;
                anew(reader, until, settings, progress, &mut judge, release)
                    .map_err(SourceError::from)?;
                judge.end(release);
                progress.complete.store(true, Ordering::SeqCst);
                Ok(judge.counts().clone())
            }
        }
    }
}

struct Bound<'a> {
    input: &'a LogInput<'a>,
    settings: &'a InputSettings,
    results: &'a dyn ResultLog,
    progress: &'a Progress,
}

impl Bound<'_> {
    fn run(
        &self,
        settings_hash: u64,
        times: std::ops::Range<i64>,
        release: &mut impl FnMut(Released),
    ) -> Result<SourceCounts, LogInputError> {
        let pacing = Pacing { epoch_ms: 1, settings_hash };
        let (mut source, mut after): (Option<Source<'_>>, Option<Binding>) = (None, None);
        let (mut next, mut last) = (0, None);
        loop {
            let bindings = self.results.bindings(next, BINDINGS)?;
            let Some(newest) = bindings.last() else { break };
            next = newest.epoch + 1;
            for binding in bindings {
                if binding.at_ms < times.start {
                    after = Some(binding);
                    continue;
                }
                if binding.at_ms >= times.end || self.progress.stop.load(Ordering::Relaxed) {
                    return Ok(self.end(source, last, release));
                }
                let open = match &mut source {
                    Some(open) => open,
                    None => source.insert(Source::new(
                        self.input.log,
                        self.input.clock,
                        self.settings,
                        pacing,
                        after.as_ref().or(before_first(&binding).as_ref()),
                    )?),
                };
                let bound = self.again(open, &binding)?;
                self.progress.records.store(open.counts().read, Ordering::Relaxed);
                last = Some(binding.epoch);
                bound.release(release);
            }
        }
        self.progress.complete.store(true, Ordering::SeqCst);
        Ok(self.end(source, last, release))
    }

    /// Reads an epoch; a log that is away is waited for.
    fn again(&self, open: &mut Source<'_>, binding: &Binding) -> Result<BoundEpoch, LogInputError> {
        loop {
            match open.again(binding) {
                Err(SourceError::Log(LogError::Away { .. }))
                    if !self.progress.stop.load(Ordering::Relaxed) =>
                {
                    thread::sleep(AGAIN);
                }
                bound => return bound.map_err(|error| self.explain(error, binding)),
            }
        }
    }

    fn end(
        &self,
        source: Option<Source<'_>>,
        last: Option<u64>,
        release: &mut impl FnMut(Released),
    ) -> SourceCounts {
        let epoch = last.map_or(0, |last| last + 1);
        release(Released::Close(Close { epoch, watermark_ms: END_OF_TIME_MS }));
        source.map(|source| source.counts().clone()).unwrap_or_default()
    }

    fn explain(&self, error: SourceError, binding: &Binding) -> LogInputError {
        match error {
            SourceError::OtherSettings { epoch } => {
                let with = self.results.settings(binding.settings_hash).ok().flatten();
                LogInputError::OtherSettings { epoch, with }
            }
            other => other.into(),
        }
    }
}

/// What the first epoch began behind: where its partitions begin.
pub(crate) fn before_first(first: &Binding) -> Option<Binding> {
    let mut before = first.clone();
    for p in &mut before.partitions {
        (p.hi, p.count) = (p.lo, 0);
        p.watermark_ms = streamgauge_ingest::BEFORE_TIME_MS;
    }
    before.idle.clear();
    before.watermark_ms = streamgauge_ingest::BEFORE_TIME_MS;
    (first.epoch == 0).then_some(before)
}

/// A record that is read and waits for its turn.
struct Waiting {
    place: Place,
    value: Vec<u8>,
}

/// Judges the records of a log up to `until` as if they were a file's: in the order of
/// their times of appending, partitions and offsets.
pub(crate) fn anew(
    mut reader: Box<dyn LogReader>,
    until: &[Position],
    settings: &InputSettings,
    progress: &Progress,
    judge: &mut FileJudge,
    release: &mut impl FnMut(Released),
) -> Result<(), streamgauge_ingest::log::LogError> {
    let mut decoder = ChunkDecoder::new(settings);
    let mut waiting: Vec<Waiting> = Vec::new();
    loop {
        let before = waiting.len();
        let mut note = |record: Record<'_>| {
            let Record { partition, offset, appended_ms, value, .. } = record;
            let end = until.iter().find(|p| p.partition == partition);
            if end.is_none_or(|end| offset < end.offset) {
                let place = Place { partition, offset, appended_ms };
                waiting.push(Waiting { place, value: value.to_vec() });
            }
        };
        let read = reader.poll(RECORDS, &mut note)?;
        if progress.stop.load(Ordering::Relaxed) || (read == 0 && waiting.is_empty()) {
            return Ok(());
        }
        if read > 0 && waiting.len() == before {
            continue;
        }
        waiting.sort_by_key(|w| (w.place.appended_ms, w.place.partition, w.place.offset));
        // Those of the last moment may have company among the next.
        let last_ms = waiting.last().map_or(0, |w| w.place.appended_ms);
        let ready = match read {
            0 => waiting.len(),
            _ => waiting.partition_point(|w| w.place.appended_ms < last_ms),
        };
        let (mut chunk, mut places) = (Chunk::default(), Vec::new());
        for Waiting { place, value } in waiting.drain(..ready) {
            let start = chunk.bytes.len();
            chunk.bytes.extend_from_slice(&value);
            chunk.lines.push(Line::Value(start..chunk.bytes.len()));
            places.push(place);
        }
        progress.records.fetch_add(places.len() as u64, Ordering::Relaxed);
        judge.judge_placed(decoder.decode(chunk), &places, release);
    }
}
