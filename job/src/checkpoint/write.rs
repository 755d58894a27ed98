//! Writing checkpoints, off the workers' path.

use super::chain::{Chains, FrameRef};
use super::frame::{self, FrameId};
use super::manifest::{self, Manifest, checkpoint_names, data_name, manifest_name};
use super::merge::merge;
use super::read::frames;
use super::{
    CheckpointError, Collection, PARTS_OF_A_WORKER, Part, PartOf, Row, SHARDS, Storage, shard_of,
};
use crate::alert::Held;
use crate::rows::{Tally, TallyKey};
use crate::time::Extent;
use std::collections::BTreeSet;
use streamgauge_ingest::binary;
use xxhash_rust::xxh3::xxh3_64;

const HOUR_MS: i64 = 3_600_000;

/// Which checkpoints are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// So many of the newest.
    pub newest: usize,
    /// One an hour of the last so many hours.
    pub hours: i64,
}

impl Default for Keep {
    fn default() -> Self {
        Self { newest: 3, hours: 6 }
    }
}

/// The epoch that a checkpoint is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The epoch.
    pub epoch: u64,
    /// The global watermark after it, ms.
    pub watermark_ms: i64,
    /// The hash of the settings.
    pub settings_hash: u64,
    /// What of the state it is made of.
    pub extent: Extent,
}

/// A checkpoint whose parts are being gathered.
struct Gathering {
    position: Position,
    missing: usize,
    /// By collection (users, lists, seen) and shard.
    shards: [Vec<Vec<u8>>; 3],
    tallies: Vec<Vec<u8>>,
    runs: Vec<Held>,
}

/// Gathers the parts of checkpoints, one after the other, and writes them.
pub struct Checkpointer {
    workers: usize,
    chains: Chains,
    gathering: Option<Gathering>,
}

impl Checkpointer {
    /// A writer of checkpoints of so many workers, the first of which comes after
    /// `last`, if there is one.
    #[must_use]
    pub fn new(workers: usize, last: Option<&Manifest>) -> Self {
        let chains = last.map(|m| m.chains.clone()).unwrap_or_default();
        Self { workers, chains, gathering: None }
    }

    /// Begins a checkpoint; one that was being gathered is given up.
    pub fn begin(&mut self, position: Position) {
        self.gathering = Some(Gathering {
            position,
            // One more is the ids seen, which the source adds.
            missing: self.workers * PARTS_OF_A_WORKER + 1,
            shards: std::array::from_fn(|_| vec![Vec::new(); SHARDS]),
            tallies: Vec::new(),
            runs: Vec::new(),
        });
    }

    /// Adds a part; returns whether the checkpoint is complete with it.
    pub fn add(&mut self, part: PartOf) -> bool {
        let Some(g) = self.gathering.as_mut().filter(|g| g.position.epoch == part.epoch) else {
            return false;
        };
        match part.part {
            Part::Users(users) => {
                for (shard, rows) in g.shards[0].iter_mut().zip(users) {
                    shard.extend_from_slice(&rows);
                }
            }
            Part::Lists(lists) => {
                for (key, diff) in lists {
                    let (hash, body) = (xxh3_64(&key.hash.to_le_bytes()), binary::encode(&diff));
                    let (expires_ms, key) = (key.expires_ms, binary::encode(&key));
                    let row = Row { hash, key: &key, expires_ms, body: &body };
                    row.write(&mut g.shards[1][shard_of(hash)]);
                }
            }
            Part::Seen(seen) => {
                for (partition, id, at_ms, expires_ms) in seen {
                    let key = binary::encode(&(partition, id));
                    let (hash, body) = (xxh3_64(&key), binary::encode(&at_ms));
                    let row = Row { hash, key: &key, expires_ms, body: &body };
                    row.write(&mut g.shards[2][shard_of(hash)]);
                }
            }
            Part::Tallies(tallies) => g.tallies.push(binary::encode(&tallies)),
            Part::Runs(runs) => g.runs.extend(runs),
        }
        g.missing -= 1;
        g.missing == 0
    }

