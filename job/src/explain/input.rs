//! Reading events again, each with what became of it: through the same judgement as the
//! job's, as the epochs were bound.

use super::plan::Plan;
use super::settings::Rules;
use super::{ExplainError, lock};
use crate::bindings::{AT_ONCE, before_first};
use crate::replay::anew;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use streamgauge_ingest::END_OF_TIME_MS;
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::clock::Clock;
use streamgauge_ingest::files::{FileError, LineReader, Progress, open};
use streamgauge_ingest::judge::{ChunkDecoder, Close, FileJudge, Judged, Released, Watcher};
use streamgauge_ingest::log::{EventLog, Position};
use streamgauge_ingest::source::{Pacing, Source};
use streamgauge_sink::results::ResultLog;

/// Records of an epoch where none is bound.
const EPOCH_RECORDS: u64 = 10_000;

/// Where the events are.
#[derive(Clone, Copy)]
pub enum Origin<'a> {
    /// In files, read one after the other as one.
    Files(&'a [PathBuf]),
    /// In the log of a data directory, beside its results.
    Directory {
        /// The events.
        log: &'a dyn EventLog,
        /// The results, and the bindings.
        results: &'a dyn ResultLog,
        /// The clock, for what is no result.
        clock: &'a dyn Clock,
    },
}

/// Looks at every record.
pub(super) trait Watch: Send {
    /// What comes next is of this epoch.
    fn epoch(&mut self, epoch: u64);
    /// A record, judged.
    fn record(&mut self, judged: &Judged<'_>);
}

/// What the events of an origin are read by.
pub(super) struct Input<'a> {
    pub(super) origin: Origin<'a>,
    /// The settings that are given.
    pub(super) given: &'a Rules,
    /// What is read of a log with bindings; none of files and of a log without.
    pub(super) plan: Option<&'a Plan>,
    pub(super) progress: &'a Progress,
}

impl Input<'_> {
    /// Reads it once. Without bindings the last epoch is at the end of time.
    pub(super) fn pass<W: Watch + 'static>(
        &self,
        watch: &Arc<Mutex<W>>,
        mut release: impl FnMut(Released),
    ) -> Result<(), ExplainError> {
        let release = &mut release;
        match (self.origin, self.plan) {
            (Origin::Files(files), _) => self.files(files, watch, release)?,
            (Origin::Directory { log, results, clock }, Some(plan)) => {
                let bound = Bound { log, results, clock, plan, input: self };
                bound.pass(watch, release)?;
            }
            (Origin::Directory { log, .. }, None) => {
                let mut judge = FileJudge::new(&self.given.input, EPOCH_RECORDS);
                judge.watch(watcher(watch));
                let bounds = log.all_bounds()?;
                let from: Vec<_> = positions(bounds.iter().map(|b| b.start));
                let until: Vec<_> = positions(bounds.iter().map(|b| b.end));
                let settings = &self.given.input;
                anew(log, &from, &until, settings, self.progress, &mut judge, release)?;
                judge.end(release);
            }
        }
        match self.is_stopped() {
            true => Err(ExplainError::Stopped),
            false => Ok(()),
        }
    }

    fn is_stopped(&self) -> bool {
        self.progress.stop.load(Ordering::Relaxed)
    }

    fn files<W: Watch + 'static>(
        &self,
        files: &[PathBuf],
        watch: &Arc<Mutex<W>>,
        release: &mut impl FnMut(Released),
    ) -> Result<(), ExplainError> {
        let settings = &self.given.input;
        let mut decoder = ChunkDecoder::new(settings);
        let mut judge = FileJudge::new(settings, EPOCH_RECORDS);
        judge.watch(watcher(watch));
        for path in files {
            let mut lines =
                LineReader::new(open(path, &self.progress.stored_bytes)?, settings.max_bytes);
            let failed = |source| FileError::Read { path: path.clone(), source };
            while let Some(chunk) = lines.next_chunk().map_err(failed)? {
                if self.is_stopped() {
                    return Ok(());
                }
                let chunk = decoder.decode(chunk);
                self.progress.records.fetch_add(chunk.records() as u64, Ordering::Relaxed);
                judge.judge(chunk, release);
            }
        }
        judge.end(release);
        Ok(())
    }
}

fn positions(offsets: impl Iterator<Item = u64>) -> Vec<Position> {
    (0..).zip(offsets).map(|(partition, offset)| Position { partition, offset }).collect()
}

fn watcher<W: Watch + 'static>(watch: &Arc<Mutex<W>>) -> Watcher {
    let watch = Arc::clone(watch);
    Box::new(move |judged| lock(&watch).record(judged))
}

/// What was released, where rows say for how many of the times `of` sequence rules they are
/// late: as of the times `to`.
fn in_spans(released: Released, of: &[i64], to: &[i64]) -> Released {
    let Released::Rows(epoch, mut batch) = released else { return released };
    if of != to {
        batch.rows.iter_mut().for_each(|row| row.late_spans = late_of(row.late_spans, of, to));
    }
    Released::Rows(epoch, batch)
}

/// For how many of the times `to` a row is late that is late for so many of the times `of`.
fn late_of(late_spans: u8, of: &[i64], to: &[i64]) -> u8 {
    let Some(longest) = usize::from(late_spans).checked_sub(1) else { return 0 };
    let late = to.iter().take_while(|ms| **ms <= of[longest]);
    u8::try_from(late.count()).unwrap_or(u8::MAX)
}

/// What epochs that were bound with the same settings are read by.
struct Open<'a> {
    settings_hash: u64,
    spans_ms: Vec<i64>,
    source: Source<'a>,
}

