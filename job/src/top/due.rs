//! Which windows have lists to tell, and when.

use super::sums::{Kept, WindowSums};
use super::{Batch, PartContent};
use crate::rows::{List, Name};
use crate::time::{Epoch, Tick};
use crate::window::{Sliding, Windows};
use std::collections::{BTreeMap, BTreeSet};
use streamgauge_ingest::BEFORE_TIME_MS;

/// No window that is asked for provisionally ends after this time, ms.
const END_MS: i64 = i64::MAX - (1 << 40);

/// Most windows whose sums are kept: an hour's are those of all its journeys.
const fn most_kept(kind: Sliding) -> usize {
    match kind {
        Sliding::Business if cfg!(test) => 5,
        Sliding::Business => 128,
        Sliding::Hour => 4,
        // The running one, and the one before it.
        Sliding::Day => 2,
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
        let is_before_all = tick.watermark_ms == BEFORE_TIME_MS;
        if tick.business_provisional && tick.watermark_ms < END_MS && !is_before_all {
            let ahead_ms = tick.watermark_ms.saturating_add(self.windows.allowed_disorder_ms);
            let current = self.windows.current_end_ms(kind, ahead_ms);
            // It is asked for again and again, an hour's hundreds of times.
            match kind {
                Sliding::Business if self.open.contains(&current) => due.first.push(current),
                Sliding::Hour if self.open.remove(&current) => due.again.push(current),
                Sliding::Business | Sliding::Hour => {}
                Sliding::Day => {
                    let later = self.open.split_off(&(current + 1));
                    due.again.extend(std::mem::replace(&mut self.open, later));
                }
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
    use crate::day::Days;
    use crate::expiry::Rows;
    use crate::rows::{DayList, ListDiff, ListKey};
    use proptest::prelude::*;
    use std::rc::Rc;
    use streamgauge_ingest::batch::Dimension;

    fn pane_ms(kind: Sliding) -> i64 {
        match kind {
            Sliding::Business => 10_000,
            Sliding::Hour => 300_000,
            Sliding::Day => 86_400_000,
        }
    }

    /// Windows of a kind stay correctable for twelve panes.
    fn windows(kind: Sliding) -> Windows {
        let lateness_ms = 12 * pane_ms(kind);
        let days = Days::of("UTC");
        Windows { lateness_ms, session_gap_ms: 1_000, allowed_disorder_ms: 0, days }
    }

    /// A pane, whether it is a named value, the value, and its views.
    type Row = (i64, bool, u64, i64);

    /// The rows of an epoch. Sessions can be taken back: what is not above 0 takes back
    /// all that the value has in the pane.
    fn batch(
        kind: Sliding,
        epoch: Epoch,
        rows: &[Row],
        stands: &mut BTreeMap<ListKey, i64>,
    ) -> Batch {
        let mut all: BTreeMap<ListKey, i64> = BTreeMap::new();
        for &(pane, is_named, value, views) in rows {
            let key = ListKey {
                expires_ms: kind.pane_expires_ms(&windows(kind), pane * pane_ms(kind)),
                list: match (kind, is_named) {
                    (Sliding::Business, true) => List::By(Dimension::Page),
                    (Sliding::Business, false) => List::LoadTimes,
                    (Sliding::Hour, true) => List::Journeys,
                    (Sliding::Hour, false) => List::HourCounts,
                    (Sliding::Day, true) => List::Day(DayList::Pages),
                    (Sliding::Day, false) => List::Day(DayList::EntryPages),
                },
                hash: value % 50,
                name: is_named.then(|| Name { text: value.to_string().into(), split: 0 }),
            };
            let stood = stands.get(&key).copied().unwrap_or(0);
            let views = match (kind, views > 0) {
                (_, true) => views,
                (Sliding::Business, false) => 1,
                (Sliding::Hour | Sliding::Day, false) => -stood,
            };
            if views != 0 && !all.contains_key(&key) {
                stands.insert(key.clone(), stood + views);
                all.insert(key, views);
            }
        }
        let users = [1, 0, -1, 2, 0, 1];
        let diff = |views| ListDiff { views, users };
        Rc::new(Rows { rows: all.into_iter().map(|(k, views)| (k, epoch, diff(views))).collect() })
    }

    /// Holds what is told of each window against a scan of all rows.
    fn check(kind: Sliding, epochs: &[(Vec<Row>, i64)]) {
        let place = (kind, windows(kind));
        let mut changed = Sliding::ALL.map(|kind| Changed::new(kind, windows(kind)));
        let (mut batches, mut stands, mut watermark_ms) = (Vec::new(), BTreeMap::new(), 0);
        let mut told: BTreeMap<i64, BTreeMap<List, PartContent>> = BTreeMap::new();
        for (epoch, (rows, steps)) in (0..).zip(epochs) {
            let before_ms = watermark_ms;
            watermark_ms += steps * pane_ms(kind);
            let (corrections, business_provisional) = (epoch % 3 != 1, epoch % 2 == 0);
            let tick = Tick {
                before_ms,
                watermark_ms,
                corrections,
                business_provisional,
                ..Tick::default()
            };
            let batch = batch(kind, epoch, rows, &mut stands);
            batches.push(Rc::clone(&batch));
            note(&mut vec![batch], &mut changed, epoch, tick);
            let changed = &mut changed[kind as usize];
            let due = changed.due(tick);
            let ends: Vec<i64> = due.first.iter().chain(&due.again).copied().collect();
            changed.tell(epoch, due, &batches, |end_ms, (list, content)| {
                told.entry(end_ms).or_default().insert(list, content);
            });
            for end_ms in ends {
                let scan = WindowSums::scan(&batches, epoch, place, end_ms, |name| name);
                assert_eq!(&told[&end_ms], &scan.contents().collect(), "window {end_ms}");
            }
            assert!(changed.kept.len() <= most_kept(kind));
        }
    }

    fn epochs() -> impl Strategy<Value = Vec<(Vec<Row>, i64)>> {
        let row = (0i64..12, any::<bool>(), 0u64..60, 0i64..4);
        proptest::collection::vec((proptest::collection::vec(row, 0..60), 0i64..3), 1..20)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn what_is_told_is_what_a_scan_finds(epochs in epochs()) {
            check(Sliding::Business, &epochs);
        }

        #[test]
        fn so_it_is_where_sessions_are_taken_back(epochs in epochs()) {
            check(Sliding::Hour, &epochs);
        }

        #[test]
        fn so_it_is_of_days(epochs in epochs()) {
            check(Sliding::Day, &epochs);
        }
    }
}
