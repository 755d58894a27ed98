//! Which part of a log has to be read: from where on, and up to which epoch.
//!
//! An event cannot have been appended long before its own time (it would be from the
//! future), so what was appended before the span of a result is left out; everything
//! else may matter, for an event may come as late as it likes. Bindings say what the
//! watermarks were where reading begins. Records from before the first binding that is
//! kept are judged anew, as those of a file are.

use super::ExplainError;
use crate::bindings::around;
use std::ops::Range;
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::log::{EventLog, Position};
use streamgauge_sink::results::{LogState, ResultError, ResultLog};

/// What is read of a log.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// The binding after which epochs are read as they were bound; none if from the first.
    pub(super) after: Option<Binding>,
    /// Where records begin that are judged anew, up to that binding; empty if there are
    /// none.
    pub(super) anew: Vec<Position>,
    /// The last epoch that is read.
    pub(super) last: u64,
    /// The last epoch whose results are published.
    pub(super) committed: u64,
    /// Whether epochs that are read were bound with different settings.
    pub(super) has_other_settings: bool,
    /// What retention may have cut that would matter: partition, offsets.
    pub(super) cut: Vec<(u32, Range<u64>)>,
}

impl Plan {
    /// A plan for records appended from `from_ms` on (all, if there is none), in epochs
    /// up to `last`, of a log of which some epoch is bound.
    pub(super) fn make(
        log: &dyn EventLog,
        results: &dyn ResultLog,
        state: LogState,
        from_ms: Option<i64>,
        last: u64,
    ) -> Result<Self, ExplainError> {
        let bounds = log.all_bounds()?;
        let mut needed = Vec::new();
        let mut cut = Vec::new();
        for (partition, bounds) in (0..).zip(&bounds) {
            let offset = from_ms.map_or(Ok(bounds.start), |ms| log.offset_at(partition, ms))?;
            // What was cut may have been appended from then on, too.
            if bounds.start > 0 && offset <= bounds.start {
                cut.push((partition, 0..bounds.start));
            }
            needed.push(Position { partition, offset: offset.max(bounds.start) });
        }
        let first = state.first_bound.unwrap_or(0);
        let begins = |i: usize| needed.get(i).map_or(0, |p| p.offset);
        let reaches = |offset_of: &dyn Fn(usize) -> u64, binding: &Binding| {
            let next = |i: usize| binding.partitions.get(i).map_or(0, |p| p.hi);
            (0..bounds.len()).all(|i| next(i) >= offset_of(i))
        };
        let is_beyond = |b: &Binding| (0..).zip(&b.partitions).any(|(i, p)| p.hi > begins(i));
        // If all of it came later than the last epoch, only that one's watermark matters.
        let mut after = around(results, first..last.saturating_add(1), is_beyond)?.before;
        // The log must still hold what comes next, and what came before must be bound.
        let starts = |i: usize| bounds.get(i).map_or(0, |b| b.start);
        let is_held = match &after {
            Some(after) => reaches(&starts, after),
            None => first == 0 && first_begins_at(results, &bounds)?,
        };
        if !is_held {
            after = around(results, first..u64::MAX, |b| reaches(&starts, b))?.first;
        }
        let is_anew = after
            .as_ref()
            .is_some_and(|after| (0..).zip(&after.partitions).any(|(i, p)| begins(i) < p.hi));
        let last = after.as_ref().map_or(last, |after| last.max(after.epoch));
        let anew = if is_anew { needed } else { Vec::new() };
        let committed = state.committed.map_or(0, |p| p.epoch);
        let hash = |epoch: u64| -> Result<Option<u64>, ResultError> {
            Ok(results.bindings(epoch, 1)?.pop().map(|b| b.settings_hash))
        };
        let begins = after.as_ref().map_or(first, |after| after.epoch);
        let has_other_settings = hash(begins)? != hash(last.min(committed))?;
        Ok(Self { after, anew, last, committed, has_other_settings, cut })
    }
}

