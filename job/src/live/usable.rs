//! Which checkpoints can be used: what was bound since is still bound, and still held.

use super::start::StartError;
use crate::bindings::still_held;
use crate::checkpoint::{
    CheckpointError, Manifest, Restored, Storage, Usable, newest_usable, oldest_usable,
};
use std::cell::RefCell;
use std::ops::Range;
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::log::EventLog;
use streamgauge_sink::results::{ResultError, ResultLog};

/// Checkpoints that cannot be used: epoch, reason.
pub type Unusable = Vec<(u64, String)>;

/// The newest checkpoint that can be used over logs that hold so much.
pub(super) fn newest(
    results: &dyn ResultLog,
    storage: &dyn Storage,
    bounds: &[Range<u64>],
    committed: Option<u64>,
    workers: usize,
) -> Result<Usable, StartError> {
    checked(results, bounds, committed, |may| newest_usable(storage, workers, may))
}

/// The oldest checkpoint with these settings, of an epoch from `since` on, that can be used and
/// its binding, or why older ones cannot.
pub(crate) fn oldest(
    results: &dyn ResultLog,
    storage: &dyn Storage,
    log: &dyn EventLog,
    workers: usize,
    (settings_hash, since): (u64, u64),
) -> Result<Result<(Restored, Binding), Unusable>, StartError> {
    let committed = results.state()?.committed.map(|p| p.epoch);
    let find = |may: MayBeUsed<'_>| {
        oldest_usable(storage, workers, |manifest| match manifest.settings_hash {
            hash if hash != settings_hash => Err("it was made with other settings".to_owned()),
            _ if manifest.epoch < since => Err("settings were others since".to_owned()),
            _ => may(manifest),
        })
    };
    let Usable { checkpoint, refused } = checked(results, &log.all_bounds()?, committed, find)?;
    let Some(checkpoint) = checkpoint else { return Ok(Err(refused)) };
    Ok(match binding(results, checkpoint.manifest.epoch)? {
        Some(binding) => Ok((checkpoint, binding)),
        // It was dropped a moment ago.
        None => Err(refused),
    })
}

type MayBeUsed<'a> = &'a dyn Fn(&Manifest) -> Result<(), String>;

fn checked(
    results: &dyn ResultLog,
    bounds: &[Range<u64>],
    committed: Option<u64>,
    find: impl FnOnce(MayBeUsed<'_>) -> Result<Usable, CheckpointError>,
) -> Result<Usable, StartError> {
    // Results that are away are no reason against a checkpoint.
    let away = RefCell::new(None);
    let usable = find(&|manifest| {
        if committed.is_none_or(|committed| manifest.epoch > committed) {
            return Err("its epoch is not committed".to_owned());
        }
        let binding = binding(results, manifest.epoch).map_err(|error| {
            let told = error.to_string();
            away.replace(Some(error));
            told
        })?;
        let binding = binding.ok_or("its binding is no longer kept")?;
        let bound = binding.partitions.iter().map(|p| p.hi);
        still_held(bounds, bound).map_err(|lost| lost.to_string())
    })?;
    match away.into_inner() {
        Some(error) => Err(error.into()),
        None => Ok(usable),
    }
}

/// The binding of an epoch.
pub(super) fn binding(results: &dyn ResultLog, epoch: u64) -> Result<Option<Binding>, ResultError> {
    let found = results.bindings(epoch, 1)?.pop();
    Ok(found.filter(|b| b.epoch == epoch))
}
