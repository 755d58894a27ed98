//! Epochs of a log as they were bound, after what is judged anew.

use super::super::Resumed;
use super::anew::AGAIN;
use super::{Begin, LogInput, LogInputError, Stretch};
use crate::bindings::AT_ONCE;
use std::sync::atomic::Ordering;
use std::thread;
use streamgauge_ingest::END_OF_TIME_MS;
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::files::Progress;
use streamgauge_ingest::judge::{Close, FileJudge, Released};
use streamgauge_ingest::log::LogError;
use streamgauge_ingest::settings::InputSettings;
use streamgauge_ingest::source::{BoundEpoch, Pacing, Source, SourceError};
use streamgauge_ingest::summary::SourceCounts;
use streamgauge_sink::results::ResultLog;

/// A log whose epochs are read as they were bound.
pub(super) struct Bound<'a> {
    pub(super) input: &'a LogInput<'a>,
    pub(super) settings: &'a InputSettings,
    pub(super) results: &'a dyn ResultLog,
    pub(super) progress: &'a Progress,
}

impl Bound<'_> {
    /// Releases the epochs bound before `until_ms`, and a last one at the end of time.
    pub(super) fn run(
        &self,
        settings_hash: u64,
        begin: &Begin,
        resumed: Option<&Resumed>,
        until_ms: i64,
        release: &mut impl FnMut(Released),
    ) -> Result<SourceCounts, LogInputError> {
        let Begin { anew, after: Some(after), next } = begin else {
            let stretch = begin.anew.clone().unwrap_or_default();
            return self.input.run_anew(&stretch, self.settings, self.progress, release);
        };
        let (log, clock) = (self.input.log, self.input.clock);
        let pacing = Pacing { epoch_ms: 1, settings_hash };
        let mut source = Source::new(log, clock, self.settings, pacing, Some(after))?;
        if let Some(resumed) = resumed {
            source.reader_mut().load_seen(&resumed.seen);
        } else if *next > 0 {
            source.begins_amid();
        }
        if let Some(stretch) = anew {
            let judge = self.up_to(after, stretch, release)?;
            source.reader_mut().go_on_from(judge);
        }
        let (mut next, mut last) = (*next, after.epoch);
        // What is bound while this reads is none of its business.
        let end = self.results.state()?.bound.unwrap_or(0);
        while next <= end {
            // With the one that was read last: while it is there, none behind it was dropped.
            let bindings = self.results.bindings(last, AT_ONCE)?;
            let first = bindings.first().map(|b| b.epoch);
            if first != Some(last) {
                return Err(LogInputError::Dropped { before: first.unwrap_or(end) });
            }
            for binding in bindings {
                if binding.epoch < next || binding.epoch > end {
                    continue;
                }
                let is_behind = binding.at_ms >= until_ms;
                if is_behind || self.is_stopped() {
                    self.progress.complete.store(is_behind, Ordering::SeqCst);
                    return Ok(release_end(&source, next, release));
                }
                let bound = self.again(&mut source, &binding)?;
                self.progress.records.store(source.counts().read, Ordering::Relaxed);
                (next, last) = (binding.epoch + 1, binding.epoch);
                bound.release(release);
            }
        }
        self.progress.complete.store(!self.is_stopped(), Ordering::SeqCst);
        Ok(release_end(&source, next, release))
    }

    /// Judges a stretch anew, in epochs before that of a binding, and then comes to what
    /// was bound there.
    fn up_to(
        &self,
        after: &Binding,
        stretch: &Stretch,
        release: &mut impl FnMut(Released),
    ) -> Result<FileJudge, LogInputError> {
        let epoch = after.epoch;
        // There must be as many numbers as epochs.
        let least = stretch.offsets().checked_div(epoch).map_or(u64::MAX, |least| least + 1);
        let mut judge = FileJudge::new(self.settings, self.input.epoch_records.max(least));
        // What is read with other eyes may seem to be further than it was.
        let mut not_beyond = |released| match released {
            Released::Close(close) => {
                let watermark_ms = close.watermark_ms.min(after.watermark_ms);
                release(Released::Close(Close { watermark_ms, ..close }));
            }
            other => release(other),
        };
        self.input.anew(stretch, self.settings, self.progress, &mut judge, &mut not_beyond)?;
        if epoch > 0 {
            judge.cut(&mut not_beyond);
        }
        release(Released::Close(Close { epoch, watermark_ms: after.watermark_ms }));
        Ok(judge)
    }

    fn is_stopped(&self) -> bool {
        self.progress.stop.load(Ordering::Relaxed)
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

fn release_end(
    source: &Source<'_>,
    epoch: u64,
    release: &mut impl FnMut(Released),
) -> SourceCounts {
    release(Released::Close(Close { epoch, watermark_ms: END_OF_TIME_MS }));
    source.counts().clone()
}
