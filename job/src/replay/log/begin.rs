//! Where the replay of a log with bindings begins.
//!
//! Bindings are kept for a shorter time than events. What was bound is replayed as it was
//! bound; records from before the first binding that can be used are judged anew, as those
//! of a file are, and the first epochs go on from the watermarks that were bound.

use super::super::Resumed;
use super::LogInputError;
use crate::bindings::{around, before_first, still_held};
use std::ops::Range;
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::log::{EventLog, LogError, Position};
use streamgauge_sink::results::ResultLog;

/// Records that are judged anew: from where to where, by partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    /// Where they begin.
    pub from: Vec<Position>,
    /// Where they end.
    pub until: Vec<Position>,
}

impl Stretch {
    /// How many offsets it has.
    #[must_use]
    pub fn offsets(&self) -> u64 {
        let ends = self.from.iter().zip(&self.until);
        ends.map(|(from, until)| until.offset.saturating_sub(from.offset)).sum()
    }
}

/// Where the replay of a log with bindings begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Begin {
    /// Records that are judged anew first, if there are any.
    pub anew: Option<Stretch>,
    /// The binding behind which epochs are as they were bound; none if none is wanted.
    pub after: Option<Binding>,
    /// The first epoch that can be read as it was bound.
    pub next: u64,
}

impl Begin {
    /// The beginning for what was appended, or bound, at times in a range, ms.
    ///
    /// # Errors
    /// If the logs can't be read.
    pub fn find(
        log: &dyn EventLog,
        results: &dyn ResultLog,
        times: Range<i64>,
    ) -> Result<Self, LogInputError> {
        let bounds = log.all_bounds().map_err(failed)?;
        let (starts, ends) = (bounds.iter().map(|b| b.start), bounds.iter().map(|b| b.end));
        let Some(first) = results.bindings(0, 1)?.pop() else {
            return Ok(Self::default());
        };
        let end = results.state()?.bound.map_or(first.epoch, |last| last + 1);
        let (mut after, mut next) = (before_first(&first), 0);
        if first.at_ms < times.start {
            after = around(results, first.epoch..end, |b| b.at_ms >= times.start)?.before;
            next = after.as_ref().map_or(0, |after| after.epoch + 1);
        }
        if after.as_ref().is_some_and(|after| is_held(after, &bounds)) {
            return Ok(Self { anew: None, after, next });
        }
        let from = at_time(log, times.start, starts)?;
        let held = around(results, first.epoch..end, |b| is_held(b, &bounds))?.first;
        let after = held.filter(|b| b.at_ms < times.end);
        let until = match &after {
            Some(after) => (0..log.partitions()).map(|p| reached(after, p)).collect(),
            None => at_time(log, times.end, ends)?,
        };
        let next = after.as_ref().map_or(0, |after| after.epoch + 1);
        Ok(Self { anew: Some(Stretch { from, until }), after, next })
    }
}

/// Where a binding has come to in a partition, which perhaps was added later.
fn reached(binding: &Binding, partition: u32) -> Position {
    let of = binding.partitions.iter().find(|p| p.partition == partition);
    Position { partition, offset: of.map_or(0, |p| p.hi) }
}

/// Whether the log still has what comes behind a binding.
fn is_held(binding: &Binding, bounds: &[Range<u64>]) -> bool {
    still_held(bounds, binding.partitions.iter().map(|p| p.hi)).is_ok()
}

/// The offsets appended at a time or later; `otherwise` for the ends of time.
fn at_time(
    log: &dyn EventLog,
    at_ms: i64,
    otherwise: impl Iterator<Item = u64>,
) -> Result<Vec<Position>, LogInputError> {
    let is_time = !matches!(at_ms, i64::MIN | i64::MAX);
    let at = |(partition, otherwise)| {
        let offset = if is_time { log.offset_at(partition, at_ms)? } else { otherwise };
        Ok(Position { partition, offset })
    };
    (0..).zip(otherwise).map(at).collect::<Result<_, _>>().map_err(failed)
}

fn failed(error: LogError) -> LogInputError {
    LogInputError::Source(error.into())
}

impl From<&Resumed> for Begin {
    fn from(resumed: &Resumed) -> Self {
        let after = resumed.after.clone();
        Self { anew: None, next: after.epoch + 1, after: Some(after) }
    }
}

#[cfg(test)]
mod tests;
