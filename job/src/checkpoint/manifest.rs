//! The manifest: what a checkpoint is and which frames it is made of. It is written
//! last; a checkpoint without one is none.

use super::chain::Chains;
use super::frame::FORMAT;
use super::{CheckpointError, Collection, Storage};
use serde::{Deserialize, Serialize};
use streamgauge_ingest::binary;
use xxhash_rust::xxh3::xxh3_64;

const MAGIC: [u8; 4] = *b"SGCM";

/// A checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The epoch that was complete.
    pub epoch: u64,
    /// The global watermark then, ms.
    pub watermark_ms: i64,
    /// The hash of the settings by which it was computed.
    pub settings_hash: u64,
    /// When it was made, ms of the clock.
    pub at_ms: i64,
    /// Bytes that it added.
    pub bytes: u64,
    pub(super) chains: Chains,
}

impl Manifest {
    /// The number of frames and their bytes, by collection.
    #[must_use]
    pub fn sizes(&self) -> Vec<(Collection, usize, u64)> {
        let of = |collection| {
            let frames = self.chains.iter().filter(move |(c, _, _)| *c == collection);
            let frames: Vec<_> = frames.flat_map(|(_, _, chain)| chain).collect();
            (collection, frames.len(), frames.iter().map(|f| f.length).sum())
        };
        Collection::ALL.map(of).to_vec()
    }
}

/// The file of a checkpoint's frames.
pub(super) fn data_name(epoch: u64) -> String {
    format!("{epoch:020}.data")
}

/// The file of a checkpoint's manifest.
#[must_use]
pub fn manifest_name(epoch: u64) -> String {
    format!("{epoch:020}.manifest")
}

/// The epochs of the checkpoints that have a manifest, newest first.
///
/// # Errors
/// If the storage cannot be listed.
pub fn checkpoint_names(storage: &dyn Storage) -> Result<Vec<u64>, CheckpointError> {
    let io = |source| CheckpointError::Io { name: "the checkpoints".to_owned(), source };
    let names = storage.list().map_err(io)?;
    let epoch = |name: &String| name.strip_suffix(".manifest")?.parse().ok();
    let mut epochs: Vec<u64> = names.iter().filter_map(epoch).collect();
    epochs.sort_unstable_by(|a, b| b.cmp(a));
    Ok(epochs)
}

pub(super) fn encode(manifest: &Manifest) -> Vec<u8> {
    let body = binary::encode(manifest);
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&FORMAT.to_le_bytes());
    out.extend_from_slice(&xxh3_64(&body).to_le_bytes());
    out.extend_from_slice(&body);
    out
}

pub(super) fn decode(name: &str, bytes: &[u8]) -> Result<Manifest, CheckpointError> {
    let damaged =
        |what: &str| CheckpointError::Damaged { name: name.to_owned(), what: what.to_owned() };
    let short = || damaged("it ends too early");
    let (magic, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
    let (format, rest) = rest.split_first_chunk().ok_or_else(short)?;
    let (hash, body) = rest.split_first_chunk().ok_or_else(short)?;
    if *magic != MAGIC {
        return Err(damaged("it is no manifest"));
    }
    let found = u64::from_le_bytes(*format);
    if found != FORMAT {
        return Err(CheckpointError::OtherFormat { name: name.to_owned(), found, known: FORMAT });
    }
    if xxh3_64(body) != u64::from_le_bytes(*hash) {
        return Err(damaged("it is not what was written"));
    }
    binary::decode(body).map_err(|e| damaged(&e.to_string()))
}

/// The manifest of a checkpoint.
///
/// # Errors
/// If there is none, or it cannot be read or is damaged.
pub fn read(storage: &dyn Storage, epoch: u64) -> Result<Manifest, CheckpointError> {
    let name = manifest_name(epoch);
    let bytes =
        storage.read(&name).map_err(|source| CheckpointError::Io { name: name.clone(), source })?;
    decode(&name, &bytes)
}
