//! A worker's share of a checkpoint, as it goes to the worker.

use crate::alert::Held as HeldRuns;
use crate::checkpoint::rows;
use crate::dataflow::Restored;
use crate::rows::{ListDiff, ListKey, Tally, TallyKey};
use crate::run::as_bytes;
use crate::time::Epoch;
use crate::user::Carried;
use serde::{Deserialize, Serialize};

/// What a worker goes on from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Share {
    /// The epoch of the checkpoint.
    pub epoch: Epoch,
    /// The global watermark then, ms.
    pub watermark_ms: i64,
    /// What of its settings is still meant.
    pub carried: Carried,
    /// The users of this worker, as rows of a checkpoint.
    #[serde(with = "as_bytes")]
    pub users: Vec<u8>,
    /// Any share of the counts of windows; they find their workers.
    pub tallies: Vec<(TallyKey, Tally)>,
    /// Any share of the rows of lists.
    pub lists: Vec<(ListKey, ListDiff)>,
    /// What all workers held of threshold rules.
    pub runs: Vec<HeldRuns>,
}

impl Share {
    /// It as the dataflow takes it.
    ///
    /// # Panics
    /// When it is loaded, if its users are no rows of a checkpoint that was verified.
    #[must_use]
    pub fn restored(self) -> Restored {
        let Self { epoch, watermark_ms, carried, users, tallies, lists, runs } = self;
        let state = Box::new(move |state: &mut crate::user::State| {
            let rows = rows(&users).expect("the rows were merged a moment ago");
            let loaded = state.load((epoch, watermark_ms), &carried, rows);
            loaded.expect("a checkpoint that verifies can be loaded");
        });
        Restored { epoch, state, tallies, lists, runs }
    }
}
