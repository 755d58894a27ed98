//! Epochs, and what is bound with them.
//!
//! An *epoch* is timely's timestamp: a counter that says how far the system has
//! come. *Event time* is data, in ms. The two meet in the [`Tick`]: the global
//! watermark an epoch is bound to, and what is due in it. A tick is made where
//! epochs are released, so that every operator on every worker decides alike.

use serde::{Deserialize, Serialize};
use streamgauge_ingest::BEFORE_TIME_MS;
use streamgauge_ingest::judge::Close;

/// System progress: timely's timestamp.
pub type Epoch = u64;

/// What an epoch is bound to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tick {
    /// The global watermark of the epoch before, ms.
    pub before_ms: i64,
    /// The global watermark of this epoch, ms.
    pub watermark_ms: i64,
    /// Provisional results are due, of business windows at their own pace.
    pub provisional: bool,
    /// Provisional results of business windows are due.
    pub business_provisional: bool,
    /// Corrections are due.
    pub corrections: bool,
    /// A checkpoint is made of what is held after this epoch; then corrections are due.
    pub checkpoint: Option<Extent>,
    /// What comes in is what a checkpoint of this epoch held: it is taken as it is, and
    /// what it makes of closed windows is published already.
    pub restores: bool,
}

/// What a checkpoint is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Extent {
    /// What has changed since the one before.
    Changes,
    /// All that is held.
    Whole,
}

impl Tick {
    /// Whether a window that ends at `end_ms` was closed before this epoch.
    #[must_use]
    pub fn was_closed(&self, end_ms: i64) -> bool {
        end_ms <= self.before_ms
    }
}

/// How often what is not final is published, in epochs; above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Whether provisional results are made at all.
    pub provisional: bool,
    /// Epochs between provisional results of business windows.
    pub provisional_epochs: u64,
    /// Epochs between corrections of one key.
    pub correction_epochs: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { provisional: true, provisional_epochs: 10, correction_epochs: 1 }
    }
}

/// Makes the ticks of consecutive closes.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    pace: Pace,
    last: Option<Close>,
}

impl Ticks {
    /// Ticks at this pace, before the first epoch.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        Self { pace, last: None }
    }

    /// The tick of the next epoch that is closed.
    ///
    /// Something is due every n epochs when the epoch's number has passed a
    /// multiple of n since the epoch closed before.
    pub fn next(&mut self, close: Close) -> Tick {
        let due = |n: u64| self.last.is_none_or(|l| l.epoch / n != close.epoch / n);
        let tick = Tick {
            before_ms: self.last.map_or(BEFORE_TIME_MS, |l| l.watermark_ms),
            watermark_ms: close.watermark_ms,
            provisional: self.pace.provisional,
            business_provisional: self.pace.provisional && due(self.pace.provisional_epochs),
            corrections: due(self.pace.correction_epochs),
            checkpoint: None,
            restores: false,
        };
        self.last = Some(close);
        tick
    }

    /// The tick of the epoch of a checkpoint, to go on from there.
    pub fn restore(&mut self, close: Close) -> Tick {
        self.last = Some(close);
        let watermark_ms = close.watermark_ms;
        Tick {
            before_ms: watermark_ms,
            watermark_ms,
            corrections: true,
            restores: true,
            ..Tick::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_when_a_multiple_was_passed() {
        let pace = Pace { provisional: true, provisional_epochs: 10, correction_epochs: 4 };
        let mut ticks = Ticks::new(pace);
        let due: Vec<_> = [0, 1, 4, 9, 10, 25]
            .map(|epoch| ticks.next(Close { epoch, watermark_ms: 0 }))
            .map(|t| (t.business_provisional, t.corrections))
            .into();
        let (yes, no) = (true, false);
        assert_eq!(due, [(yes, yes), (no, no), (no, yes), (no, yes), (yes, no), (yes, yes)]);
    }

    #[test]
    fn a_window_is_closed_from_the_epoch_after() {
        let tick = Tick { before_ms: 5, watermark_ms: 10, ..Tick::default() };
        assert!(tick.was_closed(5) && !tick.was_closed(6));
    }
}
