//! Where a job begins: what was bound, what was committed, and the newest checkpoint
//! that can be used.
//!
//! A checkpoint at epoch c can be used only if c is bound and committed (I5): else
//! what was committed after it would be missing, or what it holds was never read.

use super::usable::{binding, newest};
use crate::bindings::still_held;
use crate::checkpoint::{CheckpointError, Restored, Storage, Usable};
use crate::user::Carried;
use std::ops::Range;
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
    /// What of its settings is still meant; all of it if there is no checkpoint.
    pub carried: Carried,
}

/// Why a job cannot begin.
#[derive(Debug, Error)]
pub enum StartError {
    /// The results cannot be read.
    #[error(transparent)]
    Results(#[from] ResultError),
    /// The log of events cannot be asked what it holds.
    #[error(transparent)]
    Log(#[from] LogError),
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
    /// The settings are others than those of the epochs that must be computed again.
    #[error("the settings have changed ({}) since the job was killed, and {epochs} epochs that were bound with the old ones must be computed again: start it once with the old settings and end it with Ctrl-C, then change them", changes.join(", "))]
    SettingsChanged {
        /// What has changed.
        changes: Vec<String>,
        /// Epochs to be computed again.
        epochs: usize,
    },
    /// What is held was kept by the old settings.
    #[error("{} cannot be changed on a directory that has data ({}): what is held was kept by the old value. Take it back, or begin with a new --data-dir; `replay --from log --rebind` computes the past with it", keys.join(", "), changes.join(", "))]
    HeldByOld {
        /// The keys.
        keys: Vec<&'static str>,
        /// What has changed.
        changes: Vec<String>,
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
    /// Finds where to begin, for so many workers and with these settings: their hash,
    /// and they as JSON.
    ///
    /// # Errors
    /// If what is kept does not suffice to go on.
    pub fn find(
        results: &dyn ResultLog,
        storage: &dyn Storage,
        log: &dyn EventLog,
        workers: usize,
        settings: &(u64, String),
    ) -> Result<Self, StartError> {
        let mut start = Self::of_what_is_kept(results, storage, log, workers)?;
        start.carried = Carried::all(rules(&parsed(&settings.1)).len());
        let last = start.again.last().or(start.after.as_ref());
        let Some(old) = last.map(|b| b.settings_hash).filter(|hash| *hash != settings.0) else {
            return Ok(start);
        };
        let old = results.settings(old)?.unwrap_or_default();
        let changes = changes(&old, &settings.1);
        if !start.again.is_empty() {
            let epochs = start.again.len();
            return Err(StartError::SettingsChanged { changes, epochs });
        }
        let keys = held_by(&old, &settings.1);
        if !keys.is_empty() {
            return Err(StartError::HeldByOld { keys, changes });
        }
        start.carried = carried(&parsed(&old), &parsed(&settings.1));
        Ok(start)
    }

    fn of_what_is_kept(
        results: &dyn ResultLog,
        storage: &dyn Storage,
        log: &dyn EventLog,
        workers: usize,
    ) -> Result<Self, StartError> {
        let state = results.state()?;
        // Asked once: a log that is away for a moment is no reason against a checkpoint.
        let bounds = log.all_bounds()?;
        let committed = state.committed.map(|p| p.epoch);
        let Usable { checkpoint, refused } = newest(results, storage, &bounds, committed, workers)?;
        let Some(checkpoint) = checkpoint else {
            return Self::from_the_beginning(results, &bounds, state, refused);
        };
        let epoch = checkpoint.manifest.epoch;
        let (after, again) = (binding(results, epoch)?, results.bindings(epoch + 1, usize::MAX)?);
        let checkpoint = Some(checkpoint);
        Ok(Self { state, checkpoint, after, again, refused, carried: Carried::all(0) })
    }

    fn from_the_beginning(
        results: &dyn ResultLog,
        bounds: &[Range<u64>],
        state: LogState,
        refused: Vec<(u64, String)>,
    ) -> Result<Self, StartError> {
        if let Some(first) = state.first_bound.filter(|first| *first != 0) {
            return Err(StartError::NoCheckpoint { first, refused });
        }
        let bindings = results.bindings(0, usize::MAX)?;
        if let Some(first) = bindings.first() {
            let epoch = first.epoch;
            let bound = first.partitions.iter().map(|p| p.lo);
            still_held(bounds, bound).map_err(|source| StartError::Events { epoch, source })?;
        }
        let (checkpoint, after, again) = (None, None, bindings);
        Ok(Self { state, checkpoint, after, again, refused, carried: Carried::all(0) })
    }
}

type Settings = serde_json::Map<String, serde_json::Value>;

/// The configured rules: all but the first, which there always is.
fn rules(settings: &Settings) -> &[serde_json::Value] {
    let all = settings.get("alerts").and_then(serde_json::Value::as_array);
    all.and_then(|all| all.get(1..)).unwrap_or_default()
}

/// What of old settings is the same in the new ones.
fn carried(old: &Settings, new: &Settings) -> Carried {
    let place = |rule| {
        let at = rules(new).iter().position(|other| other == rule)?;
        u8::try_from(at).ok()
    };
    Carried {
        funnels: old.get("funnels") == new.get("funnels"),
        rules: rules(old).iter().map(place).collect(),
    }
}

fn parsed(json: &str) -> Settings {
    serde_json::from_str(json).unwrap_or_default()
}

/// What differs between two settings, in words.
pub(crate) fn changes(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (parsed(old), parsed(new));
    let keys: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let shown =
        |of: &Settings, key: &str| of.get(key).map_or("nothing".into(), ToString::to_string);
    let differs = keys.into_iter().filter(|key| old.get(*key) != new.get(*key));
    differs.map(|key| format!("{key}: {} is now {}", shown(&old, key), shown(&new, key))).collect()
}

/// Settings that differ and by which state is kept: keys in checkpoints begin with the
/// time at which they expire, and what a longer time would need has been dropped.
fn held_by(old: &str, new: &str) -> Vec<&'static str> {
    let (old, new) = (parsed(old), parsed(new));
    let keys = ["time.lateness", "time.session_gap", "site.time_zone"];
    keys.into_iter().filter(|key| new.get(*key) != old.get(*key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_carried_to_its_new_place_and_a_changed_one_is_not() {
        let settings = |funnels: &str, rules: &[&str]| {
            let all: Vec<_> = ["bounces"].iter().chain(rules).collect();
            parsed(&serde_json::json!({ "funnels": funnels, "alerts": all }).to_string())
        };
        let check = |old: &[&str], new: &[&str], expected: &[Option<u8>]| {
            let carried = carried(&settings("f", old), &settings("f", new));
            assert_eq!(carried, Carried { funnels: true, rules: expected.to_vec() });
        };
        check(&[], &["a"], &[]);
        check(&["a", "b"], &["a", "b"], &[Some(0), Some(1)]);
        check(&["b", "c"], &["a", "b"], &[Some(1), None]);
        check(&["a, version 1"], &["a, version 2"], &[None]);
        let other = carried(&settings("f", &["a"]), &settings("g", &["a"]));
        assert_eq!(other, Carried { funnels: false, rules: vec![Some(0)] });
        assert!(!other.is_all(1));
        assert!(!carried(&settings("f", &[]), &settings("f", &["a"])).is_all(1));
    }
}