/// A log whose epochs are read as they were bound.
struct Bound<'a> {
    log: &'a dyn EventLog,
    results: &'a dyn ResultLog,
    clock: &'a dyn Clock,
    plan: &'a Plan,
    input: &'a Input<'a>,
}

impl<'a> Bound<'a> {
    fn pass<W: Watch + 'static>(
        &self,
        watch: &Arc<Mutex<W>>,
        release: &mut impl FnMut(Released),
    ) -> Result<(), ExplainError> {
        let mut after = self.plan.after.clone();
        let (mut next, mut judge) = (0, None);
        if let Some(after) = &after {
            next = after.epoch + 1;
            judge = self.before(after, watch, release)?;
        }
        let mut source: Option<Open<'a>> = None;
        loop {
            let left = self.plan.last.saturating_add(1).saturating_sub(next);
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(AT_ONCE);
            let bindings = self.results.bindings(next, most)?;
            let Some(newest) = bindings.last() else { return Ok(()) };
            next = newest.epoch + 1;
            for binding in bindings {
                if binding.epoch > self.plan.last || self.input.is_stopped() {
                    return Ok(());
                }
                let hash = binding.settings_hash;
                let mut open = match source.take() {
                    Some(open) if open.settings_hash == hash => open,
                    before => {
                        let mut open = self.open(&binding, after.as_ref(), watch)?;
                        if let Some(mut before) = before {
                            let seen = before.source.reader_mut().take_seen(true).into_iter();
                            let seen: Vec<_> = seen.map(|(of, id, at, _)| (of, id, at)).collect();
                            open.source.reader_mut().load_seen(&seen);
                        }
                        open
                    }
                };
                if let Some(judge) = judge.take() {
                    open.source.reader_mut().go_on_from(judge);
                }
                lock(watch).epoch(binding.epoch);
                let read = binding.counts.read;
                let (of, to) = (&open.spans_ms, &self.input.given.input.sequence_spans_ms);
                let release = &mut |released| release(in_spans(released, of, to));
                open.source.again(&binding)?.release(release);
                self.input.progress.records.fetch_add(read, Ordering::Relaxed);
                source = Some(open);
                after = Some(binding);
            }
        }
    }

    /// A source that goes on before an epoch, with the settings that it was bound with.
    fn open<W: Watch + 'static>(
        &self,
        binding: &Binding,
        after: Option<&Binding>,
        watch: &Arc<Mutex<W>>,
    ) -> Result<Open<'a>, ExplainError> {
        let settings_hash = binding.settings_hash;
        let rules = rules(self.results, settings_hash, self.input.given)?;
        let pacing = Pacing { epoch_ms: 1, settings_hash };
        let first = before_first(binding);
        let after = after.or(first.as_ref());
        let mut source = Source::new(self.log, self.clock, &rules.input, pacing, after)?;
        if self.plan.after.is_some() {
            source.begins_amid();
        }
        source.reader_mut().watch(watcher(watch));
        Ok(Open { settings_hash, spans_ms: rules.input.sequence_spans_ms, source })
    }

    /// What comes before the epochs that are read as they were bound: records that are
    /// judged anew, and the watermark that those epochs begin with. Gives their judge.
    fn before<W: Watch + 'static>(
        &self,
        after: &Binding,
        watch: &Arc<Mutex<W>>,
        release: &mut impl FnMut(Released),
    ) -> Result<Option<FileJudge>, ExplainError> {
        let (epoch, mut judged) = (after.epoch, None);
        if !self.plan.anew.is_empty() {
            let rules = rules(self.results, after.settings_hash, self.input.given)?;
            lock(watch).epoch(epoch);
            let mut judge = FileJudge::new(&rules.input, u64::MAX);
            judge.watch(watcher(watch));
            let until = positions(after.partitions.iter().map(|p| p.hi));
            // Partitions that were added later begin with the epochs that are read as bound.
            let from = &self.plan.anew[..self.plan.anew.len().min(until.len())];
            let (of, to) = (&rules.input.sequence_spans_ms, &self.input.given.input);
            let mut only_rows = |released| {
                if let Released::Rows(_, batch) = in_spans(released, of, &to.sequence_spans_ms) {
                    release(Released::Rows(epoch, batch));
                }
            };
            let progress = self.input.progress;
            anew(self.log, from, &until, &rules.input, progress, &mut judge, &mut only_rows)?;
            judged = Some(judge);
        }
        release(Released::Close(Close { epoch, watermark_ms: after.watermark_ms }));
        Ok(judged)
    }
}

/// The settings that a hash stands for.
pub(super) fn rules(
    results: &dyn ResultLog,
    hash: u64,
    given: &Rules,
) -> Result<Rules, ExplainError> {
    if hash == given.hash {
        return Ok(given.clone());
    }
    let partitions = given.input.partitions;
    let kept = results.settings(hash)?.and_then(|json| Rules::read(hash, json, partitions));
    kept.ok_or(ExplainError::Settings)
}

/// Whether an epoch is the last, after which nothing can change.
pub(super) fn is_end(close: Close) -> bool {
    close.watermark_ms == END_OF_TIME_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_late_for_a_time_is_late_for_it_among_others() {
        let late = |of: &[i64], to: &[i64]| [0, 1, 2].map(|n| late_of(n, of, to));
        assert_eq!(late(&[10, 30], &[10, 30]), [0, 1, 2]);
        assert_eq!(late(&[10, 30], &[30]), [0, 0, 1]);
        assert_eq!(late(&[10, 30], &[5, 10, 20, 40]), [0, 2, 3]);
        assert_eq!(late(&[10, 30], &[]), [0, 0, 0]);
    }
}
