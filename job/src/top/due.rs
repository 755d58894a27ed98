//! Which windows have lists to tell, and when.

use super::sums::{Kept, WindowSums};
use super::{Batch, PartContent};
use crate::rows::{List, Name};
use crate::time::{Epoch, Tick};
use crate::window::{Sliding, Windows};
use std::collections::{BTreeMap, BTreeSet};
use streamgauge_ingest::lateness::slice_end_ms;

/// Most windows whose sums are kept: an hour's are those of all its journeys.
const fn most_kept(kind: Sliding) -> usize {
    match kind {
        Sliding::Business if cfg!(test) => 5,
        Sliding::Business => 128,
        Sliding::Hour => 4,
    }
}

/// Windows to be told, by their ends, ms.
#[derive(Default)]
pub(super) struct Due {
    /// Those whose sums are of use once: that close, or are provisional.
    first: Vec<i64>,
    /// Those that are likely to be told again.
    again: Vec<i64>,
    /// Of these, those that close: their sums are let go.
    closing: Vec<i64>,
}

impl Due {
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_empty() && self.again.is_empty() && self.closing.is_empty()
    }
}

/// Windows of a kind whose rows have changed since they were last told.
pub(super) struct Changed {
    kind: Sliding,
    windows: Windows,
    /// Ends of windows that the watermark has not passed.
    open: BTreeSet<i64>,
    /// Ends of windows that it has.
    closed: BTreeSet<i64>,
    /// By their ends: sums of windows, up to date with all rows noted.
    kept: BTreeMap<i64, Kept>,
}

impl Changed {
    pub(super) fn new(kind: Sliding, windows: Windows) -> Self {
        Self {
            kind,
            windows,
            open: BTreeSet::new(),
            closed: BTreeSet::new(),
            kept: BTreeMap::new(),
        }
    }

    /// Takes the windows that are due.
    pub(super) fn due(&mut self, tick: Tick) -> Due {
        let (kind, mut due) = (self.kind, Due::default());
        let later = self.open.split_off(&tick.watermark_ms.saturating_add(1));
        for end_ms in std::mem::replace(&mut self.open, later) {
            match self.kept.contains_key(&end_ms) {
                true => due.again.push(end_ms),
                false => due.first.push(end_ms),
            }
        }
        let closed = self.kept.range(..=tick.watermark_ms).map(|(end_ms, _)| *end_ms);
        due.closing.extend(closed.filter(|end_ms| !tick.was_closed(*end_ms)));
        if tick.business_provisional && tick.watermark_ms < i64::MAX - kind.window_ms() {
            let ahead_ms = tick.watermark_ms.saturating_add(self.windows.allowed_disorder_ms);
            let current = slice_end_ms(ahead_ms, kind.pane_ms());
            // It is asked for again and again, an hour's hundreds of times.
            match (self.open.contains(&current), kind) {
                (true, Sliding::Business) => due.first.push(current),
                (true, Sliding::Hour) => {
                    self.open.remove(&current);
                    due.again.push(current);
                }
                (false, _) => {}
            }
        }
        // What is frozen in this epoch must be told before it is forgotten.
        let windows = self.windows;
        let corrections = tick.corrections;
        self.closed.retain(|end_ms| {
            let is_due = corrections || kind.frozen_ms(&windows, *end_ms) <= tick.watermark_ms;
            // After a restart all closed windows are, and few will change again.
            match is_due {
                true if tick.restores => due.first.push(*end_ms),
                true => due.again.push(*end_ms),
                false => {}
            }
            !is_due
        });
        due
    }

    /// Notes that the windows of a pane have changed; returns whether sums of one of
    /// them are kept.
    fn pane(&mut self, pane_end_ms: i64, tick: Tick) -> bool {
        let mut any_kept = false;
        for (_, end_ms) in self.kind.windows_of(pane_end_ms) {
            let set = if tick.was_closed(end_ms) { &mut self.closed } else { &mut self.open };
            set.insert(end_ms);
            any_kept |= self.kept.contains_key(&end_ms);
        }
        any_kept
    }

    /// Gives what the lists of the windows that are due say.
    pub(super) fn tell(
        &mut self,
        epoch: Epoch,
        due: Due,
        batches: &[Batch],
        mut give: impl FnMut(i64, (List, PartContent)),
    ) {
        let place = (self.kind, self.windows);
        let mut once = due.first;
        for end_ms in due.again {
            if !self.kept.contains_key(&end_ms) && !self.make_room_for(end_ms) {
                once.push(end_ms);
                continue;
            }
            let kept = self.kept.entry(end_ms).or_insert_with(|| {
                Kept::new(WindowSums::scan(batches, epoch, place, end_ms, Name::clone))
            });
            kept.take_changed().into_iter().for_each(|content| give(end_ms, content));
        }
        for end_ms in once {
            let sums = WindowSums::scan(batches, epoch, place, end_ms, |name| name);
            sums.contents().for_each(|content| give(end_ms, content));
        }
        for end_ms in due.closing {
            self.kept.remove(&end_ms);
        }
    }

