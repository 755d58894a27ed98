//! Which windows have lists to tell, and when.

use super::sums::{Kept, WindowSums};
use super::{Batch, PartContent};
use crate::rows::{List, ListKey, Name, PANES};
use crate::time::{Epoch, Tick};
use crate::window::{BUSINESS_WINDOW_MS, Windows};
use std::collections::{BTreeMap, BTreeSet};
use streamgauge_ingest::lateness::{BUSINESS_PANE_MS, slice_end_ms};

/// Most windows whose sums are kept.
const MOST_KEPT: usize = if cfg!(test) { 5 } else { 128 };

/// Windows to be told, by their ends, ms.
#[derive(Default)]
pub(super) struct Due {
    /// Those that close, or are provisional.
    first: Vec<i64>,
    /// Those that were told when they closed.
    again: Vec<i64>,
}

impl Due {
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_empty() && self.again.is_empty()
    }
}

/// Windows whose rows have changed since they were last told.
pub(super) struct Changed {
    windows: Windows,
    /// Batches with rows that were not looked at yet: one can hold several epochs.
    pub(super) arrived: Vec<Batch>,
    /// Ends of windows that the watermark has not passed.
    open: BTreeSet<i64>,
    /// Ends of windows that it has.
    closed: BTreeSet<i64>,
    /// By their ends: sums of closed windows, up to date with all rows noted.
    kept: BTreeMap<i64, Kept>,
}

impl Changed {
    pub(super) fn new(windows: Windows) -> Self {
        Self {
            windows,
            arrived: Vec::new(),
            open: BTreeSet::new(),
            closed: BTreeSet::new(),
            kept: BTreeMap::new(),
        }
    }

    /// Notes the windows changed in `epoch`, and takes those that are due.
    pub(super) fn due(&mut self, epoch: Epoch, tick: Tick) -> Due {
        self.note(epoch, tick);
        let mut due = Due::default();
        let later = self.open.split_off(&tick.watermark_ms.saturating_add(1));
        due.first.extend(std::mem::replace(&mut self.open, later));
        if tick.business_provisional && tick.watermark_ms < i64::MAX - BUSINESS_WINDOW_MS {
            let ahead_ms = tick.watermark_ms.saturating_add(self.windows.allowed_disorder_ms);
            let current = slice_end_ms(ahead_ms, BUSINESS_PANE_MS);
            due.first.extend(self.open.contains(&current).then_some(current));
        }
        // What is frozen in this epoch must be told before it is forgotten.
        let windows = self.windows;
        let corrections = tick.corrections;
        self.closed.retain(|end_ms| {
            let is_due = corrections || windows.frozen_ms(*end_ms) <= tick.watermark_ms;
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

    fn note(&mut self, epoch: Epoch, tick: Tick) {
        let windows = self.windows;
        let Self { arrived, open, closed, kept, .. } = self;
        arrived.retain(|batch| {
            let mut later = false;
            let mut last = (i64::MIN, false);
            for (key, at, diff) in &batch.rows {
                later |= *at > epoch;
                if *at != epoch {
                    continue;
                }
                let ends = window_ends(windows, key);
                let pane_end_ms = *ends.start();
                if pane_end_ms != last.0 {
                    last = (pane_end_ms, kept.range(ends).next().is_some());
                    for (_, end_ms) in windows_of(pane_end_ms) {
                        let set = if tick.was_closed(end_ms) { &mut *closed } else { &mut *open };
                        set.insert(end_ms);
                    }
                }
                if last.1 {
                    for (j, end_ms) in windows_of(pane_end_ms) {
                        if let Some(kept) = kept.get_mut(&end_ms) {
                            kept.add(key, diff, j);
                        }
                    }
                }
            }
            later
        });
    }

    /// Gives what the lists of the windows that are due say.
    pub(super) fn tell(
        &mut self,
        epoch: Epoch,
        due: Due,
        batches: &[Batch],
        mut give: impl FnMut(i64, (List, PartContent)),
    ) {
        for end_ms in due.first {
            let sums = WindowSums::scan(batches, epoch, self.windows, end_ms, |name| name);
            sums.contents().for_each(|content| give(end_ms, content));
        }
        for end_ms in due.again {
            if !self.kept.contains_key(&end_ms) && !self.make_room_for(end_ms) {
                let sums = WindowSums::scan(batches, epoch, self.windows, end_ms, |name| name);
                sums.contents().for_each(|content| give(end_ms, content));
                continue;
            }
            let kept = self.kept.entry(end_ms).or_insert_with(|| {
                Kept::new(WindowSums::scan(batches, epoch, self.windows, end_ms, Name::clone))
            });
            kept.take_changed().into_iter().for_each(|content| give(end_ms, content));
        }
    }

    /// Whether the sums of one more window are worth keeping: most late records
    /// are a little late, so the windows that end last are.
    fn make_room_for(&mut self, end_ms: i64) -> bool {
        if self.kept.len() < MOST_KEPT {
            return true;
        }
        let oldest = self.kept.first_entry().filter(|oldest| *oldest.key() < end_ms);
        oldest.map(|oldest| oldest.remove()).is_some()
    }

    /// Drops the sums of windows that are frozen.
    pub(super) fn forget(&mut self, tick: Tick) {
        while let Some(first) = self.kept.first_entry() {
            if self.windows.frozen_ms(*first.key()) > tick.watermark_ms {
                break;
            }
            first.remove();
        }
    }
}

/// The ends of the windows that contain the pane of a row, from its own.
fn window_ends(windows: Windows, key: &ListKey) -> std::ops::RangeInclusive<i64> {
    let pane_end_ms = key.expires_ms - windows.business_pane_expires_ms(0);
    pane_end_ms..=pane_end_ms + BUSINESS_WINDOW_MS - BUSINESS_PANE_MS
}

/// Those ends, and how many panes before the window's last the pane lies.
fn windows_of(pane_end_ms: i64) -> impl Iterator<Item = (usize, i64)> {
    (0..PANES).zip((0..).map(move |j| pane_end_ms + j * BUSINESS_PANE_MS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expiry::Rows;
    use crate::rows::ListDiff;
    use proptest::prelude::*;
    use std::rc::Rc;
    use streamgauge_ingest::batch::Dimension;

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
            let mut changed = Changed::new(WINDOWS);
            let (mut batches, mut watermark_ms) = (Vec::new(), 0);
            let mut told: BTreeMap<i64, BTreeMap<List, PartContent>> = BTreeMap::new();
            for (epoch, (rows, steps)) in (0..).zip(&epochs) {
                let before_ms = watermark_ms;
                watermark_ms += steps * BUSINESS_PANE_MS;
                let tick = Tick { before_ms, watermark_ms, corrections: epoch % 3 != 1, ..Tick::default() };
                let batch = batch(epoch, rows);
                changed.arrived.push(Rc::clone(&batch));
                batches.push(batch);
                let due = changed.due(epoch, tick);
                let ends: Vec<i64> = due.first.iter().chain(&due.again).copied().collect();
                changed.tell(epoch, due, &batches, |end_ms, (list, content)| {
                    told.entry(end_ms).or_default().insert(list, content);
                });
                for end_ms in ends {
                    let scan = WindowSums::scan(&batches, epoch, WINDOWS, end_ms, |name| name);
                    prop_assert_eq!(&told[&end_ms], &scan.contents().collect());
                }
                prop_assert!(changed.kept.len() <= MOST_KEPT);
            }
        }
    }
}
