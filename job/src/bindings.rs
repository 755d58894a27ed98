//! Bindings, looked up: the log of results finds them by epoch alone, and they are many.

use std::ops::Range;
use streamgauge_ingest::BEFORE_TIME_MS;
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::log::LogError;
use streamgauge_sink::results::{Around, ResultError, ResultLog};

/// Bindings read at once: some megabytes, as each reading over Kafka costs a search.
pub(crate) const AT_ONCE: usize = 10_000;

/// The bindings of a range of epochs around the first that `is_such`, given that all after
/// one that is such are, too.
pub(crate) fn around(
    results: &dyn ResultLog,
    epochs: Range<u64>,
    is_such: impl Fn(&Binding) -> bool,
) -> Result<Around, ResultError> {
    let Range { start, end } = epochs;
    let Around { before, first } =
        results.around(&|b| b.epoch >= end || (b.epoch >= start && is_such(b)))?;
    Ok(Around {
        before: before.filter(|b| b.epoch >= start),
        first: first.filter(|b| b.epoch < end),
    })
}

/// The last bound epoch, and the last binding with settings of another hash, if there is one
/// that is kept. Settings can come back, so all are read; what is bound meanwhile is not.
pub(crate) fn last_with_other_settings(
    results: &dyn ResultLog,
    hash: u64,
) -> Result<(Option<u64>, Option<Binding>), ResultError> {
    let last = results.state()?.bound;
    let (mut next, mut other) = (0, None);
    while last.is_some_and(|last| next <= last) {
        let mut bindings = results.bindings(next, AT_ONCE)?;
        bindings.retain(|b| last.is_some_and(|last| b.epoch <= last));
        let Some(end) = bindings.last() else { break };
        next = end.epoch + 1;
        other = bindings.into_iter().rfind(|b| b.settings_hash != hash).or(other);
    }
    Ok((last, other))
}

/// What the first epoch began behind: where its partitions begin.
pub(crate) fn before_first(first: &Binding) -> Option<Binding> {
    let mut before = first.clone();
    for p in &mut before.partitions {
        (p.hi, p.count) = (p.lo, 0);
        p.watermark_ms = BEFORE_TIME_MS;
    }
    before.idle.clear();
    before.watermark_ms = BEFORE_TIME_MS;
    (first.epoch == 0).then_some(before)
}

/// Whether the log still has what comes after these offsets, by partition (I6); of
/// partitions that were added since, all.
pub(crate) fn still_held(
    bounds: &[Range<u64>],
    mut offsets: impl Iterator<Item = u64>,
) -> Result<(), LogError> {
    for (partition, held) in (0..).zip(bounds) {
        let offset = offsets.next().unwrap_or(0);
        if offset < held.start {
            return Err(LogError::Lost { partition, lost: offset..held.start });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_partitions_that_were_added_all_must_be_held() {
        let held = |offsets: &[u64]| still_held(&[2..9, 0..3, 5..5], offsets.iter().copied());
        assert_eq!(held(&[2, 0, 5]), Ok(()));
        assert_eq!(held(&[2, 0]), Err(LogError::Lost { partition: 2, lost: 0..5 }));
        assert_eq!(held(&[1, 0, 5]), Err(LogError::Lost { partition: 0, lost: 1..2 }));
    }
}
