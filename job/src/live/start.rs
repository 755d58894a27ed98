//! Where a job begins: what was bound, what was committed, and the newest checkpoint
//! that can be used.
//!
//! A checkpoint at epoch c can be used only if c is bound and committed (I5): else
//! what was committed after it would be missing, or what it holds was never read.

use crate::checkpoint::{self, CheckpointError, Restored, Storage, Usable};
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::log::{EventLog, LogError};
use streamgauge_sink::results::{LogState, ResultError, ResultLog};
use thiserror::Error;

/// What a job goes on from.
#[derive(Debug)]
pub struct Start {
    /// How far what is kept reaches.
    pub state: LogState,
    /// The checkpoint; none if it begins at the beginning.
    pub checkpoint: Option<Restored>,
    /// The binding of the checkpoint's epoch.
    pub after: Option<Binding>,
    /// What was bound since.
    pub again: Vec<Binding>,
    /// Newer checkpoints that cannot be used: epoch, reason.
    pub refused: Vec<(u64, String)>,
}

/// Why a job cannot begin.
#[derive(Debug, Error)]
pub enum StartError {
    /// The results cannot be read.
    #[error(transparent)]
    Results(#[from] ResultError),
    /// The checkpoints cannot be listed.
    #[error(transparent)]
    Checkpoints(#[from] CheckpointError),
    /// The log of events has lost what is needed.
    #[error(
        "cannot go on from epoch {epoch}: {source}. A longer [log] retention would have kept it; `streamgauge run --data-dir` with a new directory begins anew"
    )]
    Events {
        /// The epoch from which the job would have gone on.
        epoch: u64,
        /// What is lost.
        source: LogError,
    },
    /// No checkpoint can be used, and the beginning is no longer there.
    #[error("no checkpoint can be used, and bindings are kept only from epoch {first} on, so the job cannot go on without leaving results away; {}", reasons(.refused))]
    NoCheckpoint {
        /// The first epoch whose binding is kept.
        first: u64,
        /// The checkpoints, and why not.
        refused: Vec<(u64, String)>,
    },
}

fn reasons(refused: &[(u64, String)]) -> String {
    if refused.is_empty() {
        return "there is none".to_owned();
    }
    let each = refused.iter().map(|(epoch, why)| format!("checkpoint {epoch}: {why}"));
    each.collect::<Vec<_>>().join("; ")
}

impl Start {
    /// Finds where to begin, for so many workers.
    ///
    /// # Errors
    /// If what is kept does not suffice to go on.
    pub fn find(
        results: &dyn ResultLog,
        storage: &dyn Storage,
        log: &dyn EventLog,
        workers: usize,
    ) -> Result<Self, StartError> {
        let state = results.state()?;
        let binding = |epoch: u64| -> Option<Binding> {
            let found = results.bindings(epoch, 1).ok()?.pop();
            found.filter(|b| b.epoch == epoch)
        };
        let committed = state.committed.map(|p| p.epoch);
        let Usable { checkpoint, refused } =
            checkpoint::newest_usable(storage, workers, |manifest| {
                if committed.is_none_or(|committed| manifest.epoch > committed) {
                    return Err("its epoch is not committed".to_owned());
                }
                let binding = binding(manifest.epoch).ok_or("its binding is no longer kept")?;
                held(log, &binding).map_err(|lost| lost.to_string())
            })?;
        let Some(checkpoint) = checkpoint else {
            return Self::from_the_beginning(results, log, state, refused);
        };
        let epoch = checkpoint.manifest.epoch;
        let (after, again) = (binding(epoch), results.bindings(epoch + 1, usize::MAX)?);
        Ok(Self { state, checkpoint: Some(checkpoint), after, again, refused })
    }

    fn from_the_beginning(
        results: &dyn ResultLog,
        log: &dyn EventLog,
        state: LogState,
        refused: Vec<(u64, String)>,
    ) -> Result<Self, StartError> {
        if let Some(first) = state.first_bound.filter(|first| *first != 0) {
            return Err(StartError::NoCheckpoint { first, refused });
        }
        let bindings = results.bindings(0, usize::MAX)?;
        if let Some(first) = bindings.first() {
            let epoch = first.epoch;
            let bound = first.partitions.iter().map(|p| (p.partition, p.lo));
            still_held(log, bound).map_err(|source| StartError::Events { epoch, source })?;
        }
        Ok(Self { state, checkpoint: None, after: None, again: bindings, refused })
    }
}

/// Whether the log still has what comes after a binding (I6).
fn held(log: &dyn EventLog, binding: &Binding) -> Result<(), LogError> {
    still_held(log, binding.partitions.iter().map(|p| (p.partition, p.hi)))
}

fn still_held(
    log: &dyn EventLog,
    positions: impl Iterator<Item = (u32, u64)>,
) -> Result<(), LogError> {
    for (partition, offset) in positions {
        let start = log.bounds(partition)?.start;
        if offset < start {
            return Err(LogError::Lost { partition, lost: offset..start });
        }
    }
    Ok(())
}
