//! Finding the checkpoint to go on from, and reading it.

use super::chain::FrameRef;
use super::frame::{self, FrameId};
use super::manifest::{self, Manifest, checkpoint_names, data_name};
use super::merge::merge;
use super::{CheckpointError, Collection, Row, Storage};
use crate::alert::Held;
use crate::rows::{ListDiff, ListKey, Tally, TallyKey};
use streamgauge_ingest::binary;

/// What a checkpoint holds.
#[derive(Debug)]
pub struct Restored {
    /// Its manifest.
    pub manifest: Manifest,
    /// Rows of users, by worker.
    pub users: Vec<Vec<u8>>,
    /// Rows of lists.
    pub lists: Vec<(ListKey, ListDiff)>,
    /// Counts of windows.
    pub tallies: Vec<(TallyKey, Tally)>,
    /// What threshold rules hold.
    pub runs: Vec<Held>,
    /// Ids seen: partition, id, timestamp.
    pub seen: Vec<(u32, u128, i64)>,
}

/// A checkpoint that can be used, and those before it in the search that cannot, with the
/// reason.
#[derive(Debug)]
pub struct Usable {
    /// The first that can be used; none if there is none.
    pub checkpoint: Option<Restored>,
    /// Those before it: epoch, reason.
    pub refused: Vec<(u64, String)>,
}

/// The newest checkpoint that verifies and that `may_be_used`, which else gives a
/// reason, for so many workers.
///
/// # Errors
/// If the storage cannot be listed.
pub fn newest_usable(
    storage: &dyn Storage,
    workers: usize,
    may_be_used: impl Fn(&Manifest) -> Result<(), String>,
) -> Result<Usable, CheckpointError> {
    first_usable(storage, checkpoint_names(storage)?, workers, may_be_used)
}

/// The same of the oldest; `refused` are older ones.
///
/// # Errors
/// If the storage cannot be listed.
pub fn oldest_usable(
    storage: &dyn Storage,
    workers: usize,
    may_be_used: impl Fn(&Manifest) -> Result<(), String>,
) -> Result<Usable, CheckpointError> {
    let mut epochs = checkpoint_names(storage)?;
    epochs.reverse();
    first_usable(storage, epochs, workers, may_be_used)
}

fn first_usable(
    storage: &dyn Storage,
    epochs: Vec<u64>,
    workers: usize,
    may_be_used: impl Fn(&Manifest) -> Result<(), String>,
) -> Result<Usable, CheckpointError> {
    let mut refused = Vec::new();
    for epoch in epochs {
        let checked = manifest::read(storage, epoch)
            .map_err(|e| e.to_string())
            .and_then(|m| may_be_used(&m).map(|()| m))
            .and_then(|m| read(storage, m, workers).map_err(|e| e.to_string()));
        match checked {
            Ok(restored) => return Ok(Usable { checkpoint: Some(restored), refused }),
            Err(reason) => refused.push((epoch, reason)),
        }
    }
    Ok(Usable { checkpoint: None, refused })
}

/// Reads a checkpoint as its manifest says, its users split by worker.
///
/// # Errors
/// If any of its frames cannot be read or is damaged.
pub fn read(
    storage: &dyn Storage,
    manifest: Manifest,
    workers: usize,
) -> Result<Restored, CheckpointError> {
    let watermark_ms = manifest.watermark_ms;
    let (mut users, mut lists) = (vec![Vec::new(); workers], Vec::new());
    let (mut tallies, mut seen, mut runs) = (Vec::new(), Vec::new(), Vec::new());
    let mut bad = None;
    for (collection, shard, chain) in manifest.chains.iter() {
        let frames = frames(storage, collection, shard, chain)?;
        let bad_frame = |e: binary::NotEncoded| bad_row(collection, &e.to_string());
        if let (Collection::Tallies, Some(frame)) = (collection, frames.last()) {
            tallies = binary::decode(frame).map_err(bad_frame)?;
            continue;
        }
        if let (Collection::Runs, Some(frame)) = (collection, frames.last()) {
            runs = binary::decode(frame).map_err(bad_frame)?;
            continue;
        }
        merge(collection, watermark_ms, &frames, &mut |row| match collection {
            Collection::Users => {
                let worker = usize::try_from(row.hash % workers as u64).unwrap_or(0);
                row.write(&mut users[worker]);
            }
            Collection::Lists => match list_row(&row) {
                Ok(row) => lists.push(row),
                Err(error) => bad = Some(error),
            },
            Collection::Seen | Collection::Tallies | Collection::Runs => match seen_row(&row) {
                Ok(row) => seen.push(row),
                Err(error) => bad = Some(error),
            },
        })?;
    }
    match bad {
        Some(error) => Err(bad_row(Collection::Lists, &error.to_string())),
        None => Ok(Restored { manifest, users, lists, tallies, runs, seen }),
    }
}

fn list_row(row: &Row<'_>) -> Result<(ListKey, ListDiff), binary::NotEncoded> {
    Ok((binary::decode(row.key)?, binary::decode(row.body)?))
}

fn seen_row(row: &Row<'_>) -> Result<(u32, u128, i64), binary::NotEncoded> {
    let (partition, id) = binary::decode(row.key)?;
    Ok((partition, id, binary::decode(row.body)?))
}

fn bad_row(collection: Collection, what: &str) -> CheckpointError {
    CheckpointError::Damaged { name: format!("a frame of {collection:?}"), what: what.to_owned() }
}

/// Reads and checks all frames of a checkpoint, without making anything of them;
/// returns its manifest and the number of rows.
///
/// # Errors
/// If any of it cannot be read or is damaged.
pub fn verify(storage: &dyn Storage, epoch: u64) -> Result<(Manifest, u64), CheckpointError> {
    let manifest = manifest::read(storage, epoch)?;
    let mut rows = 0;
    for (collection, shard, chain) in manifest.chains.iter() {
        for frame in chain {
            rows += read_frame(storage, collection, shard, frame)?.0;
        }
    }
    Ok((manifest, rows))
}

/// The bytes of the frames of a shard, oldest first.
pub(super) fn frames(
    storage: &dyn Storage,
    collection: Collection,
    shard: u8,
    chain: &[FrameRef],
) -> Result<Vec<Vec<u8>>, CheckpointError> {
    let read = |frame: &FrameRef| read_frame(storage, collection, shard, frame).map(|(_, b)| b);
    chain.iter().map(read).collect()
}

fn read_frame(
    storage: &dyn Storage,
    collection: Collection,
    shard: u8,
    frame: &FrameRef,
) -> Result<(u64, Vec<u8>), CheckpointError> {
    let name = data_name(frame.epoch);
    let io = |source| CheckpointError::Io { name: name.clone(), source };
    let bytes = storage.read_part(&name, frame.at, frame.length).map_err(io)?;
    let id = FrameId { epoch: frame.epoch, collection, shard };
    let (rows, plain) = frame::read(&name, id, &bytes)?;
    if frame::rows(collection, &plain) != Some(rows) {
        let what = "a frame has another number of rows than was written".to_owned();
        return Err(CheckpointError::Damaged { name, what });
    }
    Ok((rows, plain))
}