/// Whether the first epoch begins where the log does.
fn first_begins_at(results: &dyn ResultLog, bounds: &[Range<u64>]) -> Result<bool, ResultError> {
    let Some(first) = results.bindings(0, 1)?.pop() else { return Ok(true) };
    // Partitions that were added later begin at 0.
    let lo = |i: usize| first.partitions.get(i).map_or(0, |p| p.lo);
    Ok(bounds.iter().enumerate().all(|(i, held)| lo(i) >= held.start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use streamgauge_ingest::binding::PartitionBinding;
    use streamgauge_ingest::clock::ManualClock;
    use streamgauge_ingest::log::{MemoryLog, NewRecord};
    use streamgauge_sink::results::{Around, MemoryResults, Progress, Transaction};

    /// A log with 10 records of one partition, each appended a second after the one
    /// before, and each an epoch whose number is ten times its offset.
    fn bound(first: u64) -> (Arc<ManualClock>, MemoryLog, MemoryResults) {
        let clock = Arc::new(ManualClock::new(0));
        let log = MemoryLog::new(1, 1 << 20, clock.clone());
        let results = MemoryResults::new(clock.clone());
        let mut bindings = Vec::new();
        for offset in 0..10 {
            let new = NewRecord { partition: 0, key: b"", value: b"x" };
            assert_eq!(log.append(&[new]), Ok(vec![offset]));
            let (lo, hi) = (offset, offset + 1);
            let watermark_ms = i64::try_from(offset).expect("small") * 100;
            let part = PartitionBinding { partition: 0, lo, hi, count: 1, digest: 0, watermark_ms };
            let (epoch, partitions) = (offset * 10, vec![part]);
            bindings.push(Binding { epoch, partitions, watermark_ms, ..Binding::default() });
            clock.advance(1_000);
        }
        bindings.retain(|b| b.epoch >= first);
        let progress = vec![Progress { epoch: 90, records: 0, hash: 0, chain: 0 }];
        let transaction = Transaction { bindings, progress, ..Transaction::default() };
        results.writer().and_then(|mut w| w.commit(&transaction)).expect("kept");
        (clock, log, results)
    }

    fn after(plan: &Plan) -> Option<u64> {
        plan.after.as_ref().map(|b| b.epoch)
    }

    #[test]
    fn reading_begins_where_the_first_that_matters_was_appended() {
        let (_, log, results) = bound(0);
        let check = |from_ms: Option<i64>, expected: Option<u64>| {
            let state = results.state().expect("a state");
            let plan = Plan::make(&log, &results, state, from_ms, 90).expect("a plan");
            assert_eq!((after(&plan), plan.anew.len(), plan.cut.len()), (expected, 0, 0));
        };
        check(None, None);
        check(Some(0), None);
        check(Some(1), Some(0));
        check(Some(5_000), Some(40));
        check(Some(5_001), Some(50));
        check(Some(99_000), Some(90));
    }

    #[test]
    fn what_is_not_bound_any_more_is_judged_anew() {
        let (_, log, results) = bound(30);
        let check = |from_ms: Option<i64>, expected: (u64, Option<u64>)| {
            let state = results.state().expect("a state");
            let plan = Plan::make(&log, &results, state, from_ms, 90).expect("a plan");
            let anew = plan.anew.first().map(|p| p.offset);
            assert_eq!((after(&plan), anew), (Some(expected.0), expected.1));
        };
        check(None, (30, Some(0)));
        check(Some(2_000), (30, Some(2)));
        check(Some(4_000), (30, None));
        check(Some(5_000), (40, None));
    }

    #[test]
    fn partitions_that_were_added_since_begin_behind_every_binding() {
        let check = |first, from_ms: Option<i64>, expected: (Option<u64>, usize)| {
            let (_, log, results) = bound(first);
            log.grow(2);
            let grown = log.grown().expect("asked").expect("more partitions");
            let new = NewRecord { partition: 1, key: b"", value: b"x" };
            assert_eq!(grown.append(&[new]), Ok(vec![0]));
            let state = results.state().expect("a state");
            let plan = Plan::make(&*grown, &results, state, from_ms, 90).expect("a plan");
            assert_eq!(
                (after(&plan), plan.anew.len(), plan.cut.len()),
                (expected.0, expected.1, 0)
            );
        };
        check(0, None, (None, 0));
        check(0, Some(5_001), (Some(50), 0));
        check(30, None, (Some(30), 2));
        check(30, Some(5_000), (Some(40), 0));
    }

    #[test]
    fn bindings_are_found_by_halving() {
        let (_, _, results) = bound(0);
        let check = |range: Range<u64>, watermark_ms: i64, expected: [Option<u64>; 2]| {
            let found = around(&results, range, |b| b.watermark_ms >= watermark_ms);
            let Around { before, first } = found.expect("read");
            assert_eq!([before, first].map(|b| b.map(|b| b.epoch)), expected);
        };
        check(0..100, 0, [None, Some(0)]);
        check(0..100, 301, [Some(30), Some(40)]);
        check(0..100, 901, [Some(90), None]);
        check(0..40, 301, [Some(30), None]);
        check(31..41, 301, [None, Some(40)]);
        check(0..0, 0, [None, None]);
    }
}
