//! A replay that goes on from a checkpoint: what came before is known exactly, though how it
//! was bound is no longer kept.

use crate::checkpoint::Storage;
use crate::live::{Shares, StartError, Unusable, oldest};
use crate::user::Carried;
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::judge::Close;
use streamgauge_ingest::log::EventLog;
use streamgauge_sink::results::ResultLog;

/// What a replay goes on from.
pub struct Resumed {
    /// The epoch of the checkpoint, and its watermark.
    pub(super) close: Close,
    /// What each worker begins with.
    pub(super) shares: Shares,
    /// Ids seen: partition, id, timestamp.
    pub(super) seen: Vec<(u32, u128, i64)>,
    /// The binding of its epoch.
    pub(super) after: Binding,
}

impl Resumed {
    /// The oldest checkpoint that can be used, for so many workers and made with settings of
    /// this hash and with so many rules; else why older ones cannot.
    ///
    /// # Errors
    /// If the logs or the checkpoints can't be read.
    pub fn oldest(
        results: &dyn ResultLog,
        storage: &dyn Storage,
        log: &dyn EventLog,
        workers: usize,
        (settings_hash, rules): (u64, usize),
    ) -> Result<Result<Self, Unusable>, StartError> {
        Ok(oldest(results, storage, log, workers, settings_hash)?.map(|(mut checkpoint, after)| {
            Self {
                close: Close {
                    epoch: checkpoint.manifest.epoch,
                    watermark_ms: checkpoint.manifest.watermark_ms,
                },
                seen: std::mem::take(&mut checkpoint.seen),
                shares: Shares::of(&Carried::all(rules), Some(&mut checkpoint), workers),
                after,
            }
        }))
    }

    /// The epoch of the checkpoint.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.close.epoch
    }
}