    /// Whether the sums of one more window are worth keeping: most late records
    /// are a little late, so the windows that end last are.
    fn make_room_for(&mut self, end_ms: i64) -> bool {
        if self.kept.len() < most_kept(self.kind) {
            return true;
        }
        let oldest = self.kept.first_entry().filter(|oldest| *oldest.key() < end_ms);
        oldest.map(|oldest| oldest.remove()).is_some()
    }

    /// Drops the sums of windows that are frozen.
    pub(super) fn forget(&mut self, tick: Tick) {
        while let Some(first) = self.kept.first_entry() {
            if self.kind.frozen_ms(&self.windows, *first.key()) > tick.watermark_ms {
                break;
            }
            first.remove();
        }
    }
}

/// Notes in each kind of window what has changed in `epoch`. A batch of `arrived` can
/// hold rows of several epochs: it stays until all of them have been noted.
pub(super) fn note(
    arrived: &mut Vec<Batch>,
    changed: &mut [Changed; Sliding::ALL.len()],
    epoch: Epoch,
    tick: Tick,
) {
    arrived.retain(|batch| {
        let mut later = false;
        let mut last = (None, i64::MIN, false);
        for (key, at, diff) in &batch.rows {
            later |= *at > epoch;
            if *at != epoch {
                continue;
            }
            let kind = key.list.windows();
            let changed = &mut changed[kind as usize];
            let pane_end_ms = key.expires_ms - kind.pane_expires_ms(&changed.windows, 0);
            if (last.0, last.1) != (Some(kind), pane_end_ms) {
                last = (Some(kind), pane_end_ms, changed.pane(pane_end_ms, tick));
            }
            if last.2 {
                for (j, end_ms) in kind.windows_of(pane_end_ms) {
                    if let Some(kept) = changed.kept.get_mut(&end_ms) {
                        kept.add(key, diff, j);
                    }
                }
            }
        }
        later
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expiry::Rows;
    use crate::rows::{ListDiff, ListKey};
    use proptest::prelude::*;
    use std::rc::Rc;
    use streamgauge_ingest::batch::Dimension;
    use streamgauge_ingest::lateness::BUSINESS_PANE_MS;

    const WINDOWS: Windows =
        Windows { lateness_ms: 120_000, session_gap_ms: 1_000, allowed_disorder_ms: 0 };

    /// A pane, a list, a value and its views.
    type Row = (i64, bool, u64, i64);

    fn batch(epoch: Epoch, rows: &[Row]) -> Batch {
        let mut rows: Vec<_> = rows
            .iter()
            .map(|&(pane, is_page, value, views)| {
                let key = ListKey {
                    expires_ms: WINDOWS.business_pane_expires_ms(pane * BUSINESS_PANE_MS),
                    list: if is_page { List::By(Dimension::Page) } else { List::LoadTimes },
                    hash: value % 50,
                    name: is_page.then(|| Name { text: value.to_string().into(), split: 0 }),
                };
                (key, epoch, ListDiff { views, users: [1, 0, -1, 2, 0, 1] })
            })
            .collect();
        rows.sort();
        rows.dedup_by(|a, b| a.0 == b.0);
        Rc::new(Rows { rows })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn what_is_told_is_what_a_scan_finds(
            epochs in proptest::collection::vec(
                (proptest::collection::vec((0i64..12, any::<bool>(), 0u64..60, 1i64..4), 0..40), 0i64..3),
                1..20,
            ),
        ) {
            let mut changed = Sliding::ALL.map(|kind| Changed::new(kind, WINDOWS));
            let (mut batches, mut watermark_ms) = (Vec::new(), 0);
            let mut told: BTreeMap<i64, BTreeMap<List, PartContent>> = BTreeMap::new();
            for (epoch, (rows, steps)) in (0..).zip(&epochs) {
                let before_ms = watermark_ms;
                watermark_ms += steps * BUSINESS_PANE_MS;
                let tick = Tick { before_ms, watermark_ms, corrections: epoch % 3 != 1, ..Tick::default() };
                let batch = batch(epoch, rows);
                batches.push(Rc::clone(&batch));
                note(&mut vec![batch], &mut changed, epoch, tick);
                let changed = &mut changed[0];
                let due = changed.due(tick);
                let ends: Vec<i64> = due.first.iter().chain(&due.again).copied().collect();
                changed.tell(epoch, due, &batches, |end_ms, (list, content)| {
                    told.entry(end_ms).or_default().insert(list, content);
                });
                for end_ms in ends {
                    let scan = WindowSums::scan(&batches, epoch, (Sliding::Business, WINDOWS), end_ms, |name| name);
                    prop_assert_eq!(&told[&end_ms], &scan.contents().collect());
                }
                prop_assert!(changed.kept.len() <= most_kept(Sliding::Business));
            }
        }
    }
}