    /// Writes the complete checkpoint; its manifest is to be written when its epoch is
    /// committed ([`Self::finish`]).
    ///
    /// # Errors
    /// If it cannot be written: the next must be of the whole state.
    ///
    /// # Panics
    /// If none is complete.
    pub fn write(
        &mut self,
        storage: &dyn Storage,
        at_ms: i64,
    ) -> Result<Manifest, CheckpointError> {
        let mut g =
            self.gathering.take().filter(|g| g.missing == 0).expect("a complete checkpoint");
        let Position { epoch, watermark_ms, settings_hash, extent } = g.position;
        let mut chains = self.chains.clone();
        let mut file = Frames { epoch, bytes: Vec::new() };
        let collections = [Collection::Users, Collection::Lists, Collection::Seen];
        for (collection, shards) in collections.into_iter().zip(&g.shards) {
            let rewritten = match extent {
                Extent::Whole => Vec::new(),
                Extent::Changes => chains.to_rewrite(collection),
            };
            for (shard, changes) in (0..).zip(shards) {
                if rewritten.contains(&shard) {
                    let mut all = frames(storage, collection, shard, chains.of(collection, shard))?;
                    all.push(changes.clone());
                    let whole = merged(collection, watermark_ms, &all)?;
                    chains.add(collection, shard, file.add(collection, shard, &whole, true)?);
                } else if extent == Extent::Whole || !changes.is_empty() {
                    // Rows of one key add up, or the last of them stands: one each.
                    let rows = merged(collection, i64::MIN, std::slice::from_ref(changes))?;
                    let is_whole = extent == Extent::Whole;
                    chains.add(collection, shard, file.add(collection, shard, &rows, is_whole)?);
                }
            }
        }
        let tallies = all_tallies(&g.tallies);
        chains.add(Collection::Tallies, 0, file.add(Collection::Tallies, 0, &tallies, true)?);
        g.runs.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let runs = binary::encode(&g.runs);
        chains.add(Collection::Runs, 0, file.add(Collection::Runs, 0, &runs, true)?);
        let name = data_name(epoch);
        storage.write(&name, &file.bytes).map_err(|source| CheckpointError::Io { name, source })?;
        let bytes = file.bytes.len() as u64;
        Ok(Manifest { epoch, watermark_ms, settings_hash, at_ms, bytes, chains })
    }

    /// Makes a written checkpoint one that counts, and removes those that are not to
    /// be kept any more. Returns the epoch of the oldest that is kept.
    ///
    /// # Errors
    /// If its manifest cannot be written: the next must be of the whole state.
    pub fn finish(
        &mut self,
        storage: &dyn Storage,
        manifest: Manifest,
        keep: Keep,
    ) -> Result<u64, CheckpointError> {
        let name = manifest_name(manifest.epoch);
        storage
            .write(&name, &manifest::encode(&manifest))
            .map_err(|source| CheckpointError::Io { name, source })?;
        let at_ms = manifest.at_ms;
        self.chains = manifest.chains;
        // What cannot be removed now is tried again with the next one, and needed until
        // then.
        Ok(remove_old(storage, keep, at_ms).unwrap_or(0))
    }
}

/// The frames of one file.
struct Frames {
    epoch: u64,
    bytes: Vec<u8>,
}

impl Frames {
    fn add(
        &mut self,
        collection: Collection,
        shard: u8,
        plain: &[u8],
        is_whole: bool,
    ) -> Result<FrameRef, CheckpointError> {
        let (epoch, at) = (self.epoch, self.bytes.len() as u64);
        let count = frame::rows(collection, plain).expect("rows were written a moment ago");
        let id = FrameId { epoch, collection, shard };
        frame::write(id, count, plain, &mut self.bytes)
            .map_err(|source| CheckpointError::Io { name: data_name(epoch), source })?;
        Ok(FrameRef { epoch, at, length: self.bytes.len() as u64 - at, is_whole })
    }
}

fn merged(
    collection: Collection,
    watermark_ms: i64,
    frames: &[Vec<u8>],
) -> Result<Vec<u8>, CheckpointError> {
    let mut out = Vec::new();
    merge(collection, watermark_ms, frames, &mut |row| row.write(&mut out))?;
    Ok(out)
}

/// The counts of all workers as one list.
fn all_tallies(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut all = Vec::new();
    for part in parts {
        let counts: Vec<(TallyKey, Tally)> =
            binary::decode(part).expect("it was encoded a moment ago");
        all.extend(counts);
    }
    all.sort_unstable();
    binary::encode(&all)
}

