//! A window as a reader sees it, and what a refresh does to it.
//!
//! Invariant: a record keeps its state until its content changes or its window closes.

use std::collections::BTreeMap;

use super::super::record::{Record, State};
use super::super::view::{Kind, Span, View};

/// Records by key, with the state in which they are shown.
pub(super) type Shown = BTreeMap<String, (Record, State)>;

/// A window as it was last refreshed.
#[derive(Default)]
pub(super) struct Window {
    pub(super) shown: Shown,
    /// How many events it was made from, where that tells whether it has changed.
    event_count: Option<usize>,
}

/// Why a window is refreshed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Provisional,
    Closing,
    Correction,
}

impl Window {
    pub(super) fn refresh(&mut self, view: &View<'_>, kind: Kind, window_ms: Span, turn: Turn) {
        let event_count = view.event_count(kind, window_ms);
        let unchanged = event_count.is_some() && event_count == self.event_count;
        self.event_count = event_count;
        if unchanged {
            // The same content: it can only change its state.
            if turn == Turn::Closing {
                self.shown.values_mut().for_each(|(_, state)| *state = State::Final);
            }
            return;
        }
        let content: BTreeMap<String, Record> = view
            .content(kind, window_ms)
            .into_iter()
            .map(|record| (record.key.clone(), record))
            .collect();
        self.shown.retain(|key, _| content.contains_key(key));
        match turn {
            Turn::Provisional => replace(&mut self.shown, content, State::Provisional),
            Turn::Correction => replace(&mut self.shown, content, State::Corrected),
            Turn::Closing => {
                self.shown = content
                    .into_iter()
                    .map(|(key, record)| (key, (record, State::Final)))
                    .collect();
            }
        }
    }
}

/// Shows the records that differ from what is shown, in this state.
pub(super) fn replace(shown: &mut Shown, records: BTreeMap<String, Record>, state: State) {
    for (key, record) in records {
        if shown.get(&key).is_none_or(|(old, _)| *old != record) {
            shown.insert(key, (record, state));
        }
    }
}
