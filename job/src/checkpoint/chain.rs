//! Which frames make up a shard: the last that has all of it, and those with changes
//! since.

use super::{Collection, SHARDS};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most frames of a shard: restoring reads them all.
const MOST_FRAMES: usize = 24;
/// Changes below this are not worth rewriting a shard for, bytes.
const FEW_BYTES: u64 = 16 << 10;
/// Shards of a collection that one checkpoint rewrites.
const REWRITTEN_AT_ONCE: usize = 4;

/// Where a frame stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameRef {
    /// The epoch of the checkpoint in whose file it is.
    pub epoch: u64,
    /// Where it begins in the file, bytes.
    pub at: u64,
    /// Its length, bytes.
    pub length: u64,
    /// Whether it has all of its shard, and not just what has changed.
    pub is_whole: bool,
}

/// The frames of all shards of all collections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chains(BTreeMap<(Collection, u8), Vec<FrameRef>>);

impl Chains {
    /// The frames of a shard, oldest first.
    pub(super) fn of(&self, collection: Collection, shard: u8) -> &[FrameRef] {
        self.0.get(&(collection, shard)).map_or(&[], Vec::as_slice)
    }

    /// Adds a frame; one with all of its shard makes the earlier ones superfluous.
    pub(super) fn add(&mut self, collection: Collection, shard: u8, frame: FrameRef) {
        let chain = self.0.entry((collection, shard)).or_default();
        if frame.is_whole {
            chain.clear();
        }
        chain.push(frame);
    }

    /// The epochs of the checkpoints whose files are needed.
    pub(super) fn epochs(&self) -> impl Iterator<Item = u64> {
        self.0.values().flatten().map(|frame| frame.epoch)
    }

    /// Shards, with their collections and frames.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Collection, u8, &[FrameRef])> {
        self.0.iter().map(|((collection, shard), chain)| (*collection, *shard, chain.as_slice()))
    }

    /// The shards of a collection that are to be rewritten now: those with most to
    /// gain.
    pub(super) fn to_rewrite(&self, collection: Collection) -> Vec<u8> {
        let mut worth: Vec<_> = (0..SHARDS)
            .filter_map(|shard| {
                let shard = u8::try_from(shard).ok()?;
                let chain = self.of(collection, shard);
                let of_kind = |is_whole| {
                    let of_kind = chain.iter().filter(move |f| f.is_whole == is_whole);
                    of_kind.map(|f| f.length).sum::<u64>()
                };
                let (whole, changes) = (of_kind(true), of_kind(false));
                let is_long = chain.len() >= MOST_FRAMES;
                let is_worth_it = is_long || changes > whole.max(FEW_BYTES);
                is_worth_it.then_some(((is_long, chain.len()), shard))
            })
            .collect();
        worth.sort_unstable_by(|a, b| b.cmp(a));
        // All that have become too long at once must not be put off for ever.
        let long = worth.iter().filter(|((is_long, _), _)| *is_long).count();
        worth.truncate(REWRITTEN_AT_ONCE.max(long.div_ceil(4)));
        worth.into_iter().map(|(_, shard)| shard).collect()
    }
}