/// Removes checkpoints that are not to be kept and the files that none needs.
fn remove_old(storage: &dyn Storage, keep: Keep, now_ms: i64) -> Result<u64, CheckpointError> {
    let mut kept = Vec::new();
    let (mut hours, mut unread) = (BTreeSet::new(), BTreeSet::new());
    for (i, epoch) in checkpoint_names(storage)?.into_iter().enumerate() {
        let Ok(manifest) = manifest::read(storage, epoch) else {
            // What cannot be read may be of a newer version, or of use to somebody.
            unread.extend([manifest_name(epoch), data_name(epoch)]);
            continue;
        };
        let hour = manifest.at_ms.div_euclid(HOUR_MS);
        let is_recent = manifest.at_ms > now_ms - keep.hours * HOUR_MS;
        // The newest of its hour; among the newest ones all.
        if i < keep.newest || (is_recent && hours.insert(hour)) {
            hours.insert(hour);
            kept.push(manifest);
        }
    }
    let manifests: BTreeSet<String> = kept.iter().map(|m| manifest_name(m.epoch)).collect();
    let data: BTreeSet<String> =
        kept.iter().flat_map(|m| m.chains.epochs().chain([m.epoch])).map(data_name).collect();
    let io = |source| CheckpointError::Io { name: "the checkpoints".to_owned(), source };
    let mut names = storage.list().map_err(io)?;
    // Manifests first: one without its data would be none.
    names.sort_by_key(|name| !name.ends_with(".manifest"));
    for name in names {
        let is_ours = name.ends_with(".manifest") || name.ends_with(".data");
        let is_kept = [&manifests, &data, &unread].iter().any(|names| names.contains(&name));
        if is_ours && !is_kept {
            storage.remove(&name).map_err(io)?;
        }
    }
    Ok(kept.last().map_or(0, |m| m.epoch))
}

#[cfg(test)]
mod tests {
    use super::super::MemoryStorage;
    use super::*;

    const MINUTE_MS: i64 = 60_000;

    /// Makes an empty checkpoint; returns the oldest that is kept.
    fn make(
        c: &mut Checkpointer,
        storage: &dyn Storage,
        epoch: u64,
        at_ms: i64,
        keep: Keep,
    ) -> u64 {
        let extent = Extent::Changes;
        c.begin(Position { epoch, watermark_ms: 0, settings_hash: 0, extent });
        assert!(c.add(PartOf { epoch, part: Part::Seen(Vec::new()) }));
        let manifest = c.write(storage, at_ms).unwrap();
        c.finish(storage, manifest, keep).unwrap()
    }

    #[test]
    fn the_newest_are_kept_and_one_an_hour() {
        let storage = MemoryStorage::default();
        let mut c = Checkpointer::new(0, None);
        let keep = Keep { newest: 2, hours: 3 };
        let made: Vec<_> = (0..12u32)
            .map(|i| make(&mut c, &storage, u64::from(i), i64::from(i) * 20 * MINUTE_MS, keep))
            .collect();
        // Of the hours 1 and 2 the newest (5, 8), of hour 3 the two newest of all.
        assert_eq!(checkpoint_names(&storage).unwrap(), [11, 10, 8, 5]);
        assert_eq!(made.last(), Some(&5));
        let files = storage.files().keys().cloned().collect::<Vec<_>>();
        assert_eq!(files.len(), 8, "a manifest and a file each: {files:?}");
    }

    #[test]
    fn what_cannot_be_read_is_left() {
        let storage = MemoryStorage::default();
        let mut c = Checkpointer::new(0, None);
        let keep = Keep { newest: 1, hours: 0 };
        make(&mut c, &storage, 1, 0, keep);
        storage.files().insert(manifest_name(1), b"of another version".to_vec());
        make(&mut c, &storage, 2, 0, keep);
        make(&mut c, &storage, 3, 0, keep);
        let left = storage.files().keys().cloned().collect::<Vec<_>>();
        let expected = [data_name(1), manifest_name(1), data_name(3), manifest_name(3)];
        assert_eq!(left, expected);
    }
}
