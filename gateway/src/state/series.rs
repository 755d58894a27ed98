//! The windows of one series of results, as far back as they are shown.
//!
//! Provisional and committed records come over two topics whose order is not that of
//! their making, so each window has a place for either: what is committed always
//! stands before what is provisional.

use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// How sure a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Before the watermark has passed the end of its window.
    Provisional,
    /// After it.
    Final,
    /// Changed since.
    Corrected,
}

impl Standing {
    /// Its name, as on the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Provisional => "provisional",
            Self::Final => "final",
            Self::Corrected => "corrected",
        }
    }

    /// The standing of this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        [Self::Provisional, Self::Final, Self::Corrected].into_iter().find(|s| s.name() == name)
    }
}

/// What a window has come to.
#[derive(Debug)]
pub(crate) struct Cell {
    /// How sure it is.
    pub(crate) standing: Standing,
    /// The number of a single value, as it stands on the log.
    pub(crate) value: Option<Box<str>>,
    /// What it was counted over.
    pub(crate) count: Option<i64>,
    /// The whole record of what is no single value.
    pub(crate) body: Option<Box<RawValue>>,
}

/// A window of time, `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    /// Where it ends, ms: first, for the order of windows is that of their ends.
    pub(crate) end_ms: i64,
    /// Where it starts, ms.
    pub(crate) start_ms: i64,
}

#[derive(Debug, Default)]
struct Slot {
    provisional: Option<Cell>,
    committed: Option<Cell>,
}

impl Slot {
    fn cell(&self) -> Option<&Cell> {
        self.committed.as_ref().or(self.provisional.as_ref())
    }
}

/// What to keep of a series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    /// Windows that end at most so long before the newest, ms.
    pub(crate) for_ms: i64,
    /// Number of windows.
    pub(crate) most: usize,
}

/// The windows of a series, in order of their ends.
#[derive(Debug, Default)]
pub(crate) struct Series(BTreeMap<Span, Slot>);

impl Series {
    /// Takes in a provisional record, or its end.
    pub(crate) fn provisional(&mut self, span: Span, cell: Option<Cell>, kept: Kept) {
        self.0.entry(span).or_default().provisional = cell;
        self.prune(span, kept);
    }

    /// Takes in a committed record, or its end.
    pub(crate) fn committed(&mut self, span: Span, cell: Option<Cell>, kept: Kept) {
        self.0.insert(span, Slot { provisional: None, committed: cell });
        self.prune(span, kept);
    }

    fn prune(&mut self, changed: Span, kept: Kept) {
        if self.0.get(&changed).is_some_and(|slot| slot.cell().is_none()) {
            self.0.remove(&changed);
        }
        let Some((newest, _)) = self.0.last_key_value() else { return };
        let oldest_ms = newest.end_ms.saturating_sub(kept.for_ms);
        while let Some(first) = self.0.first_entry()
            && (first.key().end_ms < oldest_ms || self.0.len() > kept.most)
        {
            self.0.pop_first();
        }
    }

    /// Forgets all that is provisional.
    pub(crate) fn forget_provisional(&mut self) {
        self.0.retain(|_, slot| {
            slot.provisional = None;
            slot.committed.is_some()
        });
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The newest window.
    pub(crate) fn newest(&self) -> Option<(Span, &Cell)> {
        self.0.iter().next_back().and_then(|(span, slot)| Some((*span, slot.cell()?)))
    }

    /// A window.
    pub(crate) fn of(&self, span: Span) -> Option<&Cell> {
        self.0.get(&span)?.cell()
    }

    /// What is committed of a window.
    pub(crate) fn settled(&self, span: Span) -> Option<&Cell> {
        self.0.get(&span)?.committed.as_ref()
    }

    /// The window that ends here.
    pub(crate) fn ending(&self, end_ms: i64) -> Option<(Span, &Cell)> {
        let all = Span { end_ms, start_ms: i64::MIN }..=Span { end_ms, start_ms: i64::MAX };
        self.0.range(all).next_back().and_then(|(span, slot)| Some((*span, slot.cell()?)))
    }

    /// The ends of the windows that end after this time, the newest first.
    pub(crate) fn ends_after(&self, end_ms: i64) -> impl Iterator<Item = i64> {
        self.0.keys().rev().map(|span| span.end_ms).take_while(move |end| *end > end_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: Kept = Kept { for_ms: 20_000, most: 3 };

    fn cell(standing: Standing, value: &str) -> Option<Cell> {
        Some(Cell { standing, value: Some(value.into()), count: None, body: None })
    }

    fn span(end_ms: i64) -> Span {
        Span { end_ms, start_ms: end_ms - 5_000 }
    }

    fn shown(series: &Series) -> Vec<(i64, String)> {
        let mut ends: Vec<_> = series.ends_after(i64::MIN).collect();
        ends.reverse();
        let value = |end| series.ending(end).and_then(|(_, c)| c.value.clone()).unwrap();
        ends.into_iter().map(|end| (end, value(end).to_string())).collect()
    }

    #[test]
    fn what_is_committed_stands_before_what_is_provisional() {
        let mut series = Series::default();
        series.provisional(span(5_000), cell(Standing::Provisional, "1"), KEPT);
        series.committed(span(5_000), cell(Standing::Final, "2"), KEPT);
        series.provisional(span(5_000), cell(Standing::Provisional, "3"), KEPT);
        assert_eq!(shown(&series), [(5_000, "2".into())]);
        series.committed(span(5_000), None, KEPT);
        assert!(series.is_empty(), "its end ends what is provisional, too");
    }

    #[test]
    fn a_new_job_forgets_what_is_provisional() {
        let mut series = Series::default();
        series.committed(span(5_000), cell(Standing::Final, "1"), KEPT);
        series.provisional(span(10_000), cell(Standing::Provisional, "2"), KEPT);
        series.forget_provisional();
        assert_eq!(shown(&series), [(5_000, "1".into())]);
    }

    #[test]
    fn memory_is_bounded_by_time_and_number() {
        let mut series = Series::default();
        for end_ms in [5_000, 10_000, 15_000, 20_000] {
            series.committed(span(end_ms), cell(Standing::Final, "1"), KEPT);
        }
        assert_eq!(series.ends_after(0).collect::<Vec<_>>(), [20_000, 15_000, 10_000]);
        series.committed(span(35_000), cell(Standing::Final, "1"), KEPT);
        assert_eq!(series.ends_after(0).collect::<Vec<_>>(), [35_000, 20_000, 15_000]);
        series.committed(span(5_000), cell(Standing::Corrected, "1"), KEPT);
        assert_eq!(series.ends_after(0).collect::<Vec<_>>(), [35_000, 20_000, 15_000]);
    }
}
