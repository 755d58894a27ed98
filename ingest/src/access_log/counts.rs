//! What became of the lines of a log.

use super::{Skip, Unreadable};
use std::collections::BTreeMap;

/// Where a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, counted from 0 in the order they were read.
    pub file: usize,
    /// The line in it, counted from 1.
    pub line: u64,
}

/// Lines of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub lines: u64,
    /// The first of them.
    pub first: Place,
}

/// Counts of lines: all of them are events, skipped or unreadable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    lines: u64,
    events: u64,
    skipped: BTreeMap<Skip, Count>,
    unreadable: BTreeMap<Unreadable, Count>,
}

impl Counts {
    /// All lines.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Those that became events.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Those that are no page views, by reason.
    #[must_use]
    pub fn skipped(&self) -> &BTreeMap<Skip, Count> {
        &self.skipped
    }

    /// Those that could not be read, by reason.
    #[must_use]
    pub fn unreadable(&self) -> &BTreeMap<Unreadable, Count> {
        &self.unreadable
    }

    pub(super) fn add_event(&mut self) {
        self.lines += 1;
        self.events += 1;
    }

    pub(super) fn add_skipped(&mut self, reason: Skip, place: Place) {
        self.lines += 1;
        add(&mut self.skipped, reason, place);
    }

    pub(super) fn add_unreadable(&mut self, reason: Unreadable, place: Place) {
        self.lines += 1;
        add(&mut self.unreadable, reason, place);
    }
}

fn add<R: Ord>(counts: &mut BTreeMap<R, Count>, reason: R, first: Place) {
    counts.entry(reason).or_insert(Count { lines: 0, first }).lines += 1;
}
