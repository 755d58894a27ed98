//! The rows of lists that no checkpoint has yet.

use super::Batch;
use crate::checkpoint::{Part, Parts};
use crate::time::{Epoch, Extent, Tick};
use std::rc::Rc;

/// Batches with rows of epochs after the last checkpoint.
pub(super) struct Unsaved {
    parts: Parts,
    batches: Vec<Batch>,
    /// The epoch of the last checkpoint; what is of it or before is saved.
    saved: Option<Epoch>,
}

impl Unsaved {
    pub(super) fn new(parts: Parts) -> Self {
        Self { parts, batches: Vec::new(), saved: None }
    }

    pub(super) fn arrived(&mut self, batch: Option<&Batch>) {
        self.batches.extend(batch.map(Rc::clone));
    }

    /// An epoch is complete: gives its checkpoint the rows, if there is one. `all`
    /// gives the batches with everything that is held.
    pub(super) fn epoch(&mut self, epoch: Epoch, tick: Tick, all: impl FnOnce() -> Vec<Batch>) {
        if let Some(extent) = tick.checkpoint {
            let (batches, saved) = match extent {
                Extent::Changes => (std::mem::take(&mut self.batches), self.saved),
                Extent::Whole => (all(), None),
            };
            let rows = batches.iter().flat_map(|batch| &batch.rows);
            let new = |at: Epoch| at <= epoch && saved.is_none_or(|saved| at > saved);
            let held = |expires_ms: i64| expires_ms > tick.watermark_ms;
            let rows = rows.filter(|(key, at, _)| new(*at) && held(key.expires_ms));
            let rows = rows.map(|(key, _, diff)| (key.clone(), *diff)).collect();
            self.parts.give(epoch, Part::Lists(rows));
            if extent == Extent::Changes {
                self.batches = batches;
            }
        }
        if tick.checkpoint.is_some() || tick.restores {
            self.saved = Some(epoch);
            self.batches.retain(|batch| batch.rows.iter().any(|(_, at, _)| *at > epoch));
        }
    }
}
